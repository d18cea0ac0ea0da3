"""Selectors as the queries a source sends: ranges of raw samples, never functions. Asks nobody."""

import math
import re

from engine.core.model import Matcher, Selector
from engine.fields import format_selector


def range_text(selector: Selector, range_s: float) -> str:
    """All raw samples of the selector over the last `range_s` seconds, rounded up to whole milliseconds.

    >>> range_text(Selector(name="hits"), 315), range_text(Selector(name="hits"), 0.5)
    ('hits[315s]', 'hits[500ms]')
    """
    range_ms = math.ceil(range_s * 1000)
    length = f"{range_ms}ms" if range_ms % 1000 else f"{range_ms // 1000}s"
    return f"{format_selector(selector)}[{length}]"


def any_of(label: str, values: frozenset[str]) -> Matcher:
    r"""A condition that holds for exactly these values of a label.

    >>> any_of("instance", frozenset({"a:1", "b.c"})).value
    'a:1|b\\.c'
    """
    return Matcher(label=label, op="=~", value="|".join(re.escape(value) for value in sorted(values)))
