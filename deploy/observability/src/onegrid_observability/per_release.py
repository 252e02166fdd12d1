"""Every expression is about one release: its namespace and name stay with all that is selected, grouped and joined.

A Prometheus holds many releases, in one namespace and in several. Alerts, objectives and panels name neither: both are
added here, to each selector and each aggregation, so that nobody can forget them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import promql_parser
from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    LabelModifier,
    LabelModifierType,
    MatchOp,
    StringLiteral,
    VectorSelector,
)

__all__ = ["ANY_BROKER", "ANY_RELEASE", "LABELS", "absentees", "check", "of_release", "per_release", "selectors"]

LABELS: Final = ("namespace", "release")
ANY_RELEASE: Final = 'namespace!="",release!=""'
"""Selects any release. A chart puts its own in its place: so a release judges itself alone, even when it is gone."""
ANY_BROKER: Final = 'namespace=~".+"'
"""Selects any broker. It is of another release, maybe in another namespace, which the chart puts in its place."""
_BROKER: Final = "rabbitmq_"
"""What the names of a broker's metrics begin with."""
_MACHINES: Final = "kubelet_"
"""What the names of metrics begin with that machines have of pods and volumes: of a namespace, and of no release."""


@cache
def per_release(query: str, release: str = ANY_RELEASE, broker: str = ANY_BROKER, *, grouped: bool = True) -> str:
    """The query with matchers in all its selectors and, unless they leave but one release, both labels in its groups.

    Raises ValueError if it can't be read, or takes the labels away by itself.
    """

    def rewrite(node: Any) -> promql_parser.Expr | None:
        match node:
            case VectorSelector():
                return _parsed(_selected(node, _matchers(node, release, broker)))
            case AggregateExpr() if grouped:
                return _parsed(_grouped(node))
            case BinaryExpr() if grouped and (matching := _matching(node)) and _on(matching):
                return _parsed(_joined(node, matching.labels))
        return None

    made = promql_parser.transform(_parsed(query), post_visit=rewrite).prettify().strip()
    if grouped:
        check(made)
    return made


def of_release(rules: str, namespace: str, release: str, broker: str) -> str:
    """The rules as the chart of a release installs them: those of that release alone."""
    own = {'namespace!=""': f'namespace="{namespace}"', 'release!=""': f'release="{release}"'}
    for any_one, this in {**own, ANY_BROKER: f'namespace="{broker}"'}.items():
        rules = rules.replace(any_one, this)
    return rules


def check(query: str) -> None:
    """Raise ValueError for a query that mixes releases, or could not tell which one its answer is about."""
    for node in _nodes(_parsed(query)):
        match node:
            case AggregateExpr() if not (by := node.modifier) or not _stay(by.type == AggModifierType.By, by.labels):
                raise ValueError(f"mixes releases; group by {' and '.join(LABELS)}: {node.prettify()}")
            case BinaryExpr() if (matching := _matching(node)) and not _stay(_on(matching), matching.labels):
                raise ValueError(f"joins releases with one another; join on {' and '.join(LABELS)}: {node.prettify()}")
            case VectorSelector():
                needed = LABELS[:1] if _of_no_release(node) else LABELS
                if not {matcher.name for matcher in node.matchers.matchers} >= set(needed):
                    raise ValueError(f"selects all releases; ask for {' and '.join(needed)}: {node.prettify()}")


def absentees(query: str) -> Sequence[Mapping[str, str]]:
    """The labels that each absent() of the query answers with, and those that label_replace() adds to it."""
    found: list[Mapping[str, str]] = []
    added: Mapping[str, str] = {}
    for node in _nodes(_parsed(query)):
        match node:
            case Call(args=[Call(), StringLiteral(val=label), StringLiteral(val=value), *_]):
                added = {label: value}
            case Call(args=[VectorSelector(matchers=given)]) if node.func.name == "absent":
                equal = {each.name: each.value for each in given.matchers if each.op == MatchOp.Equal}
                found.append({**equal, **added})
                added = {}
    return found


def selectors(query: str) -> Sequence[VectorSelector]:
    """All that the query selects. Raises ValueError if it can't be read."""
    return [node for node in _nodes(_parsed(query)) if isinstance(node, VectorSelector) and node.name]


@cache
def _parsed(query: str) -> promql_parser.Expr:
    return promql_parser.parse(query)


def _nodes(expression: promql_parser.Expr) -> Sequence[Any]:
    found: list[Any] = []
    promql_parser.walk(expression, pre_visit=found.append)
    return found


def _of_no_release(selector: VectorSelector) -> bool:
    return (selector.name or "").startswith((_BROKER, _MACHINES))


def _matchers(selector: VectorSelector, release: str, broker: str) -> str:
    if not _of_no_release(selector):
        return release
    return broker if (selector.name or "").startswith(_BROKER) else release.partition(",")[0]


def _selected(selector: VectorSelector, matchers: str) -> str:
    written, begin = selector.prettify(), f"{selector.name or ''}{{"
    if written.startswith(begin):
        return f"{begin}{matchers},{written.removeprefix(begin)}"
    return f"{begin}{matchers}}}{written.removeprefix(selector.name or '')}"


def _grouped(node: AggregateExpr) -> str:
    modifier = node.modifier
    if modifier is not None and modifier.type == AggModifierType.Without:
        return node.prettify()
    labels = ", ".join(dict.fromkeys((*LABELS, *(modifier.labels if modifier else ()))))
    arguments = ", ".join(each.prettify() for each in (node.param, node.expr) if each is not None)
    return f"{node.op} by ({labels}) ({arguments})"


def _joined(node: BinaryExpr, on: Sequence[str]) -> str:
    """One on the left for many on the right is not written anywhere."""
    labels = ", ".join(dict.fromkeys((*LABELS, *on)))
    taken = node.modifier.group_labels if node.modifier else None
    group = f" group_left ({', '.join(taken)})" if taken is not None else ""
    returned = " bool" if node.modifier and node.modifier.return_bool else ""
    return f"{node.lhs.prettify()} {node.op}{returned} on ({labels}){group} {node.rhs.prettify()}"


def _matching(node: BinaryExpr) -> LabelModifier | None:
    return node.modifier.matching if node.modifier else None


def _on(matching: LabelModifier) -> bool:
    return bool(matching.type == LabelModifierType.Include)


def _stay(listed: bool, labels: Sequence[str]) -> bool:
    """Whether both labels stay, where those listed do, or all but those."""
    return {*LABELS} <= {*labels} if listed else not {*LABELS} & {*labels}
