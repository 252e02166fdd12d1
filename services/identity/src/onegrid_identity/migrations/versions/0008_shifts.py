"""Roles that shifts grant.

Revision ID: identity0008
"""

from alembic import op

revision = "identity0008"
down_revision = "identity0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE role_grant ADD COLUMN shift text NOT NULL DEFAULT '';
        CREATE TABLE shift_role (
          shift text PRIMARY KEY,
          revision bigint NOT NULL,
          account text NOT NULL,
          role text NOT NULL,
          scope text NOT NULL,
          guarantor text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          grant_id text NOT NULL,
          pending boolean NOT NULL
        );
        CREATE INDEX shift_role_due ON shift_role (begin_time) WHERE pending;
        CREATE INDEX shift_role_ended ON shift_role (end_time)
        """
    )
