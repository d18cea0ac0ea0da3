"""The options that all targets in a cluster share. Values only."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engine.core.target import Weights
from engine.fields import SelectorText

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""Of an object in the cluster."""


SharePct = Annotated[int, Field(ge=1, le=99)]


class SessionCounters(BaseModel):
    """What the application counts of its visitors' sessions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    total: SelectorText = Field(description="Counter of finished sessions")
    converted: SelectorText = Field(description="Counter of those that reached their goal")


class Audience(BaseModel):
    """Visitors whom the edge, the application or a flag assigns; their requests say so in a header or cookie.

    The target never chooses who they are: it only sends them to the treatment, all of them or none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    share_pct: SharePct = Field(description="Percent of all visitors who are assigned to the audience")

    def weights(self, *, within_pct: float, outside_pct: float) -> Weights:
        """The treatment's share of all visitors, by what it has of the audience and of everybody else.

        Where a split by weight is mixed in, it is a whole percent near the true one that none of the three
        states of a run has, so that nothing of that kind is taken for one of them.

        >>> audience = Audience(share_pct=50)
        >>> str(audience.weights(within_pct=100, outside_pct=0))
        '50/50'
        >>> str(audience.weights(within_pct=50, outside_pct=50))
        '51/49'
        """
        share = self.share_pct
        match within_pct, outside_pct:
            case (0, 0) | (100, 100):
                return Weights.of(int(within_pct))
            case 100, 0:
                return Weights.of(share)
            case _:
                exact = (share * within_pct + (100 - share) * outside_pct) / 100
                others = (pct for pct in range(1, 100) if pct != share)
                return Weights.of(min(others, key=lambda pct: abs(pct - exact)))

    def possible(self, weights: Weights) -> bool:
        """Whether these are weights that a run can be at: nobody, the whole audience, or everybody."""
        return weights.given in {0, self.share_pct, 100}


class ClusterOptions(BaseModel):
    """Which cluster and namespace, and which Prometheus counts what happens there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    namespace: Name = Field(default="default", description="Namespace of everything named here")
    context: str | None = Field(
        default=None,
        min_length=1,
        description="Context of the kubeconfig; by default the current one, in a pod its own cluster",
    )
    prometheus: str | None = Field(
        default=None, pattern="^https?://", description="URL of the Prometheus that scrapes the cluster"
    )
    sessions: SessionCounters | None = Field(
        default=None,
        description="The application's counters of sessions; without them there is no preset `conversions`",
    )

    def key(self, kind: str, name: str) -> str:
        """What one run at a time may own."""
        place = f"{self.context}/" if self.context else ""
        return f"{kind}/{place}{self.namespace}/{name}"

    @property
    def source_options(self) -> dict[str, object]:
        """Options of the default metric source, as far as they are known here."""
        return {} if self.prometheus is None else {"url": self.prometheus}
