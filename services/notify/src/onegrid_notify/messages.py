"""Between the contract's messages and the domain's records."""

from __future__ import annotations

from onegrid.notify.v1 import resources_pb2
from onegrid_kit.timestamps import timestamp
from onegrid_notify.item import InboxItem

__all__ = ["inbox_item"]


def inbox_item(of: InboxItem) -> resources_pb2.InboxItem:
    """The item as its reader finds it."""
    return resources_pb2.InboxItem(
        name=of.name,
        kind=of.kind,
        title=of.title,
        summary=of.summary,
        subject=of.subject,
        column=f"columns/{of.column}" if of.column else "",
        urgent=of.urgent,
        must_confirm=of.must_confirm,
        version=of.version,
        create_time=timestamp(of.create_time),
        expire_time=timestamp(of.expire_time),
        receive_time=timestamp(of.receive_time),
        read_time=timestamp(of.read_time),
        confirm_time=timestamp(of.confirm_time),
    )
