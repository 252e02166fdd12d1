"""Full-text search in any case and width of letters, by bigrams, pairs of neighbouring letters: that suits Chinese,
where words have no spaces.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime

from onegrid_kit.clock import CHINA

__all__ = ["bigrams", "indexed", "month", "normalized"]


def normalized(text: str) -> str:
    """The text as it is compared, in Unicode NFKC and without case: `ＡＢＣ１２３` is `abc123`."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _letters(text: str) -> str:
    """The normalized text without its white space."""
    return "".join(normalized(text).split())


def bigrams(text: str) -> frozenset[str]:
    """The pairs of neighbouring letters of the normalized text, white space aside; a single letter is its own."""
    found = _letters(text)
    return frozenset(found[i : i + 2] for i in range(len(found) - 1)) or frozenset(found)


def month(district: str, time: datetime) -> str:
    """The month of a filing in a district, as it stands among the words that are indexed: longer than any bigram."""
    return f"{district}-{time.astimezone(CHINA):%Y%m}"


def indexed(text: str, filed_in: str) -> list[str]:
    """What a petition is found by: its month, which comes first, its letters and its bigrams."""
    return [filed_in, *sorted(bigrams(text) | frozenset(_letters(text)))]
