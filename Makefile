# Everything that a person or CI does with this project. Each target makes its own environment first.
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# pip before 25.1 doesn't know --group, which installs what pyproject.toml lists for a task.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test lint types generate drift bench build clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/demo: $(VENV)/pip pyproject.toml
	$(PIP) install --editable '.[sandbox]'
	@touch $@

$(VENV)/dev: $(VENV)/pip pyproject.toml
	$(PIP) install --editable '.[sandbox]' --group dev
	@touch $@

$(VENV)/bench: $(VENV)/pip pyproject.toml
	$(PIP) install --editable . --group bench
	@touch $@

demo: $(VENV)/demo ## Make, edit and vary pictures against the local sandbox, and save them under demo/
	$(BIN)/python tools/demo.py

test: $(VENV)/dev ## Run the tests; in CI, with the branch coverage of the core, which must be whole
	$(BIN)/python -m pytest $(if $(CI),--cov)

lint: $(VENV)/dev ## Check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/dev ## Check types: mypy and pyright, strictly
	$(BIN)/mypy
	$(BIN)/mypy --strict generated/images_api_client
	$(BIN)/basedpyright

generate: $(VENV)/dev ## Make generated/images_api_client anew from openapi.yaml
	$(BIN)/python -m tools.generate

drift: $(VENV)/dev ## Check that generated/ is what openapi.yaml makes of it
	$(BIN)/python -m tools.generate --check

bench: $(VENV)/bench ## Compare speed and memory with the official SDK and httpx; ARGS="--help" says what else it can
	$(BIN)/python -m tools.bench $(ARGS)

build: $(VENV)/dev ## Build the wheel and the sdist into dist/
	$(BIN)/hatchling build --clean

clean: ## Remove all that was built, the environment included
	rm -rf $(VENV) demo dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find facade generated tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
