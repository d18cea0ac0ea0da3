# Two commands matter: `make demo` runs the main job, `make test` the tests. Both install what is missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
BIN := .venv/bin
PYTHON ?= $(shell tools/find-python)
PYTEST := $(BIN)/python -m pytest

.PHONY: help env prometheus chromium demo test check lint unit coverage e2e browser simulation calibrate bench bench-peers \
	schema lock clean

SIMULATED := tests/simulation tests/analysis/stats tests/analysis/design

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

demo: env prometheus ## Real releases on this machine, each with its expected outcome
	$(BIN)/rampwise demo

check: env lint unit ## The fast loop: format, lint, types, import contracts, unit tests

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: env
	timeout 240 $(PYTEST) -q -n 2 -m "not slow"

coverage: env
	$(BIN)/coverage erase
	timeout 480 $(PYTEST) -q -n 2 -m "not slow" --cov=engine --cov=strategies --cov=analysis --cov-report=
	tools/check-coverage $(BIN)

simulation: env
	timeout 900 $(PYTEST) -q -n 2 -m slow $(SIMULATED)

calibrate: env ## All error rates and delays at full size, into docs/validity.md; OPTS="--runs 300"
	$(BIN)/python -m tests.simulation.calibrate $(OPTS)

e2e: env prometheus
	timeout 2100 $(PYTEST) -q -m slow tests $(SIMULATED:%=--ignore=%) --ignore=tests/browser --ignore=tests/web/test_browser.py

browser: env prometheus chromium
	timeout 300 $(PYTEST) -q -n 2 -m slow tests/browser
	timeout 120 $(PYTEST) -q -m slow tests/web/test_browser.py

test: lint coverage simulation e2e browser ## Everything, from nothing

bench: env prometheus ## Speed, as numbers and ratios
	$(BIN)/python -m tests.benchmarks

bench-peers: env ## The same streams through other people's methods and ours; OPTS="--runs 200 --out FILE"
	$(BIN)/python -m tests.benchmarks.peers $(OPTS)

schema: env ## Write manifests/schema from the model
	$(BIN)/rampwise validate --schema > manifests/schema/releaseexperiment.schema.json
	$(BIN)/python -m analysis.report.document > manifests/schema/report.schema.json

lock: ## Renew requirements.lock
	tools/renew-lock

clean: ## Remove what the targets above made
	rm -rf .venv demo .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
