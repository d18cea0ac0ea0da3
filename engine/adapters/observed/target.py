"""`ObservedTarget`: says which series belong to which version, and refuses to move anything.

It asks nobody: a version is taken as able to serve, and its absence shows as missing series.
"""

from typing import ClassVar

from engine.adapters.observed.options import ObservedOptions
from engine.core.model import Arm
from engine.core.target import Health, TargetFacts, TargetGone, TargetState, Weights

_EVEN_PCT = 50
_SERVES = Health(ready=True, ready_since_s=None)


class ObservedTarget:
    """Two versions among which somebody else divides traffic, in whatever shares and however often."""

    Options: ClassVar[type[ObservedOptions]] = ObservedOptions
    observes_only: ClassVar[bool] = True
    """Only `mode: observe` fits; see `engine.spec.checks`."""

    def __init__(self, options: ObservedOptions) -> None:
        self._options = options

    def facts(self) -> TargetFacts:
        """Names and labels, as they were told."""
        options = self._options
        control, treatment = options.names
        return TargetFacts(
            key=f"observed/{options.key or f'{control}..{treatment}'}",
            control=control,
            treatment=treatment,
            arm_labels={Arm.CONTROL: options.control, Arm.TREATMENT: options.treatment},
            router=None,
            source_options={} if options.prometheus is None else {"url": options.prometheus},
            preview_url=options.preview_url,
        )

    def observe(self) -> TargetState:
        """The share as told, even if none was; `exact` says that nothing may rest on it."""
        return TargetState(
            weights=Weights.of(self._options.share_pct or _EVEN_PCT),
            control=_SERVES,
            treatment=_SERVES,
            version="observed",
            exact=False,
        )

    def apply(self, weights: Weights, found: str | None = None) -> TargetGone:
        """Never done."""
        both = " and ".join(self._options.names)
        return TargetGone(detail=f"somebody else moves the traffic of {both}: use mode: observe")
