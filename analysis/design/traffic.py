"""What a release is given and what it is like: legs of the plan in requests, true rates. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A step of the plan: a share of requests, in (0, 1), for so many treatment requests."""

    share: float
    treatment_requests: float

    def __post_init__(self) -> None:
        """Raises ValueError for a leg that splits nothing or never ends."""
        if not 0.0 < self.share < 1.0 or self.treatment_requests <= 0.0:
            raise ValueError(f"no leg: share {self.share}, treatment requests {self.treatment_requests}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the treatment is given.

    Attributes:
        legs: one after the other; the run ends undecided when the last one does.
        floor_requests: treatment requests of the last leg before it may be promoted.
        requests_per_look: requests of both arms from one look to the next; None for a look after every error.
    """

    legs: tuple[Leg, ...]
    floor_requests: float = 0.0
    requests_per_look: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError without legs or looks, or with a floor beyond the last leg."""
        if not self.legs or not 0.0 <= self.floor_requests <= self.legs[-1].treatment_requests:
            raise ValueError("traffic needs a leg, and a floor within the last one")
        if self.requests_per_look is not None and not 0.0 < self.requests_per_look <= self.total_requests:
            raise ValueError(f"no look every {self.requests_per_look} of {self.total_requests} requests")

    @property
    def horizon(self) -> float:
        """Treatment requests of all legs."""
        return sum(leg.treatment_requests for leg in self.legs)

    @property
    def total_requests(self) -> float:
        """Requests of both arms in all legs."""
        return sum(leg.treatment_requests / leg.share for leg in self.legs)

    @property
    def promotion_from(self) -> float:
        """Treatment requests before promotion may happen."""
        return self.horizon - self.legs[-1].treatment_requests + self.floor_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the release is really like.

    Attributes:
        base_rate: control's share of bad requests, in (0, 1).
        ratio: treatment's share of bad requests over control's.
        dispersion: phi, variance over that of independent errors, at least 1.
    """

    base_rate: float
    ratio: float
    dispersion: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for rates that are no probabilities, or a dispersion below 1."""
        if not 0.0 < self.base_rate < 1.0 or not 0.0 < self.base_rate * self.ratio <= 1.0:
            raise ValueError(f"no rates: {self.base_rate} and {self.ratio} times that")
        if self.dispersion < 1.0:
            raise ValueError(f"dispersion {self.dispersion} is below 1")
