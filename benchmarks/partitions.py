"""Would monthly partitions help? The platform's own tables, plain and partitioned, under the same statements.

    python benchmarks/partitions.py [PETITIONS] [MONTHS]

Both hold as many petitions over as many months; 100,000 are more than a district's ten years. What counts is the
ratio to the plain tables, alternating in one run; see docs/adr/0007.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from onegrid_kit.embedded.postgres import PostgresServer
from onegrid_kit.migrations import migrate
from onegrid_petition.main import SERVICE as PETITION

ROUNDS, SECONDS, CLIENTS, STEPS = 5, 3, 8, 5

# The n-th petition was filed at this moment, by its id as well: 32^8 of them fit into a day.
_MOMENT = "(timestamptz '2016-01-01Z' + ({n} % {months}) * interval '1 month' + ({n} / {months}) * interval '1 second')"
_ID = "'210602-' || to_char({moment} AT TIME ZONE 'UTC', 'YYYYMMDD') || '-' || lpad(to_hex({n}), 8, '0')"
_FILL = """
INSERT INTO petition (
  district, id, sequence, kind, state, text, petitioner, petitioner_kind, organization, anonymous, place,
  longitude, latitude, address, grid_worker, attachments, work_item, responsible, reopen_count,
  accept_due_time, create_time, update_time, end_reason)
SELECT '210602', {id}, {steps}, 1, 8, repeat('街', 30), 'users/' || n % 50000, 2, '', false,
       '210602003' || lpad((n % 45)::text, 3, '0') || lpad((n % 23)::text, 3, '0'),
       124.4, 40.14, repeat('a', 30), '', '[]', '', '', 0,
       {moment}, {moment}, {moment}, ''
FROM {source};
INSERT INTO timeline (
  district, petition, sequence, time, action, actor, office, office_display_name, state, assignees,
  public_note, internal_note, stars)
SELECT '210602', {id}, step, {moment}, 1, 1, '', '', 1, '{{}}', '', '', 0
FROM {source}, generate_series(1, {steps}) AS step;
"""
_PARTITIONED = """
ALTER TABLE {table} RENAME TO {table}_plain;
CREATE TABLE {table} (LIKE {table}_plain INCLUDING DEFAULTS) PARTITION BY RANGE ({by});
ALTER TABLE {table} ADD PRIMARY KEY ({key}, {by});
"""
_INDEXES = """
CREATE INDEX ON petition (district, create_time DESC, id DESC);
CREATE INDEX ON petition (district, place text_pattern_ops, create_time DESC);
CREATE INDEX ON petition (district, petitioner, create_time DESC);
CREATE INDEX ON petition (state) WHERE state < 8;
"""
_PICK = "\\set n random(0, {petitions} - 1)\n"
_GET = """
SELECT * FROM petition WHERE district = '210602' AND id = {id}{month};
SELECT * FROM timeline WHERE district = '210602' AND petition = {id}{month_of_step} ORDER BY sequence;
"""
_LIST = """
SELECT * FROM petition WHERE district = '210602' AND place LIKE '210602003' || lpad((:n::int % 45)::text, 3, '0') || '%'
ORDER BY create_time DESC, id DESC LIMIT 50;
"""


def main() -> None:
    """Fill both, and measure in turn."""
    petitions, months = (int(given) for given in [*sys.argv[1:], "100000", "120"][:2])
    with tempfile.TemporaryDirectory(prefix="onegrid-bench-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        postgres = PostgresServer(Path(name) / "postgres", settings={"shared_buffers": "512MB"})
        with postgres:
            for database in ("plain", "monthly"):
                print(f"==> {petitions} petitions of {months} months, {database}", flush=True)
                fill(postgres, database, petitions, months)
            scripts = statements(Path(name), petitions, months)
            for what, of in scripts.items():
                measure(postgres, what, of)


def fill(postgres: PostgresServer, database: str, petitions: int, months: int) -> None:
    """The same rows, in the tables of the migrations or in partitions."""
    url = postgres.create_database(database)
    migrate(PETITION, url)
    moment = _MOMENT.format(n="n", months=months)
    rows = f"generate_series(0, {petitions} - 1) AS n"
    with psycopg.connect(url, autocommit=True) as conn:
        if database == "monthly":
            conn.execute(_PARTITIONED.format(table="petition", by="create_time", key="district, id"))
            conn.execute(_PARTITIONED.format(table="timeline", by="time", key="district, petition, sequence"))
            conn.execute(_INDEXES)
            for number in range(months + 1):
                for table in ("petition", "timeline"):
                    conn.execute(
                        f"""DO $$ BEGIN EXECUTE format(
                        'CREATE TABLE {table}_{number} PARTITION OF {table} FOR VALUES FROM (%L) TO (%L)',
                        timestamptz '2016-01-01Z' + interval '{number} months',
                        timestamptz '2016-01-01Z' + interval '{number + 1} months'); END $$"""
                    )
        conn.execute(_FILL.format(moment=moment, id=_ID.format(n="n", moment=moment), steps=STEPS, source=rows))
        conn.execute("VACUUM ANALYZE")


def statements(folder: Path, petitions: int, months: int) -> dict[str, dict[str, Path]]:
    """What is measured, as scripts for each of the two."""
    pick = _PICK.format(petitions=petitions)
    moment = _MOMENT.format(n=":n::int", months=months)
    id_ = _ID.format(n=":n::int", moment=moment)
    get = pick + _GET.format(id=id_, month="", month_of_step="")
    pruned = pick + _GET.format(
        id=id_, month=f" AND create_time = {moment}", month_of_step=f" AND time >= {moment} AND time <= {moment}"
    )
    new = "\\set n random(1, 1000000000)\n\\set m random(1, 1000000000)\nBEGIN;" + _FILL.format(
        moment=f"timestamptz '2016-01-15Z' + interval '{months - 1} months'",
        id="'210602-new-' || n || '-' || :m::int",
        steps=1,
        source="(SELECT :n::int AS n) AS one",
    )
    found: dict[str, dict[str, Path]] = {}
    for what, plain, monthly in (
        ("file", new + "COMMIT;", new + "COMMIT;"),
        ("get by id", get, get),
        ("get by id and month", get, pruned),
        ("list a community", pick + _LIST, pick + _LIST),
    ):
        found[what] = {}
        for database, script in (("plain", plain), ("monthly", monthly)):
            found[what][database] = folder / f"{what} {database}.sql"
            found[what][database].write_text(script)
            found[what][database].chmod(0o644)
    return found


def measure(postgres: PostgresServer, what: str, scripts: dict[str, Path]) -> None:
    """Both in turn; prints the ratio of the medians."""
    runs: dict[str, list[float]] = {database: [] for database in scripts}
    for _ in range(ROUNDS):
        for database, script in scripts.items():
            done = subprocess.run(
                [
                    str(postgres.binaries / "pgbench"),
                    *("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS)),
                    *("-f", str(script), postgres.url(database)),
                ],
                check=True,
                capture_output=True,
                text=True,
            )
            runs[database].append(float(re.search(r"tps = ([0-9.]+)", done.stdout)[1]))  # type: ignore[index]
    plain, monthly = (statistics.median(each) for each in runs.values())
    print(f"{what}: plain {plain:.0f}/s, monthly {monthly:.0f}/s, ratio {monthly / plain:.2f}", flush=True)


if __name__ == "__main__":
    main()
