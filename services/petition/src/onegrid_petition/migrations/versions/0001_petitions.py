"""Petitions, their tasks and timelines, the catalogue, and what is known of other services.

Revision ID: petition0001
"""

from alembic import op

revision = "petition0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE petition (
          district text NOT NULL,
          id text NOT NULL,
          sequence bigint NOT NULL,
          kind smallint NOT NULL,
          state smallint NOT NULL,
          text text NOT NULL,
          petitioner text NOT NULL,
          petitioner_kind smallint NOT NULL,
          organization text NOT NULL,
          anonymous boolean NOT NULL,
          contact_phone bytea,
          place text NOT NULL,
          longitude double precision,
          latitude double precision,
          address text NOT NULL,
          grid_worker text NOT NULL,
          attachments jsonb NOT NULL,
          work_item text NOT NULL,
          responsible text NOT NULL,
          rating jsonb,
          verification jsonb,
          reopen_count integer NOT NULL,
          accept_due_time timestamptz NOT NULL,
          conclude_due_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          conclude_time timestamptz,
          end_reason text NOT NULL,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 80);
        CREATE INDEX petition_newest ON petition (district, create_time DESC, id DESC);
        CREATE INDEX petition_place ON petition (district, place text_pattern_ops, create_time DESC);
        CREATE INDEX petition_petitioner ON petition (district, petitioner, create_time DESC);

        CREATE TABLE task (
          district text NOT NULL,
          petition text NOT NULL,
          number integer NOT NULL,
          assignee text NOT NULL,
          part smallint NOT NULL,
          state smallint NOT NULL,
          instruction text NOT NULL,
          answer text NOT NULL,
          due_time timestamptz NOT NULL,
          create_time timestamptz NOT NULL,
          take_time timestamptz,
          end_time timestamptz,
          PRIMARY KEY (district, petition, number)
        );
        CREATE INDEX task_assignee ON task (district, assignee text_pattern_ops, petition);

        CREATE TABLE timeline (
          district text NOT NULL,
          petition text NOT NULL,
          sequence bigint NOT NULL,
          time timestamptz NOT NULL,
          action smallint NOT NULL,
          actor smallint NOT NULL,
          office text NOT NULL,
          office_display_name text NOT NULL,
          state smallint NOT NULL,
          assignees text[] NOT NULL,
          public_note text NOT NULL,
          internal_note text NOT NULL,
          stars smallint NOT NULL,
          PRIMARY KEY (district, petition, sequence)
        );

        CREATE TABLE search (
          district text NOT NULL, petition text NOT NULL, grams text[] NOT NULL, PRIMARY KEY (district, petition)
        );
        CREATE INDEX search_grams ON search USING gin (grams);

        CREATE TABLE work_item (
          district text NOT NULL,
          id text NOT NULL,
          display_name text NOT NULL,
          department text NOT NULL,
          promised_working_days integer NOT NULL,
          PRIMARY KEY (district, id)
        );

        CREATE TABLE place (
          district text NOT NULL,
          code text NOT NULL,
          display_name text NOT NULL,
          version bigint NOT NULL,
          boundary jsonb,
          grid_worker text NOT NULL,
          PRIMARY KEY (district, code)
        );
        CREATE TABLE department (
          district text NOT NULL,
          code text NOT NULL,
          display_name text NOT NULL,
          version bigint NOT NULL,
          PRIMARY KEY (district, code)
        );
        CREATE TABLE ground_version (version bigint NOT NULL);
        INSERT INTO ground_version VALUES (0);

        CREATE TABLE tally (
          district text NOT NULL,
          place text NOT NULL,
          day date NOT NULL,
          filed bigint NOT NULL DEFAULT 0,
          accepted bigint NOT NULL DEFAULT 0,
          declined bigint NOT NULL DEFAULT 0,
          concluded bigint NOT NULL DEFAULT 0,
          rated bigint NOT NULL DEFAULT 0,
          satisfied bigint NOT NULL DEFAULT 0,
          reopened bigint NOT NULL DEFAULT 0,
          PRIMARY KEY (district, place, day)
        );
        """
    )
