"""The states of a resource, and the actions that lead from one to another, as data.

A service writes the rules; commands ask them, tests walk through them, and the diagram in the documentation is drawn
from them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from google.rpc import code_pb2

from onegrid_kit.errors import DomainError

__all__ = ["Lifecycle", "Rule", "WrongState", "short_name", "stays"]

S = TypeVar("S", bound=int)
A = TypeVar("A", bound=int)
R = TypeVar("R", bound=int)


class WrongState(DomainError):
    """The action can't be taken in this state. A service's own subclass has the reason, and a detail with the enums."""

    code = code_pb2.FAILED_PRECONDITION

    def __init__(self, state: str, allowed: Sequence[str], detail: Message) -> None:
        super().__init__(
            f"can't be done in state {state}",
            metadata={"state": state, "allowed_actions": ",".join(allowed)},
            details=[detail],
        )


@dataclass(frozen=True)
class Rule(Generic[S, A, R]):
    """One action, who takes it, and where it leads from each state that admits it."""

    action: A
    by: Collection[R]
    leads: Mapping[S, S]


def stays(*states: S) -> Mapping[S, S]:
    """For an action that leaves the state as it is."""
    return {state: state for state in states}


class Lifecycle(Generic[S, A, R]):
    """What may be done in which state, by whom, and where it leads; the enums are those of the contract."""

    def __init__(
        self,
        states: EnumTypeWrapper,
        actions: EnumTypeWrapper,
        actors: EnumTypeWrapper,
        rules: Sequence[Rule[S, A, R]],
        wrong_state: Callable[[S, Sequence[A]], WrongState],
    ) -> None:
        """`wrong_state` makes the error from the state and what can be done in it. Raises ValueError when two rules
        say different things.
        """
        self._enums = (states, actions, actors)
        self._rules = tuple(rules)
        self._wrong_state = wrong_state
        self._leads: dict[tuple[A, R, S], S] = {}
        for rule in rules:
            for actor in rule.by:
                for before, after in rule.leads.items():
                    if self._leads.setdefault((rule.action, actor, before), after) != after:
                        raise ValueError(f"two rules for {short_name(actions, rule.action)}")
        self.open: frozenset[S] = frozenset(before for _, _, before in self._leads)
        """The states in which something can be done."""
        self.ended: frozenset[S] = frozenset(self._leads.values()) - self.open
        """The states that nothing leads out of."""

    def actors_of(self, action: A) -> frozenset[R]:
        """Those who may ever take the action."""
        return frozenset(actor for a, actor, _ in self._leads if a == action)

    def allowed(self, state: S) -> tuple[A, ...]:
        """The actions possible in this state, by any actor."""
        return tuple(sorted({action for action, _, before in self._leads if before == state}))

    def after(self, state: S, action: A, actor: R) -> S | None:
        """Where the action leads; None if it can't be taken."""
        return self._leads.get((action, actor, state))

    def advance(self, state: S, action: A, actor: R) -> S:
        """Where the action leads. Raises WrongState, with what can be done instead."""
        after = self.after(state, action, actor)
        if after is None:
            raise self._wrong_state(state, self.allowed(state))
        return after

    def diagram(self, first: S, by: A) -> Iterator[str]:
        """The lines of a Mermaid state diagram, which begins with this action and state."""
        states, actions, _ = self._enums
        yield "stateDiagram-v2"
        yield f"  [*] --> {short_name(states, first)}: {short_name(actions, by)}"
        arrows: dict[tuple[S, S], dict[str, None]] = {}
        for rule in self._rules:
            for before, after in rule.leads.items():
                if before != after:
                    arrows.setdefault((before, after), {})[short_name(actions, rule.action)] = None
        for (before, after), labels in arrows.items():
            yield f"  {short_name(states, before)} --> {short_name(states, after)}: {', '.join(labels)}"
        for state in sorted(self.ended):
            yield f"  {short_name(states, state)} --> [*]"

    def table(self) -> Iterator[str]:
        """The lines of a Markdown table of the rules."""
        states, actions, actors = self._enums
        yield "| action | by | from | to |"
        yield "| --- | --- | --- | --- |"
        for rule in self._rules:
            by = ", ".join(sorted(short_name(actors, actor) for actor in rule.by))
            for before, after in rule.leads.items():
                to = "stays" if before == after else short_name(states, after)
                yield f"| {short_name(actions, rule.action)} | {by} | {short_name(states, before)} | {to} |"


def short_name(enum: EnumTypeWrapper, value: int) -> str:
    """The value's name without the prefix that the contracts give each value: ``FILED`` of ``STATE_FILED``."""
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.DESCRIPTOR.name).upper() + "_"
    return str(enum.Name(value)).removeprefix(prefix)
