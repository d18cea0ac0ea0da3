"""A rule of a Gateway API HTTPRoute as the thing that carries traffic: a split between two Services."""

from engine.adapters.gateway_api.options import HttpRouteOptions
from engine.adapters.gateway_api.target import HttpRouteTarget

__all__ = ["HttpRouteOptions", "HttpRouteTarget"]
