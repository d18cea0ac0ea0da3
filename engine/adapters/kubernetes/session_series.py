"""The application's counts of sessions, as far as they are about the versions that are compared. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from engine.adapters.kubernetes.options import ClusterOptions
from engine.adapters.kubernetes.traefik_series import escaped
from engine.core.model import Arm, Matcher, Selector
from engine.core.target import SessionSeries


def session_series(
    options: ClusterOptions, arm_labels: Mapping[Arm, Mapping[str, str]]
) -> SessionSeries | None:
    """The counters that the options name, None where they name none.

    Args:
        options: of any target in a cluster.
        arm_labels: what tells the application's own series of the two versions apart.
    """
    if options.sessions is None:
        return None
    ours = tuple(_conditions(arm_labels))
    return SessionSeries(
        total=_narrowed(options.sessions.total, ours), converted=_narrowed(options.sessions.converted, ours)
    )


def _conditions(arm_labels: Mapping[Arm, Mapping[str, str]]) -> Iterator[Matcher]:
    """Label conditions that leave only series of these versions."""
    control, treatment = arm_labels[Arm.CONTROL], arm_labels[Arm.TREATMENT]
    for label, value in control.items():
        values = dict.fromkeys((value, treatment[label]))
        if len(values) == 1:
            yield Matcher(label=label, op="=", value=value)
        else:
            yield Matcher(label=label, op="=~", value="|".join(map(escaped, values)))


def _narrowed(counter: Selector, conditions: tuple[Matcher, ...]) -> Selector:
    return replace(counter, matchers=(*counter.matchers, *conditions))
