"""Columns, articles, audiences and inboxes, and what is known of other services.

Revision ID: notify0001
"""

from alembic import op

revision = "notify0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE content_column (
          district text NOT NULL,
          id text NOT NULL,
          display_name text NOT NULL,
          parent text NOT NULL,
          position integer NOT NULL,
          owner text NOT NULL,
          archived boolean NOT NULL,
          version bigint NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );

        -- Scheduled, published and expired articles are all stored as published: the clock alone tells them apart.
        -- The text, which may be long, stands apart: lists and inboxes do not read it.
        CREATE TABLE article (
          district text NOT NULL,
          id text NOT NULL,
          column_id text NOT NULL,
          owner text COLLATE "C" NOT NULL,
          state smallint NOT NULL,
          title text NOT NULL,
          summary text NOT NULL,
          body_html text NOT NULL,
          attachments jsonb NOT NULL,
          audience jsonb,
          push boolean NOT NULL,
          pinned boolean NOT NULL,
          urgent boolean NOT NULL,
          must_confirm boolean NOT NULL,
          publish_time timestamptz,
          expire_time timestamptz,
          version integer NOT NULL,
          -- Who read an earlier version has it unread.
          unread_below integer NOT NULL,
          -- Whether it was announced, once it had appeared.
          opened boolean NOT NULL,
          withdraw_reason text NOT NULL,
          return_reason text NOT NULL,
          sequence bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX article_for_all ON article (district, column_id, pinned DESC, publish_time DESC, id DESC)
          WHERE state = 4 AND audience IS NULL;
        CREATE INDEX article_owner ON article (district, owner, state, update_time DESC, id DESC);
        CREATE INDEX article_unopened ON article (publish_time) WHERE state = 4 AND NOT opened;

        CREATE TABLE article_version (
          district text NOT NULL,
          article text NOT NULL,
          version integer NOT NULL,
          title text NOT NULL,
          summary text NOT NULL,
          body_html text NOT NULL,
          attachments jsonb NOT NULL,
          correction_note text NOT NULL,
          publish_time timestamptz NOT NULL,
          PRIMARY KEY (district, article, version)
        );

        CREATE TABLE record (
          district text NOT NULL,
          column_id text NOT NULL,
          source_id text NOT NULL,
          source_time timestamptz NOT NULL,
          title text NOT NULL,
          text text NOT NULL,
          place text COLLATE "C" NOT NULL,
          uri text NOT NULL,
          deleted boolean NOT NULL,
          PRIMARY KEY (district, column_id, source_id)
        );
        CREATE INDEX record_newest ON record (district, column_id, source_time DESC, source_id DESC) WHERE NOT deleted;
        CREATE INDEX record_place ON record (district, column_id, place) WHERE NOT deleted;

        -- One row for each place of each selector of a published article; one for the district if it is for everyone.
        -- Those of one that was withdrawn stay: they say who is to learn of that.
        CREATE TABLE selector (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          publish_time timestamptz NOT NULL,
          article text NOT NULL,
          number integer NOT NULL,
          column_id text NOT NULL,
          pinned boolean NOT NULL,
          push boolean NOT NULL,
          kinds smallint[] NOT NULL,
          oa_levels smallint[] NOT NULL,
          roles text[] NOT NULL,
          groups text[] NOT NULL,
          columns text[] NOT NULL,
          PRIMARY KEY (district, article, number)
        );
        CREATE INDEX selector_code ON selector (district, code, publish_time DESC, article DESC);
        CREATE INDEX selector_column
          ON selector (district, column_id, code, pinned DESC, publish_time DESC, article DESC);

        CREATE TABLE person_version (
          user_name text NOT NULL,
          version bigint NOT NULL,
          time timestamptz NOT NULL,
          kind smallint NOT NULL,
          district text NOT NULL,
          home text NOT NULL,
          active boolean NOT NULL,
          PRIMARY KEY (user_name, version)
        );
        CREATE TABLE person_grant (
          user_name text NOT NULL,
          id text NOT NULL,
          role text NOT NULL,
          scope text NOT NULL,
          oa_level smallint NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          PRIMARY KEY (user_name, id)
        );
        -- Where a person belongs, and when: derived from the two tables above. Empty role and level 0: at home.
        CREATE TABLE membership (
          district text NOT NULL,
          user_name text NOT NULL,
          code text COLLATE "C" NOT NULL,
          kind smallint NOT NULL,
          oa_level smallint NOT NULL,
          role text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          PRIMARY KEY (district, user_name, code, role, begin_time)
        );
        CREATE INDEX membership_code ON membership (district, code, begin_time);
        CREATE INDEX membership_ended ON membership (end_time) WHERE end_time < '9999-01-01 00:00:00+00';
        CREATE INDEX membership_user ON membership (user_name);
        -- An office's people, without those who live there.
        CREATE INDEX membership_office ON membership (district, code, user_name) WHERE role <> '';

        CREATE TABLE person_group (
          district text NOT NULL,
          id text NOT NULL,
          display_name text NOT NULL,
          protected boolean NOT NULL,
          version bigint NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE TABLE group_member (
          district text NOT NULL,
          group_id text NOT NULL,
          user_name text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          PRIMARY KEY (district, user_name, group_id, begin_time)
        );
        CREATE INDEX group_member_group ON group_member (district, group_id, user_name);
        CREATE TABLE subscription (
          district text NOT NULL,
          column_id text NOT NULL,
          user_name text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          PRIMARY KEY (district, user_name, column_id, begin_time)
        );
        CREATE INDEX subscription_column ON subscription (district, column_id, user_name);

        CREATE TABLE message (
          district text NOT NULL,
          user_name text NOT NULL,
          id text NOT NULL,
          title text NOT NULL,
          text text NOT NULL,
          subject text NOT NULL,
          urgent boolean NOT NULL,
          create_time timestamptz NOT NULL,
          expire_time timestamptz,
          PRIMARY KEY (district, user_name, id)
        );
        CREATE INDEX message_newest ON message (district, user_name, create_time DESC, id DESC);
        CREATE INDEX message_expiry ON message (expire_time) WHERE expire_time IS NOT NULL;

        -- What a reader did with an item; there is no row before.
        CREATE TABLE item_state (
          district text NOT NULL,
          user_name text NOT NULL,
          item text NOT NULL,
          receive_time timestamptz NOT NULL,
          read_time timestamptz,
          -- The article's unread_below when it was read, or confirmed; 0 before. Less than it is now: unread again.
          read_version integer NOT NULL,
          confirm_time timestamptz,
          confirmed_version integer NOT NULL,
          -- Where the reader counts in reach, from the first time on; empty for a message.
          place text COLLATE "C" NOT NULL,
          -- What the last change made of it, for the statement that made it: 1 received, 2 read, 4 confirmed, added.
          changed smallint NOT NULL,
          PRIMARY KEY (district, user_name, item)
        );

        CREATE TABLE reach (
          district text NOT NULL,
          article text NOT NULL,
          place text COLLATE "C" NOT NULL,
          audience bigint NOT NULL DEFAULT 0,
          received bigint NOT NULL DEFAULT 0,
          read bigint NOT NULL DEFAULT 0,
          confirmed bigint NOT NULL DEFAULT 0,
          PRIMARY KEY (district, article, place)
        );
        CREATE TABLE recipient (
          district text NOT NULL,
          article text NOT NULL,
          user_name text NOT NULL,
          place text COLLATE "C" NOT NULL,
          PRIMARY KEY (district, article, user_name)
        );
        CREATE INDEX recipient_place ON recipient (district, article, place, user_name);

        -- What connected readers are sent, by transaction: once all older ones have ended, none comes between.
        CREATE TABLE signal (
          transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
          number bigint GENERATED ALWAYS AS IDENTITY,
          district text NOT NULL,
          item text NOT NULL,
          user_name text NOT NULL,
          removed boolean NOT NULL,
          time timestamptz NOT NULL,
          PRIMARY KEY (transaction, number)
        );
        CREATE INDEX signal_user ON signal (user_name, transaction, number);
        CREATE INDEX signal_time ON signal (time);

        CREATE TABLE place (
          district text NOT NULL,
          code text NOT NULL,
          display_name text NOT NULL,
          version bigint NOT NULL,
          PRIMARY KEY (district, code)
        );
        CREATE TABLE department (
          district text NOT NULL,
          code text NOT NULL,
          display_name text NOT NULL,
          version bigint NOT NULL,
          PRIMARY KEY (district, code)
        );
        """
    )
