"""What is said of attempts at quizzes is what xAPI lets statements be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.attempts_pb2 import Attempt, AttemptScore, AttemptState
from onegrid.partyedu.v1.events_pb2 import AttemptScored
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.xapi.own import statement_of_start, statements_of_score
from onegrid_partyedu.xapi.statement import VOIDED, check_statement

BEGIN = datetime(2026, 7, 1, 1, tzinfo=UTC)
SERVICE = {"objectType": "Agent", "account": {"homePage": "urn:onegrid:210602", "name": "partyedu"}}


@st.composite
def scores(draw: st.DrawFn) -> AttemptScored:
    """A score as it is announced."""
    most = draw(st.integers(1, 2**31 - 1))
    points = draw(st.integers(0, most))
    version = draw(st.integers(2, 5_000))
    regraded = draw(st.booleans())
    return AttemptScored(
        attempt=Attempt(
            name="attempts/210602-x",
            quiz="quizzes/210602-q",
            member="members/210602-m",
            number=draw(st.integers(1, 1_000)),
            state=draw(st.sampled_from((AttemptState.ATTEMPT_STATE_SUBMITTED, AttemptState.ATTEMPT_STATE_EXPIRED))),
            begin_time=timestamp(BEGIN),
            end_time=timestamp(BEGIN + draw(st.timedeltas(timedelta(), timedelta(days=400)))),
            score=AttemptScore(points_hundredths=points, most_hundredths=most, passed=draw(st.booleans())),
        ),
        version=version,
        regrading="regradings/210602-r" if regraded else "",
        replaced_version=version - 1 if regraded else 0,
    )


@given(scores())
def test_every_score_is_a_statement_that_the_store_takes(scored: AttemptScored) -> None:
    said = [statement_of_start(scored.attempt, "210602"), *statements_of_score(scored, "210602", SERVICE)]
    for each in said:
        check_statement(each, "statement")
    assert len({each["id"] for each in said}) == len(said)
    assert len({each["context"]["registration"] for each in said if "context" in each}) == 1
    voiding = [each["object"]["id"] for each in said if each["verb"]["id"] == VOIDED]
    assert voiding == ([said[-1]["context"]["statement"]["id"]] if scored.regrading else [])


@given(scores(), scores())
def test_the_same_score_has_the_same_id_whoever_announces_it(one: AttemptScored, other: AttemptScored) -> None:
    same = one.version == other.version
    ids = [statements_of_score(each, "210602", SERVICE)[-1]["id"] for each in (one, other)]
    assert (ids[0] == ids[1]) == same


@given(scores())
def test_what_is_voided_is_what_was_said_of_the_version_before(scored: AttemptScored) -> None:
    before = AttemptScored(attempt=scored.attempt, version=scored.version - 1)
    [said] = statements_of_score(before, "210602", SERVICE)
    voided = [each["object"]["id"] for each in statements_of_score(scored, "210602", SERVICE)[:-1]]
    assert voided == ([said["id"]] if scored.regrading else [])
