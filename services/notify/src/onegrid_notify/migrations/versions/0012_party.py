"""Members of the Party as audiences.

Revision ID: notify0012
"""

from alembic import op

revision = "notify0012"
down_revision = "notify0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE party_member_version (
          district text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          time timestamptz NOT NULL,
          user_name text COLLATE "C" NOT NULL,
          state smallint NOT NULL,
          organization text COLLATE "C" NOT NULL,
          PRIMARY KEY (district, member, version)
        );

        CREATE TABLE party_member (
          district text COLLATE "C" NOT NULL,
          member text COLLATE "C" NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          user_name text COLLATE "C" NOT NULL,
          state smallint NOT NULL,
          organization text COLLATE "C" NOT NULL,
          PRIMARY KEY (district, member, begin_time)
        );
        CREATE INDEX party_member_by_user ON party_member (district, user_name);
        CREATE INDEX party_member_by_end ON party_member (end_time);

        CREATE TABLE party_organization_version (
          district text COLLATE "C" NOT NULL,
          organization text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          time timestamptz NOT NULL,
          display_name text NOT NULL,
          parent text COLLATE "C" NOT NULL,
          term integer NOT NULL,
          term_begin timestamptz NOT NULL,
          officers jsonb NOT NULL,
          PRIMARY KEY (district, organization, version)
        );

        CREATE TABLE party_line (
          district text COLLATE "C" NOT NULL,
          organization text COLLATE "C" NOT NULL,
          above text COLLATE "C" NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          PRIMARY KEY (district, organization, above, begin_time)
        );

        CREATE TABLE party_post (
          district text COLLATE "C" NOT NULL,
          organization text COLLATE "C" NOT NULL,
          post smallint NOT NULL,
          member text COLLATE "C" NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          PRIMARY KEY (district, organization, post, member, begin_time)
        );
        CREATE INDEX party_post_by_member ON party_post (district, member);

        ALTER TABLE selector
          ADD COLUMN of_party boolean NOT NULL DEFAULT false,
          ADD COLUMN organizations text[] COLLATE "C" NOT NULL DEFAULT '{}',
          ADD COLUMN member_states smallint[] NOT NULL DEFAULT '{}',
          ADD COLUMN posts smallint[] NOT NULL DEFAULT '{}'
        """
    )
