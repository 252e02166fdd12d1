"""How many of a patrol's checkpoints are alike, so that months are added up without reading each checkpoint.

Revision ID: border0004
"""

from alembic import op

revision = "border0004"
down_revision = "border0003"
branch_labels = None
depends_on = None

COUNT = """
    UPDATE patrol SET
      (points_reached, points_in_time, points_early, points_late, points_missed, points_outstanding) = (
        SELECT count(*) FILTER (WHERE state = 2),
               count(*) FILTER (WHERE state = 2 AND NOT marks @> '8' AND NOT marks @> '15' AND NOT marks @> '16'),
               count(*) FILTER (WHERE marks @> '15'),
               count(*) FILTER (WHERE marks @> '16'),
               count(*) FILTER (WHERE state = 3),
               count(*) FILTER (WHERE state = 4)
        FROM jsonb_to_recordset(points) AS point (state smallint, marks jsonb)
      )
"""
"""Counts the checkpoints of the patrols that there are. The state of one is 2: reached, 3: missed, 4: outstanding; the
marks of what reached it are 8: from the future, 15: early, 16: late.
"""


def upgrade() -> None:
    """Expand only. The columns are added without rewriting the table."""
    op.execute(
        """
        ALTER TABLE patrol
          ADD COLUMN points_reached smallint NOT NULL DEFAULT 0,
          ADD COLUMN points_in_time smallint NOT NULL DEFAULT 0,
          ADD COLUMN points_early smallint NOT NULL DEFAULT 0,
          ADD COLUMN points_late smallint NOT NULL DEFAULT 0,
          ADD COLUMN points_missed smallint NOT NULL DEFAULT 0,
          ADD COLUMN points_outstanding smallint NOT NULL DEFAULT 0
        """
    )
    op.execute(COUNT)
