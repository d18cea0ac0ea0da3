"""Rules over several fields of `product`. Each works on its own, so that all problems show at once."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from engine.core.model import Role
from engine.core.product import Correction, Method
from engine.errors import Problem
from engine.spec.problems import problem, shown
from engine.spec.product import DEFAULT_CONTROL, RECORDED, ColumnsField
from engine.spec.product_parts import default_name
from engine.spec.yaml_text import Path, Source

_PRODUCT: Path = ("spec", "product")
_METRICS: Path = (*_PRODUCT, "metrics")
_DATA: Path = (*_PRODUCT, "data")
_COLUMNS: Path = (*_DATA, "columns")
_OF_EXPOSURES = ("unit", "time", "variant")
_OF_EVENTS = ("unit", "time", "name", "id")
_VALUE = "value"
"""The column of numbers of what the engine recorded itself."""
_MEASURES: tuple[Path, ...] = (("sum",), ("quantile",), ("ratio", "of"), ("ratio", "per"))
"""Where metrics name a column of events."""
_SECRET = re.compile(
    r"password|passwd|\bpass\b|pwd|secret|token|credential|(private|access|api)_?key", re.IGNORECASE
)
"""What names of a URL's parameters have that hold a secret."""
_NO_OBJECTIVE = (Role.GUARDRAIL, Role.QUALITY)
_PLANNED = (Method.FIXED, Method.GROUP_SEQUENTIAL)


def check(source: Source) -> Iterator[Problem]:
    """All problems of the section `product`, if there is one, beside those of single fields."""
    if not isinstance(source.get(_PRODUCT), dict):
        return
    yield from _control_is_a_variant(source)
    yield from _names_differ(source)
    yield from _there_is_an_objective(source)
    yield from _no_password(source)
    yield from _recorded_is_as_it_is(source)
    yield from _columns_differ(source)
    yield from _dimensions_are_columns_of_their_own(source)
    yield from _exclusions_are_of_units(source)
    yield from _values_are_columns_of_their_own(source)
    yield from _method_fits(source)
    yield from _planned_looks_have_their_times(source)
    yield from _ends_after_its_start(source)


def _control_is_a_variant(source: Source) -> Iterator[Problem]:
    variants, path = source.get((*_PRODUCT, "variants")), (*_PRODUCT, "control")
    said = source.get(path)
    control = DEFAULT_CONTROL if said is None else said
    if isinstance(variants, dict) and variants and isinstance(control, str) and control not in variants:
        found = f"{shown(control)}, which is no variant"
        expected = f"control: with one of: {', '.join(variants)}"
        yield problem(source, path, found=found, expected=expected)


def _names_differ(source: Source) -> Iterator[Problem]:
    """No two metrics of one name, said or made."""
    first: dict[str, int] = {}
    for index, metric in enumerate(_metrics(source)):
        name = metric.get("name") or default_name(metric)
        if not isinstance(name, str) or not name:
            continue
        if name in first:
            found = f"{shown(name)}, which is also the name of metrics[{first[name]}]"
            yield problem(source, (*_METRICS, index, "name"), found=found, expected="a name of its own")
        first.setdefault(name, index)


def _there_is_an_objective(source: Source) -> Iterator[Problem]:
    """The first metric is one, unless it says otherwise."""
    if source.get(_METRICS) == []:
        yield problem(source, _METRICS, found="no metric", expected="one that answers the question")
    first, *others = [metric.get("role") for metric in _metrics(source)] or [Role.OBJECTIVE]
    if first in _NO_OBJECTIVE and all(role in (None, *_NO_OBJECTIVE) for role in others):
        expected = "role: objective on the metric that answers the question"
        yield problem(source, _METRICS, found="no objective", expected=expected)


def _no_password(source: Source) -> Iterator[Problem]:
    """The problem does not show the URL, or logs would have what documents must not."""
    short = source.get(_DATA)
    path = _DATA if isinstance(short, str) else (*_DATA, "warehouse")
    url = source.get(path)
    if isinstance(url, str) and _has_secret(url):
        expected = (
            "a URL without it, and the environment variable PGPASSWORD (PostgreSQL) or "
            "RAMPWISE_WAREHOUSE_PASSWORD, because documents are kept and shown"
        )
        yield problem(source, path, found="a URL with a password", expected=expected)


def _has_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "@" in url
    parameters = parse_qsl(parts.query, keep_blank_values=True) + parse_qsl(parts.fragment)
    return bool(parts.password) or any(_SECRET.search(name) and value for name, value in parameters)


def _recorded_is_as_it_is(source: Source) -> Iterator[Problem]:
    """What the engine recorded itself has its own tables, and one column of numbers."""
    said = source.get(_DATA)
    data = {"warehouse": RECORDED} if said in (None, RECORDED) else said
    if not isinstance(data, dict) or data.get("warehouse") != RECORDED:
        return
    expected = f"no {{}}, because what is {RECORDED} has names of its own; or a warehouse beside it"
    for field in ("exposures", "events"):
        if data.get(field, field) != field:
            path: Path = (*_DATA, field)
            yield problem(source, path, found=shown(data[field]), expected=expected.format(field))
    if any(ours != theirs for ours, theirs in _columns(source).items()):
        yield problem(source, _COLUMNS, found=shown(data["columns"]), expected=expected.format("columns"))
    for index in range(len(_metrics(source))):
        for place in _MEASURES:
            path = (*_METRICS, index, *place, "value")
            value = source.get(path)
            if isinstance(value, str) and value != _VALUE:
                expected = f"{_VALUE}, the only number of a {RECORDED} event; or data: with your own tables"
                yield problem(source, path, found=shown(value), expected=expected)


def _columns_differ(source: Source) -> Iterator[Problem]:
    """A column of a table is one thing."""
    columns = _columns(source)
    for table, needed in (("exposures", _OF_EXPOSURES), ("events", _OF_EVENTS)):
        first: dict[str, str] = {}
        for ours in needed:
            theirs = columns[ours]
            if theirs in first:
                found = f"{shown(theirs)}, which is also the column {first[theirs]} of {table}"
                yield problem(source, (*_COLUMNS, ours), found=found, expected="a column of its own")
            first.setdefault(theirs, ours)


def _dimensions_are_columns_of_their_own(source: Source) -> Iterator[Problem]:
    """Neither what tells units and variants apart nor one another."""
    columns = _columns(source)
    taken = {columns[ours]: f"the column {ours} of exposures" for ours in _OF_EXPOSURES}
    dimensions = source.get((*_PRODUCT, "dimensions"))
    for index, dimension in enumerate(dimensions if isinstance(dimensions, list) else ()):
        path: Path = (*_PRODUCT, "dimensions", index)
        column = dimension.get("column") if isinstance(dimension, dict) else dimension
        if not isinstance(column, str):
            continue
        if column in taken:
            found = f"{shown(column)}, which is also {taken[column]}"
            expected = "another column of exposures, such as country"
            yield problem(source, path, found=found, expected=expected)
        taken.setdefault(column, f"dimensions[{index}]")


def _exclusions_are_of_units(source: Source) -> Iterator[Problem]:
    """A variant or a time that is left out would be no experiment any more."""
    columns, exclude = _columns(source), source.get((*_PRODUCT, "exclude"))
    for ours in ("variant", "time"):
        if isinstance(exclude, dict) and columns[ours] in exclude:
            path: Path = (*_PRODUCT, "exclude", columns[ours])
            found = f"the column {ours} of exposures"
            yield problem(source, path, found=found, expected="a column that tells bots or testers")


def _values_are_columns_of_their_own(source: Source) -> Iterator[Problem]:
    """What is summed is neither a time nor a name."""
    columns = _columns(source)
    taken = {columns[ours]: ours for ours in _OF_EVENTS}
    for index in range(len(_metrics(source))):
        for place in _MEASURES:
            path: Path = (*_METRICS, index, *place, "value")
            value = source.get(path)
            if isinstance(value, str) and value in taken:
                found = f"{shown(value)}, which is also the column {taken[value]} of events"
                yield problem(source, path, found=found, expected="a column of numbers, such as amount")


def _method_fits(source: Source) -> Iterator[Problem]:
    method = source.get((*_PRODUCT, "method")) or Method.ANYTIME
    if source.get((*_PRODUCT, "correction")) == Correction.E_BH and method in _PLANNED:
        expected = f"holm, or method: {Method.ANYTIME}, whose evidence it needs"
        yield problem(source, (*_PRODUCT, "correction"), found=f"e_bh with {method}", expected=expected)
    if method in (Method.ANYTIME, Method.FIXED):
        for field in ("looks", "spending"):
            if source.get((*_PRODUCT, field)) is not None:
                expected = f"no {field}, or method: {Method.GROUP_SEQUENTIAL}"
                found = f"{shown(source.get((*_PRODUCT, field)))} with {method}"
                yield problem(source, (*_PRODUCT, field), found=found, expected=expected)


def _planned_looks_have_their_times(source: Source) -> Iterator[Problem]:
    """A look is planned when its time is known, and the last one when numbers no longer change by then."""
    method = source.get((*_PRODUCT, "method"))
    if method not in _PLANNED:
        return
    if method == Method.GROUP_SEQUENTIAL and source.get((*_PRODUCT, "starts")) is None:
        expected = f"starts: with the time of the first exposure, from which {method} knows when to look"
        yield problem(source, (*_PRODUCT, "starts"), found="nothing", expected=expected)
    if source.get((*_PRODUCT, "ends")) is None:
        expected = f"ends: with the planned end, from which {method} knows when to look"
        yield problem(source, (*_PRODUCT, "ends"), found="nothing", expected=expected)
    for index, metric in enumerate(_metrics(source)):
        if _decides(metric, index) and _is_open(metric):
            expected = (
                f"within: with how long a unit's events count, such as 7d, because {method} is read once, "
                f"when no number changes any more; or role: {Role.QUALITY}, or method: {Method.ANYTIME}"
            )
            yield problem(source, (*_METRICS, index, "within"), found="nothing", expected=expected)


def _decides(metric: dict[str, Any], index: int) -> bool:
    """By its role, said or not."""
    role = metric.get("role") or (Role.QUALITY if index else Role.OBJECTIVE)
    return role in (Role.OBJECTIVE, Role.GUARDRAIL)


def _is_open(metric: dict[str, Any]) -> bool:
    """Whether its events count for as long as there are any; of a retention its own field says so."""
    return bool(metric) and "retention" not in metric and metric.get("within") is None


def _ends_after_its_start(source: Source) -> Iterator[Problem]:
    path = (*_PRODUCT, "ends")
    starts, ends = source.get((*_PRODUCT, "starts")), source.get(path)
    try:
        in_order = datetime.fromisoformat(starts) < datetime.fromisoformat(ends)
    except (TypeError, ValueError):
        return  # one is not said, or wrong, or has no offset: its own field says so
    if not in_order:
        yield problem(source, path, found=shown(ends), expected=f"a time after starts, {starts}")


def _columns(source: Source) -> dict[str, str]:
    """Theirs by ours; ours where nothing is said, or nothing right."""
    said = {ours: source.get((*_COLUMNS, ours)) for ours in ColumnsField.model_fields}
    return {ours: theirs if isinstance(theirs, str) else ours for ours, theirs in said.items()}


def _metrics(source: Source) -> list[dict[str, Any]]:
    """The metrics, an empty one for what is no mapping."""
    metrics = source.get(_METRICS)
    return [each if isinstance(each, dict) else {} for each in metrics] if isinstance(metrics, list) else []
