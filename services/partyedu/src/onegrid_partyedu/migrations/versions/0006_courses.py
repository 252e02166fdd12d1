"""Courses and their lessons.

Revision ID: partyedu0006
"""

from alembic import op

revision = "partyedu0006"
down_revision = "partyedu0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE course (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          summary text NOT NULL,
          organization text COLLATE "C" NOT NULL,
          credit_minutes integer NOT NULL,
          state smallint NOT NULL,
          publish_time timestamptz,
          retire_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX course_published ON course (district, organization, id) WHERE state = 2;

        CREATE TABLE lesson (
          district text NOT NULL,
          course text COLLATE "C" NOT NULL,
          id text COLLATE "C" NOT NULL,
          position smallint NOT NULL,
          display_name text NOT NULL,
          text text NOT NULL,
          media_uri text NOT NULL,
          media_type text NOT NULL,
          media_size_bytes bigint NOT NULL,
          media_sha256 bytea NOT NULL,
          required_minutes integer NOT NULL,
          quiz text COLLATE "C" NOT NULL,
          PRIMARY KEY (district, course, id)
        );
        CREATE INDEX lesson_quiz ON lesson (district, quiz) WHERE quiz <> ''
        """
    )
