"""One flag read through the OpenFeature client. Trouble is `unknown`: never open, never closed."""

from collections.abc import Callable

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason
from openfeature.provider import FeatureProvider

from engine.adapters.gates.providers import maker
from engine.bounded import Bounded
from engine.core.gate import GateState, GateStatus
from engine.core.model import GateChoice

_CLEAN = {Reason.STATIC, Reason.TARGETING_MATCH, Reason.CACHED, Reason.SPLIT}
_NO_PROVIDER = "No-op Provider"


def open_gate(choice: GateChoice, experiment: str, timeout_s: float = 3.0) -> "FlagGate":
    """The gate of an experiment; asks nothing yet. PluginError when there is no such provider."""
    return FlagGate(maker(choice), choice, experiment, timeout_s)


class FlagGate:
    """Reads one boolean flag with the experiment's name as targeting key.

    The provider is made at the first read, and again at each one until it could be made.
    """

    def __init__(
        self, make: Callable[[], FeatureProvider], choice: GateChoice, experiment: str, timeout_s: float
    ) -> None:
        self._make = make
        self._flag = choice.flag
        self._provider_name = choice.provider
        self._domain = f"rampwise-{choice.provider}-{experiment}"
        self._context = EvaluationContext(targeting_key=experiment)
        self._timeout_s = timeout_s
        self._client: OpenFeatureClient | None = None
        self._questions = Bounded(at_most=1)

    def read(self) -> GateState:
        """The flag's answer now; `unknown` after `timeout_s` without one, or while an earlier one hangs."""
        try:
            return self._questions.call(self._ask, self._timeout_s)
        except TimeoutError as error:
            return self._state(GateStatus.UNKNOWN, str(error) or "no answer in time")
        except Exception as error:  # noqa: BLE001 (a provider is foreign code; anything it raises is "unknown")
            return self._state(GateStatus.UNKNOWN, f"the provider failed: {type(error).__name__}: {error}")

    def _ask(self) -> GateState:
        if self._client is None:
            self._client = self._connected()
        details = self._client.get_boolean_details(
            self._flag, default_value=False, evaluation_context=self._context
        )
        return self._judged(details)

    def _connected(self) -> OpenFeatureClient:
        provider = self._make()
        api.set_provider_and_wait(provider, domain=self._domain)
        self._provider_name = str(provider.get_metadata().name)
        return api.get_client(self._domain)

    def _judged(self, details: FlagEvaluationDetails[bool]) -> GateState:
        if self._provider_name == _NO_PROVIDER:
            return self._state(GateStatus.UNKNOWN, "no provider is set")
        if details.error_code is not None:
            why = f"{details.error_code}: {details.error_message or 'no message'}"
            return self._state(GateStatus.UNKNOWN, why)
        if details.reason == Reason.DISABLED:
            return self._state(GateStatus.CLOSED, "the flag is disabled")
        if details.reason not in _CLEAN:
            return self._state(GateStatus.UNKNOWN, f"the answer is only a default (reason {details.reason})")
        status = GateStatus.OPEN if details.value else GateStatus.CLOSED
        return self._state(status, f"{details.reason}, variant {details.variant}")

    def _state(self, status: GateStatus, reason: str) -> GateState:
        return GateState(status=status, flag=self._flag, provider=self._provider_name, reason=reason)
