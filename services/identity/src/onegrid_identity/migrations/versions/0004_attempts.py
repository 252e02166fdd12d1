"""Failed logins by address, one-time codes by who asks for them, and telephone numbers in one form.

The release before counts failures in `login_failure`; the next one may drop it.

Revision ID: identity0004
"""

from alembic import op

revision = "identity0004"
down_revision = "identity0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE login_attempts (
          login text NOT NULL,
          address bytea NOT NULL,
          failures integer NOT NULL,
          last_time timestamptz NOT NULL,
          success_time timestamptz,
          PRIMARY KEY (login, address)
        );
        CREATE TABLE code_requests (asker bytea PRIMARY KEY, count integer NOT NULL, begin_time timestamptz NOT NULL);

        ALTER TABLE account ADD COLUMN phone_normalized boolean NOT NULL DEFAULT false;
        CREATE INDEX account_phone_pending ON account (id) WHERE phone_index IS NOT NULL AND NOT phone_normalized;
        """
    )
