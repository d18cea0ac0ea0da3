"""Targets in a Kubernetes cluster, and the one narrow door to its API that they share."""
