"""`rampwise plugins`: strategies, targets, metric sources and gates that can be named in an experiment."""

import typer

from engine.cli.options import Output, OutputOption

SCHEMA = "rampwise.dev/plugins/v1"


def plugins(output: OutputOption = Output.TABLE) -> None:
    """List plugins, and why one does not load.

    Example:
      rampwise plugins
      RAMPWISE_DISABLED_PLUGINS=targets/local rampwise plugins
    """
    from engine.cli.printing import put, table
    from engine.codec import to_plain
    from engine.plugins import PluginInfo, listing

    found = listing()
    drawn = table("KIND", "NAME", "STATE", "FROM", "SOURCE")
    for one in found:
        state = f"✖ {one.error}" if one.error else "– switched off" if one.disabled else "✔ loads"
        drawn.add_row(one.kind, one.name, state, one.distribution, one.source)
    put(
        output,
        names=[f"{one.kind}/{one.name}" for one in found],
        plain={"schema": SCHEMA, "plugins": [to_plain(PluginInfo, one) for one in found]},
        picture=lambda _: drawn,
    )
    if not found:
        typer.echo("No plugins at all: is rampwise installed? `pip install rampwise`", err=True)
