"""A provider around the application's own, for `client.track(...)` to reach the engine. Evaluates nothing."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent, ProviderEventDetails
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.hook import Hook
from openfeature.provider import FeatureProvider, Metadata
from openfeature.track import TrackingEventDetails

from engine.intake.records import EVENT_TYPE
from engine.openfeature.sender import Sender

_log = logging.getLogger("rampwise.openfeature")

TRACKED = "/rampwise/openfeature"
"""CloudEvents source of tracked events; their ids are random."""
_Structure = Sequence[FlagValueType] | Mapping[str, FlagValueType]


class Tracker(FeatureProvider):
    """Passes everything on to the provider that it holds, and sends what is tracked to the engine.

    Attributes:
        valueless: how many events were sent without their value, because it was no finite number.
    """

    def __init__(self, provider: FeatureProvider, sender: Sender) -> None:
        """Set it in place of `provider`.

        Args:
            provider: answers all evaluations, and is told what is tracked, too.
            sender: where events go.
        """
        self._provider, self._sender = provider, sender
        self.valueless = 0

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Send an event of the unit that the context names; without one there is nobody who did it.

        An attribute `id` of the details (an order's number) makes the event count once, however often it is
        tracked.
        """
        try:
            self._send(tracking_event_name, evaluation_context, tracking_event_details)
        except Exception:  # noqa: BLE001 (the application is none of ours to break)
            _log.debug("event %s not recorded", tracking_event_name, exc_info=True)
        self._provider.track(tracking_event_name, evaluation_context, tracking_event_details)

    def _send(
        self, name: str, context: EvaluationContext | None, details: TrackingEventDetails | None
    ) -> None:
        unit = context.targeting_key if context is not None else None
        if not unit:
            _log.debug("event %s has no targeting key", name)
            return
        data: dict[str, Any] = {"unit": unit, "name": name}
        if details is not None and details.value is not None:
            data["value"] = self._number(name, details.value)
        if details is not None and details.attributes.get("id") is not None:
            data["id"] = str(details.attributes["id"]) or None
        self._sender.send(EVENT_TYPE, TRACKED, data)

    def _number(self, name: str, value: object) -> float | None:
        """None for what the engine would refuse; that the event happened is true nevertheless."""
        number = _finite(value)
        if number is None:
            if not self.valueless:
                _log.warning("event %s is sent without its value: %.100r is no finite number", name, value)
            self.valueless += 1
        return number

    def attach(self, on_emit: Callable[[FeatureProvider, ProviderEvent, ProviderEventDetails], None]) -> None:
        """The SDK knows this provider, not the one in it: events of that one come as ours."""
        self._provider.attach(lambda _, event, details: on_emit(self, event, details))

    def detach(self) -> None:
        """Passed on."""
        self._provider.detach()

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Passed on."""
        self._provider.initialize(evaluation_context)

    def shutdown(self) -> None:
        """Passed on; what waits to be sent is sent."""
        self._provider.shutdown()
        self._sender.flush(within_s=1.0)

    def get_metadata(self) -> Metadata:
        """The provider's own: who evaluates stays visible."""
        return self._provider.get_metadata()

    def get_provider_hooks(self) -> list[Hook]:
        """Passed on."""
        return self._provider.get_provider_hooks()

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Passed on."""
        return self._provider.resolve_boolean_details(flag_key, default_value, evaluation_context)

    async def resolve_boolean_details_async(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """Passed on."""
        return await self._provider.resolve_boolean_details_async(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Passed on."""
        return self._provider.resolve_string_details(flag_key, default_value, evaluation_context)

    async def resolve_string_details_async(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Passed on."""
        return await self._provider.resolve_string_details_async(flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Passed on."""
        return self._provider.resolve_integer_details(flag_key, default_value, evaluation_context)

    async def resolve_integer_details_async(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Passed on."""
        return await self._provider.resolve_integer_details_async(flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Passed on."""
        return self._provider.resolve_float_details(flag_key, default_value, evaluation_context)

    async def resolve_float_details_async(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Passed on."""
        return await self._provider.resolve_float_details_async(flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self, flag_key: str, default_value: _Structure, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[_Structure]:
        """Passed on."""
        return self._provider.resolve_object_details(flag_key, default_value, evaluation_context)

    async def resolve_object_details_async(
        self, flag_key: str, default_value: _Structure, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[_Structure]:
        """Passed on."""
        return await self._provider.resolve_object_details_async(flag_key, default_value, evaluation_context)


def _finite(value: object) -> float | None:
    """Also of Decimal and of numpy's numbers; not of bool, which is an int only to Python."""
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
