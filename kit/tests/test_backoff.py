"""How long to wait for what keeps failing."""

from __future__ import annotations

from onegrid_kit.backoff import Backoff


class Time:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pauses_double_up_to_the_longest() -> None:
    time = Time()
    backoff = Backoff(1, 5, time)
    pauses = []
    for _ in range(5):
        pauses.append(backoff.next_pause_s())
        time.now += pauses[-1]
    assert pauses == [1, 2, 4, 5, 5]


def test_pauses_begin_anew_after_a_success_or_an_attempt_that_lasted() -> None:
    time = Time()
    backoff = Backoff(1, 5, time)
    assert [backoff.next_pause_s() for _ in range(3)] == [1, 2, 4]
    backoff.reset()
    assert backoff.next_pause_s() == 1
    assert backoff.next_pause_s() == 2
    # The pause itself is no part of the next attempt.
    time.now += 2 + 4.9
    assert backoff.next_pause_s() == 4
    time.now += 4 + 5.1
    assert backoff.next_pause_s() == 1
