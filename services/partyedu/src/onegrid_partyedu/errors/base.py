"""What all errors of a state share."""

from __future__ import annotations

from google.rpc import code_pb2

from onegrid_kit.errors import DomainError

__all__ = ["Precondition"]


class Precondition(DomainError):
    """This can't be done as things stand."""

    code = code_pb2.FAILED_PRECONDITION
