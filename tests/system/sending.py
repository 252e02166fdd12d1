"""How identity sends one-time codes here: into a folder, where the tests find them."""

from __future__ import annotations

import os
from pathlib import Path

from onegrid_identity.senders import Code, CodeSender

FOLDER = "ONEGRID_TESTS_CODES"


class FolderSender(CodeSender):
    """One file a number."""

    async def send(self, code: Code) -> None:
        """Write it down."""
        (Path(os.environ[FOLDER]) / code.phone).write_text(code.digits)
