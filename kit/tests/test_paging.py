"""Page tokens are good for the query that they were made for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.identity.v1.identity_service_pb2 import ListUsersRequest
from onegrid.petition.v1.petition_service_pb2 import ListPetitionsRequest
from onegrid_kit.errors import InvalidToken
from onegrid_kit.paging import PageTokens, page_size

PAGES = PageTokens("k" * 32)
QUERY = ListPetitionsRequest(district="210602", place="210602003")


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.integers(-(2**63), 2**63 - 1)))
def test_a_position_survives(position: list[str | int]) -> None:
    assert PAGES.open(QUERY, PAGES.make(QUERY, position)) == position


def test_no_token_is_the_first_page() -> None:
    assert PAGES.open(QUERY, "") is None


def test_the_size_of_a_page_may_change_on_the_way() -> None:
    token = PAGES.make(QUERY, [7])
    following = ListPetitionsRequest(district="210602", place="210602003", page_size=5, page_token=token)
    assert PAGES.open(following, token) == [7]


@pytest.mark.parametrize(
    ("pages", "query"),
    [
        (PAGES, ListPetitionsRequest(district="210602", place="210602004")),
        (PAGES, ListPetitionsRequest(district="210602")),
        (PAGES, ListUsersRequest(district="210602")),
        (PageTokens("another" * 5), QUERY),
    ],
)
def test_a_token_of_another_query_or_server_is_refused(
    pages: PageTokens, query: ListPetitionsRequest | ListUsersRequest
) -> None:
    with pytest.raises(InvalidToken) as error:
        pages.open(query, PAGES.make(QUERY, [7]))
    assert error.value.metadata == {"field": "page_token"}


@given(st.text(max_size=80))
def test_nothing_made_up_is_taken(token: str) -> None:
    if token:
        with pytest.raises(InvalidToken):
            PAGES.open(QUERY, token, "resume_token")


def test_no_changed_letter_goes_unnoticed() -> None:
    token = PAGES.make(QUERY, ["a", 7])
    for index, letter in enumerate(token):
        for other in ("A" if letter != "A" else "B", "!", ""):
            with pytest.raises(InvalidToken):
                PAGES.open(QUERY, token[:index] + other + token[index + 1 :])


def test_a_page_has_a_size_when_none_is_asked() -> None:
    assert (page_size(0), page_size(7)) == (50, 7)
