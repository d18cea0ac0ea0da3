"""Effects as a Bayesian with a flat prior sees them. Not safe before the end: decides nothing."""

from collections.abc import Iterable
from math import exp, pi, sqrt

from scipy.special import ndtr

from analysis.product.result import Bayes, Effect
from engine.core.product import ProductPlan


def bayes(plan: ProductPlan, effects: Iterable[Effect]) -> tuple[Bayes, ...]:
    """Chance to be better and expected loss of every effect that has a standard error.

    The posterior of the difference is normal around the estimate. The loss is what control would have had
    more per unit, averaged over the posterior, with 0 wherever the variant is better.
    """
    found = (_view(plan, each) for each in effects)
    return tuple(each for each in found if each is not None)


def _view(plan: ProductPlan, effect: Effect) -> Bayes | None:
    if effect.difference is None or not effect.standard_error:
        return None
    gain = effect.difference if plan.metric(effect.metric).higher_is_better else -effect.difference
    z = gain / effect.standard_error
    density = exp(-0.5 * z**2) / sqrt(2.0 * pi)
    return Bayes(
        metric=effect.metric,
        variant=effect.variant,
        chance=float(ndtr(z)),
        loss=max(0.0, effect.standard_error * density - gain * float(ndtr(-z))),
    )
