"""Which cluster is meant, and what to type where none is. No cluster is asked."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration

from engine.adapters.kubernetes.kubeconfig import configure
from engine.errors import UsageError

CLUSTERS = [{"name": name, "cluster": {"server": f"https://{name}.example"}} for name in ("one", "two")]


def content(current: str = "one", names: tuple[str, ...] = ("one", "two")) -> dict[str, Any]:
    contexts = [{"name": name, "context": {"cluster": name, "user": "ada"}} for name in names]
    users = [{"name": "ada", "user": {"token": "t"}}]
    made = {"apiVersion": "v1", "kind": "Config", "clusters": CLUSTERS, "users": users, "contexts": contexts}
    return {**made, "current-context": current}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good kubeconfig; no pod."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(content()))
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return path


def host(context: str | None = None) -> str:
    settings = Configuration()
    configure(settings, context)
    return str(settings.host)


def refusal(context: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        host(context)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("file")
def test_the_current_context_is_meant_where_none_is_named() -> None:
    assert (host(), host("two")) == ("https://one.example", "https://two.example")


def test_files_that_are_not_there_are_passed_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{file.parent}/missing:{file}")
    assert host() == "https://one.example"


def test_without_any_file_it_says_which_was_looked_for_and_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    file.unlink()
    assert f"there is no {file}, and this is no pod; type `export KUBECONFIG=FILE`" in refusal()
    assert f"there is no {file};" in refusal("one")
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert f"there is no {tmp_path}/.kube/config" in refusal()


def test_nothing_is_printed_beside_the_message(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.unlink()
    refusal()
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("file")
def test_an_unknown_context_is_told_with_those_there_are() -> None:
    assert "there is no context three in" in refusal("three")
    assert "(it has one, two); `kubectl config get-contexts`" in refusal("three")


@pytest.mark.parametrize(("names", "known"), [(("one",), "it has one"), ((), "it has no context at all")])
def test_a_file_without_a_current_context_says_how_to_choose_one(
    file: Path, names: tuple[str, ...], known: str
) -> None:
    file.write_text(yaml.safe_dump(content("", names)))
    assert f"names no current context ({known}); type `kubectl config use-context NAME`" in refusal()


@pytest.mark.parametrize("text", ["a: [", "contexts: [1]", "contexts: 7", "- a list", "", "\x00"])
def test_a_file_that_is_none_is_named(file: Path, text: str) -> None:
    file.write_text(text)
    assert refusal().startswith(str(file))
    assert refusal("one").startswith((str(file), f"there is no context one in {file}"))


def test_a_context_without_its_cluster_is_told(file: Path) -> None:
    file.write_text(yaml.safe_dump({**content(), "clusters": []}))
    assert "is no usable kubeconfig" in refusal()


def test_a_pod_without_its_token_is_told_what_it_lacks(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.unlink()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    assert "this pod may not talk to its cluster" in refusal()
    assert "serviceAccountName" in refusal()
    assert "KUBECONFIG" in refusal("one")
