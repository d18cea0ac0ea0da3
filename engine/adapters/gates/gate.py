"""One flag read through the OpenFeature client. Trouble is `unknown`: never open, never closed."""

import importlib
import threading
from collections.abc import Callable, Mapping

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason
from openfeature.provider import FeatureProvider

from engine import plugins
from engine.core.gate import GateState, GateStatus
from engine.core.model import GateChoice
from engine.errors import PluginError

_CLEAN = {Reason.STATIC, Reason.TARGETING_MATCH, Reason.CACHED, Reason.SPLIT}
_NO_PROVIDER = "No-op Provider"

Factory = Callable[[str, Mapping[str, object]], FeatureProvider]
"""Makes a provider for a flag's name and the options under `gate:`."""


def open_gate(choice: GateChoice, experiment: str, timeout_s: float = 3.0) -> "FlagGate":
    """The gate of an experiment. PluginError when the provider cannot be made."""
    domain = f"rampwise-{choice.provider}-{experiment}"
    api.set_provider(_provider(choice), domain=domain)
    return FlagGate(api.get_client(domain), choice.flag, experiment, timeout_s)


def _provider(choice: GateChoice) -> FeatureProvider:
    factory: Factory
    if ":" in choice.provider:
        return _imported(choice)
    factory = plugins.load("rampwise.gates", choice.provider)
    return factory(choice.flag, choice.options)


def _imported(choice: GateChoice) -> FeatureProvider:
    """Any provider class by `package.module:Class`; its options are the constructor's keywords."""
    module, _, name = choice.provider.partition(":")
    try:
        made: FeatureProvider = getattr(importlib.import_module(module), name)(**choice.options)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        msg = (
            f"gate provider {choice.provider} cannot be made: {error}; check `gate: provider:` and `options:`"
        )
        raise PluginError(msg) from error
    return made


class FlagGate:
    """Reads one boolean flag with the experiment's name as targeting key."""

    def __init__(self, client: OpenFeatureClient, flag: str, experiment: str, timeout_s: float) -> None:
        self._client = client
        self._flag = flag
        self._context = EvaluationContext(targeting_key=experiment)
        self._timeout_s = timeout_s

    def read(self) -> GateState:
        """The flag's answer now; `unknown` after `timeout_s` without one."""
        answers: list[GateState] = []
        # A daemon thread: a provider that hangs must neither hold up the tick nor the process's end.
        reader = threading.Thread(target=lambda: answers.append(self._judge()), daemon=True)
        reader.start()
        reader.join(self._timeout_s)
        return (
            answers[0] if answers else self._state(GateStatus.UNKNOWN, f"no answer in {self._timeout_s:g} s")
        )

    def _judge(self) -> GateState:
        try:
            details = self._client.get_boolean_details(
                self._flag, default_value=False, evaluation_context=self._context
            )
        except Exception as error:  # noqa: BLE001 (a provider is foreign code; anything it raises is "unknown")
            return self._state(GateStatus.UNKNOWN, f"the provider failed: {error}")
        return self._from_details(details)

    def _from_details(self, details: FlagEvaluationDetails[bool]) -> GateState:
        if self._provider_name() == _NO_PROVIDER:
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

    def _provider_name(self) -> str:
        return str(self._client.provider.get_metadata().name)

    def _state(self, status: GateStatus, reason: str) -> GateState:
        return GateState(status=status, flag=self._flag, provider=self._provider_name(), reason=reason)
