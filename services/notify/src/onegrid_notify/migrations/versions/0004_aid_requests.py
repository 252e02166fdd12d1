"""Requests for counselling and legal aid.

Revision ID: notify0004
"""

from alembic import op

revision = "notify0004"
down_revision = "notify0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE aid_request (
          district text NOT NULL,
          id text NOT NULL,
          user_name text NOT NULL,
          kind smallint NOT NULL,
          sealed_text bytea NOT NULL,
          place text NOT NULL,
          anonymous boolean NOT NULL,
          state smallint NOT NULL,
          petition text NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX aid_request_user ON aid_request (user_name, create_time DESC, id DESC);
        CREATE INDEX aid_request_closed ON aid_request (update_time) WHERE state = 3;
        """
    )
