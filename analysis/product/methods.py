"""The three methods behind one interface. Computes nothing itself."""

from typing import Protocol, assert_never

from analysis.product.anytime import Anytime
from analysis.product.fixed import Fixed
from analysis.product.means import Contrast
from analysis.product.quantiles import Counts
from analysis.product.result import Lack
from analysis.product.sequential import GroupSequential, reached
from analysis.product.told import Told
from engine.core.product import Method, ProductPlan


class ProductMethod(Protocol):
    """When one may look, and what one is told then."""

    def told(self, contrast: Contrast) -> Told | None:
        """What the contrast says; None while no look is due."""

    def with_margin(self, told: Told, contrast: Contrast, shifted: Contrast) -> Told:
        """The same with a guardrail's one-sided test; `shifted` is from `margins.shifted`."""

    def quantile(self, control: Counts, treatment: Counts, level: float) -> Told | Lack:
        """What two variants' counts say of a quantile, of which `level` of the units have no more."""


def method_of(plan: ProductPlan, information: float) -> ProductMethod:
    """The plan's method, at this share of the planned units."""
    match plan.method:
        case Method.ANYTIME:
            return Anytime(plan)
        case Method.FIXED:
            return Fixed(plan)
        case Method.GROUP_SEQUENTIAL:
            return GroupSequential(plan, reached(information, plan.looks))
        case _:
            assert_never(plan.method)
