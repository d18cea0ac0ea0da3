"""The three methods behind one interface. Computes nothing itself."""

from typing import Protocol, assert_never

from analysis.product.anytime import Anytime
from analysis.product.fixed import Fixed
from analysis.product.looks import links
from analysis.product.means import Contrast
from analysis.product.quantiles import Counts
from analysis.product.result import Lack
from analysis.product.sequential import GroupSequential, reached
from analysis.product.told import Told
from analysis.product.totals import Counted
from engine.core.product import Method, ProductPlan


class ProductMethod(Protocol):
    """When one may look, and what one is told then."""

    def told(self, contrast: Contrast) -> Told | None:
        """What the contrast says; None while no look is due."""

    def with_margin(self, told: Told, contrast: Contrast, shifted: Contrast) -> Told:
        """The same with a guardrail's one-sided test; `shifted` is from `margins.shifted`."""

    def quantile(self, control: Counts, treatment: Counts, level: float) -> Told | Lack:
        """What two variants' counts say of a quantile, of which `level` of the units have no more."""


def method_of(plan: ProductPlan, counted: Counted, at_s: float, share: float) -> ProductMethod:
    """The plan's method, at a look.

    Args:
        plan: the experiment.
        counted: when its units came.
        at_s: time of the look, Unix seconds.
        share: of the planned time, by then.
    """
    match plan.method:
        case Method.ANYTIME:
            return Anytime(plan)
        case Method.FIXED:
            return Fixed(plan)
        case Method.GROUP_SEQUENTIAL:
            looks = reached(share, plan.looks)
            return GroupSequential(plan, looks, links(plan, looks, counted, at_s))
        case _:
            assert_never(plan.method)
