"""What is asked: which two versions, in which kind of analysis, by which evidence. Pure.

A question stands for one run. Its key says which: the same key finds the same run again, whoever asks.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, ValidationError

from engine.core.model import Mode, NoticeKind
from engine.core.plan import Policy
from engine.errors import Problem, SpecError
from engine.spec.problems import describe, problem, shown
from engine.spec.strict import StrictModel
from engine.spec.yaml_text import Source

KEY_LABEL = "rampwise.dev/analysis-key"
ASKED_LABEL = "rampwise.dev/analysis-spec"
TARGET = "observed"

_REQUEST = "request"
_EVEN_PCT = 50
_NEWS = [NoticeKind.BLOCKED.value, NoticeKind.ROLLBACK.value]
_NEVER = "365d"
_Text = Annotated[str, Field(min_length=1, max_length=253)]


class Analysis(StrEnum):
    """Where in a Rollout the question is asked."""

    STEP = "step"
    BACKGROUND = "background"
    PRE_PROMOTION = "pre-promotion"
    POST_PROMOTION = "post-promotion"


class Key(StrictModel):
    """What is judged: a run belongs to exactly this."""

    namespace: _Text
    """Namespace of the Rollout."""
    rollout: _Text
    """Name of the Rollout."""
    control: _Text
    """Pod template hash of the stable version."""
    treatment: _Text
    """Pod template hash of the latest version."""
    step: str | None = Field(default=None, min_length=1, max_length=64)
    """The step, so that each has a run of its own; one run for the whole release, if absent."""
    attempt: str = Field(default="1", min_length=1, max_length=64)
    """Another one has the same versions judged anew, after a failure too."""


class Question(StrictModel):
    """The body of a request."""

    key: Key
    """What is judged."""
    analysis: Analysis
    """step, background, pre-promotion or post-promotion."""
    spec: dict[str, Any]
    """The experiment's `spec:`, without mode, and without how traffic moves."""

    @property
    def digest(self) -> str:
        """The key in twelve letters."""
        return _digest(self.key.model_dump(mode="json"))[:12]

    @property
    def name(self) -> str:
        """The experiment's name: that of the Rollout, and the key."""
        plain = re.sub(r"[^a-z0-9-]", "-", self.key.rollout.lower()).strip("-")[:48].rstrip("-")
        return f"{plain or 'rollout'}-{self.digest}"

    @property
    def switches(self) -> bool:
        """Whether two colours are asked about, of which the engine probes the new one."""
        return self.analysis is Analysis.POST_PROMOTION or (
            self.analysis is Analysis.PRE_PROMOTION and "preview_url" in self._observed
        )

    @property
    def asked(self) -> str:
        """What every question of a key has to have in common."""
        return _digest({"spec": self.spec, "switches": self.switches})

    @property
    def _observed(self) -> Mapping[str, Any]:
        target = self.spec.get("target")
        options = target.get(TARGET) if isinstance(target, dict) else None
        return options if isinstance(options, dict) else {}

    def document(self) -> dict[str, Any]:
        """The experiment document.

        Raises:
            SpecError: the spec says what is not its own to say.
        """
        source = Source(filename=_REQUEST, data={"spec": self.spec})
        problems = tuple(self._problems(source))
        if problems:
            raise SpecError(problems)
        return {
            "apiVersion": "rampwise.dev/v1alpha1",
            "kind": "ReleaseExperiment",
            "metadata": {
                "name": self.name,
                "labels": {
                    KEY_LABEL: self.digest,
                    ASKED_LABEL: self.asked,
                    "rollout": f"{self.key.namespace}/{self.key.rollout}",
                },
            },
            "spec": self._spec(),
        }

    def _spec(self) -> dict[str, Any]:
        observed = {**self._observed, "key": f"{self.key.namespace}/{self.key.rollout}/{self.digest}"}
        return {
            "gate": {"provider": "memory"},
            # A policy that rolled back would make a failure of missing data; the Rollout pauses for a person.
            "on_blind": Policy.HOLD.value,
            "on_untrustworthy": Policy.HOLD.value,
            "on_undecided": Policy.HOLD.value,
            "progress_deadline": _NEVER,
            **self._told(),
            "mode": Mode.OBSERVE.value,
            "target": {TARGET: observed},
            "strategy": self._strategy(observed),
        }

    def _told(self) -> dict[str, Any]:
        """The spec with quieter sinks: nobody has to approve, and an end without questions is no news."""
        notify = self.spec.get("notify")
        if not isinstance(notify, list):
            return self.spec
        sinks = [{"on": _NEWS, **each} if isinstance(each, dict) else each for each in notify]
        return {**self.spec, "notify": sinks}

    @property
    def _plan(self) -> str:
        return "blue_green" if self.switches else "canary"

    def _strategy(self, observed: Mapping[str, Any]) -> dict[str, Any]:
        """One step that nobody of ours leaves: what stands in for the approval is the Rollout going on."""
        options = dict((self.spec.get("strategy") or {}).get(self._plan) or {})
        if self.switches:
            return {"blue_green": {**options, "approve": True}}
        step = {"weight": observed.get("share_pct", _EVEN_PCT), "approve": True}
        return {"canary": {**options, "steps": [step]}}

    def _problems(self, source: Source) -> Iterator[Problem]:
        target = self.spec.get("target")
        if not isinstance(target, dict) or list(target) != [TARGET]:
            expected = f"target: {{{TARGET}: {{control: {{...}}, treatment: {{...}}, prometheus: URL}}}}"
            yield problem(source, ("spec", "target"), found=shown(target), expected=expected)
        elif "key" in self._observed:
            path = ("spec", "target", TARGET, "key")
            yield problem(source, path, found=shown(self._observed["key"]), expected="nothing: `key` says it")
        elif self.analysis is Analysis.POST_PROMOTION and "preview_url" not in self._observed:
            path = ("spec", "target", TARGET, "preview_url")
            expected = "where the new colour answers; it is probed before the switch counts"
            yield problem(source, path, found="nothing", expected=expected)
        if self.spec.get("mode", Mode.OBSERVE) != Mode.OBSERVE:
            expected = "no mode, or observe: the Rollout moves the traffic"
            yield problem(source, ("spec", "mode"), found=shown(self.spec["mode"]), expected=expected)
        yield from self._strategy_problems(source)
        yield from _gate_problems(source, self.spec.get("gate"))

    def _strategy_problems(self, source: Source) -> Iterator[Problem]:
        strategy = self.spec.get("strategy")
        if strategy is None:
            return
        path = ("spec", "strategy")
        takes = "hold and floor" if self._plan == "canary" else "preview and settle"
        expected = f"nothing, or {self._plan} with {takes} of a {self.analysis} analysis"
        if not isinstance(strategy, dict) or list(strategy) != [self._plan]:
            yield problem(source, path, found=shown(strategy), expected=expected)
            return
        options = strategy[self._plan]
        for name in sorted({"steps", "budget", "bridge", "approve"} & set(options or ())):
            inner = (*path, self._plan, name)
            found = f"{shown(options[name])}, but the Rollout moves the traffic"
            yield problem(source, inner, found=found, expected=expected)


def read_question(data: object) -> Question:
    """The question in a request's JSON.

    Raises:
        SpecError: all problems found.
    """
    source = Source(filename=_REQUEST, data=data if isinstance(data, dict) else {})
    try:
        # Through JSON, so that strict types still take texts for enums.
        question = Question.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise SpecError(tuple(describe(source, error, Question))) from error
    if question.key.control == question.key.treatment:
        found = f"{shown(question.key.treatment)}, the same as control"
        raise SpecError(
            (problem(source, ("key", "treatment"), found=found, expected="another version than control's"),)
        )
    return question


def _gate_problems(source: Source, gate: object) -> Iterator[Problem]:
    """A provider by its module would make a request import what it names."""
    provider = gate.get("provider") if isinstance(gate, dict) else None
    if isinstance(provider, str) and ":" in provider:
        path = ("spec", "gate", "provider")
        yield problem(source, path, found=shown(provider), expected="the name of a gate plugin")


def _digest(plain: object) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
