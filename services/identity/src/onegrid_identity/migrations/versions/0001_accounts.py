"""Accounts, departments, roles, sessions and signing keys.

Revision ID: identity0001
"""

from alembic import op

revision = "identity0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE account (
          id text COLLATE "C" PRIMARY KEY,
          district text NOT NULL,
          kind smallint NOT NULL,
          sealed_name bytea NOT NULL,
          sealed_phone bytea,
          phone_index bytea,
          login text,
          organization text NOT NULL,
          state smallint NOT NULL,
          password_hash text NOT NULL,
          version bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          CONSTRAINT account_login UNIQUE (login),
          CONSTRAINT account_phone UNIQUE (phone_index)
        );
        CREATE INDEX account_district ON account (district, id);

        CREATE TABLE department (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          display_name text NOT NULL,
          version bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, code)
        );
        CREATE TABLE role (
          id text COLLATE "C" PRIMARY KEY,
          display_name text NOT NULL,
          oa_level smallint NOT NULL,
          permissions text[] NOT NULL,
          built_in boolean NOT NULL,
          version bigint NOT NULL
        );
        CREATE TABLE held_role (
          account text NOT NULL,
          id text COLLATE "C" NOT NULL,
          role text NOT NULL,
          scope text NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (account, id),
          UNIQUE (account, role, scope)
        );

        CREATE TABLE session (
          id text PRIMARY KEY,
          account text NOT NULL,
          refresh_expire_time timestamptz NOT NULL,
          access_expire_time timestamptz NOT NULL,
          revoked boolean NOT NULL
        );
        CREATE INDEX session_account ON session (account);
        CREATE INDEX session_expired ON session (refresh_expire_time);
        CREATE TABLE refresh_token (hash bytea PRIMARY KEY, session text NOT NULL, used boolean NOT NULL);
        CREATE INDEX refresh_token_session ON refresh_token (session);

        CREATE TABLE one_time_code (
          phone_index bytea PRIMARY KEY,
          code_index bytea,
          sent_time timestamptz NOT NULL,
          expire_time timestamptz NOT NULL,
          tries integer NOT NULL
        );
        CREATE TABLE login_failure (login text PRIMARY KEY, failures integer NOT NULL, last_time timestamptz NOT NULL);
        CREATE TABLE signing_key (
          kid text PRIMARY KEY,
          public_key bytea NOT NULL,
          sealed_private_key bytea NOT NULL,
          created_at timestamptz NOT NULL
        );
        CREATE TABLE place (district text NOT NULL, code text NOT NULL, PRIMARY KEY (district, code));
        """
    )
