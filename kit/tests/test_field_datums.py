"""Positions in the datums of Chinese maps lie where they are in WGS 84."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.field.v1.field_pb2 import Datum
from onegrid_kit.distance import distance_m
from onegrid_kit.field.datums import bd09_of, gcj02_of, to_wgs84
from onegrid_kit.locations import Location

DANDONG = Location(124.4, 40.1)
SINUIJU = Location(124.4, 40.08)
"""On the other bank of the Yalu."""
# Inside of the rectangle also when they are shifted.
around_china = st.builds(Location, st.floats(72.1, 137.7), st.floats(0.9, 55.7))


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        # Shanghai, Shenzhen, Beijing: the examples of github.com/googollee/eviltransform.
        (Location(121.5272106, 31.1774276), Location(121.531541859215, 31.17530398364597)),
        (Location(113.912316, 22.543847), Location(113.9171764808363, 22.540796131694766)),
        (Location(116.377817, 39.911954), Location(116.38404722455657, 39.91334545536069)),
    ],
)
def test_gcj_02_is_what_other_libraries_have(wgs84: Location, gcj02: Location) -> None:
    assert distance_m(gcj02_of(wgs84), gcj02) < 0.001
    assert distance_m(to_wgs84(gcj02.longitude, gcj02.latitude, Datum.DATUM_GCJ02) or DANDONG, wgs84) < 0.001


def test_bd_09_is_what_other_libraries_have() -> None:
    # The examples of github.com/wandergis/coordtransform, whose inverse is right to a metre or two.
    gcj02 = Location(116.404, 39.915)
    wgs84 = to_wgs84(gcj02.longitude, gcj02.latitude, Datum.DATUM_GCJ02)
    assert wgs84 is not None
    assert distance_m(wgs84, Location(116.39775550083061, 39.91359571849836)) < 2
    assert distance_m(bd09_of(wgs84), Location(116.41036949371029, 39.92133699351021)) < 0.001


def test_gcj_02_is_528_m_off_at_dandong() -> None:
    assert distance_m(DANDONG, gcj02_of(DANDONG)) == pytest.approx(528, abs=1)


@pytest.mark.parametrize(("datum", "forward"), [(Datum.DATUM_GCJ02, gcj02_of), (Datum.DATUM_BD09, bd09_of)])
@given(location=around_china)
def test_what_was_shifted_is_found_to_a_millimetre(datum: Datum, forward: object, location: Location) -> None:
    shifted = forward(location)  # type: ignore[operator]
    found = to_wgs84(shifted.longitude, shifted.latitude, datum)
    assert found is not None
    assert distance_m(found, location) < 0.001


def test_both_banks_of_the_yalu_are_shifted_by_nearly_the_same() -> None:
    here, there = (distance_m(each, gcj02_of(each)) for each in (DANDONG, SINUIJU))
    assert here == pytest.approx(there, rel=0.02)


@pytest.mark.parametrize("abroad", [Location(139.7, 35.7), Location(2.35, 48.86), Location(124.4, -40.1)])
def test_outside_of_the_rectangle_gcj_02_is_wgs_84(abroad: Location) -> None:
    assert gcj02_of(abroad) == abroad
    assert to_wgs84(abroad.longitude, abroad.latitude, Datum.DATUM_GCJ02) == abroad


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_wgs_84_stays_and_a_datum_that_is_not_known_says_nothing(longitude: float, latitude: float) -> None:
    assert to_wgs84(longitude, latitude, Datum.DATUM_WGS84) == Location(longitude, latitude)
    for unknown in (Datum.DATUM_UNSPECIFIED, 99):
        assert to_wgs84(longitude, latitude, unknown) is None  # type: ignore[arg-type]


@given(st.floats(-180, 180), st.floats(-90, 90), st.sampled_from([Datum.DATUM_GCJ02, Datum.DATUM_BD09]))
def test_any_position_has_a_place(longitude: float, latitude: float, datum: Datum) -> None:
    found = to_wgs84(longitude, latitude, datum)
    assert found is not None
    assert distance_m(found, Location(longitude, latitude)) < 20_000_000
