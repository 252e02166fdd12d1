"""Certificate schemes and certificates.

Revision ID: partyedu0013
"""

from alembic import op

revision = "partyedu0013"
down_revision = "partyedu0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE certificate_scheme (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          title text NOT NULL,
          statement text NOT NULL,
          issuer text NOT NULL,
          required text[] NOT NULL,
          yearly boolean NOT NULL,
          validity_months smallint NOT NULL,
          retire_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );

        CREATE TABLE certificate (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          scheme text COLLATE "C" NOT NULL,
          year smallint NOT NULL,
          sealed_facts bytea NOT NULL,
          sealed_code bytea NOT NULL,
          code_index bytea NOT NULL,
          state smallint NOT NULL,
          superseded_by text NOT NULL,
          issue_time timestamptz NOT NULL,
          expire_time timestamptz,
          end_time timestamptz,
          revoke_reason text NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE UNIQUE INDEX certificate_code ON certificate (code_index);
        -- One that is not superseded or revoked, for each member, scheme and year.
        CREATE UNIQUE INDEX certificate_current ON certificate (district, member, scheme, year) WHERE state = 1;
        CREATE INDEX certificate_listed ON certificate (district, member, issue_time DESC, id DESC)
        """
    )
