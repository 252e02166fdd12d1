"""Devices: their keys, and how they get one.

Revision ID: identity0009
"""

from alembic import op

revision = "identity0009"
down_revision = "identity0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE device_key (
          id text COLLATE "C" PRIMARY KEY,
          district text NOT NULL,
          place text COLLATE "C" NOT NULL,
          display_name text NOT NULL,
          public_key bytea NOT NULL UNIQUE,
          state smallint NOT NULL,
          lost_time timestamptz,
          revoke_time timestamptz,
          revoke_reason text NOT NULL,
          version bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL
        );
        CREATE INDEX device_key_place ON device_key (district, place, id);
        CREATE TABLE device_enrolment (
          id text PRIMARY KEY,
          place text NOT NULL,
          display_name text NOT NULL,
          code_index bytea NOT NULL,
          create_time timestamptz NOT NULL,
          expire_time timestamptz NOT NULL,
          tries integer NOT NULL,
          used boolean NOT NULL
        )
        """
    )
