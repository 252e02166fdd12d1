"""Figures by area, a place of any level with all that it holds, and by month: two years are some dozens of rows.

Revision ID: petition0006
"""

from alembic import op

revision = "petition0006"
down_revision = "petition0005"
branch_labels = None
depends_on = None

# Everyone who counts in a district would wait for the others at its row of the day: each counts in one of eight shares.
# The order keeps those who meet in a share from waiting for each other crosswise.
_ADD = """
    INSERT INTO area_tally
    SELECT district, left(place, digits), by_month,
           CASE WHEN by_month THEN CAST(date_trunc('month', CAST(day AS timestamp)) AS date) ELSE day END,
           pg_backend_pid() % 8, sum(filed), sum(accepted), sum(declined), sum(concluded), sum(rated), sum(satisfied),
           sum(reopened)
    FROM ({counted}) AS counted, unnest(ARRAY[6, 9, 12, 15]) AS digits, unnest(ARRAY[false, true]) AS by_month
    WHERE digits <= length(place)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (district, area, by_month, day, share) DO UPDATE SET
      filed = area_tally.filed + excluded.filed,
      accepted = area_tally.accepted + excluded.accepted,
      declined = area_tally.declined + excluded.declined,
      concluded = area_tally.concluded + excluded.concluded,
      rated = area_tally.rated + excluded.rated,
      satisfied = area_tally.satisfied + excluded.satisfied,
      reopened = area_tally.reopened + excluded.reopened;
"""
_CHANGED = """
    SELECT * FROM now_counted
    UNION ALL
    SELECT district, place, day, -filed, -accepted, -declined, -concluded, -rated, -satisfied, -reopened
    FROM counted_before
"""


def upgrade() -> None:
    """Expand only. Triggers keep the figures, so that they hold what the release before counts; its workers wait while
    what is there is added up, nine seconds for half a million petitions. What fails by that is tried again.
    """
    op.execute(
        f"""
        CREATE TABLE area_tally (
          district text NOT NULL,
          area text NOT NULL,
          by_month boolean NOT NULL,
          day date NOT NULL,
          share smallint NOT NULL,
          filed bigint NOT NULL,
          accepted bigint NOT NULL,
          declined bigint NOT NULL,
          concluded bigint NOT NULL,
          rated bigint NOT NULL,
          satisfied bigint NOT NULL,
          reopened bigint NOT NULL,
          PRIMARY KEY (district, area, by_month, day, share)
        ) WITH (fillfactor = 70);

        CREATE FUNCTION count_first_in_areas() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          {_ADD.format(counted="SELECT * FROM now_counted")}
          RETURN NULL;
        END $$;
        CREATE FUNCTION count_more_in_areas() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          {_ADD.format(counted=_CHANGED)}
          RETURN NULL;
        END $$;
        CREATE TRIGGER count_first_in_areas AFTER INSERT ON tally
          REFERENCING NEW TABLE AS now_counted EXECUTE FUNCTION count_first_in_areas();
        CREATE TRIGGER count_more_in_areas AFTER UPDATE ON tally
          REFERENCING NEW TABLE AS now_counted OLD TABLE AS counted_before EXECUTE FUNCTION count_more_in_areas();

        {_ADD.format(counted="SELECT * FROM tally")}
        """
    )
