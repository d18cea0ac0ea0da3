# Two commands matter: `make demo` runs the main job, `make test` the tests. Both install what is missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
BIN := .venv/bin
PYTHON ?= $(shell tools/find-python)
PYTEST := $(BIN)/python -m pytest

.PHONY: help ahead env prometheus chromium postgresql java cluster-tools demo test check lint unit coverage e2e browser warehouse cluster soak \
	simulation calibrate bench bench-peers bench-ab bench-cluster schema lock clean

# Python keeps what it compiled, whatever the environment says: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

# Slow ones that keep a processor busy; all others mostly wait.
SIMULATED := tests/simulation tests/benchmarks tests/engine tests/adapters/store tests/adapters/flags \
	$(addprefix tests/analysis/,stats design planning oracles product window_files)
ELSEWHERE := $(SIMULATED:%=%/%) tests/analysis/warehouse/% tests/browser/% tests/web/test_browser.py tests/e2e/cluster/%
# The longest first, so that no one is left waiting for them. The fifth is run by who runs the first, which has only
# two tests: both make much traffic, and so do not at the same time.
LONGEST := $(patsubst %,tests/%.py,e2e/test_demo e2e/test_docs_commands e2e/test_release local/test_platform \
	e2e/test_strategies e2e/test_product_experiment e2e/test_killed plugins/test_distribution local/test_assignment local/test_cli)
SLOW = $(sort $(shell grep -rl --include='test_*.py' 'pytest.mark.slow' tests))
E2E = $(LONGEST) $(filter-out $(LONGEST) $(ELSEWHERE),$(SLOW))

# Tests of real time share two cores: what failed beside others must pass alone, and both are printed.
ALONE := -q --last-failed --last-failed-no-failures=none

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

env: .venv/.installed ## The Python environment in .venv, from requirements.lock

.venv/.installed: requirements.lock pyproject.toml
	tools/make-env "$(PYTHON)"
	@touch $@

prometheus: ## Debian's prometheus, installed if it is missing and we may
	@tools/ensure-program prometheus 'Local platforms'

chromium: ## Debian's chromium, for the tests of pages
	@tools/ensure-program chromium 'Tests of pages'

postgresql: ## Debian's postgresql, for the tests of the store
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || tools/ensure-program initdb 'Tests of the store' postgresql

java: ## Debian's Java, for the tests on Spark
	@tools/ensure-program java 'Tests on Spark' default-jre-headless

cluster-tools: ## Kubernetes, Argo Rollouts and Knative, built once per version into a cache
	tools/ensure-cluster-tools >/dev/null

demo: env prometheus ## Real releases on this machine, each with its expected outcome
	$(BIN)/rampwise demo

check: env lint unit ## The fast loop: format, lint, types, import contracts, unit tests

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: env
	timeout 360 $(PYTEST) -q -n 2 -m "not slow"

coverage: env
	$(BIN)/coverage erase
	timeout 660 $(PYTEST) -q -n 2 -m "not slow" --cov --cov-report=
	tools/check-coverage $(BIN)

simulation: env postgresql
	timeout 720 $(PYTEST) -q -n 2 -m slow $(SIMULATED) || timeout 300 $(PYTEST) $(ALONE) -m slow $(SIMULATED)

calibrate: env ## All error rates and delays at full size, into docs/validity.md; OPTS="--runs 300"
	$(BIN)/python -m tests.simulation.calibrate $(OPTS)

e2e: env prometheus
	timeout 1080 $(PYTEST) -q -n 4 --dist loadfile --no-loadscope-reorder -m slow $(E2E) || \
		timeout 600 $(PYTEST) $(ALONE) -m slow $(E2E)

browser: env prometheus chromium
	timeout 480 $(PYTEST) -q -n 2 -m slow tests/browser || timeout 240 $(PYTEST) $(ALONE) -m slow tests/browser
	timeout 120 $(PYTEST) -q -m slow tests/web/test_browser.py

warehouse: env postgresql java ## Real DuckDB, PostgreSQL and Spark over the same tables
	timeout 360 $(PYTEST) -q -m slow tests/analysis/warehouse

cluster: env postgresql cluster-tools ## Real controllers of Argo Rollouts and Knative, in a cluster of their own
	timeout 1500 tools/rampwise-cluster run $(PYTEST) -q -n 4 -m slow tests/e2e/cluster || \
		timeout 600 tools/rampwise-cluster run $(PYTEST) $(ALONE) -m slow tests/e2e/cluster

soak: env postgresql cluster-tools ## The same with faults of full length
	RAMPWISE_SOAK=1 timeout 7200 tools/rampwise-cluster run $(PYTEST) -q -n 2 -m slow tests/e2e/cluster

test: lint coverage simulation ahead e2e browser warehouse cluster ## Everything, from nothing

# The programs of the cluster are built while other tests wait for real time; whoever needs them waits for the build.
# Everything is installed before, because two installations at once get in each other's way.
ahead: prometheus chromium postgresql java
	@tools/ensure-program etcd 'Cluster tests' etcd-server
	@nice -n 19 tools/ensure-cluster-tools >/dev/null 2>&1 &

bench: env prometheus ## Speed, as numbers and ratios
	$(BIN)/python -m tests.benchmarks

bench-peers: env ## The same streams through other people's methods and ours; OPTS="--runs 200 --out FILE"
	$(BIN)/python -m tests.benchmarks.peers $(OPTS)

bench-ab: env ## Events in Parquet to a report, beside others; OPTS="--full" for 100 million
	$(BIN)/python -m tests.benchmarks.ab $(OPTS)

bench-cluster: env prometheus postgresql cluster-tools ## Ours and the real Argo Rollouts in one cluster; OPTS="--quick"
	tools/rampwise-cluster run $(BIN)/python -m tests.benchmarks.cluster $(OPTS)

schema: env ## Write manifests/schema and the cluster's definition from the model
	$(BIN)/rampwise validate --schema > manifests/schema/releaseexperiment.schema.json
	$(BIN)/python -m analysis.report.document > manifests/schema/report.schema.json
	$(BIN)/python -m analysis.report.product.document > manifests/schema/product-report.schema.json
	$(BIN)/python -m engine.controller.crd > manifests/base/crd.yaml

lock: ## Renew requirements.lock
	tools/renew-lock

clean: ## Remove what the targets above made
	rm -rf .venv demo .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find engine strategies analysis tests -name __pycache__ -prune -exec rm -rf {} +
