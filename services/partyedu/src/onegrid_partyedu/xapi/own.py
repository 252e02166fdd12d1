"""What members do here, as statements, in the verbs of ADL (https://registry.tincanapi.com). Members are accounts of
this installation, by the names of their records: never by theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from onegrid.partyedu.v1.attempts_pb2 import Attempt, AttemptState
from onegrid.partyedu.v1.completions_pb2 import Completion, CompletionKind
from onegrid.partyedu.v1.events_pb2 import AttemptScored
from onegrid_kit.timestamps import moment
from onegrid_partyedu.xapi.formats import written
from onegrid_partyedu.xapi.statement import VOIDED, Json

__all__ = ["home_page", "statement_of_completion", "statement_of_start", "statements_of_score"]

_VERBS: Final = "http://adlnet.gov/expapi/verbs/"
_TYPES: Final = "http://adlnet.gov/expapi/activities/"
_EXTENSIONS: Final = "urn:onegrid:extensions:"
_CHINESE: Final[Mapping[str, str]] = {
    "attended": "参加",
    "completed": "完成",
    "failed": "未通过",
    "initialized": "开始",
    "passed": "通过",
}
_KINDS: Final[Mapping[CompletionKind, tuple[str, str]]] = {
    CompletionKind.COMPLETION_KIND_COURSE: ("completed", "course"),
    CompletionKind.COMPLETION_KIND_QUIZ: ("completed", "assessment"),
    CompletionKind.COMPLETION_KIND_MEETING: ("attended", "meeting"),
    CompletionKind.COMPLETION_KIND_TRAINING: ("completed", "course"),
}
"""The verb and the type of the activity."""


def home_page(district: str) -> str:
    """What accounts of this installation have as `homePage`: it is the same when the installation's address changes."""
    return f"urn:onegrid:{district}"


def statement_of_completion(completion: Completion, district: str, id_: str) -> Json:
    """That a member completed something."""
    verb, kind = _KINDS.get(completion.kind, _KINDS[CompletionKind.COMPLETION_KIND_TRAINING])
    result: Json = {"completion": True, "duration": f"PT{completion.minutes}M"}
    if completion.HasField("percent"):
        result["score"] = {"scaled": completion.percent / 100}
    return {
        "id": id_,
        "actor": _member(completion.member, district),
        "verb": _verb(verb),
        "object": _activity(completion.subject, kind, district),
        "result": result,
        "timestamp": written(moment(completion.complete_time)),
    }


def statement_of_start(attempt: Attempt, district: str) -> Json:
    """That a member began an attempt."""
    return {
        "id": _id(attempt, district, "started"),
        "actor": _member(attempt.member, district),
        "verb": _verb("initialized"),
        "object": _activity(attempt.quiz, "assessment", district),
        "context": _context(attempt, district),
        "timestamp": written(moment(attempt.begin_time)),
    }


def statements_of_score(scored: AttemptScored, district: str, authority: Json) -> list[Json]:
    """What an attempt reached; and that what was said of it before does not hold any more, if a regrading gave it
    another score. Statements do not change: the one before is voided (Data, 2.3.2).
    """
    attempt, score = scored.attempt, scored.attempt.score
    begin, end = moment(attempt.begin_time), moment(attempt.end_time)
    points = {
        "scaled": score.points_hundredths / score.most_hundredths,
        "raw": score.points_hundredths / 100,
        "min": 0,
        "max": score.most_hundredths / 100,
    }
    context = _context(attempt, district)
    context["extensions"][f"{_EXTENSIONS}expired"] = attempt.state == AttemptState.ATTEMPT_STATE_EXPIRED
    said = {
        "id": _id(attempt, district, f"scored {scored.version}"),
        "actor": _member(attempt.member, district),
        "verb": _verb("passed" if score.passed else "failed"),
        "object": _activity(attempt.quiz, "assessment", district),
        "result": {
            "score": points,
            "success": score.passed,
            "completion": True,
            "duration": f"PT{(end - begin).total_seconds():.2f}S",
        },
        "context": context,
        "timestamp": written(end),
    }
    if not scored.regrading:
        return [said]
    before = {"objectType": "StatementRef", "id": _id(attempt, district, f"scored {scored.replaced_version}")}
    context["extensions"][f"{_EXTENSIONS}regrading"] = scored.regrading
    context["statement"] = before
    voiding = {
        "id": _id(attempt, district, f"voided {scored.replaced_version}"),
        "actor": authority,
        "verb": {"id": VOIDED, "display": {"en": "voided", "zh": "作废"}},
        "object": before,
    }
    return [voiding, said]


def _id(attempt: Attempt, district: str, what: str) -> str:
    """The same for the same fact, however often it is announced."""
    return str(uuid5(NAMESPACE_URL, f"{home_page(district)}:{attempt.name}/{what}"))


def _member(name: str, district: str) -> Json:
    return {"objectType": "Agent", "account": {"homePage": home_page(district), "name": name}}


def _verb(name: str) -> Json:
    return {"id": _VERBS + name, "display": {"en": name, "zh": _CHINESE[name]}}


def _activity(name: str, kind: str, district: str) -> Json:
    return {"objectType": "Activity", "id": f"{home_page(district)}:{name}", "definition": {"type": _TYPES + kind}}


def _context(attempt: Attempt, district: str) -> Json:
    """What all statements of one attempt have in common: they are found by its registration."""
    return {
        "registration": _id(attempt, district, "registration"),
        "extensions": {f"{_EXTENSIONS}attempt": attempt.name, f"{_EXTENSIONS}number": attempt.number},
    }
