import pytest

from engine.adapters.knative import KnativeOptions, KnativeTarget
from engine.adapters.knative.kinds import KNATIVE_SERVICES
from engine.adapters.knative.pinning import pin
from engine.errors import UsageError
from tests.adapters.knative.shop import NAMESPACE, PINNED, service, shop


def test_a_service_that_follows_its_template_is_pinned_to_what_serves() -> None:
    cluster = shop({"latestRevision": True, "percent": 100}, latest="shop-one")
    found = pin(cluster.get(KNATIVE_SERVICES, NAMESPACE, "shop"))
    assert found.patch is not None
    assert found.patch["spec"]["traffic"] == list(PINNED)
    assert "shop-one 100 %" in found.changes[0]
    cluster.patch(KNATIVE_SERVICES, NAMESPACE, "shop", found.patch)
    after = cluster.get(KNATIVE_SERVICES, NAMESPACE, "shop")
    assert pin(after).patch is None
    assert pin(after).changes == ()


def test_a_pinned_service_can_be_released_after_the_template_has_changed() -> None:
    target = KnativeTarget(KnativeOptions(service="shop", namespace=NAMESPACE), shop(*PINNED))
    assert target.facts().treatment == "shop-two"


def test_a_split_and_the_tags_of_others_stay_as_they_are() -> None:
    cluster = shop(
        {"revisionName": "shop-one", "percent": 60},
        {"revisionName": "shop-two", "percent": 40, "tag": "beta"},
    )
    found = pin(cluster.get(KNATIVE_SERVICES, NAMESPACE, "shop"))
    assert found.patch is not None
    assert found.patch["spec"]["traffic"] == [
        {"revisionName": "shop-one", "percent": 60},
        {"revisionName": "shop-two", "percent": 40},
        {"latestRevision": True, "tag": "candidate"},
        {"revisionName": "shop-two", "tag": "beta"},
    ]


def test_a_service_that_routes_nothing_yet_is_not_pinned() -> None:
    with pytest.raises(UsageError, match="routes nothing yet"):
        pin(service())
