"""Urgent notices go on to those who have not read them.

Revision ID: notify0006
"""

from alembic import op

revision = "notify0006"
down_revision = "notify0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only; columns with constant defaults do not rewrite the table."""
    op.execute(
        """
        ALTER TABLE article ADD COLUMN escalation jsonb;

        -- Of a notice there is one rung at most that did not end: the next one is entered when it does.
        CREATE TABLE rung (
          district text NOT NULL,
          article text NOT NULL,
          number integer NOT NULL,
          version integer NOT NULL,
          step integer NOT NULL,
          channel smallint NOT NULL,
          due_time timestamptz NOT NULL,
          begin_time timestamptz,
          end_time timestamptz,
          unread bigint NOT NULL,
          PRIMARY KEY (district, article, number)
        );
        CREATE INDEX rung_due ON rung (due_time) WHERE end_time IS NULL;

        -- Since when a recipient is to be visited, for which version of the notice, and what came of it.
        ALTER TABLE recipient
          ADD COLUMN visit_version integer NOT NULL DEFAULT 0,
          ADD COLUMN visit_since timestamptz,
          ADD COLUMN visit_outcome smallint NOT NULL DEFAULT 0,
          ADD COLUMN visit_time timestamptz,
          ADD COLUMN visitor text NOT NULL DEFAULT '';
        CREATE INDEX recipient_visit ON recipient (district, article, place, user_name)
          WHERE visit_version > 0 OR visit_outcome > 0;
        """
    )
