"""Sentences about what is wrong, or right, with the data of a product experiment. Judges nothing."""

from collections.abc import Iterable, Mapping, Sequence

from engine.core.numbers import percent

FINE = ("✔", "fine")
NOTED = ("▲", "noted")
GRAVE = ("⚠", "grave")
UNKNOWN = ("∅", "not checked")
"""Icon and word of a check; never the colour alone."""
TAKEN_OUT = "taken out"
"""In the place of a number of units."""

CHECK_TITLES: Mapping[str, str] = {
    "split": "Split",
    "unknown_variant": "Variants' names",
    "crossed": "In two variants",
    "biased_before": "Before the exposure",
    "early_uneven": "Events before exposure, by variant",
    "machines_uneven": "Machines, by variant",
    "future": "Clocks",
    "events_ended": "Events that ended",
    "missing_day": "Missing days",
    "valueless": "Events without a number",
    "no_events": "Events that never occur",
    "early_events": "Events before exposure",
    "duplicates": "Duplicate events",
    "repeated": "Repeated exposures",
    "machines": "Machines",
    "before_start": "Exposed before the start",
    "incomplete": "Incomplete rows",
    "old": "Age of the data",
}

COUNTED_TITLES: Mapping[str, str] = {
    "exposures": "Rows of exposures",
    "repeated": "Exposures that repeat an earlier one (the first counts)",
    "before_start": "Units first exposed before the start (left out)",
    "events": "Events of known units",
    "events_by_name": "Events named",
    "valueless": "Events without a usable number, per metric that sums it (count as 0)",
    "duplicates": "Events that came again with the same id (counted once)",
    "early": "Events before the first exposure (left out)",
    "early_units": "Units with such events",
    "incomplete": "Rows without a unit or a time (left out)",
    "future": "Rows with a time after the look",
    "crossed": "Units in two variants (left out)",
    "excluded": "Units left out by declared exclusions",
    "machines": "Units with more events than people have (left out)",
    "unknown": "Units of a variant that nobody declared (left out)",
}
"""What was found in the tables, by the name of its count, in reading order."""

_HEADS: Mapping[str, str] = {
    "split": "{unit}s are not split as planned{where}",
    "unknown_variant": "{unit}s were given the variant {what}, which nobody declared",
    "crossed": "too many {unit}s were seen in two variants",
    "biased_before": "{what} differed between the variants before the exposure",
    "early_uneven": "{unit}s of {what} have events before their exposure more often than others",
    "machines_uneven": "{unit}s of {what} behave like machines more often than others",
    "future": "too many rows have a time in the future",
    "events_ended": "{unit}s are exposed, but no event came on {days}",
    "missing_day": "a day is missing{on}",
    "valueless": "events of {what} hold no number",
    "no_events": "no event is named {what}",
    "early_events": "events come before the exposure",
    "duplicates": "events came twice",
    "repeated": "exposures came twice",
    "machines": "too many {unit}s behave like machines",
    "before_start": "{unit}s were exposed before the start",
    "incomplete": "rows have no unit or no time",
    "old": "the data are old",
}

_TOLD: Mapping[str, str] = {
    "split": "Not split as planned{where}, {units}",
    "unknown_variant": "{units} ({share}) had the variant {what}, which nobody declared; left out",
    "crossed": "{units} ({share}) came up in two variants; left out",
    "biased_before": "{what} differed before the exposure already, so a difference after it proves nothing",
    "future": "{n} rows ({share}) have a time after the data were read",
    "early_uneven": (
        "{units} of {what} ({share} of its {unit}s) had events before their exposure, which is more than"
        " its share of all such {unit}s: its exposures are logged later than the others'"
    ),
    "machines_uneven": (
        "{units} of {what} ({share} of its {unit}s) had more events than people have, which is more than"
        " its share of all such {unit}s: to leave them out changes who is compared"
    ),
    "events_ended": "No event came on {days}, while {unit}s went on being exposed",
    "missing_day": "No data of {days}",
    "valueless": "{n} events of {what} ({share} of its events) hold no usable number; each counts as 0",
    "no_events": "No event is named {what}: metrics of it show nothing, and decide nothing",
    "early_events": "{n} events ({share}) come before the first exposure; they are left out",
    "duplicates": "{n} events ({share}) came again with the same id; each counts once",
    "repeated": "{n} exposures ({share}) repeat an earlier one of the same {unit}; the first counts",
    "machines": "{units} ({share}) had more events than people have; left out",
    "before_start": "{units} ({share}) came before the start; left out",
    "incomplete": "Without a unit or a time: {n} rows ({share}); left out",
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
    "early_uneven": (
        "Usual causes: exposures of one variant logged after it was shown, or in batches. Log those of all"
        " variants at the same place, before anything is shown, then start anew."
    ),
    "machines_uneven": (
        "Usual causes: a loop in one variant that sends events, or a bot that was given one variant. Look at"
        " what these {unit}s do; mend it, then start anew."
    ),
    "events_ended": (
        "Usual causes: tracking that a release has broken, or a load of the events that failed. Mend it, load"
        " the days anew, then look again."
    ),
    "missing_day": "Load the day anew, then look again.",
    "valueless": (
        "Usual causes: another column than the metric names, text in the place of numbers, events sent before"
        " their number is known."
    ),
    "no_events": "Usual causes: a typo in the metric, or events that are not sent.",
    "early_events": "Usual cause: exposures logged late. Log them before the variant is shown.",
    "duplicates": "Usual cause: retries of whatever ships them.",
    "repeated": "Usual cause: an exposure logged at every page view.",
    "machines": "Exclude bots by a column of the exposures.",
    "before_start": (
        "Usual causes: `starts` is later than the flag was really switched on, or an earlier experiment had"
        " the same flag."
    ),
    "incomplete": "Look at what writes the tables: every row needs both.",
    "old": "Check the job that loads the tables.",
}


def fault_head(kind: str, *, what: str, unit: str) -> str:
    """What is wrong, after “Do not trust these results:”."""
    on = f", {_days(what)}" if what else ""
    return _HEADS[kind].format(what=what, unit=unit, where=where(what), on=on, days=_days(what))


def fault_told(kind: str, *, what: str, count: int, share: float, unit: str) -> str:
    """What is wrong with how much of it."""
    text = _TOLD[kind].format(
        n=f"{count:,}",
        units=f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s",
        share=percent(share),
        what=what,
        days=_days(what),
        unit=unit,
        where=where(what),
    )
    return f"{text}."


def fault_mend(kind: str, *, unit: str) -> str:
    """Where such a fault comes from, and what to do about it."""
    return _MEND[kind].format(unit=unit)


def _days(what: str) -> str:
    """Days in a row, and whose they are.

    >>> _days("2026-05-01/2026-05-03"), _days("2026-05-01 b")
    ('2026-05-01 to 2026-05-03', '2026-05-01, of b alone')
    """
    span, _, variant = what.partition(" ")
    days = span.replace("/", " to ") or "some days"
    return f"{days}, of {variant} alone" if variant else days


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


def left_told(names: Sequence[str]) -> str:
    """That treatments were taken out, and what follows.

    >>> left_told(["short"])
    'Taken out of the release before: short. The split is of the others, and nothing is decided by it.'
    """
    which = "it" if len(names) == 1 else "them"
    told = f"Taken out of the release before: {', '.join(names)}."
    return f"{told} The split is of the others, and nothing is decided by {which}."


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


def named_told(name: str) -> str:
    """The title of how many events of a name there are."""
    return f"{COUNTED_TITLES['events_by_name']} {name}"


def number_told(count: int, *, never: bool = False) -> str:
    """A count; `never` where none means that what a metric asks for does not occur."""
    return "0: it never occurs" if never and not count else f"{count:,}"


def first_of(heads: Iterable[str]) -> str:
    """Several faults in one headline: the gravest, and how many more."""
    first, *rest = heads
    if not rest:
        return first
    return f"{first} (and {len(rest)} more fault{'s' if len(rest) > 1 else ''})"
