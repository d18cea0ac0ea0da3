"""Sentences about what is wrong, or right, with the data of a product experiment. Judges nothing."""

from collections.abc import Iterable, Mapping

from engine.core.numbers import percent

FINE = ("✔", "fine")
NOTED = ("▲", "noted")
GRAVE = ("⚠", "grave")
UNKNOWN = ("∅", "not checked")
"""Icon and word of a check; never the colour alone."""

CHECK_TITLES: Mapping[str, str] = {
    "split": "Split",
    "unknown_variant": "Variants' names",
    "crossed": "In two variants",
    "biased_before": "Before the exposure",
    "future": "Clocks",
    "missing_day": "Missing days",
    "early_events": "Events before exposure",
    "duplicates": "Duplicate events",
    "repeated": "Repeated exposures",
    "machines": "Machines",
    "old": "Age of the data",
}

_HEADS: Mapping[str, str] = {
    "split": "{unit}s are not split as planned{where}",
    "unknown_variant": "{unit}s were given the variant {what}, which nobody declared",
    "crossed": "too many {unit}s were seen in two variants",
    "biased_before": "{what} differed between the variants before the exposure",
    "future": "too many rows have a time in the future",
    "missing_day": "a day is missing{on}",
    "early_events": "events come before the exposure",
    "duplicates": "events came twice",
    "repeated": "exposures came twice",
    "machines": "too many {unit}s behave like machines",
    "old": "the data are old",
}

_TOLD: Mapping[str, str] = {
    "split": "Not split as planned{where}, {n} {unit}s",
    "unknown_variant": "{n} {unit}s ({share}) have the variant {what}, which nobody declared: left out",
    "crossed": "{n} {unit}s ({share}) were seen in two variants; they are left out",
    "biased_before": "{what} differed before the exposure already, so a difference after it proves nothing",
    "future": "{n} rows ({share}) have a time after the data were read",
    "missing_day": "No data of {what}",
    "early_events": "{n} events ({share}) come before the first exposure; they are left out",
    "duplicates": "{n} events ({share}) came again with the same id; each counts once",
    "repeated": "{n} exposures ({share}) repeat an earlier one of the same {unit}; the first counts",
    "machines": "{n} {unit}s ({share}) have more events than people have; they are left out",
    "old": "The data are older than they should be",
}

_MEND: Mapping[str, str] = {
    "split": (
        "Usual causes: exposures logged only after something that the variant changes, a variant that fails"
        " to load, redirects, bots. Mend the cause, then start anew with a new hash."
    ),
    "unknown_variant": "Usual cause: a variant renamed while running. Undo it, or start anew.",
    "crossed": "Usual causes: shared devices, ids that change at login, shares changed while running.",
    "biased_before": "Usual causes: an earlier experiment on the same {unit}s, or no random assignment.",
    "future": "Some clock is wrong, or times are in another zone. Mend it, and load the data anew.",
    "missing_day": "Load the day anew, then look again.",
    "early_events": "Usual cause: exposures logged late. Log them before the variant is shown.",
    "duplicates": "Usual cause: retries of whatever ships them.",
    "repeated": "Usual cause: an exposure logged at every page view.",
    "machines": "Exclude bots by a column of the exposures.",
    "old": "Check the job that loads the tables.",
}


def fault_head(kind: str, *, what: str, unit: str) -> str:
    """What is wrong, after “Do not trust these results:”."""
    on = f", {_days(what)}" if what else ""
    return _HEADS[kind].format(what=what, unit=unit, where=where(what), on=on)


def fault_told(kind: str, *, what: str, count: int, share: float, unit: str) -> str:
    """What is wrong with how much of it."""
    named = _days(what) or "some days"
    text = _TOLD[kind].format(
        n=f"{count:,}",
        share=percent(share),
        what=named if kind == "missing_day" else what,
        unit=unit,
        where=where(what),
    )
    return f"{text}."


def fault_mend(kind: str, *, unit: str) -> str:
    """Where such a fault comes from, and what to do about it."""
    return _MEND[kind].format(unit=unit)


def _days(what: str) -> str:
    """Days in a row, and whose they are: `2026-05-01/2026-05-03 b`."""
    return what.replace("/", " to ", 1)


def where(part: str) -> str:
    """In which part, from `column=value`; nothing of all.

    >>> where("browser=safari"), where("")
    (' where browser is safari', '')
    """
    column, _, named = part.partition("=")
    return f" where {column} is {named}" if part else ""


def split_told(units: Mapping[str, int], planned: Mapping[str, float]) -> str:
    """How many of each variant there are, and how many should be."""
    whole = sum(units.values())
    seen = (
        ", ".join(f"{name} {percent(count / whole)}" for name, count in units.items()) if whole else "nobody"
    )
    plan = ", ".join(f"{name} {percent(share)}" for name, share in planned.items())
    return f"Planned {plan}; seen {seen}, of {whole:,}."


def fine_told(kind: str, *, unit: str, count: int) -> str:
    """That nothing is wrong, with what was counted all the same."""
    some = {
        "crossed": f"{count:,} of the {unit}s were seen in two variants, too few to matter.",
        "duplicates": f"{count:,} of the events came again, too few to matter.",
    }
    if count and kind in some:
        return some[kind]
    return {
        "crossed": f"No {unit} was seen in two variants.",
        "duplicates": "No event came twice.",
        "missing_day": "No day is missing.",
        "biased_before": "The variants were alike before the exposure.",
    }[kind]


def not_checked_told(*, declared: bool) -> str:
    """Why there is nothing to say: nothing was counted, or what would be looked at is not declared."""
    return "Nothing counted yet." if declared else "No metric declares a time before the exposure."


def age_told(age: str, last: str) -> str:
    """How old the newest row is."""
    return f"The newest row is of {last}, {age} before this look."


def first_of(heads: Iterable[str]) -> str:
    """Several faults in one headline: the gravest, and how many more."""
    first, *rest = heads
    if not rest:
        return first
    return f"{first} (and {len(rest)} more fault{'s' if len(rest) > 1 else ''})"
