"""Organizations, terms and officers; members, where they belonged, their transfers; what others announced of cells
and users.

Revision ID: partyedu0001
"""

from alembic import op

revision = "partyedu0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE organization (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          kind smallint NOT NULL,
          form smallint NOT NULL,
          parent text COLLATE "C" NOT NULL,
          longitude double precision,
          latitude double precision,
          cells text[] NOT NULL,
          term integer NOT NULL,
          term_due_time timestamptz,
          dissolve_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX organization_parent ON organization (district, parent, id);
        CREATE INDEX organization_due ON organization (district, coalesce(term_due_time, '-infinity'), id)
          WHERE dissolve_time IS NULL;

        CREATE TABLE term (
          district text NOT NULL,
          organization text COLLATE "C" NOT NULL,
          number integer NOT NULL,
          begin_time timestamptz NOT NULL,
          due_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, organization, number)
        );

        CREATE TABLE officer (
          district text NOT NULL,
          organization text COLLATE "C" NOT NULL,
          term integer NOT NULL,
          post smallint NOT NULL,
          member text COLLATE "C" NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, organization, term, post, member, begin_time)
        );
        CREATE INDEX officer_member ON officer (district, member);

        CREATE TABLE member (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          organization text COLLATE "C" NOT NULL,
          organization_time timestamptz NOT NULL,
          state smallint NOT NULL,
          sealed_name bytea NOT NULL,
          name_index bytea NOT NULL,
          number text NOT NULL,
          "user" text NOT NULL,
          join_time timestamptz NOT NULL,
          probation_end_time timestamptz NOT NULL,
          probation_extended boolean NOT NULL,
          confirm_time timestamptz,
          end_time timestamptz,
          end_reason smallint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX member_organization ON member (district, organization, id);
        CREATE INDEX member_name ON member (district, name_index);
        CREATE INDEX member_on_probation ON member (probation_end_time) WHERE state = 1;
        CREATE UNIQUE INDEX member_number ON member (district, number) WHERE number <> '' AND end_time IS NULL;
        CREATE UNIQUE INDEX member_user ON member (district, "user") WHERE "user" <> '' AND end_time IS NULL;

        CREATE TABLE membership (
          district text NOT NULL,
          member text COLLATE "C" NOT NULL,
          number bigint GENERATED ALWAYS AS IDENTITY,
          organization text COLLATE "C" NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, member, number)
        );

        CREATE TABLE transfer (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          source text COLLATE "C" NOT NULL,
          target text COLLATE "C" NOT NULL,
          state smallint NOT NULL,
          reason text NOT NULL,
          create_time timestamptz NOT NULL,
          expire_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX transfer_member ON transfer (district, member);
        CREATE INDEX transfer_source ON transfer (district, source);
        CREATE INDEX transfer_target ON transfer (district, target);
        CREATE INDEX transfer_waiting ON transfer (expire_time) WHERE state = 1;
        CREATE INDEX transfer_listed ON transfer (district, create_time DESC, id DESC);

        CREATE TABLE cell (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          PRIMARY KEY (district, code)
        );

        CREATE TABLE known_user (
          district text NOT NULL,
          name text NOT NULL,
          version bigint NOT NULL,
          state smallint NOT NULL,
          PRIMARY KEY (district, name)
        )
        """
    )
