"""What `make run` and `make test` ask of the system's packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, as an ordinary user has it where nothing of the system's packages is there."""
    spec = importlib.util.spec_from_file_location("servers", ROOT / "tools/servers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SERVERS", {"rabbitmq-server": (Path("/nowhere"),)})
    monkeypatch.setattr(module, "needed_files", lambda: iter([("fonts-lxgw-wenkai", [Path("/nowhere/font.ttf")])]))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return module


def test_the_demonstration_needs_no_font_and_says_what_it_goes_without(
    servers: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert servers.main(["--run"]) == 0
    assert "as root, apt-get install fonts-lxgw-wenkai\n" in capsys.readouterr().err


def test_the_tests_need_servers_and_fonts(servers: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert servers.main([]) == 1
    assert "as root, apt-get install rabbitmq-server fonts-lxgw-wenkai\n" in capsys.readouterr().err
