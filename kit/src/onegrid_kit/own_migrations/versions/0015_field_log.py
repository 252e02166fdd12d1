"""The field log: what devices have recorded offline.

Revision ID: kit0015
"""

from alembic import op

revision = "kit0015"
down_revision = "kit0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- Whose signatures count as whose, as identity has announced.
        CREATE TABLE field_device_key (
          device_key uuid PRIMARY KEY,
          place text NOT NULL,
          public_key bytea NOT NULL,
          lost_time timestamptz,
          revoke_time timestamptz,
          version bigint NOT NULL
        );

        CREATE TABLE field_log (
          district text NOT NULL,
          device_key uuid NOT NULL,
          -- The counters of the entries that have arrived, and the newest that the device has told of.
          arrived int8multirange NOT NULL,
          newest bigint NOT NULL,
          PRIMARY KEY (district, device_key)
        -- Each batch changes it: in place, as no index holds what changes.
        ) WITH (fillfactor = 50);

        -- The smallest of the server's time less the uptime, of all batches that were signed in a boot.
        CREATE TABLE field_boot (
          district text NOT NULL,
          device_key uuid NOT NULL,
          boot_id uuid NOT NULL,
          anchor timestamptz NOT NULL,
          PRIMARY KEY (district, device_key, boot_id)
        );

        CREATE TABLE field_sending (
          district text NOT NULL,
          device_key uuid NOT NULL,
          receive_time timestamptz NOT NULL,
          boot_id uuid NOT NULL,
          uptime interval NOT NULL,
          newest bigint NOT NULL,
          PRIMARY KEY (district, device_key, receive_time, boot_id, uptime)
        );

        -- Of an entry that is as old as positions are kept, only what repetitions and gaps are known by is left.
        CREATE TABLE field_entry (
          district text NOT NULL,
          device_key uuid NOT NULL,
          counter bigint NOT NULL,
          entry_id uuid NOT NULL,
          hash bytea NOT NULL,
          subject text NOT NULL,
          receive_time timestamptz NOT NULL,
          body bytea,
          PRIMARY KEY (district, device_key, counter),
          UNIQUE (district, entry_id)
        );
        CREATE INDEX field_entry_subject ON field_entry (district, subject) WHERE subject <> '';
        CREATE INDEX field_entry_body ON field_entry (receive_time) WHERE body IS NOT NULL;

        -- Those that have the counter or the id of another one.
        CREATE TABLE field_conflict (
          district text NOT NULL,
          device_key uuid NOT NULL,
          counter bigint NOT NULL,
          entry_id uuid NOT NULL,
          hash bytea NOT NULL,
          subject text NOT NULL,
          receive_time timestamptz NOT NULL,
          body bytea,
          PRIMARY KEY (district, device_key, counter, hash)
        );
        CREATE INDEX field_conflict_entry_id ON field_conflict (district, entry_id);
        CREATE INDEX field_conflict_subject ON field_conflict (district, subject) WHERE subject <> '';
        CREATE INDEX field_conflict_body ON field_conflict (receive_time) WHERE body IS NOT NULL;
        """
    )
