"""`Cluster` over the official client: its configuration, authentication and TLS, plain JSON besides.

Importing the client takes longer than most commands run: only targets in a cluster may import this module.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from kubernetes import config
from kubernetes.client import ApiClient, Configuration

from engine.adapters.kubernetes.cluster import (
    FIELD_MANAGER,
    Deposed,
    Invalid,
    Manifest,
    Moved,
    NotAllowed,
    NotThere,
    PatchKind,
    Resource,
)
from engine.adapters.kubernetes.guard import GUARD, WriteGuard
from engine.errors import Unreachable, UsageError

CONNECT_S = 2.0
READ_S = 5.0
PAGE = 500
_DEFAULT_NAMESPACE = "default"
_MOST_SAID = 200
_VERBS = {"GET": "get", "PATCH": "patch", "POST": "create", "DELETE": "delete"}
_ERRORS = {
    404: NotThere,
    409: Moved,
    400: Invalid,
    415: Invalid,
    422: Invalid,
}


@lru_cache(maxsize=8)
def connect(context: str | None = None) -> "KubernetesCluster":
    """The cluster of a context of the user's kubeconfig; None: its current one, or inside a pod that cluster.

    Raises:
        UsageError: there is no such context, or no cluster is configured at all.
    """
    settings = Configuration()
    settings.retries = False
    try:
        if context is None:
            config.load_config(client_configuration=settings)
        else:
            config.load_kube_config(context=context, client_configuration=settings)
    except config.ConfigException as error:
        where = f"context {context}" if context else "cluster"
        msg = f"no {where} is configured: {error}; `kubectl config get-contexts` lists what there is"
        raise UsageError(msg) from error
    return KubernetesCluster(ApiClient(settings))


def namespace_of(context: str | None = None) -> str:
    """The namespace that a context of the user's kubeconfig means where none is named, as kubectl has it."""
    try:
        contexts, current = config.list_kube_config_contexts()
    except config.ConfigException:
        return _DEFAULT_NAMESPACE  # in a pod there is no kubeconfig
    chosen = current if context is None else next((each for each in contexts if each["name"] == context), {})
    return str(chosen.get("context", {}).get("namespace") or _DEFAULT_NAMESPACE)


class KubernetesCluster:
    """A real API server; `guard` is asked before every write, None where nobody is."""

    def __init__(self, client: ApiClient, guard: WriteGuard | None = GUARD) -> None:
        self.client = client
        self._guard = guard

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """See `Cluster.get`."""
        return self._call("GET", resource, namespace, name)

    def find(self, resource: Resource, namespace: str, labels: Mapping[str, str]) -> Sequence[Manifest]:
        """See `Cluster.find`; read in pages."""
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        found: list[Manifest] = []
        more = ""
        while True:
            query = {"limit": PAGE, "labelSelector": selector, "continue": more}
            page = self._call("GET", resource, namespace, query=query)
            found += page["items"]
            more = page.get("metadata", {}).get("continue", "")
            if not more:
                return found

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Manifest | list[Manifest],
        *,
        subresource: str = "",
        kind: PatchKind = PatchKind.MERGE,
    ) -> Manifest:
        """See `Cluster.patch`; unknown fields are refused."""
        query: dict[str, Any] = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        if kind is PatchKind.APPLY:
            query["force"] = "true"
        return self._call("PATCH", resource, namespace, name, subresource, query=query, body=body, media=kind)

    def create(self, resource: Resource, namespace: str, body: Manifest) -> Manifest:
        """See `Cluster.create`; unknown fields are refused."""
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return self._call("POST", resource, namespace, query=query, body=body)

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """See `Cluster.delete`."""
        try:
            self._call("DELETE", resource, namespace, name, query={"propagationPolicy": "Background"})
        except NotThere:
            return

    def _call(
        self,
        method: str,
        resource: Resource,
        namespace: str,
        name: str = "",
        subresource: str = "",
        *,
        query: Mapping[str, Any] | None = None,
        body: object = None,
        media: str = "application/json",
    ) -> Manifest:
        place = "/namespaces/{namespace}" if namespace else ""
        path = f"{resource.prefix}{place}/{resource.plural}"
        path += ("/{name}" if name else "") + (f"/{subresource}" if subresource else "")
        request = self.client.param_serialize(
            method,
            path,
            path_params={"namespace": namespace, "name": name},
            query_params=[(key, value) for key, value in (query or {}).items() if value != ""],
            header_params={"Accept": "application/json", "Content-Type": media},
            body=body,
            auth_settings=["BearerToken"],
        )
        verb = "list" if method == "GET" and not name else _VERBS[method]
        what = f"{verb} {resource}{'/' + subresource if subresource else ''} {name}".strip()
        where = f"in namespace {namespace}" if namespace else "in the cluster"
        if method != "GET" and self._guard is not None and not self._guard.may_write():
            msg = f"this controller is not the leader any more and must not {what} {where}"
            raise Deposed(msg)
        try:
            answer = self.client.call_api(*request, _request_timeout=(CONNECT_S, READ_S))
            content = answer.read()
            found = json.loads(content or b"{}") if answer.status < 300 else {}
        except Exception as error:
            # The client lets urllib3's and the socket's errors through; their texts name no secret.
            msg = f"the Kubernetes API gave no usable answer to {what} {where} ({type(error).__name__})"
            raise Unreachable(msg) from error
        if answer.status >= 300:
            raise _refusal(answer.status, _message(content) or f"status {answer.status}", what, where)
        return cast("Manifest", found)


def _message(content: bytes) -> str:
    """What the API says is wrong; of a group that nobody serves it says so in plain text."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, TypeError, KeyError):
        return content.decode(errors="replace").strip()[:_MOST_SAID]


def _refusal(status: int, said: str, what: str, where: str) -> Unreachable:
    if status == 401:
        return NotAllowed(
            f"not logged in to {what} {where}: {said}; check the user of the kubeconfig's context"
        )
    if status == 403:
        verb, resource, *_ = what.split()
        return NotAllowed(
            f"not allowed to {what} {where}: a Role must grant verb `{verb}` on `{resource}` ({said})"
        )
    return _ERRORS.get(status, Unreachable)(f"the Kubernetes API refused to {what} {where}: {said}")
