"""`LocalTarget`: moves traffic between versions on a local platform, and reads back what the proxy routes.

It needs the platform's record, its routes directory and the proxy; neither database nor Prometheus.
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import requests
import urllib3.exceptions

from engine.adapters.traefik import platform_record as records
from engine.adapters.traefik.options import LocalTargetOptions
from engine.adapters.traefik.platform_record import PlatformRecord
from engine.adapters.traefik.routed import API_PATH, Routed, parse_routed
from engine.adapters.traefik.routes import Route, publish
from engine.adapters.traefik.series import application_labels, by_arm, router_series, session_series
from engine.bounded import BodyTooLarge, Bounded, read_body
from engine.core.target import Health, TargetFacts, TargetGone, TargetState, Weights
from engine.errors import Unreachable, UsageError

API_TIMEOUT_S = 1.0
HEALTH_TIMEOUT_S = 0.5
MOST_BYTES = 1 << 20
MOST_HANGING = 4
TAKE_OVER_S = 3.0
POLL_S = 0.02


_NO_ANSWER = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    BodyTooLarge,
    TimeoutError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RecursionError,
)
"""All that asking a server and reading what it says may end in."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The platform's record, and where it was found."""

    directory: Path
    record: PlatformRecord


class LocalTarget:
    """Traffic of one service on a local platform."""

    Options: ClassVar[type[LocalTargetOptions]] = LocalTargetOptions

    def __init__(self, options: LocalTargetOptions) -> None:
        self._options = options
        self._http = requests.Session()
        # A proxy for the outside world must not see loopback traffic.
        self._http.trust_env = False
        # One for each part, so that a version that hangs keeps nobody from asking the proxy.
        parts = (records.PROXY, *map(self._part, options.variants))
        self._questions = {part: Bounded(MOST_HANGING) for part in parts}

    def facts(self) -> TargetFacts:
        """Identity, versions and labels, from the platform's record.

        The only treatment can be reached without the proxy; several are never previewed.

        Raises:
            Unreachable: no such platform. UsageError: it has no such service or version.
        """
        options, place = self._options, self._place()
        first, *more = options.treated
        labels = application_labels(options.service, options.variants)
        return TargetFacts(
            key=f"local/{records.label(place.directory)}/{options.service}",
            control=options.control,
            treatment=first,
            arm_labels=by_arm(labels),
            router=router_series(options.service, options.variants, options.stickiness),
            source_options={"url": place.record.url(records.PROMETHEUS)},
            more_treatments=tuple(more),
            more_labels=tuple(labels[2:]),
            sticky=options.stickiness is not None,
            preview_url=None if more else place.record.url(self._part(first)),
            sessions=session_series(options.service, options.variants),
        )

    def observe(self) -> TargetState | TargetGone:
        """What the proxy routes, and whether all versions are ready.

        Bounded by about 1 s for the proxy and 0.5 s per version.
        """
        try:
            place = self._place()
            return self._state(place, self._routed(place))
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))

    def apply(self, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
        """Be at these weights; every other version of the service gets nothing.

        Bounded by about 4 s for the proxy and 0.5 s per version.

        When the proxy is dead the file is written all the same, so that traffic is right when it returns.
        """
        try:
            place = self._place()
            route = self._route(place, weights)
            if found is not None and self._routed(place).version != found:
                return TargetGone(detail=f"the split of {route.service} was changed meanwhile")
            publish(route, records.routes_file(place.directory, route.service))
        except OSError as error:
            return TargetGone(detail=f"the routes file cannot be written: {error}")
        except (Unreachable, UsageError) as error:
            return TargetGone(detail=str(error))
        try:
            return self._state(place, self._await_take_over(place, route))
        except Unreachable as error:
            return TargetGone(
                detail=f"{error}. The routes file says {weights}, which the proxy will route when it is back"
            )

    def _place(self) -> _Place:
        options = self._options
        directory = records.locate(options.platform)
        record = records.read(directory)
        if record is None:
            versions = f"{options.service}={','.join(options.variants)}"
            raise Unreachable(
                f"there is no local platform in {directory}; "
                f"type: rampwise local up{records.name_option(directory)} --service {versions}"
            )
        if record.phase != "up":
            raise Unreachable(
                f"the local platform in {directory} is still starting; "
                f"type: rampwise local status{records.name_option(directory)}"
            )
        if options.service not in record.versions:
            raise UsageError(_no_service(options.service, directory, record))
        known = record.versions[options.service]
        for version in options.variants:
            if version not in known:
                raise UsageError(f"{options.service} has no version {version}; it has {', '.join(known)}")
        return _Place(directory, record)

    def _route(self, place: _Place, weights: Weights) -> Route:
        options = self._options
        if len(weights.treatments) > len(options.treated):
            raise UsageError(
                f"{weights} splits traffic over {len(weights.treatments)} treatments; "
                f"{options.service} has {len(options.treated)}"
            )
        shares = (weights.control, *map(weights.share, range(len(options.treated))))
        return Route(
            service=options.service,
            backends=place.record.backends(options.service),
            weights=dict(zip(options.variants, shares, strict=True)),
            sticky=options.stickiness,
        )

    def _routed(self, place: _Place) -> Routed:
        url = f"{place.record.url(records.PROXY, 'api')}{API_PATH}"
        service = self._options.service
        try:
            status, answer = self._ask(records.PROXY, url, API_TIMEOUT_S)
            if status != requests.codes.ok:
                raise requests.HTTPError(status)
            return parse_routed(service, place.record.versions[service], answer)
        except _NO_ANSWER as error:
            raise Unreachable(
                f"the proxy gave no usable answer at {url} ({type(error).__name__}); "
                "type: rampwise local status"
            ) from error

    def _part(self, version: str) -> str:
        """A version's name in the platform's record."""
        return f"{self._options.service}/{version}"

    def _ask(self, part: str, url: str, timeout_s: float) -> tuple[int, Any]:
        """Status and JSON of an answer, whole and in time. Raises one of `_NO_ANSWER`."""

        def get() -> tuple[int, Any]:
            deadline_s = time.monotonic() + timeout_s
            with self._http.get(url, timeout=timeout_s, stream=True, allow_redirects=False) as answer:
                return answer.status_code, json.loads(read_body(answer, deadline_s, MOST_BYTES))

        return self._questions[part].call(get, timeout_s)

    def _await_take_over(self, place: _Place, route: Route) -> Routed:
        """What is routed once the proxy has read the file, or after `TAKE_OVER_S` whatever it says then."""
        wanted = {version: route.weights.get(version, 0) for version in route.backends}
        deadline = time.monotonic() + TAKE_OVER_S
        while True:
            routed = self._routed(place)
            done = routed.weights == wanted and routed.sticky == route.sticky
            if done or time.monotonic() > deadline:
                return routed
            time.sleep(POLL_S)

    def _state(self, place: _Place, routed: Routed) -> TargetState:
        weights = _percent(routed, self._options)
        control, treatment, *more = (self._health(place, version) for version in self._options.variants)
        return TargetState(
            weights=weights, control=control, treatment=treatment, version=routed.version, more=tuple(more)
        )

    def _health(self, place: _Place, version: str) -> Health:
        part = self._part(version)
        url = f"{place.record.url(part)}/healthz"
        try:
            status, answer = self._ask(part, url, HEALTH_TIMEOUT_S)
            ready_since_s = float(answer["ready_since_s"])
        except _NO_ANSWER as error:
            return _unready(f"{version} gave no usable answer at {url}: {error}")
        if status != requests.codes.ok:
            return _unready(f"{version} answered {status} at {url}")
        if not math.isfinite(ready_since_s):
            return _unready(f"{version} is ready since {ready_since_s}, says {url}; that is no time")
        return Health(ready=True, ready_since_s=ready_since_s)


def _unready(detail: str) -> Health:
    return Health(ready=False, ready_since_s=None, detail=detail)


def _no_service(service: str, directory: Path, record: PlatformRecord) -> str:
    """Which platform lacks the service, and which others have it."""
    others = ", ".join(f"platform: {name}" for name in records.having(service))
    elsewhere = f"; another has it: {others}" if others else ""
    return (
        f"the platform {records.label(directory)} has no service {service}; "
        f"it has {', '.join(record.versions)}{elsewhere}"
    )


def _percent(routed: Routed, options: LocalTargetOptions) -> Weights:
    """The split between the variants. Unreachable when traffic goes elsewhere too, or nowhere."""
    shares = [routed.weights.get(version, 0) for version in options.variants]
    elsewhere = any(weight for version, weight in routed.weights.items() if version not in options.variants)
    if elsewhere or sum(shares) != 100 or min(shares) < 0:
        split = ", ".join(f"{version} {weight}" for version, weight in routed.weights.items())
        *others, last = options.variants
        raise Unreachable(
            f"somebody else split the traffic of {options.service}: {split}; "
            f"{', '.join(others)} and {last} should share 100; type: rampwise target reset"
        )
    return Weights.of(*shares[1:])
