"""A stock against a model of it: whatever is moved, counted, reserved, confirmed, released and left to expire, what was
recorded sums to what is there, and what is reserved is what the reservations in effect keep.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from onegrid.emergency.v1.relief_pb2 import StockMovementKind
from onegrid_emergency.commands import reservations, resources, stocks
from onegrid_emergency.commands.incidents import ReportIncident, create_incident
from onegrid_emergency.errors import CapacityExceeded, ReservationEnded
from onegrid_emergency.incident import INCIDENT
from onegrid_emergency.relief import Depot, Reservation
from onegrid_emergency.store.reservations import take_shares
from onegrid_emergency.store.stocks import find_room
from onegrid_kit.callers import ANONYMOUS, Call

START = datetime.fromisoformat("2020-11-11T06:00:00+00:00")
IN, OUT, CORRECTION = (
    StockMovementKind.STOCK_MOVEMENT_KIND_IN,
    StockMovementKind.STOCK_MOVEMENT_KIND_OUT,
    StockMovementKind.STOCK_MOVEMENT_KIND_CORRECTION,
)
_examples = itertools.count(1)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["in", "out", "issue", "count", "reserve", "confirm", "prolong", "release", "wait", "expire"]),
        st.integers(1, 12),
        st.integers(0, 5),
    ),
    min_size=10,
    max_size=30,
)


@dataclass
class Kept:
    """What the model knows of a reservation."""

    quantity: int
    until: datetime | None
    ended: bool = False

    def open_at(self, now: datetime) -> bool:
        return not self.ended and (self.until is None or now < self.until)


@dataclass
class Model:
    """The same with as little code as possible."""

    conn: Connection
    stock: str
    incident: str
    now: datetime = START
    total: int = 0
    kept: dict[str, Kept] = field(default_factory=dict)

    @property
    def call(self) -> Call:
        return Call(caller=ANONYMOUS, now=self.now, method="test", resource=self.stock)

    @property
    def reserved(self) -> int:
        return sum(each.quantity for each in self.kept.values() if each.open_at(self.now))

    def step(self, name: str, number: int, which: int) -> None:
        match name:
            case "wait":
                self.now += timedelta(minutes=number)
            case "expire":
                reservations.expire(self.conn, self.call)
            case "in":
                self.total += self._move(IN, number)
            case "count":
                self._move(CORRECTION, number * 3)
                self.total = number * 3
            case "out":
                fits = number <= max(0, self.total - self.reserved)
                self._refused_unless(fits, lambda: self._move(OUT, number))
                self.total -= number if fits else 0
            case "reserve":
                self._reserve(number, timedelta(minutes=which + 1))
            case _ if self.kept:
                id_ = list(self.kept)[which % len(self.kept)]
                self._change(name, id_, self.kept[id_], number)

    def _move(self, kind: StockMovementKind, quantity: int, reservation: str = "") -> int:
        command = stocks.MoveStock(name=self.stock, kind=kind, quantity=quantity, reservation=reservation, note="")
        stocks.move_stock(self.conn, command, self.call)
        return quantity

    def _reserve(self, quantity: int, hold: timedelta) -> None:
        command = reservations.ReserveResource(
            incident=self.incident, resource=self.stock, quantity=quantity, hold=hold
        )
        new = reservations.new_reservation(command, self.call)
        fits = quantity <= max(0, self.total - self.reserved)
        self._refused_unless(fits, lambda: reservations.require_room(self.conn, new, self.call))
        if fits:
            reservations.expire(self.conn, self.call, self.stock)
            take_shares.run(self.conn, [reservations.share(new, self.call)])
            self.kept[new.id] = Kept(quantity, self.now + hold)

    def _change(self, name: str, id_: str, kept: Kept, number: int) -> None:
        is_open = kept.open_at(self.now)
        longer = timedelta(minutes=number)
        if name == "issue":
            fits = is_open and number <= kept.quantity and number <= self.total
            self._refused_unless(fits, lambda: self._move(OUT, number, f"reservations/{id_}"))
            self.total -= number if fits else 0
            kept.ended = kept.ended or fits
            return
        steps: dict[str, Callable[[], Reservation]] = {
            "confirm": lambda: reservations.confirm(self.conn, id_, "", self.call),
            "prolong": lambda: reservations.prolong(self.conn, id_, longer, "", self.call),
            "release": lambda: reservations.release(self.conn, id_, "", self.call),
        }
        self._refused_unless(is_open, steps[name])
        if is_open and name == "prolong" and kept.until is not None:
            kept.until = max(kept.until, self.now + longer)
        if is_open and name == "confirm":
            kept.until = None
        kept.ended = kept.ended or (is_open and name == "release")

    def _refused_unless(self, expected: bool, do: Callable[[], object]) -> None:
        """Do it in a transaction of its own, as a call does, and see whether it is refused."""
        inner = self.conn.begin_nested()
        try:
            do()
            done = True
        except (CapacityExceeded, ReservationEnded):
            done = False
        if done:
            inner.commit()
        else:
            inner.rollback()
        assert done == expected

    def check(self) -> None:
        room = find_room(self.conn, self.stock, self.now)
        assert room is not None
        assert (room.total, room.reserved) == (self.total, self.reserved)
        recorded = text(
            """
            SELECT coalesce(sum(change), 0), count(*), coalesce(max(number), 0) FROM stock_movement
            WHERE stock = :stock
            """
        )
        summed, count, last = self.conn.execute(recorded, {"stock": self.stock}).one()
        assert (summed, count) == (self.total, last)


@settings(max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_a_stock_is_what_a_model_says_whatever_happens(engine: Engine, steps: list[tuple[str, int, int]]) -> None:
    depot = f"depots/210602-d{next(_examples)}"
    call = Call(caller=ANONYMOUS, now=START, method="test", resource=depot)
    with engine.connect() as conn, conn.begin() as all_of_it:
        incident = create_incident(conn, ReportIncident(district="210602", kind=0, text="x"), call).incident
        described = {"display_name": "物资库", "contact": "", "home": None, "details": Depot(), "etag": ""}
        resources.define_resource(conn, resources.DefineResource(name=depot, **described), call)  # type: ignore[arg-type]
        stock = f"{depot}/stocks/sandbags"
        named = {"display_name": "沙袋", "unit": "袋", "minimum": 0, "etag": ""}
        stocks.define_stock(conn, stocks.DefineStock(name=stock, **named), call)  # type: ignore[arg-type]
        model = Model(conn, stock, INCIDENT.name(incident))
        for step in steps:
            model.step(*step)
            model.check()
        all_of_it.rollback()
