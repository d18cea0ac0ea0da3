"""Which cluster this process is to use: the user's kubeconfig, or inside a pod the pod's own cluster.

It only reads configuration; nothing is asked of a cluster.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config
from kubernetes.client import Configuration

from engine.errors import UsageError

FILES_VARIABLE = "KUBECONFIG"
_DEFAULT_FILE = "~/.kube/config"
_IN_A_POD = "KUBERNETES_SERVICE_HOST"


def configure(settings: Configuration, context: str | None = None) -> None:
    """Fill in address, certificates and user of a context; None: the current one, or of the pod's cluster.

    Raises:
        UsageError: nothing is configured, or not that; says what to type.
    """
    files = [file for file in named_files() if file.is_file()]
    if files:
        _by_file(settings, files, context)
    elif context is None and os.environ.get(_IN_A_POD):
        _by_pod(settings)
    else:
        looked = " and ".join(map(str, named_files()))
        msg = (
            f"no cluster is configured: there is no {looked}{'' if context else ', and this is no pod'};"
            f" type `export {FILES_VARIABLE}=FILE` with the kubeconfig that `kubectl` uses for your cluster"
        )
        raise UsageError(msg)


def named_files() -> list[Path]:
    """The files that kubectl would read, whether they are there or not."""
    named = os.environ.get(FILES_VARIABLE) or _DEFAULT_FILE
    return [Path(name).expanduser() for name in named.split(os.pathsep) if name]


def _by_file(settings: Configuration, files: Sequence[Path], context: str | None) -> None:
    where = os.pathsep.join(map(str, files))
    try:
        contents = [_content(file) for file in files]
        _must_know(context, contents, where)
        config.load_kube_config(config_file=where, context=context, client_configuration=settings)
    except (config.ConfigException, yaml.YAMLError, OSError, LookupError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        msg = f"{where} is no usable kubeconfig: {said}; see `kubectl config view`"
        raise UsageError(msg) from error


def _content(file: Path) -> dict[str, Any]:
    with file.open(encoding="utf-8") as text:
        found = yaml.safe_load(text)
    return found if isinstance(found, dict) else {}


def _must_know(context: str | None, contents: Sequence[dict[str, Any]], where: str) -> None:
    """UsageError where the context that is asked for is in none of the files."""
    names = [str(each["name"]) for content in contents for each in content.get("contexts") or ()]
    known = f"it has {', '.join(names)}" if names else "it has no context at all"
    current = (str(content.get("current-context") or "") for content in contents)
    chosen = context or next(filter(None, current), "")
    if not chosen:
        msg = (
            f"{where} names no current context ({known});"
            " type `kubectl config use-context NAME`, or --context NAME"
        )
        raise UsageError(msg)
    if chosen not in names:
        msg = f"there is no context {chosen} in {where} ({known}); `kubectl config get-contexts` lists them"
        raise UsageError(msg)


def _by_pod(settings: Configuration) -> None:
    try:
        config.load_incluster_config(client_configuration=settings)
    except config.ConfigException as error:
        msg = (
            f"this pod may not talk to its cluster: {error}; give it a serviceAccountName, and leave"
            " automountServiceAccountToken out"
        )
        raise UsageError(msg) from error
