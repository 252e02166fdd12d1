"""Lists that are imported.

Revision ID: partyedu0003
"""

from alembic import op

revision = "partyedu0003"
down_revision = "partyedu0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE import (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          scope text COLLATE "C" NOT NULL,
          kind smallint NOT NULL,
          state smallint NOT NULL,
          rows integer NOT NULL,
          created integer NOT NULL,
          updated integer NOT NULL,
          unchanged integer NOT NULL,
          refused integer NOT NULL,
          create_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX import_listed ON import (district, create_time DESC, id DESC);
        CREATE INDEX import_open ON import (district, create_time) WHERE end_time IS NULL;

        CREATE TABLE import_row (
          district text NOT NULL,
          import text COLLATE "C" NOT NULL,
          row integer NOT NULL,
          number text NOT NULL,
          organization text NOT NULL,
          sealed_name bytea,
          name_index bytea NOT NULL,
          "user" text NOT NULL,
          training text NOT NULL,
          begin_time timestamptz,
          confirm_time timestamptz,
          percent smallint,
          errors jsonb NOT NULL,
          outcome smallint NOT NULL,
          PRIMARY KEY (district, import, row)
        )
        """
    )
