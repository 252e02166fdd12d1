"""Addresses, endpoints, preferences and suppressions.

Revision ID: notify0002
"""

from alembic import op

revision = "notify0002"
down_revision = "notify0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- The index is a keyed digest of channel and value: the same for the same address, whoever has it.
        CREATE TABLE address (
          user_name text NOT NULL,
          id text NOT NULL,
          district text NOT NULL,
          channel smallint NOT NULL,
          sealed_value bytea NOT NULL,
          value_index bytea NOT NULL,
          verify_time timestamptz,
          -- The code that was sent last: a keyed digest of it, and how often it was guessed.
          code_index bytea,
          code_expire_time timestamptz,
          code_tries integer NOT NULL DEFAULT 0,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (user_name, id)
        );
        CREATE UNIQUE INDEX address_value ON address (user_name, value_index);
        CREATE INDEX address_unverified ON address (create_time) WHERE verify_time IS NULL;

        -- How many codes were asked for lately, by a person or for an address.
        CREATE TABLE code_request (
          asker bytea NOT NULL,
          count integer NOT NULL,
          begin_time timestamptz NOT NULL,
          last_time timestamptz,
          PRIMARY KEY (asker)
        );
        CREATE INDEX code_request_time ON code_request (begin_time);

        CREATE TABLE endpoint (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          office text COLLATE "C" NOT NULL,
          channel smallint NOT NULL,
          display_name text NOT NULL,
          topics text[] NOT NULL,
          disabled boolean NOT NULL,
          sealed_url bytea NOT NULL,
          host text NOT NULL,
          sealed_secret bytea,
          version bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX endpoint_office ON endpoint (district, office);

        CREATE TABLE preferences (
          user_name text NOT NULL,
          mutes jsonb NOT NULL,
          quiet_start smallint,
          quiet_end smallint,
          digests jsonb NOT NULL,
          time_zone text NOT NULL,
          language text NOT NULL,
          version bigint NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (user_name)
        );

        CREATE TABLE suppression (
          district text NOT NULL,
          value_index bytea NOT NULL,
          channel smallint NOT NULL,
          reason smallint NOT NULL,
          note text NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, value_index)
        );
        CREATE INDEX suppression_newest ON suppression (district, create_time DESC, value_index DESC);
        """
    )
