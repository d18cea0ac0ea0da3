"""The rules and the traffic of the published tables: base 1 %, a tenth of the requests, alpha 5 %."""

from math import log

from analysis.design.rules import Rule
from analysis.design.traffic import Leg, Traffic, Truth

FOR_EVER = log(20.0)


def harm_rule(threshold: float = FOR_EVER, first_start_weight: float = 1.0) -> Rule:
    return Rule(
        ratios=(1.3, 1.5, 2.2, 5.0),
        log_weights=(log(0.2), log(0.4), log(0.3), log(0.1)),
        null_ratio=1.0,
        log_threshold=threshold,
        first_start_weight=first_start_weight,
    )


def point_rule(ratio: float) -> Rule:
    return Rule(ratios=(ratio,), log_weights=(0.0,), null_ratio=1.0, log_threshold=FOR_EVER)


def promotion_rule(margin: float) -> Rule:
    return Rule(
        ratios=(0.5, 0.8, 1.0),
        log_weights=(log(0.2), log(0.2), log(0.6)),
        null_ratio=margin,
        log_threshold=FOR_EVER,
    )


def tenth(treatment_requests: float = 50_000.0, requests_per_look: float | None = None) -> Traffic:
    leg = Leg(share=0.1, treatment_requests=treatment_requests)
    return Traffic(legs=(leg,), requests_per_look=requests_per_look)


def release(ratio: float, dispersion: float = 1.0) -> Truth:
    return Truth(base_rate=0.01, ratio=ratio, dispersion=dispersion)
