# Two commands: `make demo` runs the main job, `make test` all tests. `make bitstream BOARD=...` goes on to a board.
# All of them set up .venv by themselves.

PYTHON ?= python3
BOARD ?= ulx3s-85f
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bitstream clean

demo: $(VENV)/.demo
	$(BIN)/eyrie demo -o build/demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -n auto --dist loadfile

bitstream: $(VENV)/.route
	$(BIN)/eyrie build --board $(BOARD) -o build/$(BOARD)

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "eyrie: $(PYTHON) is older than Python 3.11; name a newer one with PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ $(VENV)/.demo

$(VENV)/.route: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[route]'
	touch $@

clean:
	rm -rf build $(VENV)
