# A few commands do everything on a machine that has Python 3.11 or later:
#
#   make run    serve conf/httpd.conf on http://127.0.0.1:8080/, in the foreground
#   make test   all the checks and tests
#   make docs   the manual: docs/_build/html/index.html, and the man pages in man/
#   make bench  pyhttpd beside Debian's apache2, in about half an hour: a table, bench/bench.json, bench/bench.png

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 4

.PHONY: run test test-without-memos lint docs bench clean

run: $(VENV)/.run
	@scripts/run

test: lint
	$(BIN)/pytest -n $(JOBS) --dist worksteal tests
	PYHTTPD_TEST_MEMOS=Off $(BIN)/pytest -n $(JOBS) --dist worksteal tests/unit/server tests/oracle/test_requests.py

# All that speaks HTTP, with the memos off; `make test` does the part of it that sends most requests.
test-without-memos: $(VENV)/.dev
	PYHTTPD_TEST_MEMOS=Off $(BIN)/pytest -n $(JOBS) --dist worksteal tests/unit/server tests/oracle tests/clients

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy -p pyhttpd -p tests -p scripts
	$(BIN)/lint-imports

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# Editable, so that what is run and tested is what stands in the checkout.
$(VENV)/.run: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

$(VENV)/.docs: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@ $(VENV)/.run

# -W: a warning, as of a dead link or of a directive without an entry, is an error. -E: rows are no files of Sphinx's.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -E -b html -d docs/_build/doctrees docs docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b man -d docs/_build/doctrees docs docs/_build/man
	@for page in docs/_build/man/*.[18]; do sed '/^.\\" by the Docutils/d' $$page >man/$${page##*/}; done
	@echo "docs/_build/html/index.html"

# wrk, gcc and apache2 come from the system. BENCH='--only equal --rounds 3' measures less.
bench: $(VENV)/.bench
	$(BIN)/python -m scripts.bench $(BENCH)

clean:
	rm -rf $(VENV) docs/_build build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
