"""Records who got which variant while flags are evaluated. Never makes an evaluation wait or fail.

Exposures wait in memory until they are in the database; what an application must not lose it sends itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from openfeature.flag_evaluation import FlagResolutionDetails

from engine.belt import Belt
from engine.errors import StoreError
from engine.intake import (
    EXPOSURE_SOURCE,
    Exposure,
    Intake,
    Seen,
    dimension_text,
    experiment_of,
    exposure_id,
    is_dimension,
    is_exposure,
)
from engine.intake.records import is_text
from engine.ports import Clock

_log = structlog.get_logger("rampwise.web")

_MOST_WAITING = 100_000
_BATCH = 1000
_LINGER_S = 0.05
_CLOSE_WITHIN_S = 2.0
RUN, DIMENSIONS = "run", "dimensions"
"""Metadata of a flag: the run, and the attributes (comma-separated) that are recorded with an exposure."""


class Exposing:
    """Exposures on their way into the database."""

    def __init__(self, intake: Intake, clock: Clock, most_units: int = 100_000) -> None:
        """Nothing is started before there is an exposure.

        Args:
            intake: where they go.
            clock: when they happened.
            most_units: how many are remembered as recorded; recording one again does no harm.
        """
        self._intake, self._clock = intake, clock
        self._seen = Seen(most_units)
        self._belt: Belt[Exposure] = Belt(
            self._keep,
            name="rampwise-exposures",
            most=_MOST_WAITING,
            batch=_BATCH,
            linger_s=_LINGER_S,
        )
        self._is_told = False

    @property
    def lost(self) -> int:
        """How many found no place; each is recorded at its unit's next evaluation, if there is one."""
        return self._belt.lost

    def record(
        self, key: str, unit: str | None, attributes: Mapping[str, Any], got: FlagResolutionDetails[Any]
    ) -> None:
        """Record it, if it is the first exposure of this unit to a variant of an experiment."""
        experiment, variant = experiment_of(key), got.variant
        if experiment is None or variant is None or not is_exposure(str(got.reason), variant):
            return
        if not (is_text(unit) and is_text(experiment) and is_text(variant)) or unit is None:
            return
        run = str(got.flag_metadata.get(RUN, ""))
        name = (experiment, run, variant, unit)
        if not self._seen.is_new(name):
            return
        exposure = Exposure(
            source=EXPOSURE_SOURCE,
            id=exposure_id(*name),
            experiment=experiment,
            unit=unit,
            variant=variant,
            at_s=self._clock.now_s(),
            dimensions=_dimensions(got, attributes),
        )
        if not self._belt.put(exposure):
            self._seen.forget(name)

    def flush(self, within_s: float) -> bool:
        """Whether all is in the database."""
        return self._belt.flush(within_s)

    def close(self) -> None:
        """Write what waits, within bounded time."""
        self._belt.close(_CLOSE_WITHIN_S)
        if self.lost:
            _log.warning("exposures not recorded", count=self.lost)

    def _keep(self, exposures: Sequence[Exposure], _left_s: float | None) -> bool:
        try:
            self._intake.take_in(exposures, self._clock.now_s())
        except StoreError as error:
            if not self._is_told:
                self._is_told = True
                _log.warning("exposures wait for the database", error=str(error))
            return False
        self._is_told = False
        return True


def _dimensions(got: FlagResolutionDetails[Any], attributes: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that the flag declares, and no other: a context may hold what nobody should keep."""
    declared = str(got.flag_metadata.get(DIMENSIONS, "")).split(",")
    names = [name.strip() for name in declared if is_dimension(name.strip())]
    texts = {name: dimension_text(attributes.get(name)) for name in names}
    return {name: text for name, text in texts.items() if text is not None}
