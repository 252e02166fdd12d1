"""Who studied what and when, on which player; what was studied offline.

Revision ID: partyedu0014
"""

from alembic import op

revision = "partyedu0014"
down_revision = "partyedu0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- What is reported twice a minute changes no column that has an index, so that it needs no new entry in one.
        CREATE TABLE study_time (
          district text NOT NULL,
          member text COLLATE "C" NOT NULL,
          course text COLLATE "C" NOT NULL,
          lesson text COLLATE "C" NOT NULL,
          studied tstzmultirange NOT NULL,
          complete_time timestamptz,
          PRIMARY KEY (district, member, course, lesson)
        ) WITH (fillfactor = 70);
        CREATE INDEX study_time_course ON study_time (district, course, member);

        CREATE TABLE study_player (
          district text NOT NULL,
          member text COLLATE "C" NOT NULL,
          device uuid NOT NULL,
          course text COLLATE "C" NOT NULL,
          lesson text COLLATE "C" NOT NULL,
          report_time timestamptz NOT NULL,
          PRIMARY KEY (district, member, device)
        ) WITH (fillfactor = 70);

        CREATE TABLE sitting (
          district text NOT NULL,
          member text COLLATE "C" NOT NULL,
          course text COLLATE "C" NOT NULL,
          lesson text COLLATE "C" NOT NULL,
          id text COLLATE "C" NOT NULL,
          entries integer NOT NULL,
          devices text[] NOT NULL,
          studied tstzmultirange NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, member, course, lesson, id)
        );
        CREATE INDEX sitting_devices ON sitting USING gin (devices)
        """
    )
