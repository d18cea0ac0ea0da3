"""A Kubernetes control plane and data plane on one Linux machine, without containers. Test equipment only."""
