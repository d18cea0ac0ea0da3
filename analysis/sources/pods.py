"""How many pods each arm's series come from, where their labels tell. Knows no counts."""

from collections.abc import Sequence

from analysis.sources.series import Labels

TELLING = ("pod", "instance")
"""Labels that name what serves, the better one first."""


def pods_of(control: Sequence[Labels], treatment: Sequence[Labels]) -> tuple[int, int] | None:
    """Distinct pods of control and treatment, or None.

    A label tells only if all series have it and no value is in both arms: a pod serves one version, whereas a
    router that counts for both is named on the series of both.

    >>> pods_of([{"pod": "a"}, {"pod": "b"}], [{"pod": "c"}])
    (2, 1)
    >>> pods_of([{"instance": "router:1"}], [{"instance": "router:1"}]) is None
    True
    """
    for label in TELLING:
        ours, theirs = ({labels.get(label, "") for labels in arm} for arm in (control, treatment))
        if ours and theirs and "" not in ours | theirs and ours.isdisjoint(theirs):
            return len(ours), len(theirs)
    return None
