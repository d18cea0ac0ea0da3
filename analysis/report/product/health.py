"""The health strip: what was checked of the data, and what was found and left out. Pure; judges nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analysis.product.result import Analysis, Fault, FaultKind, SplitFinding
from analysis.product.totals import ALL
from analysis.report.words import e_value
from engine.core.numbers import clock_time, duration, percent
from engine.core.wording import product_faults as wording

ALWAYS = (
    FaultKind.SPLIT,
    FaultKind.CROSSED,
    FaultKind.BIASED_BEFORE,
    FaultKind.MISSING_DAY,
    FaultKind.DUPLICATES,
    FaultKind.OLD,
)
"""Told even where nothing is wrong; the others only where something is."""
_LOOKS = _GRAVE, _NOTED, _UNCHECKED, _FINE = "untrustworthy", "undecided", "no_data", "not_worse"
"""How a check is shown, the gravest first."""
_ORDER = tuple(sorted(FaultKind, key=lambda kind: kind is not FaultKind.UNKNOWN_VARIANT))
"""As they are told: by gravity, but a renamed variant before the split that it spoils."""
MOST_TOLD = 5
"""Faults of one kind that are told one by one."""
_LN10 = 2.302585092994046


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `look` is how it is shown, `mend` what to do where it is not fine."""

    title: str
    icon: str
    word: str
    look: str
    told: tuple[str, ...]
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRow:
    """The split in one part, in words."""

    part: str
    counts: tuple[str, ...]
    evidence: str
    p_value: str
    alarm: bool


def checks(analysis: Analysis) -> tuple[Check, ...]:
    """All checks: what is grave, what is noted, then what is fine, each in the order of gravity."""
    kinds = [kind for kind in _ORDER if kind in ALWAYS or _of(analysis, kind)]
    made = [_check(analysis, kind) for kind in kinds]
    return tuple(sorted(made, key=lambda each: _LOOKS.index(each.look)))


def grave_head(analysis: Analysis) -> str:
    """What is gravely wrong, for the headline: one fault of each kind; empty where nothing is."""
    firsts = {each.kind: each for each in reversed(_grave(analysis))}
    if not firsts:
        return ""
    unit, told = analysis.plan.unit, [firsts[kind] for kind in _ORDER if kind in firsts]
    return wording.first_of(wording.fault_head(each.kind, what=each.what, unit=unit) for each in told)


def grave_told(analysis: Analysis) -> tuple[str, ...]:
    """Every grave fault with its size, at most `MOST_TOLD`."""
    return _told(analysis, _grave(analysis))


def grave_mend(analysis: Analysis) -> str:
    """What to do about the gravest."""
    grave = _grave(analysis)
    return wording.fault_mend(grave[0].kind, unit=analysis.plan.unit) if grave else ""


def split_rows(analysis: Analysis) -> tuple[SplitRow, ...]:
    """The split of all units and of every part that was looked at."""
    return tuple(
        SplitRow(
            part="all" if each.slice == ALL else f"{each.slice.dimension}: {each.slice.value}",
            counts=tuple(_count(each, share.variant) for share in analysis.plan.shares),
            evidence=e_value(each.log_e / _LN10),
            p_value=f"{each.p_value:.3g}",
            alarm=each.alarm,
        )
        for each in analysis.splits
    )


def found(analysis: Analysis) -> tuple[tuple[str, str], ...]:
    """What was counted in the tables and left out of them, with its name."""
    titles = wording.COUNTED_TITLES
    return tuple(pair for name, title in titles.items() for pair in _found(analysis, name, title))


def _found(analysis: Analysis, name: str, title: str) -> Iterator[tuple[str, str]]:
    count = getattr(analysis.counted, name)
    match name:
        case "events_by_name":
            for event, rows in count.items():
                yield wording.named_told(event), wording.number_told(rows, never=True)
        case "unknown" | "valueless":
            yield title, _each(count) or "0"
        case "early_units" | "machines":
            yield title, _each({share.variant: count.get(share.variant, 0) for share in analysis.plan.shares})
        case _:
            yield title, wording.number_told(count)


def _each(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {wording.number_told(count)}" for name, count in counts.items())


def _grave(analysis: Analysis) -> list[Fault]:
    """Grave faults as they are told."""
    return sorted((each for each in analysis.faults if each.grave), key=lambda each: _ORDER.index(each.kind))


def _check(analysis: Analysis, kind: FaultKind) -> Check:
    faults = _of(analysis, kind)
    title, unit = wording.CHECK_TITLES[kind], analysis.plan.unit
    if faults:
        grave = any(each.grave for each in faults)
        icon, word = wording.GRAVE if grave else wording.NOTED
        return Check(
            title=title,
            icon=icon,
            word=word,
            look=_GRAVE if grave else _NOTED,
            told=(*_told(analysis, faults), *(_split_told(analysis) if kind is FaultKind.SPLIT else ())),
            mend=wording.fault_mend(kind, unit=unit),
        )
    if _unknown(analysis, kind):
        icon, word = wording.UNKNOWN
        return Check(
            title=title,
            icon=icon,
            word=word,
            look=_UNCHECKED,
            told=(wording.not_checked_told(declared=_declared(analysis, kind)),),
        )
    icon, word = wording.FINE
    return Check(title=title, icon=icon, word=word, look=_FINE, told=tuple(_fine(analysis, kind)))


def _fine(analysis: Analysis, kind: FaultKind) -> Iterator[str]:
    counted = analysis.counted
    match kind:
        case FaultKind.SPLIT:
            yield from _split_told(analysis)
        case FaultKind.OLD:
            last_s = counted.last_s or analysis.at_s
            yield wording.age_told(duration(analysis.at_s - last_s), clock_time(last_s))
        case _:
            count = {FaultKind.CROSSED: counted.crossed, FaultKind.DUPLICATES: counted.duplicates}
            yield wording.fine_told(kind, unit=analysis.plan.unit, count=count.get(kind, 0))


def _declared(analysis: Analysis, kind: FaultKind) -> bool:
    """Whether the plan asks for what this check would look at."""
    return kind is not FaultKind.BIASED_BEFORE or any(each.before_s for each in analysis.plan.metrics)


def _unknown(analysis: Analysis, kind: FaultKind) -> bool:
    """Whether there was nothing to look at."""
    nothing = not sum(analysis.units.values()) or (kind is FaultKind.OLD and analysis.counted.last_s is None)
    return nothing or not _declared(analysis, kind)


def _split_told(analysis: Analysis) -> tuple[str, ...]:
    """Of all units, and of the parts with an alarm; and who has no part in it any more."""
    shown = [each for each in analysis.splits if each.slice == ALL or each.alarm]
    told = tuple(
        ("" if each.slice == ALL else f"{each.slice.dimension} is {each.slice.value}: ")
        + wording.split_told(each.units, each.planned)
        for each in shown[: MOST_TOLD + 1]
    )
    return (*told, wording.left_told(analysis.left)) if analysis.left else told


def _told(analysis: Analysis, faults: list[Fault]) -> tuple[str, ...]:
    told = tuple(
        wording.fault_told(
            each.kind, what=each.what, count=each.count, share=each.share, unit=analysis.plan.unit
        )
        for each in faults[:MOST_TOLD]
    )
    more = len(faults) - len(told)
    return (*told, f"And {more} more of this kind.") if more > 0 else told


def _of(analysis: Analysis, kind: FaultKind) -> list[Fault]:
    return [each for each in analysis.faults if each.kind is kind]


def _count(split: SplitFinding, variant: str) -> str:
    """Units of a variant and their share; of one that was taken out, that."""
    if variant not in split.units:
        return wording.TAKEN_OUT
    return f"{split.units[variant]:,}{_share(split, variant)}"


def _share(split: SplitFinding, variant: str) -> str:
    whole = sum(split.units.values())
    return f" ({percent(split.units[variant] / whole)})" if whole else ""
