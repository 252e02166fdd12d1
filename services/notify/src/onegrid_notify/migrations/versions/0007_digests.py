"""Digests: what comes together, and until when.

Revision ID: notify0007
"""

from alembic import op

revision = "notify0007"
down_revision = "notify0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- A digest's id is that of its sending. It is locked by who adds to it and by who closes it: what is added in
        -- time is in it, and what comes too late goes into the next one.
        CREATE TABLE digest (
          id text NOT NULL,
          user_name text NOT NULL,
          close_time timestamptz NOT NULL,
          closed boolean NOT NULL DEFAULT false,
          PRIMARY KEY (id)
        );
        CREATE INDEX digest_close_time ON digest (close_time);
        -- What came together: the sendings in place of which the digest is sent.
        CREATE TABLE digest_entry (
          sending text NOT NULL,
          digest text NOT NULL REFERENCES digest ON DELETE CASCADE,
          number bigint GENERATED ALWAYS AS IDENTITY,
          PRIMARY KEY (sending, digest)
        );
        CREATE INDEX digest_entry_digest ON digest_entry (digest, number);
        """
    )
