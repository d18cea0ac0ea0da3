"""What a local platform consists of: services with their versions, and the load; checked and bounded."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.adapters.traefik.routes import backend_name
from engine.errors import UsageError

MOST_REQUESTS_PER_S = 2000.0
LONGEST_LOAD_S = 24 * 3600.0
MOST_SESSIONS = 2000
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Services and load of a platform.

    Attributes:
        services: version names per service; the first version gets the traffic at first.
        rate_per_s: requests per second and service. sessions: visitors at a time, per service.
        duration_s: after so long the load stops by itself.

    Raises:
        UsageError: a name or number is out of bounds.
    """

    services: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"checkout": ("v1", "v2")})
    rate_per_s: float = 50.0
    sessions: int = 200
    duration_s: float = 3600.0

    def __post_init__(self) -> None:
        self._check_names()
        total_per_s = self.rate_per_s * len(self.services)
        if not 0 < total_per_s <= MOST_REQUESTS_PER_S:
            raise UsageError(
                f"--rate {self.rate_per_s:g} for each of {len(self.services)} services makes {total_per_s:g}"
                f" requests per second; the load is above 0 and at most {MOST_REQUESTS_PER_S:g} in all"
            )
        if not 1 <= self.sessions <= MOST_SESSIONS:
            raise UsageError(f"--sessions {self.sessions}: between 1 and {MOST_SESSIONS} per service")
        if not 0 < self.duration_s <= LONGEST_LOAD_S:
            raise UsageError(
                f"--duration {self.duration_s:g} s: above 0 and at most {LONGEST_LOAD_S:g} s (24 h)"
            )

    def _check_names(self) -> None:
        if not self.services:
            raise UsageError("a platform needs a service; type: --service checkout=v1,v2")
        for service, versions in self.services.items():
            for name in (service, *versions):
                if NAME.fullmatch(name) is None:
                    raise UsageError(f"{name!r} is no name: up to 40 of a-z, 0-9, - and . inside")
            if len(versions) < 2 or len(set(versions)) < len(versions):
                raise UsageError(
                    f"{service} needs two or more different versions; type: --service {service}=v1,v2"
                )
        taken = Counter(
            [*self.services, *(backend_name(s, v) for s, vs in self.services.items() for v in vs)]
        )
        for name, times in taken.items():
            if times > 1:
                raise UsageError(f"two services or versions are {name!r} to the proxy; rename one")
