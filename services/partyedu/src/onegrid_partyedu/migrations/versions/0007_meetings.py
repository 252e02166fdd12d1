"""Meetings, who was there, minutes, wrong check-in codes, and secret links of calendars.

Revision ID: partyedu0007
"""

from alembic import op

revision = "partyedu0007"
down_revision = "partyedu0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE meeting (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          sequence integer NOT NULL,
          organization text COLLATE "C" NOT NULL,
          kind smallint NOT NULL,
          title text NOT NULL,
          begin_time timestamptz NOT NULL,
          planned_end_time timestamptz NOT NULL,
          place text NOT NULL,
          agenda text[] NOT NULL,
          expected smallint NOT NULL,
          members text[] COLLATE "C" NOT NULL,
          guests_welcome boolean NOT NULL,
          state smallint NOT NULL,
          cancel_reason text NOT NULL,
          sealed_secret bytea NOT NULL,
          duration_minutes integer NOT NULL,
          expected_count integer,
          present_count integer,
          excused_count integer,
          guest_count integer,
          quorate boolean,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          open_time timestamptz,
          end_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX meeting_organization ON meeting (district, organization, begin_time, id);
        CREATE INDEX meeting_kind ON meeting (district, organization, kind, state, begin_time);

        CREATE TABLE attendance (
          district text NOT NULL,
          meeting text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          state smallint NOT NULL,
          source smallint NOT NULL,
          guest boolean NOT NULL,
          reason text NOT NULL,
          record_time timestamptz NOT NULL,
          PRIMARY KEY (district, meeting, member)
        );

        CREATE TABLE minutes_revision (
          district text NOT NULL,
          meeting text COLLATE "C" NOT NULL,
          revision integer NOT NULL,
          minutes text NOT NULL,
          reason text NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, meeting, revision)
        );

        CREATE TABLE check_in_guess (
          district text NOT NULL,
          meeting text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          count integer NOT NULL,
          last_time timestamptz NOT NULL,
          PRIMARY KEY (district, meeting, member)
        );

        CREATE TABLE meeting_calendar_link (
          district text NOT NULL,
          member text COLLATE "C" NOT NULL,
          digest bytea NOT NULL UNIQUE,
          reminder_minutes integer NOT NULL,
          PRIMARY KEY (district, member)
        )
        """
    )
