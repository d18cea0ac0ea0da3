"""Which arm a series belongs to, by its labels. Knows no samples."""

from analysis.sources.series import Labels
from engine.core.model import Arm, Metric


def owners_of(metric: Metric, labels: Labels) -> list[Arm]:
    """The arms whose label values a series has: one, if the metric is well told apart."""
    return [arm for arm, wanted in metric.arm_labels.items() if has_labels(labels, wanted)]


def has_labels(labels: Labels, wanted: Labels) -> bool:
    """Whether a series has all these label values; one that it lacks is the empty text, as in PromQL."""
    for label, value in wanted.items():  # noqa: SIM110 (asked for every series; `all` takes three times as long)
        if labels.get(label, "") != value:
            return False
    return True


def shown(labels: Labels) -> str:
    """Label values for people."""
    return ", ".join(f'{label}="{value}"' for label, value in labels.items())
