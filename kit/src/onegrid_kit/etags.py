"""Etags: a change that names one is made only if the resource is unchanged since it was read."""

from __future__ import annotations

from onegrid_kit.errors import StaleEtag

__all__ = ["require_fresh"]


def require_fresh(resource: str, current: str, given: str) -> None:
    """Raise StaleEtag if an etag is given and is not the resource's current one."""
    if given and given != current:
        raise StaleEtag(resource, current)
