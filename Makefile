# Two commands do everything on a machine with Python 3.11 and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# Tests that fork or send themselves signals, which workers of pytest-xdist do not always survive.
ALONE := tests/data/test_worker_signals.py tests/test_distributed.py tests/training/test_stopping.py \
	tests/training/test_together.py tests/recipes/test_run_together.py tests/recipes/test_run_folder.py \
	tests/cli/test_train_command.py

.PHONY: demo test lint format clean

demo: .venv/installed
	$(BIN)/multibox demo --out demo

test: .venv/installed
	$(BIN)/python -m pytest -q $(ALONE)
	$(BIN)/python -m pytest -n 2 -q $(addprefix --ignore=,$(ALONE))

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf .venv demo runs
