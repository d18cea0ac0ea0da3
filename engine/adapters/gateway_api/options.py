"""Options of `HttpRouteTarget`, as an experiment document has them. Values only."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from engine.adapters.kubernetes.options import ClusterOptions, Name

_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"

Rule = Annotated[int, Field(ge=0, le=15)] | Name
"""A rule by its place or by its name."""


class HttpRouteOptions(ClusterOptions):
    """Which rule of which HTTPRoute, and which of its backends are compared."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "route": "checkout",
                    "namespace": "shop",
                    "control": "checkout-v1",
                    "treatment": "checkout-v2",
                    "prometheus": "http://prometheus.monitoring:9090",
                    "router": "traefik",
                }
            ]
        }
    )

    route: Name = Field(description="The HTTPRoute")
    control: Name = Field(description="Service that has the traffic now, a backend of the rule")
    treatment: Name = Field(description="Service to release, a backend of the same rule")
    rule: Rule | None = Field(
        default=None,
        description="The rule, by name or by place from 0; by default the only one with both Services",
    )
    service_label: str = Field(
        default="service", pattern=_LABEL, description="Label of the application's series with the Service"
    )
    namespace_label: str = Field(
        default="namespace",
        pattern=_LABEL,
        description="Label of the application's series with the namespace",
    )
    router: Literal["traefik"] | None = Field(
        default=None,
        description="The gateway whose counters the presets read; without it there are no presets",
    )
    preview_url: str | None = Field(
        default=None, pattern="^https?://", description="Where the treatment answers without traffic"
    )

    @model_validator(mode="after")
    def _different_services(self) -> Self:
        if self.control == self.treatment:
            raise ValueError(f"two different Services; {self.control} is named twice")
        return self
