"""The statistics for programs of your own: watch one metric in one run or a thousand. Pure.

```python
from analysis.monitoring import Bound, TrialCounts, watch

errors = watch("proportion", tolerance=Bound(relative=0.05), margin=Bound(relative=0.5, absolute=0.001))
state = errors.start(runs=2)
state = errors.update(state, TrialCounts(bad_t=[1, 9], n_t=[100, 100], bad_c=[9, 9], n_c=[900, 900]))
for record in errors.records(state):
    print(record.verdict, record.log_e_harm, record.effect_low, record.effect_high)
```

A metric by itself: no weights of several metrics, no strategy, no target. What decides about a release is
`analysis.evaluate` and the engine. States are immutable; keep one, and go on from it as often as you like.
"""

from analysis.monitoring.watching import Record, Watch, watch
from analysis.stats.counts import BucketCounts, EventCounts, Quotients, TrialCounts, ValueSums
from analysis.stats.discoveries import e_bh
from analysis.stats.history import HistoricDispersion
from analysis.stats.monitor import State
from analysis.stats.pods import PodCounts
from engine.core.model import Bound

__all__ = [
    "Bound",
    "BucketCounts",
    "EventCounts",
    "HistoricDispersion",
    "PodCounts",
    "Quotients",
    "Record",
    "State",
    "TrialCounts",
    "ValueSums",
    "Watch",
    "e_bh",
    "watch",
]
