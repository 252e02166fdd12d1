"""Swaps, reminders, and the gaps that are known.

Revision ID: duty0002
"""

from alembic import op

revision = "duty0002"
down_revision = "duty0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE duty_shift ADD COLUMN reminded boolean NOT NULL DEFAULT false;
        CREATE INDEX duty_shift_remind ON duty_shift (begin_time) WHERE NOT reminded;
        CREATE TABLE duty_gap (
          district text NOT NULL,
          roster text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          reason smallint NOT NULL,
          "user" text NOT NULL,
          PRIMARY KEY (district, roster, begin_time, reason, "user")
        );
        CREATE TABLE duty_swap (
          district text NOT NULL,
          id text NOT NULL,
          roster text NOT NULL,
          shift text NOT NULL,
          proposer text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          partner text NOT NULL,
          partner_shift text NOT NULL,
          partner_begin_time timestamptz,
          partner_end_time timestamptz,
          state smallint NOT NULL,
          note text NOT NULL,
          create_time timestamptz NOT NULL,
          decide_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX duty_swap_roster ON duty_swap (district, roster, id)
        """
    )
