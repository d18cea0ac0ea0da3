"""What is fixed about an experiment's flags for as long as a run lasts, and how its flags are called."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

RUN = "run"
"""Metadata of the flag `variant`: what tells one run's exposures from another's."""


class Part(StrEnum):
    """The last part of a flag's key."""

    ENABLED = "enabled"
    """Boolean, the kill switch: a person's, and the run's gate."""
    EXPOSURE = "exposure"
    """Boolean: whether the ramp has reached a unit; its true variant is named by the weights in force."""
    ARM = "arm"
    """String: where the fixed split puts a unit, exposed or not."""
    VARIANT = "variant"
    """String: what applications evaluate; testers, ramp and split in one."""


def key(experiment: str, part: Part) -> str:
    """A flag's key.

    >>> key("checkout", Part.VARIANT)
    'exp.checkout.variant'
    """
    return f"exp.{experiment}.{part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagPlan:
    """Who may get which variant.

    Attributes:
        salt: units are dealt out anew by another one.
        split_pct: shares of the arms among exposed units in whole percent, control first. Empty where none
            is planned: then all treatments have slots of one size, and whom the ramp has not reached is
            control's.
        testers: the targeting keys that always get a variant, by variant.
        metadata: told with every answer of the flag `variant`, to whoever records exposures.
    """

    experiment: str
    control: str
    treatments: tuple[str, ...]
    salt: str
    split_pct: tuple[int, ...] = ()
    testers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def variants(self) -> tuple[str, ...]:
        """Control, then the treatments."""
        return (self.control, *self.treatments)

    @property
    def parts(self) -> tuple[int, ...]:
        """Sizes of the arms' slots relative to each other, control first."""
        return self.split_pct or (0, *(1 for _ in self.treatments))

    def key(self, part: Part) -> str:
        """The key of one of the flags."""
        return key(self.experiment, part)
