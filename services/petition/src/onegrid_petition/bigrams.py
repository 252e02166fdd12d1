"""Full-text search in any case and width of letters, by bigrams, pairs of neighbouring letters: that suits Chinese,
where words have no spaces.
"""

from __future__ import annotations

import unicodedata

__all__ = ["bigrams", "normalized"]


def normalized(text: str) -> str:
    """The text as it is compared, in Unicode NFKC and without case: `ＡＢＣ１２３` is `abc123`."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def bigrams(text: str) -> frozenset[str]:
    """The pairs of neighbouring letters of the normalized text, white space aside; a single letter is its own."""
    letters = "".join(normalized(text).split())
    return frozenset(letters[i : i + 2] for i in range(len(letters) - 1)) or frozenset(letters)
