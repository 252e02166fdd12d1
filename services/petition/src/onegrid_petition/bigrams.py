"""Full-text search by bigrams, pairs of neighbouring letters: that suits Chinese, where words
have no spaces.
"""

from __future__ import annotations

__all__ = ["bigrams"]


def bigrams(text: str) -> frozenset[str]:
    """The pairs of neighbouring letters of the text, case and white space aside; a single letter is its own."""
    letters = "".join(text.casefold().split())
    return frozenset(letters[i : i + 2] for i in range(len(letters) - 1)) or frozenset(letters)
