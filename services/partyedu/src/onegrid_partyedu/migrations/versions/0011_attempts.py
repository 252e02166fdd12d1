"""Attempts at quizzes, their papers, and every answer that was saved.

Revision ID: partyedu0011
"""

from alembic import op

revision = "partyedu0011"
down_revision = "partyedu0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE attempt_turn (
          district text NOT NULL,
          quiz text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          begun integer NOT NULL,
          extra_minutes integer NOT NULL,
          extra_attempts integer NOT NULL,
          grant_time timestamptz,
          PRIMARY KEY (district, quiz, member)
        );
        CREATE INDEX attempt_turn_granted ON attempt_turn (district, quiz, member)
          WHERE extra_minutes > 0 OR extra_attempts > 0;

        -- Saves change rows in place: none of what they change is in an index.
        CREATE TABLE quiz_attempt (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          quiz text COLLATE "C" NOT NULL,
          quiz_revision integer NOT NULL,
          member text COLLATE "C" NOT NULL,
          "user" text NOT NULL,
          number integer NOT NULL,
          state smallint NOT NULL,
          sequences integer[] NOT NULL,
          begin_time timestamptz NOT NULL,
          due_time timestamptz NOT NULL,
          end_time timestamptz,
          hundredths integer,
          most integer,
          worth integer[],
          passed boolean,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 70);
        CREATE UNIQUE INDEX quiz_attempt_number ON quiz_attempt (district, quiz, member, number);
        CREATE INDEX quiz_attempt_listed ON quiz_attempt (district, quiz, id);
        CREATE INDEX quiz_attempt_member ON quiz_attempt (district, member, id);
        CREATE INDEX quiz_attempt_open ON quiz_attempt (district, quiz, due_time) WHERE state = 1;

        CREATE TABLE attempt_paper (
          district text NOT NULL,
          attempt text COLLATE "C" NOT NULL,
          seed text NOT NULL,
          slots jsonb NOT NULL,
          PRIMARY KEY (district, attempt)
        );

        CREATE TABLE attempt_save (
          district text NOT NULL,
          attempt text COLLATE "C" NOT NULL,
          slot smallint NOT NULL,
          sequence integer NOT NULL,
          answer text NOT NULL,
          number bigint NOT NULL,
          time timestamptz NOT NULL,
          PRIMARY KEY (district, attempt, slot, sequence)
        )
        """
    )
