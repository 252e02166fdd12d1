"""What `make run` prints of inboxes and of reach fits into a terminal."""

import io

from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console
from rich.table import Table

from onegrid.notify.v1.resources_pb2 import InboxItem, Reach, Share
from onegrid_demo.inboxes import inbox_table, reach_table

# 14:36 in China.
MOMENT = Timestamp(seconds=1_605_076_560)


def printed(table: Table) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    assert max(map(len, out.getvalue().splitlines())) <= 80
    return out.getvalue()


def test_items_are_shown_the_oldest_first_with_their_time_in_china() -> None:
    older = InboxItem(title="您的诉求已收到", create_time=MOMENT, read_time=MOMENT)
    newer = InboxItem(title="您的诉求已办结，请评价" * 8, create_time=Timestamp(seconds=MOMENT.seconds + 3600))
    lines = [line.split() for line in printed(inbox_table("inbox", [newer, older])).splitlines()]
    assert ["14:36:00", "READ", "您的诉求已收到"] in lines
    assert [line[:2] for line in lines if line[:1] in (["14:36:00"], ["15:36:00"])] == [
        ["14:36:00", "READ"],
        ["15:36:00", "NEW"],
    ]


def test_every_figure_stands_with_its_denominator() -> None:
    share = Share(numerator=120_000, denominator=220_000)
    reach = Reach(place="210602003007005", audience=220_000, received=share, read=share, confirmed=share)
    assert printed(reach_table("reach", [reach])).count("120000 of 220000") == 3
