# `make lab` opens the pages, `make test` runs every check; each sets up its own environment first, once.

PYTHON ?= python3
export SGTHEORY_ENVIRONMENT ?= $(CURDIR)/.venv
BIN = $(SGTHEORY_ENVIRONMENT)/bin

MODULES = sgtheory tests benchmarks tools
# Spread over the cores, up to four; which tests stay together is decided in tests/conftest.py. nbval only reads notebooks.
SPREAD = -n logical --maxprocesses=4 --dist loadscope -p no:nbval

.PHONY: help environment lab test check unit pages notebooks browser bench bench-peers pictures wheel format lock newest

help:
	@echo "make lab        open the pages in JupyterLab"
	@echo "make test       every check: style, types, layers, tests, notebooks, browser"
	@echo "make pages      the part of the tests that concerns what is seen: pages and notebooks"
	@echo "make bench      measure speed and print a table"
	@echo "make bench-peers measure training steps and exact gradients beside other libraries, in an environment of their own"
	@echo "make pictures   write the stored first pictures and the still pictures again"
	@echo "make wheel      build the package, notebooks included, in dist/"
	@echo "make format     format the code"
	@echo "make lock       resolve requirements.lock again"
	@echo "make newest     run the tests against the newest versions of everything"

environment:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "sgtheory: $(PYTHON) is not there. Install Python 3.11, 3.12 or 3.13, or name one: make lab PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) tools/bootstrap.py

lab: environment
	@$(BIN)/sgtheory lab notebooks $(LAB_OPTIONS)

test: check unit notebooks browser

check: environment
	$(BIN)/ruff format --check $(MODULES)
	$(BIN)/ruff check $(MODULES)
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(wildcard .github/workflows/*.yml)

unit: environment
	$(BIN)/python -m pytest -q $(SPREAD) --doctest-modules sgtheory
	$(BIN)/python -m pytest -q $(SPREAD) tests --ignore=tests/browser

# What is seen, but for the browser: what another Python or another version of Bokeh is most likely to break.
pages: environment
	$(BIN)/python -m pytest -q $(SPREAD) tests/pages
	@$(MAKE) --no-print-directory notebooks

notebooks: environment
	$(BIN)/python -m pytest -q --nbval-lax --nbval-cell-timeout=120 -p no:cacheprovider notebooks

# Two at a time, however many cores there are: each drives a JupyterLab, its kernels and a browser, and mostly waits.
browser: environment
	$(BIN)/python -m pytest -q -n 2 --dist loadscope -p no:nbval tests/browser

bench: environment
	$(BIN)/python -m benchmarks

# Other libraries for spiking networks. One that cannot be installed is left out, and the table says so.
PEERS_ENVIRONMENT ?= $(CURDIR)/.venv-peers
PEERS_PYTHON = $(PEERS_ENVIRONMENT)/bin/python

bench-peers: $(PEERS_ENVIRONMENT)/.stamp
	$(PEERS_PYTHON) -m benchmarks.peers $(PEERS_OPTIONS)
	$(PEERS_PYTHON) -m benchmarks.event_peers $(PEERS_OPTIONS)

$(PEERS_ENVIRONMENT)/.stamp: benchmarks/peers.txt
	$(PYTHON) -m venv $(PEERS_ENVIRONMENT)
	$(PEERS_PYTHON) -m pip install --quiet -r $< || grep '^[a-z].*==' $< | while read -r each; do \
		$(PEERS_PYTHON) -m pip install --quiet -c $< "$$each" || echo "left out: $$each"; done
	@touch $@

pictures: environment
	$(BIN)/python -m sgtheory.pages.store

wheel: environment
	$(BIN)/python -m hatchling build --target wheel

format: environment
	$(BIN)/ruff format $(MODULES)
	$(BIN)/ruff check --fix $(MODULES)

lock: environment
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-header --quiet --upgrade -o requirements.lock

# The newest versions that pyproject.toml allows, in an environment of their own.
newest:
	@SGTHEORY_ENVIRONMENT=$(CURDIR)/.venv-newest SGTHEORY_NEWEST=1 $(PYTHON) tools/bootstrap.py
	@$(MAKE) --no-print-directory SGTHEORY_ENVIRONMENT=$(CURDIR)/.venv-newest SGTHEORY_NEWEST=1 unit notebooks browser
