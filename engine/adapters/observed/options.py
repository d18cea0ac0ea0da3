"""Options of `ObservedTarget`, as an experiment document has them. Values only."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

_LabelName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
_LabelValue = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Labels = Annotated[dict[_LabelName, _LabelValue], Field(min_length=1)]
"""Label values that tell one version's series apart."""


class ObservedOptions(BaseModel):
    """Which series are whose; who moves the traffic, and how, is not known here."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "control": {"rollouts_pod_template_hash": "5d8f7b9c6"},
                    "treatment": {"rollouts_pod_template_hash": "77c9d4f5b"},
                    "prometheus": "http://prometheus.monitoring:9090",
                }
            ]
        },
    )

    control: Labels = Field(description="Labels of the version that serves now")
    treatment: Labels = Field(description="Labels of the version to release, of the same names")
    prometheus: str | None = Field(
        default=None, pattern="^https?://", description="URL of the Prometheus that counts their traffic"
    )
    key: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="What one run at a time may watch; by default the two versions",
    )
    share_pct: int | None = Field(
        default=None,
        ge=1,
        le=99,
        description="The treatment's share, where it is known; only shown, no verdict rests on it",
    )
    preview_url: str | None = Field(
        default=None, pattern="^https?://", description="Where the treatment answers without traffic"
    )

    @model_validator(mode="after")
    def _same_names_other_values(self) -> Self:
        if self.control.keys() != self.treatment.keys():
            raise ValueError("the same label names for control and treatment, or a series could be of both")
        if self.control == self.treatment:
            raise ValueError("two different versions; control and treatment have the same labels")
        return self

    @property
    def names(self) -> tuple[str, str]:
        """Control and treatment by the values in which they differ."""
        differing = [name for name, value in self.control.items() if self.treatment[name] != value]
        control, treatment = (
            "-".join(arm[name] for name in differing) for arm in (self.control, self.treatment)
        )
        return control, treatment
