"""Rungs of an escalation, as rosters and pages keep them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from onegrid.duty.v1.resources_pb2 import RungTarget
from onegrid_duty.roster import Rung

__all__ = ["rungs_json", "rungs_of"]


def rungs_json(rungs: Sequence[Rung]) -> list[list[int]]:
    """Each rung's target, and its wait in seconds."""
    return [[int(rung.target), int(rung.wait.total_seconds())] for rung in rungs]


def rungs_of(stored: Sequence[Sequence[int]]) -> tuple[Rung, ...]:
    """The rungs that were stored so."""
    return tuple(Rung(cast(RungTarget, target), timedelta(seconds=seconds)) for target, seconds in stored)
