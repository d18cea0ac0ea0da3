"""Decides again what recorded windows of many runs would have led to. Pure: arrays in, one row per run out.

It reads no files, asks no clock and moves nothing; weights, and with them the steps, are as recorded.
"""

from analysis.replay.deciding import replay
from analysis.replay.history import Assumed, learned
from analysis.replay.past import block_of
from analysis.replay.rows import Outcome, Row
from analysis.replay.totals import looks_running
from analysis.replay.watch import deciding

__all__ = ["Assumed", "Outcome", "Row", "block_of", "deciding", "learned", "looks_running", "replay"]
