"""`Cluster` over the official client: its configuration, authentication and TLS, plain JSON besides.

Importing the client takes longer than most commands run: only targets in a cluster may import this module.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.watch.watch import iter_resp_lines

from engine.adapters.kubernetes.cluster import (
    FIELD_MANAGER,
    Deposed,
    Expired,
    Invalid,
    Manifest,
    Moved,
    NotAllowed,
    NotThere,
    PatchKind,
    Resource,
)
from engine.adapters.kubernetes.guard import GUARD, WriteGuard
from engine.adapters.kubernetes.kubeconfig import configure
from engine.errors import Unreachable

CONNECT_S = 2.0
READ_S = 5.0
PAGE = 500
CONNECTIONS = 64
"""Kept open; watches hold one each, and what is beyond is opened and closed again."""
_Request = tuple[str, str, dict[str, str], str | None, list[str]]
"""As the client takes it apart: method, URL, headers, body, form."""
_DEFAULT_NAMESPACE = "default"
_MOST_SAID = 200
_VERBS = {"GET": "get", "PATCH": "patch", "POST": "create", "DELETE": "delete"}
_ERRORS = {
    404: NotThere,
    409: Moved,
    410: Expired,
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
    settings.connection_pool_maxsize = CONNECTIONS
    configure(settings, context)
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
        manager: str = FIELD_MANAGER,
    ) -> Manifest:
        """See `Cluster.patch`; unknown fields are refused."""
        query: dict[str, Any] = {"fieldManager": manager, "fieldValidation": "Strict"}
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

    def page(self, resource: Resource, namespace: str, more: str) -> Manifest:
        """See `Feed.page`."""
        return self._call("GET", resource, namespace, query={"limit": PAGE, "continue": more})

    def changes(
        self, resource: Resource, namespace: str, version: str, within_s: float
    ) -> Iterator[Manifest]:
        """See `Feed.changes`."""
        query = {
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": int(within_s),
            "allowWatchBookmarks": "true",
        }
        told = _Told.of("watch", resource, namespace)
        answer = self._sent(told, self._request("GET", resource, namespace, query=query), within_s + READ_S)
        try:
            for line in iter_resp_lines(answer.response):
                yield _event(json.loads(line), told)
        except Unreachable:
            raise
        except Exception as error:
            raise told.silence(error) from error
        finally:
            answer.response.close()

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
        request = self._request(
            method, resource, namespace, name, subresource, query=query, body=body, media=media
        )
        verb = "list" if method == "GET" and not name else _VERBS[method]
        told = _Told.of(verb, resource, namespace, name, subresource)
        if method != "GET" and self._guard is not None and not self._guard.may_write():
            msg = f"this controller is not the leader any more and must not {told.what} {told.where}"
            raise Deposed(msg)
        answer = self._sent(told, request, READ_S)
        try:
            return cast("Manifest", json.loads(answer.read() or b"{}"))
        except Exception as error:
            raise told.silence(error) from error

    def _request(
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
    ) -> _Request:
        place = "/namespaces/{namespace}" if namespace else ""
        path = f"{resource.prefix}{place}/{resource.plural}"
        path += ("/{name}" if name else "") + (f"/{subresource}" if subresource else "")
        request: _Request = self.client.param_serialize(
            method,
            path,
            path_params={"namespace": namespace, "name": name},
            query_params=[(key, value) for key, value in (query or {}).items() if value != ""],
            header_params={"Accept": "application/json", "Content-Type": media},
            body=body,
            auth_settings=["BearerToken"],
        )
        return request

    def _sent(self, told: "_Told", request: _Request, read_s: float) -> Any:
        """The answer, whose body is still to be read."""
        try:
            answer = self.client.call_api(*request, _request_timeout=(CONNECT_S, read_s))
            content = answer.read() if answer.status >= 300 else b""
        except Exception as error:
            # The client lets urllib3's and the socket's errors through; their texts name no secret.
            raise told.silence(error) from error
        if answer.status >= 300:
            said = _message(content) or f"status {answer.status}"
            raise _refusal(answer.status, said, told.what, told.where)
        return answer


@dataclass(frozen=True, slots=True)
class _Told:
    """A call in words."""

    what: str
    where: str

    @classmethod
    def of(
        cls, verb: str, resource: Resource, namespace: str, name: str = "", subresource: str = ""
    ) -> "_Told":
        what = f"{verb} {resource}{'/' + subresource if subresource else ''} {name}".strip()
        return cls(what, f"in namespace {namespace}" if namespace else "in the cluster")

    def silence(self, error: Exception) -> Unreachable:
        """The error of an answer that none can use."""
        how = type(error).__name__
        return Unreachable(f"the Kubernetes API gave no usable answer to {self.what} {self.where} ({how})")


def _event(event: Manifest, told: _Told) -> Manifest:
    """An event of a watch, which may be its refusal."""
    if event["type"] == "ERROR":
        status = event["object"]
        raise _refusal(status.get("code", 500), status.get("message", ""), told.what, told.where)
    return event


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
