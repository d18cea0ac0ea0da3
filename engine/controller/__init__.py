"""Rampwise inside a cluster: the resource `ReleaseExperiment` and what makes runs of it."""
