"""The demonstration's Party organizations and members are as many as the district has."""

import csv
import io

from onegrid.partyedu.v1.organizations_pb2 import OrganizationKind
from onegrid_demo import district, party_roll


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_there_are_515_organizations_on_every_kind_of_place() -> None:
    line = party_roll.organizations()
    assert len({each.name for each in line}) == 515
    assert {each.kind for each in line} == set(OrganizationKind.values()) - {0}


def test_each_organization_stands_behind_the_one_above_it() -> None:
    above: set[str] = {""}
    for each in party_roll.organizations():
        assert each.parent in above
        above.add(each.name)


def test_there_are_11020_members_each_in_one_of_them() -> None:
    members = rows(party_roll.members_csv())
    assert len({each["党员编号"] for each in members}) == 11_020
    assert {each["党组织"] for each in members} == {each.name for each in party_roll.organizations()}


def test_who_completed_the_training_is_a_member() -> None:
    numbers = {each["党员编号"] for each in rows(party_roll.members_csv())}
    studied = rows(party_roll.completions_csv())
    assert {each["党员编号"] for each in studied} < numbers
    assert len(studied) > 10_000
    assert {each["培训"] for each in studied} == {party_roll.TRAINING.name}


def test_the_organizations_of_communities_belong_to_the_streets() -> None:
    committees = {each.name for each in party_roll.organizations() if each.name.endswith("-committee")}
    assert {f"organizations/{street}-committee" for street in district.streets()} < committees
