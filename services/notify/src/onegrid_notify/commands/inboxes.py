"""Acknowledging the items of an inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onegrid.notify.v1.notify_service_pb2 import AcknowledgeInboxItemsResponse
from onegrid.notify.v1.resources_pb2 import Acknowledgement
from onegrid_kit.batches import Item
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_notify.item import ITEM, KnownItem

__all__ = ["acknowledge"]


def acknowledge(
    call: Call, acknowledgement: Acknowledgement, versions: Mapping[str, int], known: Sequence[KnownItem]
) -> Item:
    """Note what the caller did with the items of these ids, in the versions that the caller had.

    Raises NotFound if one is not in the caller's inbox.
    """
    found = {each.id for each in known}
    for id_ in versions:
        if id_ not in found:
            raise NotFound(ITEM.name(id_))
    items = [
        {"district": each.district, "id": each.id, "place": each.place, "version": versions[each.id]} for each in known
    ]
    return Item(
        call,
        {"items": items, "acknowledgement": acknowledgement},
        event=None,
        response=AcknowledgeInboxItemsResponse(reader=call.caller.user),
    )
