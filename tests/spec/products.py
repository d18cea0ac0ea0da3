"""A good document with a product experiment, and ways to spoil it."""

from tests.spec.documents import GOOD

SMALLEST = (
    GOOD
    + """\
  product:
    question: Do more visitors buy with the short checkout?
    variants: {control: 50, short: 50}
    data: data/
    metrics:
      - conversion: purchase
"""
)
"""Its metrics are from line 16 on, and what follows them from line 17 on."""

FULL = (
    GOOD
    + """\
  product:
    question: Do more visitors buy with the short checkout?
    unit: visitor
    control: long
    variants: {short: 30, long: 60, none: 10}
    data:
      warehouse: postgres://reader@db.example.com/shop
      exposures: web.exposures
      events: web.events
      columns: {unit: user_id, variant: arm}
    metrics:
      - conversion: purchase
        name: bought
        role: objective
        within: 7d
        before: 14d
      - sum: {event: purchase, value: amount}
        name: revenue
        role: objective
        within: 7d
        winsorize: 99.9%
        value_unit: EUR
      - count: page_view
        within: 1d
        cap: 500
        role: guardrail
        margin: {absolute: 0.5}
      - ratio: {of: {event: purchase, value: amount}, per: purchase}
      - retention: {event: visit, from: 7d, within: 14d}
        before: 28d
      - quantile: {event: load, value: seconds, q: 90%}
        direction: lower
        role: guardrail
        value_unit: s
        within: 7d
        margin: {relative: 5%, absolute: 20ms}
    dimensions: [country, {column: browser, exploratory: true}]
    exclude: {is_bot: ["true"], email_domain: [example.com, test.example]}
    most_events: 5000
    method: group_sequential
    looks: 4
    spending: pocock
    correction: holm
    alpha: 0.01
    power: 0.9
    mde: 1.5%
    starts: 2026-11-02T00:00:00Z
    ends: 2026-11-30T01:00+01:00
"""
)


def edited(old: str, new: str) -> str:
    assert SMALLEST.count(old) == 1
    return SMALLEST.replace(old, new)


def with_line(*lines: str) -> str:
    """Fields of the section more, from line 17 on."""
    return SMALLEST + "".join(f"    {line}\n" for line in lines)


def timed(*lines: str) -> str:
    """As `with_line`, from line 18 on, with a metric that planned looks can have."""
    return edited("conversion: purchase", "conversion: purchase\n        within: 7d") + "".join(
        f"    {line}\n" for line in lines
    )


def metric(*lines: str) -> str:
    """The only metric with these fields, from line 16 on."""
    return edited("conversion: purchase", "\n        ".join(lines))


def metrics(*each: str) -> str:
    """Metrics on one line each, from line 16 on."""
    return edited("- conversion: purchase", "\n      ".join(f"- {one}" for one in each))
