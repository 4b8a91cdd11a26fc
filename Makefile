# Two commands do it all on a fresh machine with python3 and make:
#   make demo     the whole lifecycle on drawn flowers
#   make test     every test
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVE_VENV := .venv-serve
DOCS_VENV := .venv-docs
AUDIT_VENV := .venv-audit
FUZZ_VENV := .venv-fuzz
# Azurite emulates Azure's blobs for the tests of the Azure target. Later versions want a later Node.js than Debian's.
AZURITE_VERSION := 3.35.0
AZURITE := .azurite/.$(AZURITE_VERSION)
HAS_NODE := $(and $(shell command -v node),$(shell command -v npm))
# Without compiled bytecode TensorFlow takes twice as long to import.
INSTALL = env -u PYTHONDONTWRITEBYTECODE $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python
DEMO_HOME ?= .flowerops
# The tests of one file share their work, and the longest files come first. They wait for servers and other processes
# for half of their time, so there are more workers than cores.
WORKERS ?= 3
SECONDS ?= 60
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help setup setup-demo serve-env azurite demo test torture fuzz check bench locks conda reference docs audit sbom clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

$(BIN)/uv: locks/uv.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt
	@touch $@

$(VENV)/.demo: $(BIN)/uv locks/local.txt pyproject.toml
	$(INSTALL) --require-hashes -r locks/local.txt
	$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/uv locks/dev.txt pyproject.toml
	$(INSTALL) --require-hashes -r locks/dev.txt
	$(INSTALL) --no-deps --editable .
	@touch $@ $(VENV)/.demo

setup: $(VENV)/.dev ## Make the environment for development
	@echo "ready: source $(BIN)/activate"

setup-demo: $(VENV)/.demo

# The server of a managed online endpoint; its pins do not go together with ours, so it has an environment of its own.
$(SERVE_VENV)/.ready: $(BIN)/uv locks/azure-serve.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(SERVE_VENV)
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/uv pip install --quiet --compile-bytecode --python $(SERVE_VENV)/bin/python \
	  --require-hashes -r locks/azure-serve.txt
	@touch $@

serve-env: $(SERVE_VENV)/.ready ## Make the environment of the Azure ML inference server, for deploy --local-preview

demo: setup-demo ## Run the whole lifecycle on drawn flowers: no photos, no cloud
	$(BIN)/flowerops demo --home $(DEMO_HOME)

$(AZURITE):
	npm install --prefix .azurite --no-save --no-package-lock --no-audit --no-fund --loglevel=error azurite@$(AZURITE_VERSION)
	@rm -f .azurite/.[0-9]* && touch $@

azurite: $(AZURITE) ## Install the emulator of Azure's blobs, for the tests (needs Node.js and npm)

# Without Node.js, the tests of the Azure target skip and say so.
test: $(VENV)/.dev $(if $(HAS_NODE),$(AZURITE)) $(SERVE_VENV)/.ready ## Run the tests, without the slow half of torture
	$(PYTEST) -m "not slow"

torture: $(VENV)/.dev ## Run what docs/reliability.md speaks of, slow or not: kills, full disks, hostile files
	$(PYTEST) tests/torture tests/fuzz

fuzz: $(VENV)/.dev $(FUZZ_VENV)/.ready ## Feed each reader and the server what nobody would send, for SECONDS each
	PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS) --tools $(FUZZ_VENV)/bin $(TARGETS)

check: $(VENV)/.dev ## Lint, types, import rules, drift of documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m pytest -q tests/architecture

bench: $(VENV)/.dev ## Measure against the alternatives; writes bench/results/table.md
	$(BIN)/python -m bench

locks: $(BIN)/uv ## Resolve the dependencies anew; write locks/*.txt with hashes, and conda/*.yml from them
	$(BIN)/python locks/compile.py
	$(BIN)/python locks/conda.py

conda: $(VENV)/.dev ## Write conda/*.yml from the locks
	$(BIN)/python locks/conda.py

reference: $(VENV)/.dev ## Write the pages of docs/ that follow from the program and from the locks
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/licences.py

# Tools with dependencies of their own have environments of their own.
$(DOCS_VENV)/.ready $(AUDIT_VENV)/.ready: .venv-%/.ready: $(BIN)/uv locks/%.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-$*
	$(BIN)/uv pip install --quiet --python .venv-$*/bin/python --require-hashes -r locks/$*.txt
	@touch $@

$(FUZZ_VENV)/.ready: $(BIN)/uv locks/fuzz.txt pyproject.toml
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(FUZZ_VENV)
	$(BIN)/uv pip install --quiet --python $(FUZZ_VENV)/bin/python --require-hashes -r locks/fuzz.txt
	$(BIN)/uv pip install --quiet --python $(FUZZ_VENV)/bin/python --no-deps --editable .
	@touch $@

docs: $(DOCS_VENV)/.ready ## Build the documentation as a site in site/; readers need no network either
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --quiet
	@! grep -rEl '<(script|link|img)[^>]+(src|href)="?(https?:)?//' site --include=*.html

audit: $(AUDIT_VENV)/.ready ## Look for known vulnerabilities in what the locks name (asks a database on the internet)
	for lock in local azure-train serve azure-serve dev; do \
	  $(AUDIT_VENV)/bin/pip-audit --progress-spinner off --disable-pip --require-hashes -r locks/$$lock.txt || exit 1; done

sbom: $(AUDIT_VENV)/.ready ## Write dist/sbom-*.json: what an installation consists of, in CycloneDX's form
	@mkdir -p dist
	for lock in local serve azure-train; do \
	  $(AUDIT_VENV)/bin/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible --of JSON \
	    -o dist/sbom-$$lock.json locks/$$lock.txt || exit 1; done

clean: ## Remove the environment and caches
	rm -rf $(VENV) $(SERVE_VENV) $(DOCS_VENV) $(AUDIT_VENV) $(FUZZ_VENV) .fuzz site .azurite .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
