"""The few accounts of staff are listed without reading those of all citizens.

Revision ID: identity0007
"""

from alembic import op

revision = "identity0007"
down_revision = "identity0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("CREATE INDEX account_kind ON account (district, kind, id)")
