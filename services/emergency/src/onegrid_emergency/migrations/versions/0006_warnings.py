"""Warnings, the messages of CAP that they are made of, and who sends them.

Revision ID: emergency0006
"""

from alembic import op

revision = "emergency0006"
down_revision = "emergency0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE warning_source (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          sequence bigint NOT NULL,
          display_name text NOT NULL,
          sender text NOT NULL,
          account text NOT NULL,
          certificate text NOT NULL,
          suspended boolean NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id),
          UNIQUE (district, sender)
        );

        -- The id follows from sender, identifier and sent.
        CREATE TABLE warning_message (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          source text NOT NULL,
          sender text NOT NULL,
          identifier text NOT NULL,
          sent timestamptz NOT NULL,
          message_type smallint NOT NULL,
          status smallint NOT NULL,
          scope smallint NOT NULL,
          note text NOT NULL,
          document bytea NOT NULL,
          held boolean NOT NULL,
          warnings text[] NOT NULL,
          faults jsonb NOT NULL,
          cells text[] NOT NULL,
          places text[] NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 90);
        CREATE INDEX warning_message_newest ON warning_message (district, sent, id);
        CREATE INDEX warning_message_held ON warning_message (district, sent, id) WHERE held;
        CREATE INDEX warning_message_warnings ON warning_message USING gin (warnings);

        CREATE TABLE warning_reference (
          district text NOT NULL,
          message text COLLATE "C" NOT NULL,
          refers_to text COLLATE "C" NOT NULL,
          sender text NOT NULL,
          identifier text NOT NULL,
          sent timestamptz NOT NULL,
          PRIMARY KEY (district, message, refers_to)
        );
        CREATE INDEX warning_reference_back ON warning_reference (district, refers_to, message);

        CREATE TABLE warning (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          sequence bigint NOT NULL,
          source text NOT NULL,
          state smallint NOT NULL,
          message text NOT NULL,
          superseded_by text NOT NULL,
          status smallint NOT NULL,
          scope smallint NOT NULL,
          colour smallint NOT NULL,
          categories smallint[] NOT NULL,
          event text NOT NULL,
          urgency smallint NOT NULL,
          certainty smallint NOT NULL,
          sender_name text NOT NULL,
          headline text NOT NULL,
          description text NOT NULL,
          instruction text NOT NULL,
          effective_time timestamptz NOT NULL,
          onset_time timestamptz,
          expire_time timestamptz NOT NULL,
          cells text[] NOT NULL,
          places text[] NOT NULL,
          faults jsonb NOT NULL,
          replies text[] NOT NULL,
          announced boolean NOT NULL,
          version bigint NOT NULL,
          sent_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 80);
        CREATE INDEX warning_newest ON warning (district, sent_time, id);
        CREATE INDEX warning_in_force ON warning (expire_time) WHERE state = 1;
        """
    )
