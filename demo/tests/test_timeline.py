"""What `make run` prints fits into a terminal."""

import io

from rich.console import Console

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, Actor, State
from onegrid_demo.timeline import timeline_table


def test_no_name_of_the_contract_is_broken_at_80_columns() -> None:
    timeline = pb.GetPublicTimelineResponse(
        petition="petitions/210602-20201111-V83JMJ2J", organization="元宝区儿童中心", state=State.STATE_CLOSED
    )
    kinds = (Action, Actor, State)
    for number in range(max(len(kind.values()) for kind in kinds)):
        action, actor, state = (kind.values()[number % len(kind.values())] for kind in kinds)
        timeline.entries.add(
            action=action,
            actor=actor,
            state=state,
            office_display_name="人才和社会保障服务中心",
            public_note="已为儿童中心推荐合适人选，并发布招聘信息。",
        )
    printed = io.StringIO()
    Console(file=printed, width=80).print(timeline_table(timeline))
    words = set(printed.getvalue().split())
    assert {name[7:] for name in Action.keys()}  # noqa: SIM118 - not a dict <= words
    assert {name[6:] for kind in (Actor, State) for name in kind.keys()}  # noqa: SIM118 <= words
    assert "08:00:00" in words
    assert max(map(len, printed.getvalue().splitlines())) <= 80
