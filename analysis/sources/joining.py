"""Many runs' queries as few: which selectors one query can stand for, and what of its answer is whose. Pure.

Selectors of one counter are joined that are alike but for the values of one label, literal or by a simple
pattern, and a selector rides with a wider one of the same counter (errors with totals, parts with the whole).
Each gets exactly the series and samples that it would have got by itself: its own conditions and range are
applied again, to the millisecond. What cannot be decided here as the server decides it is left alone.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from typing import Any

from analysis.sources.conditions import as_pattern, holds, is_decidable, literals
from analysis.sources.queries import Query
from analysis.sources.series import Labels, Series, Shape, parse_matrix
from engine.core.model import Matcher, Selector

MOST_CHARACTERS = 12_000
"""Of the values in one joined condition."""
MOST_STRETCH = 3
"""A joined query reaches over so many times the shortest of its members' ranges at most."""

_KNOWN = 1 << 14
_MOST_RIDING = 2
_OWN = frozenset({"le", "__name__"})
"""Labels that series do not have any more once they are read."""

Conditions = frozenset[Matcher]
Frame = tuple[Conditions, str]
"""What selectors have in common, and the label in whose values they differ; no label for one by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One query that stands for several."""

    query: Query
    label: str
    members: tuple[Query, ...]


@dataclass(slots=True)
class _Host:
    """A selector that is asked for, with all queries that its answer holds."""

    conditions: Conditions
    members: list[Query] = field(default_factory=list)


def joined(queries: Iterable[Query], most: int) -> list[Joined]:
    """The queries that stand for these; who is in none of them is asked alone.

    Args:
        queries: of many reads.
        most: selectors in one query.
    """
    alike: dict[tuple[str, int], list[Query]] = defaultdict(list)
    for query in queries:
        if _OWN.isdisjoint(matcher.label for matcher in query.selector.matchers):
            start_ms, end_ms = span_ms(query)
            alike[query.selector.name, (end_ms - start_ms).bit_length()].append(query)
    return [
        one
        for (name, _), found in alike.items()
        for together in _near(found)
        for one in _of_one_counter(name, together, most)
    ]


def span_ms(query: Query) -> tuple[int, int]:
    """From when to when a query's samples are, as a server takes its text: both in whole milliseconds."""
    end_ms = round(float(f"{query.end_s:.3f}") * 1000)
    return end_ms - math.ceil((query.end_s - query.start_s) * 1000), end_ms


def _near(queries: Iterable[Query]) -> Iterator[list[Query]]:
    """Queries in groups that are not far apart in time."""
    group: list[Query] = []
    first_ms = last_ms = shortest_ms = 0
    for query in sorted(queries, key=lambda each: each.end_s):
        start_ms, end_ms = span_ms(query)
        shorter_ms = min(shortest_ms, end_ms - start_ms)
        if group and max(last_ms, end_ms) - min(first_ms, start_ms) > MOST_STRETCH * shorter_ms:
            yield group
            group = []
        if not group:
            first_ms, last_ms, shorter_ms = start_ms, end_ms, end_ms - start_ms
        group.append(query)
        first_ms, last_ms, shortest_ms = min(first_ms, start_ms), max(last_ms, end_ms), shorter_ms
    yield group


def _of_one_counter(name: str, queries: Iterable[Query], most: int) -> Iterator[Joined]:
    hosts = _hosts(queries)
    counted = Counter(frame for host in hosts for frame in _frames(host.conditions))
    frames: dict[Frame, list[_Host]] = defaultdict(list)
    for host in hosts:
        alone: Frame = (host.conditions, "")
        frames[max(_frames(host.conditions), key=lambda each: counted[each], default=alone)].append(host)
    for frame, alike in frames.items():
        for chunk in _chunks(alike, frame, most):
            members = tuple(query for host in chunk for query in host.members)
            if len(members) > 1:
                yield _join(name, frame, chunk, members)


def _hosts(queries: Iterable[Query]) -> list[_Host]:
    """The widest selectors, with those that ride along."""
    found: dict[Conditions, list[Query]] = defaultdict(list)
    for query in queries:
        found[_conditions(query.selector)].append(query)
    hosts: dict[Conditions, _Host] = {}
    for conditions, members in found.items():
        widest = next((wider for wider in _wider(conditions) if wider in found), conditions)
        hosts.setdefault(widest, _Host(widest)).members.extend(members)
    return list(hosts.values())


def _chunks(hosts: Iterable[_Host], frame: Frame, most: int) -> Iterator[list[_Host]]:
    """Hosts in groups whose condition is not too long."""
    chunk: list[_Host] = []
    length = 0
    for host in hosts:
        length += _length(host, frame)
        if chunk and (len(chunk) >= most or length > MOST_CHARACTERS):
            yield chunk
            chunk, length = [], _length(host, frame)
        chunk.append(host)
    yield chunk


def _length(host: _Host, frame: Frame) -> int:
    return sum(len(matcher.value) + 1 for matcher in host.conditions if matcher.label == frame[1])


def _join(name: str, frame: Frame, chunk: Sequence[_Host], members: tuple[Query, ...]) -> Joined:
    common, label = frame
    conditions = chunk[0].conditions
    if len(chunk) > 1:
        named = [matcher for host in chunk for matcher in host.conditions if matcher.label == label]
        pattern = "|".join(sorted({as_pattern(matcher) for matcher in named}))
        conditions = common | {Matcher(label=label, op="=~", value=pattern)}
    spans = [span_ms(each) for each in members]
    start_s, end_s = min(start for start, _ in spans) / 1000, max(end for _, end in spans) / 1000
    selector = Selector(name=name, matchers=tuple(sorted(conditions, key=_by_label)))
    query = Query(selector=selector, shape=members[0].shape, start_s=start_s, end_s=end_s)
    return Joined(query=query, label=label, members=members)


def _by_label(matcher: Matcher) -> tuple[str, str, str]:
    return matcher.label, matcher.op, matcher.value


@lru_cache(_KNOWN)
def _conditions(selector: Selector) -> Conditions:
    return frozenset(selector.matchers)


@lru_cache(_KNOWN)
def _frames(conditions: Conditions) -> tuple[Frame, ...]:
    """Everything that these conditions may have in common with others."""
    labels = [matcher.label for matcher in conditions]
    return tuple(
        (conditions - {matcher}, matcher.label)
        for matcher in sorted(conditions, key=_by_label)
        if labels.count(matcher.label) == 1 and matcher.op in {"=", "=~"} and is_decidable(matcher)
    )


@lru_cache(_KNOWN)
def _wider(conditions: Conditions) -> tuple[Conditions, ...]:
    """Conditions of which these are a part that can be told here, the widest first."""
    droppable = sorted((each for each in conditions if is_decidable(each)), key=_by_label)
    return tuple(
        conditions - set(dropped)
        for count in range(min(_MOST_RIDING, len(droppable)), 0, -1)
        for dropped in combinations(droppable, count)
    )


class Shares:
    """The answer to a joined query, read once per shape and handed out member by member."""

    def __init__(self, one: Joined, matrix: Sequence[Mapping[str, Any]]) -> None:
        self._label = one.label
        self._matrix = matrix
        self._common = frozenset.intersection(*(_conditions(each.selector) for each in one.members))
        self._read: dict[Shape, _Indexed] = {}

    def of(self, query: Query) -> tuple[Series, ...]:
        """What the query would have got by itself.

        Raises:
            Unsure: nobody can say.
            LookupError, TypeError, ValueError: the answer has another form than Prometheus documents.
        """
        found = self._candidates(query)
        own = [each for each in query.selector.matchers if each not in self._common]
        start_ms, end_ms = span_ms(query)
        kept = (series for series in found if all(holds(each, _value(series.labels, each)) for each in own))
        cut = (_between(series, start_ms / 1000, end_ms / 1000) for series in kept)
        return tuple(series for series in cut if series is not None)

    def _candidates(self, query: Query) -> Iterable[Series]:
        """The series that the query's own values of the label choose, in the server's order."""
        every, places = self._indexed(query.shape)
        own = next((each for each in query.selector.matchers if each.label == self._label), None)
        values = None if own is None else literals(own)
        if values is None:
            return every
        return (
            every[place] for place in sorted(place for value in values for place in places.get(value, ()))
        )

    def _indexed(self, shape: Shape) -> "_Indexed":
        if shape not in self._read:
            places: dict[str, list[int]] = defaultdict(list)
            every = parse_matrix(self._matrix, shape=shape)
            for place, series in enumerate(every):
                places[series.labels.get(self._label, "")].append(place)
            self._read[shape] = every, places
        return self._read[shape]


_Indexed = tuple[tuple[Series, ...], Mapping[str, Sequence[int]]]
"""All series, and where in them those with each value of the label are."""


def _value(labels: Labels, matcher: Matcher) -> str:
    return labels.get(matcher.label, "")


def _between(series: Series, start_s: float, end_s: float) -> Series | None:
    """The part of a series in [start_s, end_s], itself where that is all of it, None where there is none."""
    samples = series.samples
    if samples[0].at_s >= start_s and samples[-1].at_s <= end_s:
        return series
    part = tuple(sample for sample in samples if start_s <= sample.at_s <= end_s)
    return Series(key=series.key, labels=series.labels, samples=part) if part else None
