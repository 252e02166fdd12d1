"""A Prometheus of the tests' own, which scrapes every few seconds."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from onegrid_kit.embedded.children import lent
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.testing.waiting import HANG_S


@contextmanager
def scraping(
    folder: Path,
    rules: Path,
    jobs: Mapping[str, Sequence[int]],
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[str]:
    """Where it answers, while in here, once it has scraped itself and each of the jobs' ports twice, as a release's.

    `settings`: what is said of how a job is scraped, besides.
    """
    program = shutil.which("prometheus")
    assert program is not None, "Prometheus is missing: `make test` installs it"
    own = free_port()
    scraped = {"prometheus": [own], **jobs}
    config = {
        # A scrape may take as long as the interval; on a busy machine that is more than a second.
        "global": {"scrape_interval": "5s", "scrape_timeout": "5s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": True,
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{port}" for port in ports],
                        "labels": {"namespace": "onegrid", "release": "onegrid"},
                    }
                ],
                **(settings or {}).get(job, {}),
            }
            for job, ports in scraped.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{own}",
        "--web.enable-lifecycle",
        "--enable-feature=exemplar-storage",
    ]
    url, log = f"http://127.0.0.1:{own}", folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(lent(command, stop_with_us=signal.SIGKILL), stdout=output, stderr=output)
    try:
        _await_scrapes(url, sum(map(len, scraped.values())), log)
        yield url
    finally:
        process.kill()
        process.wait()


def reload(url: str) -> None:
    """Make Prometheus reload its rules."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/-/reload", method="POST"), timeout=HANG_S):
        pass


def _await_scrapes(url: str, targets: int, log: Path) -> None:
    # Increases are computed from the first scrape on.
    query = urllib.parse.urlencode({"query": "sum((count_over_time(up[1m]) > bool 1) * up)"})
    deadline = time.monotonic() + HANG_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
            if result and int(result[0]["value"][1]) == targets:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
