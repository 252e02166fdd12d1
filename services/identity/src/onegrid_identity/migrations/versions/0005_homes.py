"""Where users are at home, and which of their versions was announced.

Revision ID: identity0005
"""

from alembic import op

revision = "identity0005"
down_revision = "identity0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. What the release before changes leaves `announced_version` behind, and is announced by a job."""
    op.execute(
        """
        ALTER TABLE account ADD COLUMN home text NOT NULL DEFAULT '';
        ALTER TABLE account ADD COLUMN announced_version bigint NOT NULL DEFAULT 0;
        CREATE INDEX account_unannounced ON account (kind, id) WHERE announced_version < version;
        """
    )
