"""The target `weight_file`: a proxy that reads its weights from a JSON file as soon as that changes.

The file is `{"weights": {"v1": 100, "v2": 0}, "ready_since_s": {"v1": 1700000000, "v2": 1700000000}}`. Who
deploys a version writes since when it is ready; this target writes weights and leaves the rest alone.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from engine.core.model import Arm
from engine.core.target import Health, TargetFacts, TargetGone, TargetState, Weights

_TROUBLE = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a file that is gone, or that holds something else, may raise."""


class WeightFileOptions(BaseModel):
    """What stands under `target: {weight_file: ...}`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: str
    control: str
    treatment: str


class WeightFile:
    """Splits traffic between two versions."""

    Options: ClassVar[type[WeightFileOptions]] = WeightFileOptions

    def __init__(self, options: WeightFileOptions) -> None:
        self._options = options
        self._path = Path(options.path).absolute()

    def facts(self) -> TargetFacts:
        """Identity and labels; the path tells what carries the traffic."""
        control, treatment = self._options.control, self._options.treatment
        return TargetFacts(
            key=f"weight-file{self._path}",
            control=control,
            treatment=treatment,
            arm_labels={Arm.CONTROL: {"version": control}, Arm.TREATMENT: {"version": treatment}},
            router=None,
            source_options={},
        )

    def observe(self) -> TargetState | TargetGone:
        """What stands in the file."""
        try:
            return self._state(self._path.read_bytes())
        except _TROUBLE as error:
            return self._gone("read", error)

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """These weights, in one atomic step; a file that has them already is not written."""
        if weights.more:
            return TargetGone(detail=f"{weights} is for more treatments than a weight file has")
        try:
            state = self._state(self._path.read_bytes())
            if found is not None and state.version != found:
                return TargetGone(detail="the file was changed meanwhile")
            if state.weights != weights:
                self._replace(weights)
        except _TROUBLE as error:
            return self._gone("changed", error)
        return self.observe()

    def _state(self, content: bytes) -> TargetState:
        found = json.loads(content)
        control, treatment = self._options.control, self._options.treatment
        return TargetState(
            weights=Weights(control=found["weights"][control], treatment=found["weights"][treatment]),
            control=_health(found, control),
            treatment=_health(found, treatment),
            version=hashlib.sha256(content).hexdigest()[:16],
        )

    def _replace(self, weights: Weights) -> None:
        found = json.loads(self._path.read_bytes())
        found["weights"] |= {
            self._options.control: weights.control,
            self._options.treatment: weights.treatment,
        }
        with tempfile.TemporaryDirectory(dir=self._path.parent) as folder:
            new = Path(folder) / self._path.name
            new.write_text(json.dumps(found))
            new.replace(self._path)

    def _gone(self, what: str, error: Exception) -> TargetGone:
        why = f"{type(error).__name__}: {error}"
        return TargetGone(detail=f"{self._path} cannot be {what} ({why}); is the proxy's file there?")


def _health(found: dict[str, Any], version: str) -> Health:
    since_s = found["ready_since_s"].get(version)
    return Health(
        ready=since_s is not None,
        ready_since_s=since_s,
        detail="" if since_s is not None else f"{version} is not deployed",
    )
