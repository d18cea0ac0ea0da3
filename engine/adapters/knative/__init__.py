"""A Knative Service as the thing that carries traffic: a percent split between two of its revisions."""

from engine.adapters.knative.options import KnativeOptions
from engine.adapters.knative.target import KnativeTarget

__all__ = ["KnativeOptions", "KnativeTarget"]
