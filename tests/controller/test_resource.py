"""What an object says."""

import pytest

from engine.controller.resource import FINALIZER, UID, at_home, wanted
from engine.core.events import Verb


def an_object(**changes):
    meta = {"namespace": "shop", "name": "checkout", "uid": "u-1", "generation": 3, "resourceVersion": "7"}
    spec = {"target": {"fake": {}}, "strategy": {"canary": {}}}
    return {"metadata": meta | changes.pop("metadata", {}), "spec": spec | changes.pop("spec", {}), **changes}


def test_the_document_carries_namespace_and_identity():
    found = wanted(an_object())
    assert found.document["metadata"] == {"name": "shop--checkout", "labels": {UID: "u-1"}}
    assert (found.key, found.generation, found.run_id) == (("shop", "checkout"), 3, "")


@pytest.mark.parametrize("options", [{}, None, {"namespace": "shop"}])
def test_the_target_is_in_the_objects_own_namespace(options):
    found = wanted(an_object(spec={"target": {"fake": options}}))
    assert found.problem == ""
    assert at_home(found.document, "shop")["spec"]["target"] == {"fake": {"namespace": "shop"}}


@pytest.mark.parametrize("options", [{"namespace": "bank"}, {"context": "production"}])
def test_nobody_releases_elsewhere_through_the_controller(options):
    problem = wanted(an_object(spec={"target": {"fake": options}})).problem
    assert problem.startswith(f"spec.target.fake.{next(iter(options))}: ")


@pytest.mark.parametrize("target", ["fake", {}, {"a": {}, "b": {}}, None])
def test_a_target_that_is_none_is_left_to_the_documents_checks(target):
    found = wanted(an_object(spec={"target": target}))
    assert found.problem == ""
    assert found.document["spec"]["target"] == target


def test_a_command_comes_with_reason_and_treatment():
    notes = {
        "rampwise.dev/command": " promote ",
        "rampwise.dev/reason": "looks good",
        "rampwise.dev/treatment": "v3",
    }
    asked = wanted(an_object(metadata={"annotations": notes})).asked
    assert asked is not None
    assert (asked.verb, asked.reason, asked.treatment) == (Verb.PROMOTE, "looks good", "v3")


def test_a_command_that_is_none_is_kept_as_text():
    asked = wanted(an_object(metadata={"annotations": {"rampwise.dev/command": "explode"}})).asked
    assert asked is not None
    assert (asked.verb, asked.text) == (None, "explode")


def test_owner_finalizer_deletion_and_status_are_read():
    found = wanted(
        an_object(
            metadata={
                "annotations": {"rampwise.dev/owner": "ada"},
                "finalizers": [FINALIZER],
                "deletionTimestamp": "2026-01-01T00:00:00Z",
            },
            status={"run": "checkout-1"},
        )
    )
    assert found.document["metadata"]["owner"] == "ada"
    assert (found.held, found.deleting, found.run_id) == (True, True, "checkout-1")
