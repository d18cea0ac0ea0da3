"""Measures a template on a service's own past: how often it errs where nothing, or just too much, is wrong.

Pure: windows in which all arms ran one version come in, rates come out. It reads no files and asks no server,
and it changes no experiment; what to change is advice.
"""

from analysis.calibration.advice import Advice, advice_on
from analysis.calibration.calibrate import Calibration, Measured, MetricPast, calibrate
from analysis.calibration.cutting import AaRuns, aa_runs_of, windows_of_a_run
from analysis.calibration.pods import PodColumns, PodWindows, aa_runs_of_pods
from analysis.calibration.rates import Rate, rate_of

__all__ = [
    "AaRuns",
    "Advice",
    "Calibration",
    "Measured",
    "MetricPast",
    "PodColumns",
    "PodWindows",
    "Rate",
    "aa_runs_of",
    "aa_runs_of_pods",
    "advice_on",
    "calibrate",
    "rate_of",
    "windows_of_a_run",
]
