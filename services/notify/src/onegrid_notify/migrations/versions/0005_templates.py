"""What messages say, as districts publish it, and what they are written from.

Revision ID: notify0005
"""

from alembic import op

revision = "notify0005"
down_revision = "notify0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- The newest version of a template is in use; one that is `shipped` has no wording, and means the release's.
        -- Changes are counted in each district, and committed in that order: who knows some reads on behind them.
        CREATE TABLE template_version (
          district text NOT NULL,
          event text COLLATE "C" NOT NULL,
          recipient text COLLATE "C" NOT NULL,
          language text COLLATE "C" NOT NULL,
          version integer NOT NULL,
          change bigint NOT NULL,
          shipped boolean NOT NULL,
          title text NOT NULL,
          text text NOT NULL,
          short_text text NOT NULL,
          sms_template text NOT NULL,
          sms_parameters text[] NOT NULL,
          publisher text NOT NULL,
          publish_time timestamptz NOT NULL,
          PRIMARY KEY (district, event, recipient, language, version)
        );
        CREATE UNIQUE INDEX template_version_change ON template_version (district, change);

        -- What messages were written from, once for all who are addressed alike: what leaves the platform is
        -- written when it is sent. Kept for that alone, and no longer.
        CREATE TABLE message_source (
          district text NOT NULL,
          item text NOT NULL,
          number integer NOT NULL,
          event text NOT NULL,
          recipient text NOT NULL,
          facts jsonb NOT NULL,
          expire_time timestamptz NOT NULL,
          PRIMARY KEY (district, item, number)
        );
        CREATE INDEX message_source_expire_time ON message_source (expire_time);
        ALTER TABLE message ADD COLUMN source integer;
        """
    )
