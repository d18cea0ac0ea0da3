"""What conditions on labels mean, as far as it can be told without the server. Pure; reads no samples."""

import re
from functools import lru_cache

from analysis.sources.promql import any_of
from engine.core.model import Matcher

_KNOWN = 1 << 14
_PUNCTUATION = r"\\[ !-/:-@\[-`{-~]"
_PLAIN = r"[^\\.+*?()|\[\]{}^$]"
_CLASS = r"\[(?:[0-9A-Za-z](?:-[0-9A-Za-z])?)+\]"
_ATOM = rf"(?:\.|{_CLASS}|{_PUNCTUATION}|{_PLAIN})[*+?]?"
_LITERAL = re.compile(rf"(?:{_PLAIN}|{_PUNCTUATION})*")
_SIMPLE = re.compile(rf"(?:{_ATOM}|\||\((?:\?:)?(?:{_ATOM}|\|)*\))*")
"""What Python and RE2 understand alike, and what cannot take long: nothing is repeated twice."""
_MOST_SIMPLE, _MOST_REPEATS = 300, 4


class Unsure(Exception):  # noqa: N818 (names the state; never leaves the sources)
    """Nobody here can say whether a condition holds for a series."""


def as_pattern(matcher: Matcher) -> str:
    """The condition as a part of a pattern."""
    values = literals(matcher)
    return f"(?:{matcher.value})" if values is None else any_of(matcher.label, values).value


@lru_cache(_KNOWN)
def literals(matcher: Matcher) -> frozenset[str] | None:
    r"""The only values for which a condition holds, None where that cannot be said.

    >>> sorted(literals(Matcher(label="pod", op="=~", value=r"a\.b|c")) or ())
    ['a.b', 'c']
    """
    if matcher.op == "=":
        return frozenset({matcher.value})
    pieces = re.split(r"(?<!\\)\|", matcher.value)
    if matcher.op != "=~" or not all(_LITERAL.fullmatch(piece) for piece in pieces):
        return None
    return frozenset(re.sub(r"\\(.)", r"\1", piece, flags=re.DOTALL) for piece in pieces)


def is_decidable(matcher: Matcher) -> bool:
    """Whether it can be told here for which values a condition holds."""
    if matcher.op in {"=", "!="} or literals(matcher) is not None:
        return True
    repeats = sum(map(matcher.value.count, "*+?"))
    if len(matcher.value) > _MOST_SIMPLE or repeats > _MOST_REPEATS or not _SIMPLE.fullmatch(matcher.value):
        return False
    try:
        _pattern(matcher.value)
    except re.error:
        return False
    return True


@lru_cache(_KNOWN)
def _pattern(text: str) -> "re.Pattern[str]":
    return re.compile(text, re.ASCII)


def holds(matcher: Matcher, value: str) -> bool:
    """Whether a decidable condition holds for a value; empty stands for a label that is not there.

    Raises:
        Unsure: nobody can say.
    """
    if matcher.op in {"=", "!="}:
        return (value == matcher.value) is (matcher.op == "=")
    values = literals(matcher)
    if values is not None:
        return value in values
    if "\n" in value:
        raise Unsure
    return (_pattern(matcher.value).fullmatch(value) is not None) is (matcher.op == "=~")
