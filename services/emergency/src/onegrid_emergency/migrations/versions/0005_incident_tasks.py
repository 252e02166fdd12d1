"""Tasks of incidents, reports of their situation, and incidents that are merged.

Revision ID: emergency0005
"""

from alembic import op

revision = "emergency0005"
down_revision = "emergency0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. Writers wait while the indexes are built: the tables are small."""
    op.execute(
        """
        ALTER TABLE incident
          ADD COLUMN merged_into text NOT NULL DEFAULT '',
          ADD COLUMN situation_due_time timestamptz,
          ADD COLUMN situation_reports integer NOT NULL DEFAULT 0,
          ADD COLUMN final_report boolean NOT NULL DEFAULT false;
        CREATE INDEX incident_merged ON incident (district, merged_into) WHERE merged_into <> '';
        CREATE INDEX incident_occurred ON incident (district, occur_time);

        ALTER TABLE report
          ADD COLUMN source_name text NOT NULL DEFAULT '',
          ADD COLUMN home text NOT NULL DEFAULT '';
        UPDATE report SET home = incident;
        CREATE UNIQUE INDEX report_source ON report (district, source_name) WHERE source_name <> '';

        ALTER TABLE incident_step
          ADD COLUMN task text NOT NULL DEFAULT '',
          ADD COLUMN other_incident text NOT NULL DEFAULT '',
          ADD COLUMN reports text[] NOT NULL DEFAULT '{}',
          ADD COLUMN situation_report text NOT NULL DEFAULT '',
          ADD COLUMN deadline smallint NOT NULL DEFAULT 0,
          ADD COLUMN recipient text NOT NULL DEFAULT '';

        CREATE TABLE incident_task (
          district text NOT NULL,
          id text NOT NULL,
          incident text NOT NULL,
          given_by text NOT NULL,
          assignee text NOT NULL,
          instruction text NOT NULL,
          state smallint NOT NULL,
          acknowledge_due_time timestamptz NOT NULL,
          due_time timestamptz,
          create_time timestamptz NOT NULL,
          acknowledge_time timestamptz,
          end_time timestamptz,
          report text NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX incident_task_incident ON incident_task (district, incident, id);

        CREATE TABLE situation_report (
          district text NOT NULL,
          incident text NOT NULL,
          number integer NOT NULL,
          kind smallint NOT NULL,
          text text NOT NULL,
          casualties jsonb NOT NULL,
          author text NOT NULL,
          office text NOT NULL,
          due_time timestamptz NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, incident, number)
        );
        """
    )
