"""What carries traffic, as the target reports it: split, health, and the version that guards writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.model import Arm, Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Whole percent per variant, summing to 100.

    `treatment` is the first (usually the only) treatment's share, `more` are the others', without zeros at
    the end.

    >>> str(Weights.of(20)), str(Weights.of(25, 25))
    ('80/20', '50/25/25')
    """

    control: int
    treatment: int
    more: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        shares = (self.control, self.treatment, *self.more)
        if sum(shares) != 100 or min(shares) < 0:
            msg = f"weights are whole percent adding up to 100, not {'/'.join(map(str, shares))}"
            raise ValueError(msg)
        kept = len(self.more)
        while kept and self.more[kept - 1] == 0:
            kept -= 1
        object.__setattr__(self, "more", tuple(self.more[:kept]))

    @classmethod
    def of(cls, *treatments_pct: int) -> "Weights":
        """The weights that give the treatments these shares, and control the rest."""
        first, *more = treatments_pct
        return cls(control=100 - sum(treatments_pct), treatment=first, more=tuple(more))

    @classmethod
    def all_to(cls, treatment_index: int) -> "Weights":
        """All traffic to one treatment."""
        return cls.of(*(0,) * treatment_index, 100)

    @property
    def treatments(self) -> tuple[int, ...]:
        """Share of every treatment, in order; further ones have nothing."""
        return (self.treatment, *self.more)

    @property
    def given(self) -> int:
        """Traffic that control does not have."""
        return 100 - self.control

    def share(self, treatment_index: int) -> int:
        """Share of one treatment.

        >>> Weights.of(20, 30).share(1), Weights.of(20).share(1)
        (30, 0)
        """
        return self.treatments[treatment_index] if treatment_index < len(self.treatments) else 0

    def without(self, treatment_index: int) -> "Weights":
        """The same with one treatment's share given to control.

        >>> str(Weights.of(20, 30).without(0))
        '70/0/30'
        """
        return Weights.of(*(0 if i == treatment_index else s for i, s in enumerate(self.treatments)))

    def within(self, shares_pct: tuple[int, ...]) -> bool:
        """Whether no treatment has more than its share of these.

        >>> Weights.of(5, 5).within((25, 25)), Weights.of(5, 30).within((25, 25)), Weights.of(5).within(())
        (True, False, False)
        """
        return len(self.treatments) <= len(shares_pct) and all(
            share <= most for share, most in zip(self.treatments, shares_pct, strict=False)
        )

    def __str__(self) -> str:
        return "/".join(map(str, (self.control, *self.treatments)))


ALL_TO_CONTROL = Weights(control=100, treatment=0)
ALL_TO_TREATMENT = Weights(control=0, treatment=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether an arm can serve; ready_since_s is when its last instance became ready (epoch seconds)."""

    ready: bool
    ready_since_s: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """What the target really does now. `version` changes with every change of the target.

    Attributes:
        treatment: health of the first treatment. more: of the others of an A/B test.
        ended: what ended this release on the target itself, whoever did it, such as an abort or a changed
            template; empty while it goes on. `weights` then count as the treatment's what control lacks.
        exact: whether every request is divided by these weights; False where instances share connections.
        compared: how the traffic that is counted divides, where only a part of control's is: a baseline as
            large as the treatment. None where everything is counted.
        counts_control: whether control has anything to count already; False before such a baseline runs.
        leftovers: whether something is there that only a run needs; `ports.Tidy` puts it away at the end.
    """

    weights: Weights
    control: Health
    treatment: Health
    version: str
    more: tuple[Health, ...] = ()
    ended: str = ""
    exact: bool = True
    compared: Weights | None = None
    counts_control: bool = True
    leftovers: bool = False

    @property
    def treatments(self) -> tuple[Health, ...]:
        """Health of every treatment."""
        return (self.treatment, *self.more)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGone:
    """The target gave no usable answer."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSeries:
    """The router's own counters for one target, for the presets `http_errors` and `http_latency`.

    Attributes:
        requests: counter of all requests of both arms. errors: the same counter, failed requests only.
        buckets: the latency histogram's `_bucket` counter of both arms.
        arm_labels: per arm the label values that tell its series apart. more_labels: of further treatments.
        assignments: counter of visitors given to a variant: of new ones where the target is sticky, else of
            all requests. None where the router cannot count them, or does not split exactly by weight.
    """

    requests: Selector
    errors: Selector
    buckets: Selector
    arm_labels: Mapping[Arm, Mapping[str, str]]
    more_labels: tuple[Mapping[str, str], ...] = ()
    assignments: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeries:
    """The application's counters of finished sessions and of converted ones among them, by version."""

    total: Selector
    converted: Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """What a target knows about itself when a run is launched; kept with the run.

    Attributes:
        key: identity of the thing that carries traffic; one run at a time owns a key.
        control, treatment: variant names. arm_labels: how application series of the arms are told apart.
        router: the router's series, or None where the router exports none.
        source_options: options of the default metric source, such as its URL; empty if unknown.
        more_treatments, more_labels: names and labels of further treatments of an A/B test.
        sticky: a visitor stays on a variant even when weights change.
        preview_url: where the treatment answers without the router, None where it cannot be reached so.
        sessions: the application's counts of sessions per variant, for the preset `conversions`.
        rungs_pct: the only shares that a treatment can be given, None where any whole percent can.
        pinned: options to add to the document's own: which versions exactly, as they were at launch.
        arms_pct: planned shares of the treatments, up to which more weight moves nobody from one arm to
            another; empty where a ramp does move visitors, or deals out each request anew.
    """

    key: str
    control: str
    treatment: str
    arm_labels: Mapping[Arm, Mapping[str, str]]
    router: RouterSeries | None
    source_options: Mapping[str, object]
    more_treatments: tuple[str, ...] = ()
    more_labels: tuple[Mapping[str, str], ...] = ()
    sticky: bool = False
    preview_url: str | None = None
    sessions: SessionSeries | None = None
    rungs_pct: tuple[int, ...] | None = None
    pinned: Mapping[str, object] = field(default_factory=dict)
    arms_pct: tuple[int, ...] = ()
