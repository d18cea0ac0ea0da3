"""Whether Knative looks at the tag that a request names in its header, as far as anybody may know. Pure."""

from engine.adapters.knative.kinds import FEATURES_MAP, KNATIVE_NAMESPACE, TAG_HEADER
from engine.adapters.kubernetes.cluster import Manifest

_SWITCH = "tag-header-based-routing"


def refusal(features: Manifest) -> str:
    """Why an audience would never see the treatment; empty when it would.

    Args:
        features: the ConfigMap `config-features`. What it does not say is off, as in Knative.
    """
    if features.get("data", {}).get(_SWITCH, "disabled").lower() == "enabled":
        return ""
    return (
        f"Knative does not look at the header {TAG_HEADER}: set `{_SWITCH}: enabled` in the ConfigMap "
        f"{FEATURES_MAP} of {KNATIVE_NAMESPACE}"
    )
