"""Options of `FlagTarget` and of the gate beside it, as an experiment document has them. Values only."""

from collections import Counter
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.adapters.kubernetes.options import Name
from engine.flags.plan import RUN, FlagPlan
from engine.flags.scheme import Scheme

Variant = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""A variant's name, which is also the flag's value."""
Unit = Annotated[str, Field(min_length=1, max_length=1000)]
"""A targeting key."""
Column = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
"""An attribute of the evaluation context, which becomes a column of exposures."""
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
_WHOLE_PCT = 100


class ConfigMapKey(BaseModel):
    """A key of a ConfigMap with a flagd document in JSON."""

    model_config = _STRICT

    name: Name = Field(description="The ConfigMap, which must be there")
    namespace: Name = Field(default="default", description="Its namespace")
    key: str = Field(default="flags.json", pattern=r"^[-._a-zA-Z0-9]+$", description="Key in its data")


class FeatureFlagName(BaseModel):
    """A FeatureFlag resource of the OpenFeature operator."""

    model_config = _STRICT

    name: Name = Field(description="The FeatureFlag, which must be there")
    namespace: Name = Field(default="default", description="Its namespace")


class FlagPlace(BaseModel):
    """Where flags are held: one of three."""

    model_config = _STRICT

    file: str | None = Field(default=None, min_length=1, description="A flagd file in JSON on this machine")
    config_map: ConfigMapKey | None = Field(default=None, description="A ConfigMap with a flagd document")
    feature_flag: FeatureFlagName | None = Field(default=None, description="A FeatureFlag resource")
    context: str | None = Field(
        default=None,
        min_length=1,
        description="Context of the kubeconfig; by default the current one, in a pod its own cluster",
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.file, self.config_map, self.feature_flag)) != 1:
            raise ValueError("one of file: PATH, config_map: {name: NAME} and feature_flag: {name: NAME}")
        return self


class LaunchedWith(BaseModel):
    """The evaluator at launch."""

    model_config = _STRICT

    package: str
    version: str
    hashing: str

    @property
    def scheme(self) -> Scheme:
        """The same as a value of the core."""
        return Scheme(package=self.package, version=self.version, hashing=self.hashing)


class FlagOptions(FlagPlace):
    """Whose flags they are, between which variants they decide, and who gets what."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "experiment": "short-checkout",
                    "file": "flags.json",
                    "control": "control",
                    "treatments": ["short"],
                    "split_pct": [50, 50],
                }
            ]
        }
    )

    experiment: Name = Field(description="The NAME in the flags' keys, `exp.NAME.variant` and others")
    control: Variant = Field(description="What users have now, and what the application's code defaults to")
    treatments: Annotated[tuple[Variant, ...], Field(min_length=1)] = Field(
        description="Variants to try, in the order of the strategy's weights"
    )
    split_pct: tuple[Annotated[int, Field(ge=1, le=99)], ...] | None = Field(
        default=None,
        description="Planned shares of the arms in percent, control first: ramps expose more and more users "
        "to this split; by default ramps give the treatments more and more of all users",
    )
    testers: dict[Variant, tuple[Unit, ...]] = Field(
        default_factory=dict, description="Targeting keys that always get a variant, by variant"
    )
    dimensions: tuple[Column, ...] = Field(
        default=(), description="Context attributes to be recorded with exposures, told as flag metadata"
    )
    salt: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Another one deals out users anew; by default the experiment's name",
    )
    run: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="What tells one run's exposures from another's; filled in at launch",
    )
    variant_label: str = Field(
        default="variant",
        pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$",
        description="Label of the application's series with the variant",
    )
    prometheus: str | None = Field(
        default=None, pattern="^https?://", description="URL of the Prometheus that scrapes the application"
    )
    evaluator: LaunchedWith | None = Field(
        default=None, description="The evaluator at launch and how it deals out users; filled in then"
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for variant, times in Counter((self.control, *self.treatments)).items():
            if times > 1:
                raise ValueError(f"different variants; {variant} is named twice")
        return self

    @model_validator(mode="after")
    def _split_is_whole(self) -> Self:
        if self.split_pct is not None and (
            len(self.split_pct) != 1 + len(self.treatments) or sum(self.split_pct) != _WHOLE_PCT
        ):
            raise ValueError("a share for control and one for each treatment, 100 together, as split_pct")
        return self

    @model_validator(mode="after")
    def _testers_have_one_variant(self) -> Self:
        for variant in self.testers:
            if variant not in {self.control, *self.treatments}:
                raise ValueError(f"testers of a variant; there is none called {variant}")
        for unit, times in Counter(unit for units in self.testers.values() for unit in units).items():
            if times > 1:
                raise ValueError(f"one variant for each tester; {unit} is named twice")
        return self

    @property
    def plan(self) -> FlagPlan:
        """What the flags are made from."""
        salt = self.salt or self.experiment
        # A FeatureFlag takes metadata only where the operator is new enough: only who needs it asks for it.
        told = {RUN: self.run or salt} if self.dimensions or self.feature_flag is None else {}
        if self.dimensions:
            told["dimensions"] = ",".join(self.dimensions)
        return FlagPlan(
            experiment=self.experiment,
            control=self.control,
            treatments=self.treatments,
            salt=salt,
            split_pct=self.split_pct or (),
            testers=self.testers,
            metadata=told,
        )
