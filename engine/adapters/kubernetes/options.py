"""The options that all targets in a cluster share. Values only."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""Of an object in the cluster."""


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

    def key(self, kind: str, name: str) -> str:
        """What one run at a time may own."""
        place = f"{self.context}/" if self.context else ""
        return f"{kind}/{place}{self.namespace}/{name}"

    @property
    def source_options(self) -> dict[str, object]:
        """Options of the default metric source, as far as they are known here."""
        return {} if self.prometheus is None else {"url": self.prometheus}
