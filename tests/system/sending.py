"""How identity sends one-time codes here: into a folder, where the tests find them."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

FOLDER = "ONEGRID_TESTS_CODES"


class FolderSender:
    """One file a number."""

    def __init__(self, _: object) -> None:
        pass

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Write it down."""
        (Path(os.environ[FOLDER]) / phone).write_text(code)
