// The Gateway API's kinds for the end-to-end tests. Only its manifests are used; nothing is built.
module rampwise.dev/tests/cluster/gateway

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.3
