"""What Python's garbage collector is spared in processes that run for long."""

from __future__ import annotations

import gc

__all__ = ["spare"]


def spare() -> None:
    """Call it once a process has started: what is there by now stays, and is not looked at again; what comes is looked
    at less often, as nearly all of it ends by itself.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
