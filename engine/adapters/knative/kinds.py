"""Names that Knative Serving gives to things."""

from engine.adapters.kubernetes.cluster import Resource

KNATIVE_SERVICES = Resource(group="serving.knative.dev", version="v1", plural="services")
REVISIONS = Resource(group="serving.knative.dev", version="v1", plural="revisions")
CONFIG_MAPS = Resource(group="", version="v1", plural="configmaps")

SERVICE_LABEL = "serving.knative.dev/service"
REVISION_LABEL = "serving.knative.dev/revision"
KEEP_ANNOTATION = "serving.knative.dev/no-gc"
"""With the value `true` a revision is not garbage collected."""

CANDIDATE_TAG = "candidate"
"""The tag under which the treatment answers at a URL of its own, whatever its share."""
AUDIENCE_TAG = "trial"
"""The tag that an A/B test's visitors name in the header `TAG_HEADER`; there only while the test runs."""
TAG_HEADER = "Knative-Serving-Tag"
KNATIVE_NAMESPACE = "knative-serving"
FEATURES_MAP = "config-features"
"""Knative's own switches, in a ConfigMap of its namespace."""
