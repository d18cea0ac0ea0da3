"""A checkout that takes part in an experiment: all that an application has to do. Made to be copied.

    python -m engine.demo.shop.checkout --flag exp.checkout.variant --engine http://127.0.0.1:8484 --port 8000

It asks for its flag by OpenFeature, says what its visitors do, and counts for Prometheus. It knows no
weights, no runs and no statistics: those are the engine's.
"""

import argparse
import secrets

import uvicorn
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.track import TrackingEventDetails
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.openfeature import ExposureHook, Sender, Tracker

CLASSIC, SHORT = "classic", "short"
FORMS = {CLASSIC: 4, SHORT: 2}
"""How many forms each of the two checkouts has: what the experiment is about."""
VISITOR_COOKIE = "visitor"
PAID, DECLINED = "paid", "declined"


def client_of(engine: str) -> OpenFeatureClient:
    """A client of flags that the engine at this URL evaluates, and that tells it who saw and who did what."""
    sender = Sender(engine)
    api.set_provider(Tracker(OFREPProvider(engine), sender))
    api.add_hooks([ExposureHook(sender, dimensions=["device"])])
    return api.get_client()


class Checkout:
    """Two checkouts in one build; a flag says which of them a visitor gets."""

    def __init__(self, client: OpenFeatureClient, flag: str) -> None:
        self._client, self._flag = client, flag
        self._registry = CollectorRegistry()
        # Its label `variant` is how a release's guardrails tell the arms apart.
        self._payments = Counter("payments", "Payments.", ["variant", "outcome"], registry=self._registry)
        for variant in FORMS:
            for outcome in (PAID, DECLINED):
                # A series that begins at 0 says that nothing happened; one that is not there says nothing.
                self._payments.labels(variant, outcome)

    def routes(self) -> list[Route]:
        """What is served. Functions that are not `async` run in threads: asking for a flag takes time."""
        return [
            Route("/checkout", self.show, methods=["GET"]),
            Route("/checkout", self.pay, methods=["POST"]),
            Route("/metrics", self.metrics),
        ]

    def show(self, request: Request) -> Response:
        """The checkout page. Here the variants differ, so here the flag is asked for: an exposure."""
        visitor = visitor_of(request)
        variant = self._variant(visitor)
        page = JSONResponse({"checkout": variant, "forms": FORMS[variant]})
        page.set_cookie(VISITOR_COOKIE, visitor.targeting_key or "", httponly=True, samesite="lax")
        return page

    def pay(self, request: Request) -> Response:
        """The last button. What is to be paid comes with the request here; a real shop would know it.

        The order's number makes its purchase count once, however often it is told.
        """
        visitor = visitor_of(request)
        variant = self._variant(visitor)
        if request.query_params["card"] != "valid":
            self._payments.labels(variant, DECLINED).inc()
            self._client.track("declined", visitor)
            return JSONResponse({"error": "the card was declined"}, 402)
        order, amount = secrets.token_hex(8), float(request.query_params["amount"])
        self._payments.labels(variant, PAID).inc()
        self._client.track("purchase", visitor, TrackingEventDetails(amount, {"id": order}))
        return JSONResponse({"order": order}, 201)

    async def metrics(self, _: Request) -> Response:
        """For Prometheus."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _variant(self, visitor: EvaluationContext) -> str:
        """The classic checkout where there is no answer, and for a variant that this build does not have."""
        variant = self._client.get_string_value(self._flag, CLASSIC, visitor)
        return variant if variant in FORMS else CLASSIC


def visitor_of(request: Request) -> EvaluationContext:
    """Who asks: the same key on every request of theirs, and what results are broken down by."""
    device = "phone" if "Mobile" in request.headers.get("user-agent", "") else "desktop"
    return EvaluationContext(request.cookies.get(VISITOR_COOKIE) or secrets.token_hex(8), {"device": device})


def main() -> None:
    """Serve until told to stop; what waits to be told to the engine is sent then."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--flag", required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    checkout = Checkout(client_of(chosen.engine), chosen.flag)
    app = Starlette(routes=checkout.routes())
    uvicorn.run(app, host="127.0.0.1", port=chosen.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
