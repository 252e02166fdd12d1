"""What became of the defects that inspections found: petitions and incidents.

Revision ID: border0007
"""

from alembic import op

revision = "border0007"
down_revision = "border0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The id is stored, so inspections are rewritten, once."""
    op.execute(
        """
        ALTER TABLE inspection
          ADD COLUMN id text COLLATE "C" GENERATED ALWAYS AS (asset || '/' || CAST(number AS text)) STORED,
          ADD COLUMN repair_request_time timestamptz,
          ADD COLUMN petition text NOT NULL DEFAULT '',
          ADD COLUMN petition_state smallint NOT NULL DEFAULT 0,
          ADD COLUMN petition_sequence bigint NOT NULL DEFAULT 0,
          ADD COLUMN escalate_time timestamptz,
          ADD COLUMN incident text NOT NULL DEFAULT '',
          ADD COLUMN incident_state smallint NOT NULL DEFAULT 0,
          ADD COLUMN incident_level smallint NOT NULL DEFAULT 0;
        CREATE INDEX inspection_id ON inspection (district, id);
        CREATE INDEX inspection_incident ON inspection (district, incident) WHERE incident <> '';

        ALTER TABLE incident ADD COLUMN inspections text[] NOT NULL DEFAULT '{}';
        CREATE INDEX incident_inspections ON incident USING gin (inspections);
        """
    )
