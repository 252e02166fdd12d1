"""How often grants of an account were revoked, which tokens and revocations are compared by.

Revision ID: identity0006
"""

from alembic import op

revision = "identity0006"
down_revision = "identity0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. What the release before revokes is not counted, and goes by its time."""
    op.execute("ALTER TABLE account ADD COLUMN grant_revision bigint NOT NULL DEFAULT 0")
