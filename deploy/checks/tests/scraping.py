"""A Prometheus of the tests' own, which scrapes a fleet by the second."""

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

import yaml

from onegrid_kit.embedded.children import lent
from onegrid_kit.embedded.ports import free_port


@contextmanager
def scraping(folder: Path, rules: Path, jobs: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Where it answers, while in here; each job scrapes these ports."""
    program = shutil.which("prometheus")
    assert program is not None, "Prometheus is missing: `make test` installs it"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules / "*.yaml")],
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": True,
                "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
            }
            for job, ports in jobs.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={url}",
        "--web.enable-lifecycle",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(lent(command, stop_with_us=signal.SIGKILL), stdout=log, stderr=log)
    try:
        _await_ready(f"http://{url}", folder / "prometheus.log")
        yield f"http://{url}"
    finally:
        process.kill()
        process.wait()


def await_scrapes(url: str, of: int) -> None:
    """Wait until so many targets were scraped twice."""
    query = urllib.parse.urlencode({"query": "sum((count_over_time(up[1m]) > bool 1) * up)"})
    deadline = time.monotonic() + 30
    while True:
        with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
        if result and int(result[0]["value"][1]) == of:
            return
        assert time.monotonic() < deadline, f"{result} of {of} targets are scraped"
        time.sleep(0.1)


def reload(url: str) -> None:
    """Let it read its rules anew."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/-/reload", method="POST"), timeout=10):
        pass


def _await_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
