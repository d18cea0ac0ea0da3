"""An OpenFeature hook that tells the engine which unit got which variant. Changes no evaluation.

An evaluation counts when the application really got the variant: no error, and no default in its place.
"""

import logging
from collections.abc import Sequence
from typing import Any

from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.hook import Hook, HookContext, HookHints

from engine.belt import anew_after_fork
from engine.intake.records import (
    EXPOSURE_SOURCE,
    EXPOSURE_TYPE,
    dimension_text,
    experiment_of,
    exposure_id,
    is_dimension,
    is_exposure,
)
from engine.intake.seen import Seen
from engine.openfeature.sender import Sender

_log = logging.getLogger("rampwise.openfeature")
LOGGED = "feature_flag.evaluation"
"""What a log record of an exposure says; OpenTelemetry's name of the event."""


class ExposureHook(Hook):
    """Sends the first exposure of every unit to a variant of a flag `exp.NAME.variant`."""

    def __init__(
        self,
        sender: Sender,
        *,
        dimensions: Sequence[str] = (),
        most_units: int = 100_000,
        logger: logging.Logger | None = None,
    ) -> None:
        """Add it to the API, a client or an evaluation.

        Args:
            sender: where exposures go.
            dimensions: attributes of the evaluation context that go along, by which results are broken down.
                No other attribute leaves the application.
            most_units: how many units are remembered as told; telling one again does no harm.
            logger: also gets a record of every exposure, with OpenTelemetry's attribute names.

        Raises:
            ValueError: a dimension's name cannot be that of a column in every database.
        """
        for name in dimensions:
            if not is_dimension(name):
                msg = f"dimensions: {name!r} is not lower-case letters, digits and _, such as app_version"
                raise ValueError(msg)
        self._sender, self._dimensions = sender, tuple(dimensions)
        self._most_units, self._logger = most_units, logger
        self.start_anew()
        anew_after_fork(self)

    def start_anew(self) -> None:
        """Forget who was told."""
        self._seen = Seen(self._most_units)

    def finally_after(
        self, hook_context: HookContext, details: FlagEvaluationDetails[Any], hints: HookHints
    ) -> None:
        """What the application gets is settled by now, whatever other hooks did."""
        try:
            self._look_at(hook_context, details)
        except Exception:  # noqa: BLE001 (the application is none of ours to break)
            _log.debug("exposure of %s not recorded", hook_context.flag_key, exc_info=True)

    def _look_at(self, hook_context: HookContext, details: FlagEvaluationDetails[Any]) -> None:
        experiment = experiment_of(hook_context.flag_key)
        context = hook_context.evaluation_context
        unit, variant, reason = context.targeting_key, details.variant, str(details.reason or "")
        if experiment is None or not unit or not variant or details.error_code is not None:
            return
        if not is_exposure(reason, variant):
            return
        run = str(details.flag_metadata.get("run", ""))
        key = (experiment, run, variant, unit)
        if not self._seen.is_new(key):
            return
        data = {
            "experiment": experiment,
            "unit": unit,
            "variant": variant,
            "dimensions": self._of(context),
        }
        if not self._sender.send(EXPOSURE_TYPE, EXPOSURE_SOURCE, data, exposure_id(*key)):
            self._seen.forget(key)
        if self._logger is not None:
            self._logger.info(LOGGED, extra=_attributes(hook_context, variant, reason))

    def _of(self, context: EvaluationContext) -> dict[str, str]:
        texts = {name: dimension_text(context.attributes.get(name)) for name in self._dimensions}
        return {name: text for name, text in texts.items() if text is not None}


def _attributes(hook_context: HookContext, variant: str, reason: str) -> dict[str, str]:
    """OpenTelemetry's semantic conventions for feature flags in logs, version 1.34 and later."""
    provider = hook_context.provider_metadata
    return {
        "feature_flag.key": hook_context.flag_key,
        "feature_flag.result.variant": variant,
        "feature_flag.result.reason": reason.lower(),
        "feature_flag.context.id": hook_context.evaluation_context.targeting_key or "",
        "feature_flag.provider.name": provider.name if provider is not None else "",
    }
