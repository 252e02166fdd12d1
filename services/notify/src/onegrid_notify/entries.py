"""Reads the entries of a setting in JSON as dataclasses, whose types say what each field takes."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, Final, get_args, get_origin, get_type_hints

from onegrid_kit.sending import Limit, LimitScope

__all__ = ["Fault", "read", "require"]

_DAY_S: Final = 86_400.0


class Fault(Exception):
    """What is wrong with one field."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field = field
        self.what = what


def require(holds: object, field: str, what: str) -> None:
    """Raise Fault for the field unless it holds."""
    if not holds:
        raise Fault(field, what)


def read(cls: type[Any], value: object, path: str = "") -> Any:
    """An instance of the dataclass. Raises Fault for what is missing, unknown, of another type, or refused by the
    class itself.
    """
    if not isinstance(value, dict):
        raise Fault(path, "takes {…}")
    prefix = f"{path}." if path else ""
    known = {each.name: each for each in fields(cls)}
    for name in value:
        if name not in known:
            raise Fault(f"{prefix}{name}", f"is none of {', '.join(known)}")
    for name, each in known.items():
        if name not in value and each.default is MISSING and each.default_factory is MISSING:
            raise Fault(f"{prefix}{name}", "is missing")
    hints = get_type_hints(cls)
    given = {name: _value(hints[name], each, f"{prefix}{name}") for name, each in value.items()}
    try:
        return cls(**given)
    except Fault as fault:
        raise Fault(f"{prefix}{fault.field}", fault.what) from None


def _value(hint: Any, value: object, path: str) -> Any:
    """The value as a field of this type has it."""
    origin = get_origin(hint)
    if origin is types.UnionType:  # `X | None`, of which None is for what is not given
        return _value(get_args(hint)[0], value, path)
    if origin is Sequence:
        if not isinstance(value, list):
            raise Fault(path, "takes […]")
        (of,) = get_args(hint)
        return tuple(_value(of, each, f"{path}[{index}]") for index, each in enumerate(value))
    if origin is Mapping:
        if not isinstance(value, dict):
            raise Fault(path, "takes {…}")
        _, of = get_args(hint)
        return {key: _value(of, each, f"{path}.{key}") for key, each in value.items()}
    if hint is Limit:
        return _limit(value, path)
    if is_dataclass(hint):
        return read(hint, value, path)  # type: ignore[arg-type]
    return _plain(hint, value, path)


def _plain(hint: Any, value: object, path: str) -> Any:
    match value:
        case bool() if hint is bool:
            return value
        case bool():
            pass
        case str() if hint is str:
            return value
        case int() if hint in (int, float):
            return hint(value)
        case float() if hint is float:
            return value
    raise Fault(
        path, {bool: "takes true or false", str: "takes text", int: "takes a whole number"}.get(hint, "takes a number")
    )


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """A limit as it is written."""

    count: int
    per_s: float
    scope: str = LimitScope.PROVIDER.value
    templates: Sequence[str] = ()

    def __post_init__(self) -> None:
        require(self.count >= 1, "count", "takes 1 or more")
        require(1 <= self.per_s <= _DAY_S, "per_s", "takes 1 to 86400")
        require(self.scope in set(LimitScope), "scope", f"takes {', '.join(LimitScope)}")


def _limit(value: object, path: str) -> Limit:
    written: _Limit = read(_Limit, value, path)
    return Limit(written.count, written.per_s, LimitScope(written.scope), frozenset(written.templates))
