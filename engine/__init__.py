"""Rampwise's engine: the experiment, its run, the decisions and everything that touches the outside."""
