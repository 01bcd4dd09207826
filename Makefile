# On a machine with Python 3.11 and make, `make demo` and `make test` need nothing else.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt

.PHONY: demo test fuzz lint format coverage docs clean

demo: .venv/installed  ## generated images: train, evaluate, detect, one report
	$(BIN)/multibox demo --out demo

test: .venv/installed  ## the whole suite in two processes
	$(BIN)/python -m pytest -n 2 -q

fuzz: .venv/installed  ## changed files of every kind with random seeds, for MINUTES minutes
	PYTHONPATH=tests $(BIN)/python -m fuzz.run --minutes $(or $(MINUTES),10)

lint: .venv/installed  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: .venv/installed  ## the suite with coverage of lines and branches
	$(BIN)/python -m pytest -n 2 -q --cov --cov-report=term --cov-report=html:build/coverage

docs: .venv/docs  ## guides and generated reference as a web site in build/site
	$(BIN)/python -m scripts.docs_site build/docs
	$(BIN)/zensical build --clean --strict

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -e '.[dev]'
	touch $@

.venv/docs: .venv/installed
	$(PIP) -e '.[docs]'
	touch $@

clean:
	rm -rf .venv build demo runs
