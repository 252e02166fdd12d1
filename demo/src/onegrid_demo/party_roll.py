"""The demonstration district's 515 Party organizations and 11,020 members, who are made up, and come out the same every
time.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import Final

from onegrid.partyedu.v1.completions_pb2 import Training
from onegrid.partyedu.v1.organizations_pb2 import Organization, OrganizationForm, OrganizationKind
from onegrid_demo import district
from onegrid_demo.loading import COMMUNITY

__all__ = [
    "BRANCH",
    "SECRETARY",
    "STUDIES",
    "TRAINING",
    "completions_csv",
    "members_csv",
    "organizations",
]

_ORGANIZATIONS: Final = 515
_MEMBERS: Final = 11_020
BRANCH: Final = f"organizations/{COMMUNITY}-compound-1"
"""The branch that elects in the demonstration."""
SECRETARY: Final = "2001-0001"
"""The number on the roll of who is its secretary."""
STUDIES: Final = "2015-0007"
"""The number of the member whose study the demonstration shows."""

TRAINING: Final = Training(
    name=f"trainings/{district.CODE}-spring-2020", display_name="2020年春季党员集中培训", minutes=480
)
"""What the members of the district were trained in, in the spring before the reference case."""

_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN: Final = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰凤洁梅琳素云莲真环雪荣爱妹香月莺媛艳瑞凡佳嘉琼勤珍贞莉"
_STREET: Final = OrganizationKind.ORGANIZATION_KIND_STREET
_COMMUNITY: Final = OrganizationKind.ORGANIZATION_KIND_COMMUNITY
_COMPOUND: Final = OrganizationKind.ORGANIZATION_KIND_COMPOUND
_DEPARTMENT: Final = OrganizationKind.ORGANIZATION_KIND_DEPARTMENT
_ENTERPRISE: Final = OrganizationKind.ORGANIZATION_KIND_ENTERPRISE
_COMMITTEE: Final = OrganizationForm.ORGANIZATION_FORM_COMMITTEE
_BRANCH: Final = OrganizationForm.ORGANIZATION_FORM_BRANCH


@cache
def organizations() -> tuple[Organization, ...]:
    """The organizations, each behind the one above it."""
    made = list(_committees())
    names = district.communities()
    # By turns one more of each community, three compounds' branches for an enterprise's.
    number = 0
    while len(made) < _ORGANIZATIONS:
        number += 1
        kind, word, title = (_ENTERPRISE, "enterprise", "企业") if number % 4 == 0 else (_COMPOUND, "compound", "小区")
        of_kind = number // 4 if kind == _ENTERPRISE else number - number // 4
        for code, name in names.items():
            if len(made) == _ORGANIZATIONS:
                break
            made.append(
                Organization(
                    name=f"organizations/{code}-{word}-{of_kind}",
                    display_name=f"{_short(name)}第{of_kind}{title}党支部",
                    kind=kind,
                    form=_BRANCH,
                    parent=f"organizations/{code}-committee",
                )
            )
    return tuple(made)


@cache
def members_csv() -> bytes:
    """The roll (党员名册), as partyedu imports it."""
    return _csv(("党员编号", "姓名", "党组织", "入党日期", "转正日期"), _members())


@cache
def completions_csv() -> bytes:
    """Who completed the training of that spring: most of them."""
    studied = (
        (number, TRAINING.name, (date(2020, 3, 2) + timedelta(days=index % 60)).isoformat(), str(60 + index * 7 % 41))
        for index, (number, *_) in enumerate(_members())
        if index % 11
    )
    return _csv(("党员编号", "培训", "完成日期", "成绩"), studied)


def _committees() -> Iterator[Organization]:
    for street, name in district.streets().items():
        yield Organization(
            name=f"organizations/{street}-committee",
            display_name=f"{name.removesuffix('办事处')}党工委",
            kind=_STREET,
            form=_COMMITTEE,
        )
    for department in district.DEPARTMENTS:
        yield Organization(
            name=f"organizations/{department.code}-committee",
            display_name=f"{department.name}机关党支部",
            kind=_DEPARTMENT,
            form=_BRANCH,
        )
    for community, name in district.communities().items():
        yield Organization(
            name=f"organizations/{community}-committee",
            display_name=f"{_short(name)}党委",
            kind=_COMMUNITY,
            form=_COMMITTEE,
            parent=f"organizations/{community[:9]}-committee",
        )


def _members() -> Iterator[tuple[str, ...]]:
    yield SECRETARY, "王建国", BRANCH, "2001-07-01", "2002-07-01"
    yield STUDIES, "李秀英", BRANCH, "2015-07-01", "2016-07-01"
    line = organizations()
    for index in range(_MEMBERS - 2):
        name = _SURNAMES[index * 7 % len(_SURNAMES)] + _GIVEN[index * 11 % len(_GIVEN)]
        if index % 3:
            name += _GIVEN[index * 5 // 3 % len(_GIVEN)]
        joined = date(1980 + index % 39, 1 + index % 12, 1 + index % 28)
        # One in a hundred joined in 2020, and is on probation.
        if index % 100 == 0:
            joined = date(2020, 1 + index // 100 % 6, 1)
        confirmed = "" if index % 100 == 0 else joined.replace(year=joined.year + 1).isoformat()
        yield f"D{index + 1:05}", name, line[index % len(line)].name, joined.isoformat(), confirmed


def _short(community: str) -> str:
    return community.removesuffix("居委会").removesuffix("居民委员会").removesuffix("村委会").removesuffix("委会")


def _csv(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows(rows)
    return out.getvalue().encode()
