"""The page of the figures: what was measured, how, and where the comparison is not fair. Adds no number."""

from tests.benchmarks.cluster import objects as of
from tests.benchmarks.cluster.page import Results, markdown
from tests.benchmarks.cluster.programs import SCRAPE_S

_OPTIONS = 'OPTS="--out docs/explanation/scale.md"'


def page(results: Results) -> str:
    """The whole page."""
    return f"{_head(results)}\n{markdown(results)}"


def _head(results: Results) -> str:
    sizes = results.sizes
    return f"""# Many experiments at once

What `make bench-cluster {_OPTIONS}` measured: Rampwise's controller and the real controller of Argo
Rollouts, one after the other in the same cluster, on the same signals. A goal that was missed is shown like
one that was met, and so are rows in which Rampwise loses.

## How

**The cluster** is the one of the end-to-end tests: real etcd (without fsync), API server and controller
manager, on the same processors as everything else. Kubelets and the gateway are stood in for: pods are
objects that are ready, and routes are accepted at once. Requests are not sent but drawn: a process counts
independent requests for every pair of versions, split by the weights that the controllers set, under the
names that Traefik uses, and Prometheus scrapes it every {SCRAPE_S} s. Both controllers read these counters.

**An experiment** is a `ReleaseExperiment` on an HTTPRoute of its own, at its first step of {of.SHARE_PCT}
%, with `http_errors`, `http_latency` (12 buckets) and a proportion of the application. **An AnalysisRun**
has the treatment's errors, 95th percentile and the same proportion, each over [{of.WINDOW}], as its
documentation writes them, and is not compared with anything. Rampwise has the rights of `manifests/` and
nothing wider; Argo and the benchmark are the administrator, who is exempt from the API server's limits, to
Argo's advantage.

| column | says |
|---|---|
| done | evaluations as a share of those that were due |
| kept | likewise, found afterwards in the database (in the status of AnalysisRuns) |
| CPU-s a cycle | of all programs shown, per {sizes.interval_s} s; the stand-ins are not counted |
| driver | Rampwise's controller, or Argo's |

Whatever an AnalysisRun keeps is written to etcd, ten measurements at most. Rampwise keeps every decision
and what it rests on in its database: SQLite as in `manifests/base`, PostgreSQL with fsync.

**Reaction** is on real Rollouts with weights, {of.ROLLOUT_RATE_PER_S:g} requests a second. The treatment's
errors go from {of.HEALTHY_ERROR_RATE:.0%} to {of.BAD_ERROR_RATE:.0%} at a random moment, after all was well
for {sizes.healthy_s:g} s, and it ends when the weights that the Rollouts controller writes give it nothing.
The background analysis fails above 5 % of errors over [{of.WINDOW}], at once. That window is the user's and
not the engine's, so that the time after its own query crosses the limit is shown, too. Canaries lose their
pods after one second, so that the controller's work after an abort, which grows with every abort, does not
hold up the next one. *Rampwise* declares a dispersion of 1, which is true of these requests; *without
history* is the shortest document, whose young run assumes that errors swing by themselves
([Evidence](evidence.md)).
"""
