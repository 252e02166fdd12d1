"""Regradings of quizzes, and what they change.

Revision ID: partyedu0012
"""

from alembic import op

revision = "partyedu0012"
down_revision = "partyedu0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE regrading (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          quiz text COLLATE "C" NOT NULL,
          corrections jsonb NOT NULL,
          state smallint NOT NULL,
          attempts integer NOT NULL,
          changed integer NOT NULL,
          raised integer NOT NULL,
          lowered integer NOT NULL,
          newly_passed integer NOT NULL,
          newly_failed integer NOT NULL,
          create_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX regrading_quiz ON regrading (district, quiz, id);
        CREATE UNIQUE INDEX regrading_open ON regrading (district, quiz) WHERE state IN (1, 2, 3);

        CREATE TABLE regrading_change (
          district text NOT NULL,
          regrading text COLLATE "C" NOT NULL,
          attempt text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          most integer NOT NULL,
          before_hundredths integer NOT NULL,
          before_worth integer[] NOT NULL,
          before_passed boolean NOT NULL,
          after_hundredths integer NOT NULL,
          after_worth integer[] NOT NULL,
          after_passed boolean NOT NULL,
          PRIMARY KEY (district, regrading, attempt)
        )
        """
    )
