"""Generates the stubs before a wheel or an editable install is built."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))


class ProtosHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs protoc."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Generate what the package consists of."""
        import generate

        generate.generate()
