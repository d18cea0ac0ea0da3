"""`FlagTarget`: the share of users who get a variant, by the experiment's own flags.

A weight is a share of all units with a targeting key. With `split_pct` a ramp exposes more and more units to
that split, and control's exposed units grow with the treatments'; without it a treatment's weight is simply
its ramp, and everybody else is control's. Both ways more weight takes nobody out of a variant.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol

from engine.adapters.flags.evaluator import contradiction, fingerprint, sampled
from engine.adapters.flags.holder import Flags
from engine.adapters.flags.options import FlagOptions
from engine.adapters.flags.places import holder_at
from engine.adapters.kubernetes.cluster import Cluster
from engine.adapters.kubernetes.watching import watched
from engine.core.model import Arm
from engine.core.target import ALL_TO_CONTROL, Health, TargetFacts, TargetGone, TargetState, Weights
from engine.errors import Unreachable, UsageError
from engine.flags import document
from engine.flags.document import Flag
from engine.flags.plan import FlagPlan, Part
from engine.flags.scheme import Scheme

_READY = Health(ready=True, ready_since_s=0.0, detail="part of the application")
"""Variants are code that runs already; nobody waits for them."""
_TOKEN_BYTES = 4
_current = cache(fingerprint)


class _Make(Protocol):
    def __call__(self, plan: FlagPlan, weights: Weights, *, is_enabled: bool) -> Mapping[str, Flag]: ...


class FlagTarget:
    """The flags of one experiment, in one place."""

    Options: ClassVar[type[FlagOptions]] = FlagOptions

    def __init__(self, options: FlagOptions, cluster: Cluster | None = None) -> None:
        self._options = options
        self._plan = options.plan
        self._keys = frozenset(self._plan.key(part) for part in Part)
        self._holder = holder_at(options, options.experiment, cluster)
        self._run = options.run or secrets.token_hex(_TOKEN_BYTES)

    def facts(self) -> TargetFacts:
        """Names, labels, and how users are dealt out from now on."""
        self._holder.read()
        options = self._options
        control, first, *more = ({options.variant_label: name} for name in self._plan.variants)
        pinned: dict[str, object] = {
            "salt": self._plan.salt,
            "run": self._run,
            "evaluator": asdict(_current()),
        }
        if options.file is not None:
            pinned["file"] = str(Path(options.file).expanduser().absolute())
        return TargetFacts(
            key=f"flag/{self._holder.place}/{options.experiment}",
            control=options.control,
            treatment=options.treatments[0],
            arm_labels={Arm.CONTROL: control, Arm.TREATMENT: first},
            router=None,
            source_options={} if options.prometheus is None else {"url": options.prometheus},
            more_treatments=options.treatments[1:],
            more_labels=tuple(more),
            sticky=len(options.treatments) > 1,
            pinned=pinned,
            arms_pct=(options.split_pct or ())[1:],
        )

    @watched
    def observe(self) -> TargetState | TargetGone:
        """What the flags say, whoever wrote them."""
        try:
            return self._state(self._holder.read())
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Write the flags, read them back and evaluate them.

        Nothing is given while the kill switch is off, after somebody else wrote our flags, or with another
        evaluator than at launch. Taking away overwrites whatever is there; the kill switch stays as it is.
        """
        return self._put(weights, found, document.flags)

    def finish(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """The same at the end of a run: the winner for everybody, and no flags that only a run needs."""
        return self._put(weights, found, _last_flags)

    def _put(self, weights: Weights, found: str | None, make: _Make) -> TargetState | TargetGone:
        try:
            self._holder.put(self._keys, lambda flags: self._chosen(flags, weights, found, make))
            flags = self._holder.read()
            state = self._state(flags)
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))
        if not state.ended and (wrong := contradiction(self._own(flags), self._plan, state.weights)):
            return TargetGone(detail=wrong)
        return state

    def _chosen(self, flags: Flags, weights: Weights, found: str | None, make: _Make) -> Mapping[str, Flag]:
        """What our flags shall be."""
        state = self._state(flags)
        if found is not None and state.version != found:
            raise Unreachable(f"{self._plan.key(Part.VARIANT)} was changed meanwhile")
        if found is not None and state.ended and state.weights == weights:
            return self._own(flags)
        wanted = make(self._plan, weights, is_enabled=document.is_enabled(self._own(flags), self._plan))
        if _gives(state.weights, weights) and (refusal := self._refusal(flags, state)):
            raise Unreachable(refusal)
        return wanted

    def _refusal(self, flags: Flags, state: TargetState) -> str:
        """Why nobody may be given anything, empty when they may."""
        if state.ended:
            return state.ended
        if not document.is_enabled(self._own(flags), self._plan):
            return f"the kill switch {self._plan.key(Part.ENABLED)} is off"
        launched = self._launched
        if launched is not None and launched != _current():
            return f"users were dealt out by {launched}, and now it would be {_current()}; launch a new run"
        return ""

    def _state(self, flags: Flags) -> TargetState:
        own = self._own(flags)
        weights, ended = self._weights(own)
        launched = self._launched
        if launched is not None and launched.hashing != _current().hashing:
            ended = f"{_current()} deals out users in another way than {launched} at launch"
        off = f"the kill switch {self._plan.key(Part.ENABLED)} is off"
        is_on = document.is_enabled(own, self._plan)
        treatment = _READY if is_on else Health(ready=False, ready_since_s=None, detail=off)
        return TargetState(
            weights=weights,
            control=_READY,
            treatment=treatment,
            more=(treatment,) * (len(self._plan.treatments) - 1),
            version=hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16],
            ended=ended,
            leftovers=not document.is_last(own, self._plan),
        )

    def _weights(self, own: Flags) -> tuple[Weights, str]:
        """The weights in force, and whether somebody else set them."""
        if not own.keys() - {self._plan.key(Part.ENABLED)}:
            return ALL_TO_CONTROL, ""
        weights = document.written(own, self._plan)
        if weights is not None:
            return weights, ""
        return sampled(own, self._plan), (
            f"somebody else wrote the flags {self._plan.key(Part.VARIANT)} and its parts, or this experiment "
            "with other options; `rampwise target reset FILE` writes them anew"
        )

    def _own(self, flags: Flags) -> dict[str, Flag]:
        return {key: flag for key, flag in flags.items() if key in self._keys}

    @property
    def _launched(self) -> Scheme | None:
        return None if self._options.evaluator is None else self._options.evaluator.scheme


def _last_flags(plan: FlagPlan, weights: Weights, *, is_enabled: bool) -> Mapping[str, Flag]:
    return document.last_flags(plan, document.winner_of(plan, weights), is_enabled=is_enabled)


def _gives(before: Weights, wanted: Weights) -> bool:
    """Whether any treatment gets more than it has."""
    return any(share > before.share(index) for index, share in enumerate(wanted.treatments))
