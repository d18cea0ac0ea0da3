"""Options of `KnativeTarget`, as an experiment document has them. Values only."""

from string import Formatter
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.adapters.knative.kinds import AUDIENCE_TAG, CANDIDATE_TAG
from engine.adapters.kubernetes.options import Audience, ClusterOptions, Name

_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_PLACES = frozenset({"namespace", "revision"})


class Router(BaseModel):
    """Whose counters the presets read, and what they call a revision."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    traefik: str = Field(
        description="Label `service` of a revision in Traefik's counters, such as {namespace}-{revision}@file"
    )

    @field_validator("traefik")
    @classmethod
    def _names_the_revision(cls, pattern: str) -> str:
        wrong = "a name with {revision} in it, and at most {namespace} besides"
        try:
            places = {place for _, place, _, _ in Formatter().parse(pattern) if place is not None}
        except ValueError as error:
            raise ValueError(wrong) from error
        if "revision" not in places or not places <= _PLACES:
            raise ValueError(wrong)
        return pattern


class TagAudience(Audience):
    """Visitors whose requests name a tag of the Service in the header `Knative-Serving-Tag`."""

    tag: str = Field(
        default=AUDIENCE_TAG,
        pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$",
        description="The tag: leads to the treatment while the test runs, and is not there before and after",
    )

    @field_validator("tag")
    @classmethod
    def _is_no_preview(cls, tag: str) -> str:
        if tag == CANDIDATE_TAG:
            raise ValueError(f"a tag other than {CANDIDATE_TAG}, under which the treatment is previewed")
        return tag


class KnativeOptions(ClusterOptions):
    """Which Knative Service, and which of its revisions are compared."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "service": "checkout",
                    "namespace": "shop",
                    "prometheus": "http://prometheus.monitoring:9090",
                    "router": {"traefik": "{namespace}-{revision}@file"},
                }
            ]
        }
    )

    service: Name = Field(description="The Knative Service")
    control: Name | None = Field(
        default=None, description="Revision that serves now; by default the one that has all the traffic"
    )
    treatment: Name | None = Field(
        default=None, description="Revision to release; by default the one of the latest template"
    )
    latest: Name | None = Field(
        default=None, description="Latest revision when the run was launched; filled in at launch"
    )
    audience: TagAudience | None = Field(
        default=None,
        description="For an A/B test: who names the tag in a header gets the treatment; by default Knative "
        "divides requests by percent",
    )
    revision_label: str = Field(
        default="revision", pattern=_LABEL, description="Label of the application's series with the revision"
    )
    namespace_label: str = Field(
        default="namespace",
        pattern=_LABEL,
        description="Label of the application's series with the namespace",
    )
    router: Router | None = Field(
        default=None,
        description="The router whose counters the presets read; without it there are no presets",
    )
    preview_url: str | None = Field(
        default=None,
        pattern="^https?://",
        description="Where the treatment answers without traffic; by default the URL of the tag `candidate`",
    )

    @model_validator(mode="after")
    def _different_revisions(self) -> Self:
        if self.control is not None and self.control == self.treatment:
            raise ValueError(f"two different revisions; {self.control} is named twice")
        return self
