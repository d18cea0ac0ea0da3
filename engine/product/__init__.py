"""Product experiments from Python: `analyze` an experiment file and see the report, in a notebook too.

```python
from engine.product import analyze

analyze("experiment.yaml")
```
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.report.product.notebook import ProductReport

__all__ = ["analyze"]


def analyze(file: str | Path, at_s: float | None = None) -> "ProductReport":
    """Look at a product experiment's tables and say what they say.

    Args:
        file: the experiment's YAML file, with the section `spec.product`.
        at_s: when the look is taken, Unix seconds; now, if absent.

    Raises:
        SpecError: all problems of the document.
        UsageError: it has no such section, or what reads its tables is not installed.
    """
    # Here, because the command line needs names of this package and nothing heavy for its help.
    from analysis.report.product.notebook import ProductReport  # noqa: PLC0415
    from engine.adapters.clock import SystemClock  # noqa: PLC0415
    from engine.product.looking import analysis_of, origin_of, plan_in, totals_of  # noqa: PLC0415

    path = Path(file)
    plan = plan_in(path)
    now_s = SystemClock().now_s() // 1
    when_s = now_s if at_s is None else at_s
    return ProductReport(
        analysis_of(plan, totals_of(plan, path, now_s, at_s), when_s), origin_of(path, when_s)
    )
