"""Certificates are printed in a process of their own: one takes some ten milliseconds of a processor, which the api has
calls for. It reads fonts of 70 MB at most, and ends with the api, as its input does then.

`python -m onegrid_partyedu.printing` is that process.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from contextlib import suppress
from typing import BinaryIO, Final

from onegrid_kit.errors import Overloaded, Unavailable
from onegrid_kit.logs import log
from onegrid_partyedu.printed import Document, Printed, can_print

__all__ = [
    "Printer",
]

_WAITING: Final = 32
"""How many are printed or wait at most: the last of them waits for half a second."""
_HANGS_S: Final = 60.0
"""So long takes no certificate, even if all fonts are read first on a busy machine."""
_LENGTH_BYTES: Final = 4


class Printer:
    """Prints certificates, one at a time, in a process that it starts for the first one."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def print(self, printed: Printed) -> Document:
        """The certificate as PDF. Raises Overloaded, or Unavailable if the process was lost or has no font."""
        if self._waiting >= _WAITING:
            raise Overloaded
        if not can_print():
            raise Unavailable("certificates can't be printed here: Debian's fonts-lxgw-wenkai is not installed")
        self._waiting += 1
        try:
            await self._turn.acquire()
            # A caller who has gone away leaves the process in step: what was asked is read by nobody else.
            printing = asyncio.create_task(self._printed(printed))
            printing.add_done_callback(self._end_turn)
            return await asyncio.shield(printing)
        finally:
            self._waiting -= 1

    async def run(self) -> None:
        """Until it is cancelled; the process ends then."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the process, if there is one; the next certificate starts another."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _end_turn(self, printing: asyncio.Task[Document]) -> None:
        self._turn.release()
        if not printing.cancelled():
            printing.exception()

    async def _printed(self, printed: Printed) -> Document:
        try:
            async with asyncio.timeout(_HANGS_S):
                process = self._process = self._process or await _started()
                assert process.stdin is not None  # noqa: S101
                assert process.stdout is not None  # noqa: S101
                process.stdin.write(_framed(pickle.dumps(printed)))
                length = int.from_bytes(await process.stdout.readexactly(_LENGTH_BYTES))
                document = pickle.loads(await process.stdout.readexactly(length))  # noqa: S301
        except (TimeoutError, EOFError, OSError) as error:
            await self.close()
            log.warning("the process that prints certificates was lost", error=type(error).__name__)
            raise Unavailable from error
        except BaseException:
            await self.close()
            raise
        if not isinstance(document, Document):
            raise TypeError(f"a certificate was not printed: {document}")
        return document


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Print what is asked for, until nobody can ask any more."""
    from onegrid_partyedu.certificate_layout import draw  # the api does without it

    while length := requests.read(_LENGTH_BYTES):
        printed = pickle.loads(requests.read(int.from_bytes(length)))  # noqa: S301
        try:
            answer: object = draw(printed)
        except Exception as error:
            # Not its text, which may quote a name.
            answer = type(error).__name__
        answers.write(_framed(pickle.dumps(answer)))
        answers.flush()


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH_BYTES) + data


async def _started() -> asyncio.subprocess.Process:
    # Ctrl-C is for the api, which ends the process.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "onegrid_partyedu.printing",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
