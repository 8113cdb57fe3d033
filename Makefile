# Dateline. `make run` sets everything up and starts the wire; `make test` sets everything up and tests it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

.PHONY: run test lint bench requirements clean

run: $(VENV)/.run
	@DATELINE_PORT=$(PORT) $(BIN)/dateline run --sample

test: $(VENV)/.test
	@command -v chromium >/dev/null 2>&1 || ./.ci/install-chromium
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache | tail -3
	@$(BIN)/djlint --lint --quiet dateline

bench: $(VENV)/.test
	@$(BIN)/python -m bench.pages --out build/bench
	@$(BIN)/python -m bench.live --out build/bench
	@$(BIN)/python -m bench.append
	@$(BIN)/python -m bench.fresh
	@$(BIN)/python -m bench.desk
	@$(BIN)/python -m bench.delivery
	@$(BIN)/python -m bench.size --big 100000
	@$(BIN)/python -m bench.wordpress

$(VENV)/bin/python:
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/base.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Dateline needs (a minute, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements/dev.txt $(VENV)/.run
	@echo "Installing what the tests need"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Needs uv (pip install uv). No registry is named in what it writes.
requirements:
	uv pip compile -q --generate-hashes --python-version 3.11 --no-annotate --no-header requirements/base.in -o requirements/base.txt
	uv pip compile -q --generate-hashes --python-version 3.11 --no-annotate --no-header -c requirements/base.txt requirements/dev.in -o requirements/dev.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
