# Every command of the project. `make help` prints the lines that carry a `##` comment.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test test-again test-infra test-aws check check-infra lock-infra bundle cost cold-start fix images reference bench \
	bench-agents bench-search bench-usage torture matrix release lock lock-release types clean

PYTHON ?= python3
PORT ?= 3000
ARGS ?=

# A company's proxy is signed by the company; pip trusts the system's certificates by itself.
export UV_SYSTEM_CERTS := true

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command 'make lock' $(ARGS)

NEEDS_PYTHON := 'import sys; sys.version_info >= (3, 11) or sys.exit("Headgate needs Python 3.11 or newer; " + sys.executable + " is " + sys.version.split()[0] + ". Name another one: make setup PYTHON=python3.12")'

# Tests of Redis and PostgreSQL start servers of their own, and those of the dashboard a browser.
# Without these programs they are skipped, but in CI they fail.
PROGRAMS_FOR_TESTS = redis-server chromium
INSTALL_PROGRAMS = missing=; for program in $(PROGRAMS_FOR_TESTS); do \
		command -v $$program >/dev/null || missing="$$missing $$program"; \
	done; \
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
		|| missing="$$missing postgresql"; \
	if [ -z "$$missing" ]; then :; \
	elif [ -f /etc/debian_version ] && [ "$$(id -u)" = 0 ]; then \
		echo "Installing$$missing"; \
		{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
			apt-get -qq install --yes --no-install-recommends $$missing >/dev/null; } || true; \
	else \
		echo "Not found, so that their tests are skipped:$$missing. On Debian: apt-get install$$missing"; \
	fi

# A file's tests stay together, since they share servers; long files come before the many short ones.
# One more at a time than there are cores, since tests also wait.
SIDE_BY_SIDE = --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --maxprocesses 4 \
	--dist loadfile --no-loadscope-reorder

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What cannot build the dashboard says so, and everything else works without it.
setup: $(STAMP) ## Make .venv from the lock files (PYTHON=python3), and the dashboard; does nothing when unchanged
	@$(BIN)/python hatch_build.py

# uv is looked for when the recipe runs, since `make clean setup` removes the one in .venv first.
$(STAMP): requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo 'Headgate needs Python 3.11 or newer; $(PYTHON) was not found.' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -c $(NEEDS_PYTHON)
	@set -e; \
	if uv=$$(command -v uv || command -v $(BIN)/uv); then \
		echo "Installing into $(VENV) with uv"; \
		test -x $(BIN)/python || "$$uv" venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); \
		install="$$uv pip install --quiet --python $(BIN)/python"; \
	else \
		echo "Installing into $(VENV) with pip"; \
		test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV); \
		install="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; \
	fi; \
	$(BIN)/python -c $(NEEDS_PYTHON); \
	$$install --require-hashes -r requirements/dev.txt; \
	$$install --no-deps --no-build-isolation --editable . --editable sdk/python
	@touch $@

run: setup ## Run the platform on http://127.0.0.1:3000 (PORT=3000, ARGS= for headgate serve)
	@exec $(BIN)/headgate serve --port $(PORT) $(ARGS)

test: setup ## Run all tests (ARGS= for pytest); as root on Debian, installs what they need
	@$(INSTALL_PROGRAMS)
	@$(BIN)/pytest $(SIDE_BY_SIDE) $(ARGS)

test-again: setup ## Run the tests that failed last once more, one after another
	@$(BIN)/pytest --last-failed --last-failed-no-failures none $(ARGS)

test-infra: setup ## Write all stacks, without an account, and check what they would make
	@$(BIN)/pytest tests/scenarios/test_infra.py $(ARGS)

test-aws: setup ## Deploy all stacks into an emulated AWS with the CDK, and use what was deployed
	@$(BIN)/pytest tests/aws/deployment.py $(ARGS)

check: setup ## Check format, lint, types, import rules, prompts, documents and lock; what CI checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/headgate prompts check src/headgate/prompts/templates
	$(BIN)/python hatch_build.py npm run check
	$(BIN)/pytest $(addprefix tests/unit/test_,documents.py document_blocks.py reference_pages.py lock.py tree.py)

fix: setup ## Format, and repair what the linter can repair
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

images: setup ## Take the guide's pictures of the dashboard anew
	@DASHBOARD_IMAGES=docs/images/dashboard $(BIN)/pytest tests/browser/test_pages.py

reference: setup ## Write .env.example and the generated pages of docs/reference anew from the code
	@$(BIN)/python -m headgate.reference_pages

cost: setup ## Compute what AWS charges, and write the tables into docs/guides/aws.md
	@$(BIN)/python infra/cost.py --write

cold-start: setup ## Measure what a start takes: of a function, of the server, of the SDK (ARGS= for the script)
	@PYTHONPATH=tests $(BIN)/python benchmarks/cold_start.py $(ARGS)

types: setup ## Write the types of the dashboard and of the SDKs anew from the interface's document
	@$(BIN)/headgate openapi > build-openapi.json
	@$(BIN)/python sdk/python/write_types.py build-openapi.json && $(BIN)/python sdk/python/write_sync.py
	@$(BIN)/python sdk/typescript/write_schema.py build-openapi.json
	@$(BIN)/python hatch_build.py npm run types; status=$$?; rm -f build-openapi.json; exit $$status

bench: setup ## Measure the gateway, beside its peers where they can be installed (ARGS= for the script)
	@$(BIN)/python benchmarks/run.py $(ARGS)

bench-usage: setup ## Measure questions about ten million calls (ARGS= for the script)
	@$(BIN)/python benchmarks/usage_run.py $(ARGS)

bench-agents: setup ## Measure agent runs: a step's cost, runs a second, memory (ARGS= for the script)
	@PYTHONPATH=tests $(BIN)/python benchmarks/agents_run.py $(ARGS)

bench-search: setup ## Measure search on its own corpus, and write docs/concepts/search.md
	@PYTHONPATH=tests $(BIN)/python benchmarks/search_run.py && PYTHONPATH=tests $(BIN)/python benchmarks/search_speed.py

torture: setup ## Kill servers under load, for a quarter of an hour, and write down what became of the money
	@PYTHONPATH=tests $(BIN)/python -m torture $(ARGS)

matrix: setup ## Ask every vendor through every client, and write docs/reference/vendors.md
	@PYTHONPATH=tests $(BIN)/python -m vendor_matrix

lock: setup ## Pin all dependencies by hash from pyproject.toml (ARGS=--upgrade for newer ones)
	$(COMPILE) --output-file requirements/runtime.txt
	$(COMPILE) --group dev --constraints requirements/runtime.txt --output-file requirements/dev.txt

bundle: setup ## Make the zip that AWS's functions run, for arm64, without Docker (ARGS= for the script)
	@$(BIN)/python infra/bundle.py $(ARGS)

RELEASE := .venv-release

release: setup ## Build wheel, sdist, both SDKs and bills of materials into dist/, and use them as installed
	@test -x $(RELEASE)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(RELEASE)
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(RELEASE)/bin/python release/requirements.txt
	@PYTHONPATH=.:tests $(BIN)/python release/build.py --bill-python $(RELEASE)/bin/python $(ARGS)

lock-release: setup ## Pin what writes the bill of materials by hash from release/requirements.in
	$(BIN)/uv pip compile release/requirements.in --quiet --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command 'make lock-release' $(ARGS) \
		--output-file release/requirements.txt

lock-infra: setup ## Pin what writes the stacks by hash from infra/requirements.in
	$(BIN)/uv pip compile infra/requirements.in --quiet --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command 'make lock-infra' $(ARGS) \
		--output-file infra/requirements.txt

check-infra: test-infra ## Check the types of the stacks, which takes a minute
	cd infra && MYPYPATH=../src ../.venv-infra/bin/mypy --strict --explicit-package-bases app.py

clean: ## Remove environments, caches and builds; the data directory .headgate stays
	rm -rf $(VENV) $(VENV)-* dashboard/node_modules sdk/*/node_modules sdk/*/dist src/headgate/dashboard .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
