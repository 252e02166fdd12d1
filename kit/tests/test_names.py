"""Resource names and codes are built and parsed in one place."""

from __future__ import annotations

import pytest

from onegrid_kit import codes
from onegrid_kit.errors import StaleEtag
from onegrid_kit.etags import require_fresh
from onegrid_kit.names import ResourceName, code_in

TASK = ResourceName("petitions/{petition}/tasks/{task}")


def test_a_name_is_built_of_its_ids_and_parsed_into_them() -> None:
    assert TASK.name("210602-20201111-7KX3M9QF", 12) == "petitions/210602-20201111-7KX3M9QF/tasks/12"
    assert TASK.ids("petitions/a/tasks/12") == ("a", "12")
    assert TASK.id("petitions/a/tasks/12") == "12"


@pytest.mark.parametrize(
    "name", ["", "petitions/a", "petitions/a/tasks", "petitions/a/tasks/", "petitions//tasks/1", "users/a/tasks/1"]
)
def test_a_name_of_another_pattern_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not petitions"):
        TASK.ids(name)


def test_a_name_needs_all_of_its_ids() -> None:
    with pytest.raises(ValueError, match="1 ids do not fill"):
        TASK.name("a")


@pytest.mark.parametrize("pattern", ["{petition}", "petitions/{petition}/{task}", "petitions/tasks"])
def test_a_pattern_alternates_between_collections_and_ids(pattern: str) -> None:
    with pytest.raises(ValueError, match="alternate"):
        ResourceName(pattern)


def test_a_scope_is_a_code_or_a_name_whose_first_id_is_one() -> None:
    assert [
        code_in(value) for value in ("210602", "cells/210602003007021", "cells/210602003007021/appointments/a")
    ] == [
        "210602",
        "210602003007021",
        "210602003007021",
    ]


def test_the_form_of_a_code_tells_what_it_is() -> None:
    forms = (codes.is_district, codes.is_street, codes.is_community, codes.is_cell, codes.is_department)
    samples = ("210602", "210602003", "210602003007", "210602003007021", "210602D07")
    for form, own in zip(forms, samples, strict=True):
        assert [code for code in (*samples, "", "21060", "2106020030070211", "21060x") if form(code)] == [own]


def test_what_is_smaller_than_a_community_lies_in_one() -> None:
    assert codes.community_of("210602003007021") == "210602003007"
    for code in ("210602", "210602003", "210602003007", "210602D07"):
        assert codes.community_of(code) == code


def test_an_etag_that_is_given_must_be_the_current_one() -> None:
    require_fresh("cells/1", "7", "")
    require_fresh("cells/1", "7", "7")
    with pytest.raises(StaleEtag) as stale:
        require_fresh("cells/1", "7", "6")
    assert stale.value.metadata == {"resource": "cells/1", "etag": "7"}
