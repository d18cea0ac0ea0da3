"""How two latency distributions differ, in words. Decides nothing."""

from engine.core.numbers import amount, percent


def not_slower() -> str:
    """No evidence of harm."""
    return "No slowdown is shown: the curves differ by no more than chance may do."


def slower_body(*, bound_s: float, control: float, treatment: float, wins: float) -> str:
    """A shift of the whole."""
    return (
        f"The whole body is slower: of two trials, one of each variant, the treatment's is the slower one in"
        f" {percent(wins)} of all pairs. The curves are farthest apart at {amount(bound_s, 's')}, where"
        f" {percent(treatment)} are slower against {percent(control)}."
    )


def slow_tail(*, bound_s: float, control: float, treatment: float, wins: float) -> str:
    """A few that are much slower; `wins` says nothing of them."""
    del wins
    return (
        f"A slow tail of about {percent(treatment - control)}: {percent(treatment)} are slower than"
        f" {amount(bound_s, 's')} against {percent(control)}, more than the body of the curve explains."
    )


def wide_bucket(level: float, above_s: float, upto_s: float | None) -> str:
    """A quantile's bucket says little."""
    where = f"above {amount(above_s, 's')}" if upto_s is None else between(above_s, upto_s)
    return (
        f"The p{100 * level:g} is somewhere {where}; such a wide bucket cannot tell more. A bucket bound in"
        " between could, and the share above an objective at a bucket bound is exact."
    )


def between(low_s: float, high_s: float | None) -> str:
    """Two bucket bounds."""
    if high_s is None:
        return f"above {amount(low_s, 's')}" if low_s else "not bounded yet"
    return (
        f"between {amount(low_s, 's')} and {amount(high_s, 's')}" if low_s else f"up to {amount(high_s, 's')}"
    )
