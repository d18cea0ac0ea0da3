"""Options of `HttpRouteTarget`, as an experiment document has them. Values only."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from engine.adapters.kubernetes.options import Audience, ClusterOptions, Name

_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"

Rule = Annotated[int, Field(ge=0, le=15)] | Name
"""A rule by its place or by its name."""


class RuleAudience(Audience):
    """Visitors whose requests a rule of their own takes, by a header or a cookie."""

    rule: Rule = Field(
        description="That rule, by name or by place from 0: both Services are its backends, its matches yours"
    )
    matches: str | None = Field(
        default=None, description="Fingerprint of who is sent where at launch; filled in then"
    )


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
        description="The rule, by name or by place from 0; by default the only one with both Services, the "
        "audience's left aside",
    )
    audience: RuleAudience | None = Field(
        default=None,
        description="For an A/B test: a second, more specific rule gives its requests to the treatment, and "
        "the first one stays with control; by default the gateway divides requests by weight",
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
        if self.audience is not None and self.audience.rule == self.rule:
            raise ValueError(f"two different rules; {self.rule} is named for the audience, too")
        return self
