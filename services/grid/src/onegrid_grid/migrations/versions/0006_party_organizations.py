"""Party organizations, as partyedu announces them.

Revision ID: grid0006
"""

from alembic import op

revision = "grid0006"
down_revision = "grid0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE party_organization (
          district text COLLATE "C" NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          kind smallint NOT NULL,
          form smallint NOT NULL,
          parent text NOT NULL,
          longitude double precision,
          latitude double precision,
          cells text[] COLLATE "C" NOT NULL,
          dissolved boolean NOT NULL,
          PRIMARY KEY (district, id)
        );
        """
    )
