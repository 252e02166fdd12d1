"""Study plans and what they require; who belonged to an organization at some moment.

Revision ID: partyedu0005
"""

from alembic import op

revision = "partyedu0005"
down_revision = "partyedu0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE study_plan (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          organization text COLLATE "C" NOT NULL,
          member_state smallint NOT NULL,
          posts smallint[] NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          remind_days_before smallint[] NOT NULL,
          remind_days_after smallint[] NOT NULL,
          state smallint NOT NULL,
          publish_time timestamptz,
          close_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX study_plan_listed ON study_plan (district, end_time DESC, id DESC);
        CREATE INDEX study_plan_organization ON study_plan (district, organization);

        CREATE TABLE study_requirement (
          district text NOT NULL,
          plan text COLLATE "C" NOT NULL,
          position smallint NOT NULL,
          id text COLLATE "C" NOT NULL,
          subject text COLLATE "C" NOT NULL,
          meetings integer NOT NULL,
          minutes integer NOT NULL,
          due_time timestamptz NOT NULL,
          PRIMARY KEY (district, plan, position)
        );

        CREATE INDEX membership_organization ON membership (district, organization, member, begin_time, end_time)
        """
    )
