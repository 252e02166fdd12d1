"""What members complete here, as statements, in the verbs of ADL (https://registry.tincanapi.com). Members are accounts
of this installation, by the names of their records: never by theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onegrid.partyedu.v1.completions_pb2 import Completion, CompletionKind
from onegrid_kit.timestamps import moment
from onegrid_partyedu.xapi.formats import written
from onegrid_partyedu.xapi.statement import Json

__all__ = ["home_page", "statement_of"]

_VERBS: Final = "http://adlnet.gov/expapi/verbs/"
_TYPES: Final = "http://adlnet.gov/expapi/activities/"
_KINDS: Final[Mapping[CompletionKind, tuple[str, str, str]]] = {
    CompletionKind.COMPLETION_KIND_COURSE: ("completed", "完成", "course"),
    CompletionKind.COMPLETION_KIND_QUIZ: ("passed", "通过", "assessment"),
    CompletionKind.COMPLETION_KIND_MEETING: ("attended", "参加", "meeting"),
    CompletionKind.COMPLETION_KIND_TRAINING: ("completed", "完成", "course"),
}
"""The verb, in Chinese as well, and the type of the activity."""


def home_page(district: str) -> str:
    """What accounts of this installation have as `homePage`: it is the same when the installation's address changes."""
    return f"urn:onegrid:{district}"


def statement_of(completion: Completion, district: str, id_: str) -> Json:
    """That a member completed something."""
    verb, chinese, kind = _KINDS.get(completion.kind, _KINDS[CompletionKind.COMPLETION_KIND_TRAINING])
    result: Json = {"completion": True, "duration": f"PT{completion.minutes}M"}
    if verb == "passed":
        result["success"] = True
    if completion.HasField("percent"):
        result["score"] = {"scaled": completion.percent / 100}
    return {
        "id": id_,
        "actor": {
            "objectType": "Agent",
            "account": {"homePage": home_page(district), "name": completion.member},
        },
        "verb": {"id": _VERBS + verb, "display": {"en": verb, "zh": chinese}},
        "object": {
            "objectType": "Activity",
            "id": f"{home_page(district)}:{completion.subject}",
            "definition": {"type": _TYPES + kind},
        },
        "result": result,
        "timestamp": written(moment(completion.complete_time)),
    }
