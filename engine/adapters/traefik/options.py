"""Options of `LocalTarget`, as an experiment document has them. Values only."""

from collections import Counter
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from engine.adapters.traefik.routes import ByCookie, ByHeader, Sticky


class BucketHeader(BaseModel):
    """The edge assigns users: it sends a bucket from 0 to 99 with every request."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    header: str = Field(pattern=r"^[A-Za-z0-9-]+$", description="Request header with the bucket")


class LocalTargetOptions(BaseModel):
    """Which service of which local platform, and which of its versions are compared."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        json_schema_extra={"examples": [{"service": "checkout", "control": "v1", "treatment": "v2"}]},
    )

    service: str = Field(min_length=1, description="Service behind the local proxy")
    control: str = Field(min_length=1, description="Version that serves now")
    treatment: str | None = Field(default=None, min_length=1, description="Version to release")
    treatments: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Versions to compare with control in an A/B test, in place of treatment",
    )
    platform: str = Field(
        default="default", min_length=1, description="Name of the platform, or its directory"
    )
    sticky: bool | Literal["cookie"] | BucketHeader = Field(
        default=False,
        description="Keep a visitor on a version: by cookie, or by a header with a bucket from 0 to 99",
    )

    @field_validator("sticky", mode="wrap")
    @classmethod
    def _known_stickiness(cls, value: object, check: ValidatorFunctionWrapHandler) -> object:
        try:
            return check(value)
        except ValidationError as error:
            raise ValueError("true or false, cookie, or {header: NAME} with the header's name") from error

    @model_validator(mode="after")
    def _different_versions(self) -> Self:
        if (self.treatment is None) == (self.treatments is None):
            raise ValueError("one of treatment: VERSION and treatments: [VERSION, VERSION]")
        for version, times in Counter(self.variants).items():
            if times > 1:
                raise ValueError(f"two different versions; {version} is named twice")
        return self

    @property
    def treated(self) -> tuple[str, ...]:
        """The treatments, in the order of their weights."""
        return self.treatments or (self.treatment or "",)

    @property
    def variants(self) -> tuple[str, ...]:
        """Control, then the treatments."""
        return (self.control, *self.treated)

    @property
    def stickiness(self) -> Sticky:
        """What keeps a visitor on a version."""
        match self.sticky:
            case BucketHeader(header=header):
                return ByHeader(header)
            case False:
                return None
            case _:
                return ByCookie()
