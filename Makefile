# One place for every command. `make demo` and `make test` set up .venv first and need nothing but Python ≥ 3.11 and a C++ compiler.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DEV    := $(VENV)/.ready-dev

.DEFAULT_GOAL := help
.PHONY: help demo test check static format lint types imports bench example clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "EdgeBench needs Python 3.11 or newer: make demo PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(READY): pyproject.toml | $(BIN)/python
	@echo "installing (llama.cpp is compiled once, which takes some minutes)"
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	@touch $@

$(DEV): $(READY)
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

demo: $(READY)  ## real models and a real HTTP endpoint do the same work; ends with a report
	$(BIN)/edgebench demo

# Rooms whose tests time nothing share the cores; those that measure have the machine to themselves, one after the other.
UNTIMED := tests/artifacts tests/decide tests/metrics tests/plan tests/report tests/stats tests/store tests/workloads

test: $(DEV)  ## the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile $(UNTIMED)
	$(BIN)/python -m pytest $(UNTIMED:%=--ignore=%)

check: static test  ## format, lint, types, import contracts, tests

static: format lint types imports

format: $(DEV)
	$(BIN)/ruff format --check .

lint: $(DEV)
	$(BIN)/ruff check --no-cache .

types: $(DEV)
	$(BIN)/mypy

imports: $(DEV)
	$(BIN)/lint-imports

bench: $(DEV)  ## speed and error of EdgeBench itself, side by side with its peers (not part of the tests)
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks

example: $(READY)  ## render the example report again from its recorded run
	$(BIN)/python -m reports.example.render

clean:  ## remove what was built here (stores and models stay)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache
