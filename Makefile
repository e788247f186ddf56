# Everything that a person or CI does with this project. Each target makes its own environment first.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# pip before 25.1 doesn't know --group, which installs what pyproject.toml lists for a task.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# On all cores. A worker that is done takes tests over from another; those that stand together mostly stay together, and share
# what is made once for their module.
PYTEST := $(BIN)/python -m pytest --numprocesses=auto --dist=worksteal
# `make test-lowest` sets it to a file of versions that pip has to take.
CONSTRAINTS :=
TAKE := $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))

# A value for the shell as it was given, whatever characters it holds.
quoted = '$(subst ','\'',$(value $(1)))'

.PHONY: help demo test test-long test-lowest test-httpx2 test-all test-browser fuzz lint types generate drift docs openapi upstream vendor bench build clean

# What stands behind `##` is shown; behind `##*` first, as what everybody needs.
help: ## Show this list
	@awk -F ':.*##[*]? ' '/^[a-z0-9-]+:.*##[*]? / { line = sprintf("  make %-12s %s\n", $$1, $$2) } \
	  /^[a-z0-9-]+:.*##[*] / { first = first line } /^[a-z0-9-]+:.*## / { more = more line } \
	  END { printf "%s\nNow and then:\n%s", first, more }' $(MAKEFILE_LIST)

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/demo: $(VENV)/pip pyproject.toml
	$(PIP) install --editable '.[sandbox]'
	@touch $@

$(VENV)/dev: $(VENV)/pip pyproject.toml
	$(PIP) install $(TAKE) --editable '.[bulk,cli,dask,sandbox]' --group dev
	@# What the distribution needs to be built, installed and tested with, so that the tests do it as users do, without an index.
	rm -rf $(VENV)/wheels
	$(PIP) download $(TAKE) --dest $(VENV)/wheels '.[bulk,cli,dask,sandbox]' hatchling pytest
	@touch $@

$(VENV)/browser: $(VENV)/dev
	$(PIP) install $(TAKE) --group browser
	@touch $@

$(VENV)/bench: $(VENV)/pip pyproject.toml
	$(PIP) install --editable '.[cli]' --group bench
	@touch $@

$(VENV)/fuzz: $(VENV)/pip pyproject.toml
	$(PIP) install --editable '.[sandbox]' --group fuzz
	@touch $@

demo: $(VENV)/demo ##* Make, edit and vary pictures against the local sandbox, and save them under demo/
	$(BIN)/python tools/demo.py

test: $(VENV)/dev ##* Run the tests; in CI, with the branch coverage of the core, which must be whole
	$(PYTEST) $(if $(CI),--cov)

test-long: $(VENV)/dev ## What bulk must withstand, in full; SHARE=0.03 does three hundredths of it
	IMAGES_API_LONG=$(or $(SHARE),1) $(BIN)/python -m pytest -s tests/long

test-lowest: $(VENV)/dev ## Run the tests with the lowest versions that pyproject.toml allows
	$(BIN)/python -m tools.lowest > .venv-lowest.txt
	$(MAKE) test VENV=.venv-lowest CONSTRAINTS=.venv-lowest.txt

test-httpx2: $(VENV)/dev ## Run the tests with httpx2, the maintained fork, in httpx's place
	PYTEST_PLUGINS=tools.httpx2_for_httpx $(PYTEST)

# In an environment of its own: pytest would load Schemathesis's plugin in all other tests.
fuzz: ## Ask the sandbox for whatever the contract allows and doesn't, and look for answers outside it
	$(MAKE) .venv-fuzz/fuzz VENV=.venv-fuzz
	.venv-fuzz/bin/python -m tools.fuzz

test-all: $(VENV)/dev ## Run the tests with each supported Python that is installed, and in both of these ways
	$(BIN)/python -m tools.pythons

test-browser: $(VENV)/browser docs ## Test the pages that there are in Chromium, which must be installed with its driver
	$(BIN)/python -m pytest tests/browser

lint: $(VENV)/dev ##* Check style, format, and which way imports point
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

types: $(VENV)/dev ##* Check types: mypy and pyright, strictly
	$(BIN)/mypy
	$(BIN)/mypy --strict generated/images_api_client
	$(BIN)/basedpyright

generate: $(VENV)/dev ##* Make generated/ and docs/reference/ anew from openapi.yaml, and tell what changed since HEAD, or BASE=revision
	$(BIN)/python -m tools.generate $(if $(value BASE),--base=$(call quoted,BASE))

drift: $(VENV)/dev ## Check that generated/ and docs/reference/ are what openapi.yaml makes of them
	$(BIN)/python -m tools.generate --check

# Anew each time: what is left of an earlier build, or remembered, may be of another contract.
docs: $(VENV)/dev ##* Build the documentation's site into site/, offline; a warning fails it
	$(BIN)/python -m tools.pictures
	rm -rf site
	$(BIN)/sphinx-build --builder=html --fresh-env --fail-on-warning --keep-going --quiet --doctree-dir=$(VENV)/doctrees docs site
	$(BIN)/python -m tools.site site

openapi: ## Check openapi.yaml with the linters that others use; needs npm
	npx --yes @redocly/cli@2 lint openapi.yaml
	npx --yes @stoplight/spectral-cli@6 lint openapi.yaml --fail-severity=warn

upstream: $(VENV)/dev ## Tell what DOCUMENT=<path or URL>, another OpenAPI document, says differently; ARGS=--all or --json
	@$(BIN)/python -m tools.upstream $(ARGS) -- $(if $(value DOCUMENT),$(call quoted,DOCUMENT))

bench: $(VENV)/bench ## Compare speed and memory with the official SDK and httpx; ARGS="--help" says what else it can
	$(BIN)/python -m tools.bench $(ARGS)

vendor: $(VENV)/dev ## Copy the generated client into INTO=folder [NAME=package]; FORCE=1 overwrites edits of an earlier copy
	$(if $(value INTO),,$(error say where to: make vendor INTO=folder [NAME=package]))
	$(BIN)/python -m tools.vendor --parents $(if $(value NAME),--name=$(call quoted,NAME)) $(if $(filter 1,$(FORCE)),--force) \
	  -- $(call quoted,INTO)

build: $(VENV)/dev ## Build the wheel and the sdist into dist/, and check both
	$(BIN)/hatchling build --clean
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

clean: ## Remove all that was built, the environments included
	rm -rf $(VENV) .venv-* demo dist site .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find facade generated tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
