"""Reads the details of a refused call's `google.rpc.Status`."""

from __future__ import annotations

from typing import TypeVar

import grpc.aio
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

__all__ = ["info", "retry_delay_s"]

M = TypeVar("M", bound=Message)


def info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo:
    """Its reason, domain and metadata; empty if it was refused on the way, not by a service."""
    return _detail(error, error_details_pb2.ErrorInfo) or error_details_pb2.ErrorInfo()


def retry_delay_s(error: grpc.aio.AioRpcError) -> float:
    """In how many seconds to try again; 0 if it doesn't say."""
    retry = _detail(error, error_details_pb2.RetryInfo)
    return retry.retry_delay.ToTimedelta().total_seconds() if retry else 0.0


def _detail(error: grpc.aio.AioRpcError, kind: type[M]) -> M | None:
    raw = dict(tuple(error.trailing_metadata() or ())).get("grpc-status-details-bin", b"")
    for packed in status_pb2.Status.FromString(raw if isinstance(raw, bytes) else b"").details:
        found = kind()
        if packed.Unpack(found):
            return found
    return None
