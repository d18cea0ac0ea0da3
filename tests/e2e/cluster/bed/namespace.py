"""A namespace of the cluster as one test has it, and how to read what controllers have made of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.e2e.cluster.bed.client import Cluster, Object
from tests.e2e.cluster.bed.waiting import eventually

PROMOTE_A_STEP: Object = {"status": {"pauseConditions": None}}
PROMOTE_FULLY: Object = {"status": {"promoteFull": True}}
ABORT: Object = {"status": {"abort": True}}


@dataclass(frozen=True)
class Namespace:
    """A namespace of the cluster, and what tests do in it."""

    cluster: Cluster
    name: str

    def apply(self, *manifests: Object | str | Sequence[Object]) -> list[Object]:
        """Apply documents, lists of documents or YAML, strictly."""
        done: list[Object] = []
        for manifest in manifests:
            parts = [manifest] if isinstance(manifest, str | dict) else list(manifest)
            for part in parts:
                done += self.cluster.apply(part, self.name)
        return done

    def get(self, api_version: str, kind: str, name: str) -> Object | None:
        """One object, None when there is none."""
        return self.cluster.get(api_version, kind, name, self.name)

    def rollout(self, name: str) -> Object:
        """A Rollout that exists."""
        return self._there("argoproj.io/v1alpha1", "Rollout", name)

    def knative(self, name: str) -> Object:
        """A Knative Service that exists."""
        return self._there("serving.knative.dev/v1", "Service", name)

    def _there(self, api_version: str, kind: str, name: str) -> Object:
        found = self.get(api_version, kind, name)
        assert found is not None, f"there is no {kind} {name}"
        return found

    def pods(self, selector: str = "") -> list[Object]:
        """The pods here, those that are to go as well."""
        return self.cluster.all("v1", "Pod", self.name, selector)

    def patch_rollout(self, name: str, body: Object, subresource: str = "status") -> Object:
        """What the kubectl plugin does to a Rollout."""
        return self.cluster.patch(
            "argoproj.io/v1alpha1", "Rollout", name, body, namespace=self.name, subresource=subresource
        )

    def patch_knative(self, name: str, body: Object) -> Object:
        """What `kubectl patch` does to a Knative Service."""
        return self.cluster.patch("serving.knative.dev/v1", "Service", name, body, namespace=self.name)

    def await_rollout(self, name: str, phase: str) -> Object:
        """A Rollout once it is at rest in this phase."""
        eventually(lambda: is_settled(self.rollout(name), phase), what=f"Rollout {name} is {phase}")
        return self.rollout(name)

    def await_weight(self, name: str, weight_pct: int) -> None:
        """Return when the controller says that the canary has this weight."""
        eventually(lambda: canary_pct(self.rollout(name)) == weight_pct, what=f"{name} is at {weight_pct} %")

    def await_split(self, name: str, canary_pct: int) -> None:
        """Return when the proxy splits so, which takes some tenths of a second more than the controller."""
        wanted = {
            f"{self.name}-{name}-stable-80": 100 - canary_pct,
            f"{self.name}-{name}-canary-80": canary_pct,
        }
        split = f"{self.name}-{name}@kubernetescrd"
        eventually(lambda: self.cluster.proxy_weights(split) == wanted, what=f"the proxy splits {wanted}")

    def await_knative(self, name: str) -> Object:
        """A Knative Service once it is ready as it is now written."""
        eventually(lambda: is_knative_ready(self.knative(name)), what=f"Knative Service {name} is ready")
        return self.knative(name)


def is_settled(rollout: Object, phase: str) -> bool:
    """Whether a Rollout is at rest in this phase: the phase is of this generation, and nobody acts on it."""
    status = rollout.get("status", {})
    is_current = status.get("observedGeneration") == str(rollout["metadata"]["generation"])
    is_moving = status.get("controllerPause", False) and not status.get("pauseConditions")
    return is_current and not is_moving and status.get("phase") == phase


def canary_pct(rollout: Object) -> int:
    """The canary's weight as the controller has set it."""
    weights = rollout.get("status", {}).get("canary", {}).get("weights", {})
    return int(weights.get("canary", {}).get("weight", 0))


def is_knative_ready(service: Object) -> bool:
    """Whether a Knative Service is ready as it is now written."""
    status = service.get("status", {})
    is_current = status.get("observedGeneration") == service["metadata"]["generation"]
    conditions = {c["type"]: c["status"] for c in status.get("conditions", ())}
    return is_current and conditions.get("Ready") == "True"
