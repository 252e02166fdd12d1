"""Lists and summaries read as much for a hundred thousand petitions as for a thousand.

Revision ID: petition0005
"""

from alembic import op

revision = "petition0005"
down_revision = "petition0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. Writers wait while the indexes are built: a second and a half for half a million petitions.

    Every search reads the index's pending list, which is therefore kept short. A job adds their months to the words of
    the petitions that are there, and of those that the release before still adds.
    """
    op.execute(
        """
        CREATE INDEX petition_state_kind ON petition (district, state, kind);
        ALTER INDEX search_grams SET (gin_pending_list_limit = 64);
        CREATE INDEX search_without_month ON search (district, petition) WHERE (length(grams[1]) > 2) IS NOT TRUE;
        """
    )
