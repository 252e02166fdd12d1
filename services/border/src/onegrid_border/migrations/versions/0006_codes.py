"""Codes of checkpoints, and what entries show of them.

Revision ID: border0006
"""

from alembic import op

revision = "border0006"
down_revision = "border0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE checkpoint_code (
          district text NOT NULL,
          route text COLLATE "C" NOT NULL,
          checkpoint text COLLATE "C" NOT NULL,
          number integer NOT NULL,
          evidence smallint NOT NULL,
          uid text NOT NULL,
          sealed_keys bytea NOT NULL,
          issue_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, route, checkpoint, number)
        );
        CREATE INDEX checkpoint_code_uid ON checkpoint_code (district, uid) WHERE uid <> '';

        CREATE TABLE shown_code (
          district text NOT NULL,
          entry bytea NOT NULL,
          patrol text NOT NULL,
          route text COLLATE "C" NOT NULL,
          checkpoint text COLLATE "C" NOT NULL,
          numbers integer[] NOT NULL,
          uid text NOT NULL,
          counter integer NOT NULL,
          time timestamptz,
          standing smallint NOT NULL,
          PRIMARY KEY (district, entry)
        ) WITH (fillfactor = 80);
        CREATE INDEX shown_code_patrol ON shown_code (district, patrol);
        CREATE INDEX shown_code_count ON shown_code (district, uid, counter) WHERE uid <> '';
        CREATE INDEX shown_code_time ON shown_code (district, uid, time) WHERE uid <> '';
        """
    )
