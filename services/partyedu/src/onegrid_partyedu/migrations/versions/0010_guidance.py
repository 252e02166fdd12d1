"""Guidance tasks, and what comes of them in each organization.

Revision ID: partyedu0010
"""

from alembic import op

revision = "partyedu0010"
down_revision = "partyedu0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE guidance_task (
          district text COLLATE "C" NOT NULL,
          id text COLLATE "C" NOT NULL,
          sender text COLLATE "C" NOT NULL,
          title text NOT NULL,
          text text NOT NULL,
          media text[] NOT NULL,
          due_time timestamptz NOT NULL,
          report_wanted boolean NOT NULL,
          upper text NOT NULL,
          assignments integer NOT NULL,
          withdraw_reason text NOT NULL,
          withdraw_time timestamptz,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX guidance_task_by_sender ON guidance_task (district, sender, create_time DESC, id DESC);

        CREATE TABLE guidance_assignment (
          district text COLLATE "C" NOT NULL,
          task text COLLATE "C" NOT NULL,
          organization text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          state smallint NOT NULL,
          due_time timestamptz NOT NULL,
          create_time timestamptz NOT NULL,
          reader text NOT NULL,
          read_time timestamptz,
          report text NOT NULL,
          report_media text[] NOT NULL,
          report_time timestamptz,
          return_reason text NOT NULL,
          decide_time timestamptz,
          PRIMARY KEY (district, task, organization)
        );
        CREATE INDEX guidance_assignment_by_organization
          ON guidance_assignment (district, organization, create_time DESC, task DESC);
        CREATE INDEX guidance_assignment_open
          ON guidance_assignment (district, due_time, task, organization) WHERE state IN (1, 2, 3, 4)
        """
    )
