"""What earns a certificate, and until when it is valid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid_kit.clock import CHINA
from onegrid_partyedu.certificate import CertificateScheme, earned, missing
from onegrid_partyedu.completion import Completion

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SUBJECTS = ("courses/210602-a", "quizzes/210602-b", "trainings/210602-c")


def scheme(*, yearly: bool = False, validity_months: int = 0) -> CertificateScheme:
    return CertificateScheme(
        id="210602-yearly",
        title="结业证书",
        statement="准予结业",
        issuer="210602-committee",
        required=SUBJECTS,
        yearly=yearly,
        validity_months=validity_months,
        create_time=NOW,
        update_time=NOW,
    )


def completed(subject: str, at: datetime, percent: int | None = None) -> Completion:
    return Completion(
        member="210602-1",
        subject=subject,
        kind=CompletionKind.COMPLETION_KIND_COURSE,
        minutes=45,
        percent=percent,
        complete_time=at,
    )


completions = st.lists(
    st.builds(
        completed,
        st.sampled_from((*SUBJECTS, "courses/210602-other")),
        st.datetimes(datetime(2022, 1, 1), datetime(2026, 5, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    ),
    max_size=12,
)


@given(completions, st.booleans(), st.sampled_from([0, 1, 12, 36]), st.randoms())
def test_a_certificate_is_of_what_counts_in_whatever_order_it_came(
    studied: list[Completion], yearly: bool, months: int, random: object
) -> None:
    of = scheme(yearly=yearly, validity_months=months)
    items, expire_time = earned(of, studied, 2026, NOW)
    random.shuffle(studied)  # type: ignore[attr-defined]
    assert earned(of, studied, 2026, NOW) == (items, expire_time)
    there = [item.subject for item in items]
    assert [*there, *missing(of, items)] == sorted(
        SUBJECTS, key=lambda subject: (subject not in there, SUBJECTS.index(subject))
    )
    for item in items:
        of_subject = [each for each in studied if each.subject == item.subject]
        assert item.complete_time in {each.complete_time for each in of_subject}
        assert not yearly or item.complete_time.astimezone(CHINA).year == 2026
        assert not months or item.complete_time > NOW - timedelta(days=31 * months + 1)
    assert expire_time is None if not months else expire_time is not None and (not items or expire_time > NOW)


def test_without_an_end_the_first_time_counts_and_with_one_the_last() -> None:
    first, again = datetime(2025, 7, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    studied = [completed(SUBJECTS[0], first), completed(SUBJECTS[0], again)]
    assert earned(scheme(), studied, 0, NOW)[0][0].complete_time == first
    items, expire_time = earned(scheme(validity_months=12), studied, 0, NOW)
    assert items[0].complete_time == again
    assert expire_time == datetime(2027, 2, 1, tzinfo=CHINA)


def test_what_was_completed_too_long_ago_is_missing() -> None:
    studied = [completed(subject, datetime(2025, 5, 31, tzinfo=CHINA)) for subject in SUBJECTS]
    items, _ = earned(scheme(validity_months=12), studied, 0, NOW)
    assert missing(scheme(), items) == list(SUBJECTS)
