"""Options of `RolloutTarget`, as an experiment document has them. Values only."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.adapters.kubernetes.options import Audience, ClusterOptions, Name

_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"


class Pinned(BaseModel):
    """The versions of a run, by their pod template hashes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    control: str = Field(min_length=1, description="Hash of the version that served at launch")
    treatment: str = Field(min_length=1, description="Hash of the version to release")
    template: str = Field(
        min_length=1, description="Fingerprint of the template to release, as it was written"
    )

    @model_validator(mode="after")
    def _different_versions(self) -> Self:
        if self.control == self.treatment:
            raise ValueError(f"two different versions; {self.control} is named twice")
        return self


class RolloutOptions(ClusterOptions):
    """Which Argo Rollout; what is released is its stable version against its latest template."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rollout": "checkout",
                    "namespace": "shop",
                    "prometheus": "http://prometheus.monitoring:9090",
                    "router": "traefik",
                }
            ]
        }
    )

    rollout: Name = Field(description="The Rollout")
    pinned: Pinned | None = Field(
        default=None, description="The two versions of a run; filled in at launch from the Rollout's status"
    )
    hash_label: str = Field(
        default="rollouts_pod_template_hash",
        pattern=_LABEL,
        description="Label of the application's series with the pod template hash",
    )
    namespace_label: str = Field(
        default="namespace",
        pattern=_LABEL,
        description="Label of the application's series with the namespace",
    )
    arm_label: str = Field(
        default="rampwise_dev_arm",
        pattern=_LABEL,
        description="Label of the application's series with the pod label rampwise.dev/arm, by which a "
        "baseline is told from the rest of control",
    )
    router: Literal["traefik"] | None = Field(
        default=None,
        description="The router whose counters the presets read, of a canary; without it there are none",
    )
    audience: Audience | None = Field(
        default=None,
        description="Whom the ladder's header route takes, where its match does not tell which share",
    )
    preview_url: str | None = Field(
        default=None,
        pattern="^https?://",
        description="Where the treatment answers without traffic; for blue and green by default the preview "
        "Service",
    )
