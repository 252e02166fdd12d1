"""What the sample notes.

Revision ID: sample0001
"""

from alembic import op

revision = "sample0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE effect (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
          at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        CREATE TABLE note (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id text NOT NULL, subject text NOT NULL,
          said text NOT NULL, trace text NOT NULL
        );
        CREATE TABLE fault (said text PRIMARY KEY);
        CREATE TABLE pause (seconds double precision NOT NULL);
        CREATE TABLE tick (
          at timestamptz NOT NULL DEFAULT clock_timestamp(), backend integer NOT NULL DEFAULT pg_backend_pid()
        );
        """
    )
