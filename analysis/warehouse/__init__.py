"""Totals of a product experiment from where its events are; all heavy work runs in the query engine there.

Ibis and drivers are imported when a look is taken, not before. Nothing in here estimates or decides.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analysis.product.totals import Totals
from analysis.warehouse.address import untested_engine
from analysis.warehouse.errors import WarehouseError
from engine.core.product import ProductPlan

__all__ = ["Keep", "WarehouseError", "look", "untested_engine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """That totals of units are kept, so that the next look only reads files that came since.

    Attributes:
        folder: where they are kept, a file per experiment; made when it is not there.
        say: is told why everything is read although they are kept.
    """

    folder: Path
    say: Callable[[str], None]


def look(plan: ProductPlan, now_s: float, keep: Keep | None = None) -> Totals:
    """Everything that the tables say of an experiment now; only aggregates leave the query engine.

    Exact and independent of the order of rows, of how they are spread over files, and of the engine.

    Args:
        plan: what is asked, and where the tables are.
        now_s: Unix time; rows with a later time are left out, and counted if much later.
        keep: where totals of units are kept between looks at Parquet files; the answer is the same.

    Raises:
        WarehouseError: the address, a table, a column or a driver is missing or wrong; tells what to do.
        Unreachable: the warehouse gave no answer.
    """
    try:
        from analysis.warehouse.keeping import taken_again  # noqa: PLC0415 (Ibis is an extra, slow to import)
        from analysis.warehouse.looking import taken  # noqa: PLC0415
    except ModuleNotFoundError as fault:
        raise WarehouseError(
            f"looking at tables needs `{fault.name}`, which is not installed; "
            "type: pip install 'rampwise[warehouse]'"
        ) from fault
    return taken(plan, now_s) if keep is None else taken_again(plan, now_s, keep.folder, keep.say)
