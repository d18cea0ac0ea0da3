"""How much of the rollback evidence each metric of a document has, where it does not say so itself."""

from engine.spec.metric_parts import Direction
from engine.spec.metrics import AnyMetric
from engine.spec.presets import HttpErrors
from engine.spec.quantities import Count
from engine.spec.shares import Proportion, Threshold


def with_weights(metrics: tuple[AnyMetric, ...]) -> tuple[AnyMetric, ...]:
    """The metrics with the weights of those that decide filled in, adding up to 1.

    Half on errors (bad trials, bad events, threshold) and half on the others, equal within; declared weights
    replace these defaults before all are scaled.
    """
    deciding = [metric for metric in metrics if metric.decides]
    errors = sum(map(_counts_errors, deciding))
    classes = (len(deciding) - errors, errors)
    share = 0.5 if all(classes) else 1.0
    raw = {metric.name: metric.weight or share / classes[_counts_errors(metric)] for metric in deciding}
    total = sum(raw.values())
    # Filled-in weights add up to 1 but for rounding; scaling them again would change their last digits.
    scale = 1.0 if abs(total - 1) < 1e-9 else total
    return tuple(
        metric.model_copy(update={"weight": raw[metric.name] / scale}) if metric.decides else metric
        for metric in metrics
    )


def _counts_errors(metric: AnyMetric) -> bool:
    match metric:
        case HttpErrors() | Threshold():
            return True
        case Proportion():
            return metric.bad is not None
        case Count():
            return metric.direction is Direction.LOWER
        case _:
            return False
