# Targets of a checkout. Each one first prepares the checkout (.ci/setup): a minute the first time, no time after that.

SHELL := /bin/sh
BIN := .venv/bin
DEVICES ?= 300
SECONDS ?= 60
SCHEDULES ?= 200
DAYS ?= 31

# The tests start a gateway some hundreds of times: Python keeps what it has compiled, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup ready demo test test-alone test-together-1 test-together-2 test-oldest test-all check fmt bench chaos months mutate judge fuzz soak lock bundle clean

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: ready ## Python packages, Mosquitto, InfluxDB, VictoriaMetrics: into .venv and .cache, nothing on the machine
	@echo "Ready. Next: make demo"

ready:
	@.ci/setup

demo: ready ## broker, InfluxDB, gateway and a simulated fleet: make demo DEVICES=300 SECONDS=60 (0: until Ctrl-C)
	@$(BIN)/gateway demo --devices $(DEVICES) --seconds $(SECONDS)

test: ready ## the tests that every change must pass, in minutes
	@$(MAKE) --no-print-directory --output-sync --jobs=4 test-together-1 test-oldest test-alone test-together-2 check

ALONE := -m "not slow" tests --ignore=tests/system --ignore=tests/pages --ignore=tests/demo --ignore=tests/firmware_sim

# Tests that generate their examples generate a tenth of them here, and all of them in test-all.
test-alone: ready ## the tests of each part by itself
	ONE_EXAMPLE_OF=10 $(BIN)/python -m pytest $(ALONE)

# Left out on the oldest Python: tools, and tests of the disk, the databases, pages, settings or dashboards rather than of the language.
OLDEST_IGNORES := mutate chaos months soak bench fuzz powercut grafana jobs reports alarms web proposals catalogues deploy profiles/test_traps.py

test-oldest: ready ## the same on the oldest supported Python, 3.11
	@.ci/test-oldest $(ALONE) tests/firmware_sim/test_payload_bytes.py $(foreach path,$(OLDEST_IGNORES),--ignore=tests/$(path))

# The tests on real parts wait most of the time, so they run as two halves side by side, each about as long as the other.

test-together-1: ready ## the tests on real parts, the first half
	$(BIN)/python -m pytest -m "not slow" tests/pages tests/system/test_system_[a-l]*.py

test-together-2: ready ## the second half
	$(BIN)/python -m pytest -m "not slow" tests/demo tests/firmware_sim tests/system/test_system_[m-z]*.py

test-all: check ## all tests, the slow ones too
	$(BIN)/python -m pytest

check: ready ## format, lint, types, import rules, and generated files against their sources
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas --check
	$(BIN)/python -m grafana.build --check
	$(BIN)/python -m grafana.alerts --check
	$(BIN)/python -m tests.bench.page --check

fmt: ready ## format the code and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: ready ## cost and speed beside baselines, into docs/figures.md, in a quarter of an hour: make bench PARTS="start memory"
	$(BIN)/python -m tests.bench --write $(if $(MACHINE),--machine "$(MACHINE)") $(PARTS) # MACHINE: its name, if it does not tell a good one

chaos: ready ## nothing is lost, whatever fails next: make chaos SCHEDULES=20 (200 take about 40 minutes)
	$(BIN)/python -m tests.chaos --schedules $(SCHEDULES)

months: DEVICES = 500
months: ready ## a month of a fleet on a fast clock: consumption and roll-ups are true: make months DEVICES=20 DAYS=3 (500 take an hour)
	$(BIN)/python -m tests.months --devices $(DEVICES) --days $(DAYS)

soak: SECONDS = 3600
soak: ready ## an hour under load with a fault every minute, and nothing grows: make soak SECONDS=3600
	$(BIN)/python -m tests.soak --seconds $(SECONDS)

mutate: ready ## every change to the code that decides the fate of a reading makes a test fail: make mutate MODULE=gateway/core/evaluate.py
	$(BIN)/python -m tests.mutate $(MODULE)

judge: ## hold the formulas of the simulator against wntr, pandapower and UXsim (x86-64, Python 3.13)
	@.ci/judge

fuzz: SECONDS = 300
fuzz: ready ## feed every parser with malformed input, guided by coverage: make fuzz SECONDS=300 TARGET="obis cbor"
	@$(BIN)/python -m tests.fuzz run --seconds $(SECONDS) $(TARGET)

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

# What is installed is what was tested: the second lock has the versions of the first.
lock: ## write requirements.lock from pyproject.toml, each package at its newest version, and requirements-runtime.lock (needs the program uv)
	$(COMPILE) --upgrade --extra dev --extra setup --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra codecs --constraint requirements.lock --output-file requirements-runtime.lock pyproject.toml

bundle: ready ## all that a machine without Internet needs, as one archive in dist: make bundle PYTHON=3.11 MACHINE=aarch64
	$(BIN)/python -m gateway.installation.bundle $(if $(PYTHON),--python $(PYTHON)) $(if $(MACHINE),--machine $(MACHINE))

clean: ## remove .venv and .cache
	rm -rf .venv .venv-oldest .venv-judge .cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
