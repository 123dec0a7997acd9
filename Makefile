# `make demo` shows the project at work, `make test` checks it; both set up what they need first.

ifndef PYTHON
PYTHON := $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
endif
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# A file's tests stay together: they share federations that take a minute to make.
WORKERS := --numprocesses logical --maxprocesses 4 --dist loadfile

# The stamp carries a checksum of what decides the environment: with the same files, nothing is
# installed again. The marker stands while pip works, so that an interrupted set-up starts afresh.
KEY := $(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
STAMP := $(VENV)/.installed-$(KEY)
MARKER := $(VENV)/.installing

.DEFAULT_GOAL := help
.PHONY: help install demo test lint pytest coverage ui format lock clean
.NOTPARALLEL:

help:  ## Say what each target does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'PYTHON=python3.12 chooses the interpreter (3.11 or newer) of a new environment;'
	@echo 'ARGS="--compare --patients 500" is passed on to fedclinic demo, to pytest or to fedclinic ui;'
	@echo 'WORKERS= runs the tests one after the other.'

demo: install  ## Four synthetic hospitals train one model with patient-level DP, on this machine
	@$(BIN)/fedclinic demo $(ARGS)

test: lint pytest  ## Formatting, lint, types, layers, then the tests; the same in CI

lint: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

pytest: install
	@$(BIN)/pytest $(WORKERS) $(ARGS)

coverage: install  ## The tests, with the branch coverage of the core
	@$(BIN)/pytest --cov --cov-report term:skip-covered $(ARGS)

ui: install  ## MLflow's and Prefect's web pages over the local stores
	@$(BIN)/fedclinic ui $(ARGS)

format: install  ## Let ruff format the code and mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: install  ## Rewrite constraints.txt and the locks; UPGRADE=1 takes the newest versions
	@$(BIN)/python .ci/write_lock.py $(if $(UPGRADE),--upgrade)

clean:  ## Remove the environment and every cache; runs, models and ledgers stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install: $(STAMP)  ## Only set up the environment

$(STAMP):
	@test -n "$(PYTHON)" || { echo 'fedclinic needs Python 3.11 or newer; name it: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo '$(PYTHON) is not Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
		'$(PYTHON) cannot make environments: install its venv package (Debian, Ubuntu: apt install python3-venv)' >&2; exit 1; }
	@if test -e $(MARKER); then echo 'The last set-up was interrupted: starting afresh.'; rm -rf $(VENV); fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@touch $(MARKER)
	@echo 'Installing fedclinic and what it needs into $(VENV); this takes a few minutes, once.'
	@$(PIP) install -qq --constraint constraints.txt --editable '.[dev]'
	@$(PIP) check
	@rm -f $(VENV)/.installed-* && touch $@ && rm -f $(MARKER)
