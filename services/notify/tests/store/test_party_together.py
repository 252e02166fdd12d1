"""What partyedu announces of members and organizations may come in any order, and any number of them together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from onegrid.partyedu.v1.events_pb2 import MemberDefined, OrganizationDefined
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import Officer, OfficerPost, Organization, Term
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp
from onegrid_notify.store import party

START = datetime(2020, 11, 11, 6, tzinfo=UTC)
STATES = (MemberState.MEMBER_STATE_FULL, MemberState.MEMBER_STATE_ENDED)
_districts = itertools.count(310100)
Rows = dict[str, object]


def stored(engine: Engine, district: str, of: Mapping[str, Sequence[str]]) -> Rows:
    """All that follows from what was announced, without the district's code."""
    with engine.connect() as conn:
        return {
            "belongings": {str(each).replace(district, "") for each in party.belongings_of(conn, of["members"])},
            "posts": {str(each).replace(district, "") for each in party.posts_of(conn, of["organizations"])},
            "lines": {str(each).replace(district, "") for each in party.lines_of(conn, district)},
        }


def member(name: str, version: int, organization: str, user: int, state: MemberState) -> MemberDefined:
    time = timestamp(START + timedelta(minutes=version))
    named = f"users/{user}" if user else ""
    return MemberDefined(
        member=name, version=version, organization=organization, user=named, state=state, update_time=time
    )


def organization(name: str, version: int, parent: str, secretary: str) -> OrganizationDefined:
    time = timestamp(START + timedelta(minutes=version))
    officers = [Officer(post=OfficerPost.OFFICER_POST_SECRETARY, member=secretary, begin_time=time)]
    term = Term(name=f"{name}/terms/1", begin_time=timestamp(START), officers=officers) if secretary else None
    of = Organization(name=name, display_name="党组织", parent=parent, update_time=time, term=term)
    return OrganizationDefined(organization=of, version=version)


@given(data=st.data())
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_in_whatever_order_and_however_many_come_together_the_same_follows(
    data: st.DataObject, engine: Engine, events: Events
) -> None:
    codes = [str(next(_districts)) for _ in range(2)]
    drawn = {
        "members": [
            (
                number,
                version,
                data.draw(st.integers(0, 2)),
                data.draw(st.integers(0, 2)),
                data.draw(st.sampled_from(STATES)),
            )
            for number in range(3)
            for version in range(1, data.draw(st.integers(1, 4)))
        ],
        "organizations": [
            (number, version, data.draw(st.integers(0, number)), data.draw(st.integers(0, 3)))
            for number in range(3)
            for version in range(1, data.draw(st.integers(2, 4)))
        ],
    }

    def announced(district: str) -> list[Message]:
        members = [f"members/{district}-{number}" for number in range(3)]
        line = [f"organizations/{district}-{number}" for number in range(3)]
        return [
            *(member(members[n], version, line[of], user, state) for n, version, of, user, state in drawn["members"]),
            *(
                organization(line[n], version, line[parent] if parent < n else "", members[who] if who < 3 else "")
                for n, version, parent, who in drawn["organizations"]
            ),
        ]

    for message in announced(codes[0]):
        events.deliver(message)
    shuffled = data.draw(st.permutations(announced(codes[1])))
    while shuffled:
        some = data.draw(st.integers(1, len(shuffled)))
        events.deliver(*shuffled[:some])
        shuffled = shuffled[some:]

    one_by_one, together = (
        stored(
            engine,
            code,
            {kind: [f"{code}-{number}" for number in range(3)] for kind in ("members", "organizations")},
        )
        for code in codes
    )
    assert together == one_by_one
    assert together["lines"]
