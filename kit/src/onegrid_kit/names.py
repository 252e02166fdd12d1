"""Resource names (AIP-122): each collection's pattern is written down once, and names are built and parsed by it."""

from __future__ import annotations

__all__ = ["ResourceName", "code_in"]


class ResourceName:
    """The names of one kind of resource, by their pattern: ``petitions/{petition}/tasks/{task}``."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._segments = pattern.split("/")
        if not all(segment.startswith("{") == bool(index % 2) for index, segment in enumerate(self._segments)):
            raise ValueError(f"{pattern} does not alternate between collections and ids")
        self._collections = self._segments[::2]
        self._format = "/".join(f"{collection}/%s" for collection in self._collections)

    def name(self, *ids: str | int) -> str:
        """The name of the resource with these ids, those of its parents first."""
        if len(ids) != len(self._collections):
            raise ValueError(f"{len(ids)} ids do not fill {self.pattern}")
        return self._format % ids

    def ids(self, name: str) -> tuple[str, ...]:
        """The ids in the name, those of its parents first. Raises ValueError for a name of another pattern."""
        parts = name.split("/")
        if len(parts) != len(self._segments) or parts[::2] != self._collections or not all(parts):
            raise ValueError(f"{name!r} is not {self.pattern}")
        return tuple(parts[1::2])

    def id(self, name: str) -> str:
        """The id of the resource itself, which is the last one. Raises ValueError for a name of another pattern."""
        return self.ids(name)[-1]


def code_in(value: str) -> str:
    """The first id of a resource name, or the value itself if it is a code and no name."""
    _, slash, behind = value.partition("/")
    return behind.partition("/")[0] if slash else value
