"""Item pools, items and quizzes, with their revisions.

Revision ID: partyedu0004
"""

from alembic import op

revision = "partyedu0004"
down_revision = "partyedu0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE pool (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          description text NOT NULL,
          item_count integer NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );

        CREATE TABLE item (
          district text NOT NULL,
          pool text COLLATE "C" NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          revision integer NOT NULL,
          kind smallint NOT NULL,
          retire_time timestamptz,
          PRIMARY KEY (district, pool, id)
        );

        CREATE TABLE item_revision (
          district text NOT NULL,
          pool text COLLATE "C" NOT NULL,
          item text COLLATE "C" NOT NULL,
          number integer NOT NULL,
          kind smallint NOT NULL,
          stem text NOT NULL,
          option_ids text[] NOT NULL,
          option_texts text[] NOT NULL,
          key text[] NOT NULL,
          explanation text NOT NULL,
          points smallint NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, pool, item, number)
        );

        CREATE TABLE quiz (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          revision integer NOT NULL,
          state smallint NOT NULL,
          publish_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX quiz_state ON quiz (district, state, id);

        CREATE TABLE quiz_revision (
          district text NOT NULL,
          quiz text COLLATE "C" NOT NULL,
          number integer NOT NULL,
          display_name text NOT NULL,
          description text NOT NULL,
          sections jsonb NOT NULL,
          shuffle_items boolean NOT NULL,
          shuffle_options boolean NOT NULL,
          minutes_allowed integer NOT NULL,
          attempts_allowed integer NOT NULL,
          pass_percent integer NOT NULL,
          open_time timestamptz,
          close_time timestamptz,
          partial_credit smallint NOT NULL,
          review_content smallint NOT NULL,
          review_time smallint NOT NULL,
          study_minutes integer NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, quiz, number)
        );

        CREATE TABLE quiz_pool (
          district text NOT NULL,
          pool text COLLATE "C" NOT NULL,
          quiz text COLLATE "C" NOT NULL,
          PRIMARY KEY (district, pool, quiz)
        );
        CREATE INDEX quiz_pool_quiz ON quiz_pool (district, quiz)
        """
    )
