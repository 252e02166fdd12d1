"""Servers that end with us, started without a fork of ours.

A fork runs the handlers that libraries left for it, and gRPC's crash the child while calls are running. So nothing is
done between fork and exec: a small program takes our place first, and then that of the server.
"""

from __future__ import annotations

import os
import pwd
import signal
import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["lent"]

# 1 is PR_SET_PDEATHSIG. A change of user would clear it, so it comes last; and by then we may be gone already.
_PROGRAM: Final = """\
import ctypes, os, sys
parent, request, user, group = map(int, sys.argv[1:5])
if user:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
if request:
    ctypes.CDLL(None).prctl(1, request)
    if os.getppid() != parent:
        sys.exit("its starter is gone")
os.execv(sys.argv[5], sys.argv[5:])
"""


def lent(
    command: Sequence[str], user: pwd.struct_passwd | None = None, stop_with_us: signal.Signals | None = None
) -> list[str]:
    """What to run instead of the command, whose program is a full path, so that it runs as this user, and is sent this
    signal when the thread that starts it ends."""
    numbers = (os.getpid(), stop_with_us or 0, user.pw_uid if user else 0, user.pw_gid if user else 0)
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, *(str(int(number)) for number in numbers), *command]
