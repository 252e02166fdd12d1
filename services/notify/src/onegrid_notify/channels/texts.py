"""Texts that fit."""

from __future__ import annotations

__all__ = ["shortened"]


def shortened(text: str, most_bytes: int) -> str:
    """The text, or as much of it as fits into so many bytes of UTF-8, with an ellipsis."""
    if len(text.encode()) <= most_bytes:
        return text
    return text.encode()[: most_bytes - 3].decode(errors="ignore").rstrip() + "…"
