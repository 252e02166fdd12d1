"""Rosters, overrides, shifts and the staff that takes them.

Revision ID: duty0001
"""

from alembic import op

revision = "duty0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The tables' names begin with duty: they stand beside those of the service that hosts them."""
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute(
        """
        CREATE TABLE duty_roster (
          district text NOT NULL,
          id text NOT NULL,
          scope text NOT NULL,
          kind smallint NOT NULL,
          display_name text NOT NULL,
          time_zone text NOT NULL,
          role text NOT NULL,
          rotations jsonb NOT NULL,
          coverage jsonb,
          supervisors text[] NOT NULL,
          escalation jsonb NOT NULL,
          retired boolean NOT NULL,
          definer text NOT NULL,
          scheduled_until timestamptz NOT NULL,
          version bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX duty_roster_due ON duty_roster (scheduled_until) WHERE NOT retired;
        CREATE TABLE duty_override (
          district text NOT NULL,
          id text NOT NULL,
          roster text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          "user" text NOT NULL,
          rotations jsonb NOT NULL,
          reason text NOT NULL,
          author text NOT NULL,
          swap text NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, id),
          CHECK (begin_time < end_time)
        );
        CREATE INDEX duty_override_roster ON duty_override (district, roster, end_time);
        CREATE TABLE duty_shift (
          district text NOT NULL,
          id text NOT NULL,
          roster text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          "user" text NOT NULL,
          source smallint NOT NULL,
          role text NOT NULL,
          guarantor text NOT NULL,
          revision bigint NOT NULL,
          role_state smallint NOT NULL,
          PRIMARY KEY (district, id),
          CHECK (begin_time < end_time),
          CONSTRAINT duty_shift_overlap
            EXCLUDE USING gist (district WITH =, roster WITH =, tstzrange(begin_time, end_time) WITH &&)
        );
        CREATE INDEX duty_shift_roster ON duty_shift (district, roster, begin_time);
        CREATE INDEX duty_shift_user ON duty_shift ("user", end_time);
        CREATE TABLE duty_person (
          "user" text PRIMARY KEY,
          version bigint NOT NULL,
          staff boolean NOT NULL,
          active boolean NOT NULL,
          reachable boolean NOT NULL
        )
        """
    )
