"""What a petition's deadline follows from: when it was accepted, and what its work item promised when.

Revision ID: petition0003
"""

from alembic import op

revision = "petition0003"
down_revision = "petition0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. Deadlines after 2026 were counted without holidays: the job that recomputes estimates mends them."""
    op.execute(
        """
        ALTER TABLE petition
          ADD COLUMN accept_time timestamptz,
          ADD COLUMN promised_working_days smallint,
          ADD COLUMN promise_time timestamptz,
          ADD COLUMN conclude_due_estimated boolean NOT NULL DEFAULT false;

        UPDATE petition SET accept_time = accepted.time
        FROM timeline AS accepted
        WHERE accepted.district = petition.district AND accepted.petition = petition.id AND accepted.action = 2;

        UPDATE petition
        SET promised_working_days = work_item.promised_working_days,
            promise_time = dispatched.time,
            conclude_due_estimated = petition.conclude_due_time >= '2027-01-01 00:00+08'
        FROM work_item,
          (SELECT district, petition, max(create_time) AS time FROM task GROUP BY district, petition) AS dispatched
        WHERE work_item.district = petition.district AND 'workItems/' || work_item.id = petition.work_item
          AND dispatched.district = petition.district AND dispatched.petition = petition.id;

        CREATE INDEX petition_estimated ON petition (district, id) WHERE conclude_due_estimated;
        """
    )
