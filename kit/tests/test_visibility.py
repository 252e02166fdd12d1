"""Fields reach only the viewers that the contract means them for, in whatever message and however deep."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.protobuf.message import Message

from onegrid.petition.v1 import petition_service_pb2, resources_pb2
from onegrid_kit.contracts import visibility_of
from onegrid_kit.visibility import PUBLIC, Viewer, visible_to

READ = "petition.petitioners.read"


def petition() -> resources_pb2.Petition:
    return resources_pb2.Petition(
        text="事情",
        petitioner="users/1",
        contact_phone="+86",
        tasks=[resources_pb2.Task(instruction="办", answer="好"), resources_pb2.Task(return_reason="不办")],
    )


def shown(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        for each in value if field.is_repeated else (value,):
            yield from shown(each) if isinstance(each, Message) else (field.name,)


@pytest.mark.parametrize(
    ("viewer", "fields"),
    [
        (PUBLIC, {"text", "answer"}),
        (Viewer(owner=True), {"text", "answer", "petitioner", "contact_phone"}),
        (Viewer(office=True), {"text", "answer", "instruction", "return_reason"}),
        (Viewer(permissions=frozenset({READ})), {"text", "answer", "petitioner", "contact_phone"}),
        (Viewer(permissions=frozenset({"another"})), {"text", "answer"}),
    ],
)
def test_a_viewer_gets_the_fields_for_all_and_its_own(viewer: Viewer, fields: set[str]) -> None:
    page = petition_service_pb2.ListPetitionsResponse(petitions=[petition(), petition()])
    assert set(shown(visible_to(viewer, page))) == fields


def test_messages_without_such_fields_stay_as_they_are() -> None:
    item = resources_pb2.WorkItem(name="workItems/210602D07-001")
    assert visible_to(PUBLIC, item) == resources_pb2.WorkItem(name="workItems/210602D07-001")
    assert not any(visibility_of(field) for field in item.DESCRIPTOR.fields)
