"""Petitions that were reported as emergencies, and the incidents that they are part of.

Revision ID: petition0010
"""

from alembic import op

revision = "petition0010"
down_revision = "petition0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The columns are added without rewriting the tables; writers wait while petitions are read once for
    the index, which is empty.
    """
    op.execute(
        """
        ALTER TABLE petition
          ADD COLUMN emergency_report_time timestamptz,
          ADD COLUMN incident text NOT NULL DEFAULT '',
          ADD COLUMN incident_state smallint NOT NULL DEFAULT 0,
          ADD COLUMN incident_level smallint NOT NULL DEFAULT 0;
        CREATE INDEX petition_incident ON petition (district, incident) WHERE incident <> '';
        ALTER TABLE timeline
          ADD COLUMN incident text NOT NULL DEFAULT '',
          ADD COLUMN incident_state smallint NOT NULL DEFAULT 0,
          ADD COLUMN incident_level smallint NOT NULL DEFAULT 0;
        CREATE TABLE incident (
          district text NOT NULL,
          name text NOT NULL,
          version bigint NOT NULL,
          state smallint NOT NULL,
          level smallint NOT NULL,
          time timestamptz NOT NULL,
          petitions text[] NOT NULL,
          PRIMARY KEY (district, name)
        );
        CREATE INDEX incident_petitions ON incident USING gin (petitions);
        CREATE TABLE tracked (
          district text NOT NULL,
          petition text NOT NULL,
          incident text NOT NULL,
          sequence bigint NOT NULL,
          PRIMARY KEY (district, petition, incident, sequence)
        )
        """
    )
