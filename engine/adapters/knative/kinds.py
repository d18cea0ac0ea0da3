"""Names that Knative Serving gives to things."""

from engine.adapters.kubernetes.cluster import Resource

KNATIVE_SERVICES = Resource(group="serving.knative.dev", version="v1", plural="services")
REVISIONS = Resource(group="serving.knative.dev", version="v1", plural="revisions")

SERVICE_LABEL = "serving.knative.dev/service"
REVISION_LABEL = "serving.knative.dev/revision"
KEEP_ANNOTATION = "serving.knative.dev/no-gc"
"""With the value `true` a revision is not garbage collected."""

CANDIDATE_TAG = "candidate"
"""The tag under which the treatment answers at a URL of its own, whatever its share."""
