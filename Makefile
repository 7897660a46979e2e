# Targets of a checkout. Each one first prepares the checkout (.ci/setup): a minute the first time, no time after that.

SHELL := /bin/sh
BIN := .venv/bin
DEVICES ?= 300
SECONDS ?= 60
SCHEDULES ?= 200
DAYS ?= 31

# The tests start a gateway some hundreds of times: Python keeps what it has compiled, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup ready ready-python ready-parts demo test test-alone-1 test-alone-2 test-alone-3 test-together-1 test-together-2 test-together-3 test-together-4
.PHONY: test-oldest test-debian12 test-machines test-all check fmt bench chaos chaos-rabbitmq months truth mutate judge judge-grafana fuzz recovery soak lock bundle deb sbom advisories clean near

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 17

setup: ready ## Python packages, Mosquitto, InfluxDB, VictoriaMetrics: into .venv and .cache, nothing on the machine
	@echo "Ready. Next: make demo"

ready: ready-python ready-parts

ready-python:
	@.ci/setup python

ready-parts:
	@.ci/setup parts

demo: ready ## broker, InfluxDB, gateway and a simulated fleet: make demo DEVICES=300 SECONDS=60 (0: until Ctrl-C)
	@$(BIN)/gateway demo --devices $(DEVICES) --seconds $(SECONDS)

test: ## the tests that every change must pass, in minutes
	@$(MAKE) --no-print-directory --output-sync --jobs=5 \
		check test-oldest test-alone-1 test-together-1 test-alone-2 test-alone-3 test-together-2 test-together-3 test-together-4

# Shares that take about as long, five at a time. Those on real parts wait, while those of each part by itself do not.
# The first two need Python alone: they run while the real parts of a new checkout are fetched.

TESTS = @.ci/tests $@

test-together-1: ready ## the tests on real parts, the first quarter
	$(TESTS) tests/web/pages tests/system/test_system_[a-c]*.py

test-together-2: ready ## the second quarter
	$(TESTS) tests/system/test_system_[d-k]*.py

test-together-3: ready ## the third quarter
	$(TESTS) tests/commands/demo tests/firmware_sim tests/system/test_system_[l-q]*.py

test-together-4: ready ## the last quarter
	$(TESTS) tests/campaigns/rabbitmq tests/system/test_system_[r-z]*.py

TOGETHER := campaigns/rabbitmq commands/demo firmware_sim system web/pages
DISK := admin campaigns/fuzz campaigns/mutate campaigns/powercut grafana ingest/storage support
PERIODS := monitoring runtime/jobs
ignored = $(foreach path,$(1),--ignore=tests/$(path))

# Tests that generate their examples generate a tenth of them here, and all of them in test-all.

test-alone-1 test-alone-2 test-alone-3: export ONE_EXAMPLE_OF = 10

test-alone-1: ready ## the tests of each part by itself: tools, administration, and what has a disk
	$(TESTS) $(addprefix tests/,$(DISK))

test-alone-2: ready ## the same of all other parts
	$(TESTS) tests $(call ignored,$(TOGETHER) $(DISK) $(PERIODS))

test-alone-3: ready ## the same of what asks a database: jobs, alarms and reports
	$(TESTS) $(addprefix tests/,$(PERIODS))

# On the oldest Python what is of the language: no tools, and none of the real parts, pages or dashboards. Onboarding puts
# together what is tested here piece by piece.
OF_LANGUAGE := commands core ingest/delivery ingest/intake ingest/storage monitoring/status profiles runtime/pipeline \
	runtime/test_reload.py schemas support firmware_sim/test_payload_bytes.py \
	ingest/codecs/test_conduct.py ingest/codecs/test_confined.py ingest/codecs/test_results.py ingest/codecs/test_running.py

near: ready ## the tests that a change calls for, the nearest first, in less than a minute: make near BASE=HEAD~3 (default: where the branch began)
	@$(BIN)/python -m tests.house.near $(BASE)

test-oldest: ready-python ## the tests of what is of the language on the oldest supported Python, 3.11
	@.ci/test-oldest -m "not slow and not real" --ignore=tests/commands/demo $(addprefix tests/,$(OF_LANGUAGE))

test-debian12: ## make test in a Debian 12 beside this one: with its Python, Mosquitto, VictoriaMetrics and systemd (as root, with debootstrap)
	@.ci/debian bookworm

MACHINES := tests/admin/installation/test_other_machine.py tests/admin/installation/test_ladder.py tests/deploy/test_bare_debian.py

test-machines: ready ## each night: 64-bit ARM under qemu, Debian 12 and 13 from bare, and all tests in a Debian 12 (as root, with debootstrap and qemu-user)
	$(BIN)/python -m pytest -rs $(MACHINES)
	@.ci/debian bookworm make test-all

test-all: check ## all tests, the slow ones too
	$(BIN)/python -m pytest

check: ready-python ## format, lint, types, import rules, and generated files against their sources
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas --check
	$(BIN)/python -m grafana.build --check
	$(BIN)/python -m tests.campaigns.bench.page --check
	@$(BIN)/python -m gateway.admin.installation.bundle --untranslated # told only: whoever writes no Vietnamese may go on, a release may not
	-@$(BIN)/python -m gateway.admin.installation.advisories # told only: what became known overnight is no fault of a change

fmt: ready ## format the code and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: ready ## cost and speed beside baselines, into docs/figures.md, in a quarter of an hour: make bench PARTS="start memory"
	$(BIN)/python -m tests.campaigns.bench --write $(if $(MACHINE),--machine "$(MACHINE)") $(PARTS) # MACHINE: its name, if it does not tell a good one

chaos: ready ## nothing is lost, whatever fails next: make chaos SCHEDULES=20 (200 take about 40 minutes)
	$(BIN)/python -m tests.campaigns.chaos --schedules $(SCHEDULES)

chaos-rabbitmq: SCHEDULES = 50
chaos-rabbitmq: ready ## the same of a RabbitMQ cluster of three nodes and the gateways behind it: make chaos-rabbitmq SCHEDULES=5 (50 take about 40 minutes)
	$(BIN)/python -m tests.campaigns.rabbitmq --schedules $(SCHEDULES)

months: DEVICES = 500
months: ready ## a month of a fleet on a fast clock: consumption and roll-ups are true: make months DEVICES=20 DAYS=3 (500 take an hour)
	$(BIN)/python -m tests.campaigns.months --devices $(DEVICES) --days $(DAYS)

truth: DAYS = 31
truth: SEED = 1
truth: ready ## a town with a known truth, a month long, on both stores: every figure of every surface is right or marked: make truth DAYS=6 (31 take 45 minutes)
	$(BIN)/python -m tests.campaigns.truth --days $(DAYS) --seed $(SEED) $(if $(STORE),--store $(STORE))

recovery: ready ## a province of 200 cabinets after an outage of its centre, simulated, into docs/edge.md: a minute or two
	$(BIN)/python -m tests.campaigns.recovery --write

soak: SECONDS = 3600
soak: ready ## an hour under load with a fault every minute, and nothing grows: make soak SECONDS=3600
	$(BIN)/python -m tests.campaigns.soak --seconds $(SECONDS)

mutate: export ONE_EXAMPLE_OF = 10
mutate: SAMPLE = $(if $(ROOM),,100)
mutate: SEED = 0
mutate: ready ## changes to the code, of which each makes a test of its room fail: make mutate SAMPLE=100 SEED=1; or all of a room: make mutate ROOM=gateway/ingest/intake
	$(BIN)/python -m tests.campaigns.mutate $(ROOM) $(if $(SAMPLE),--sample $(SAMPLE) --seed $(SEED))

judge: ## hold the formulas of the simulator against wntr, pandapower and UXsim (x86-64, Python 3.13)
	@.ci/judge

judge-grafana: ready ## the dashboards drawn with Grafana's own parts (with Node.js): make judge-grafana BOARD=water STORE=influxdb VERSION=13 LANGUAGE=vi
	@.ci/judge-grafana $(if $(BOARD),--board $(BOARD)) $(if $(STORE),--store $(STORE)) $(if $(VERSION),--version $(VERSION)) \
		$(addprefix --language ,$(filter vi en,$(LANGUAGE))) # a shell may have set it to something longer

fuzz: SECONDS = 300
fuzz: ready ## feed every parser with malformed input, guided by coverage: make fuzz SECONDS=300 TARGET="obis cbor"
	@$(BIN)/python -m tests.campaigns.fuzz run --seconds $(SECONDS) $(TARGET)

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

# What is installed is what was tested: the second lock has the versions of the first.
lock: ## write requirements.lock from pyproject.toml, each package at its newest version, and requirements-runtime.lock (needs the program uv)
	$(COMPILE) --upgrade --extra dev --extra certificates --extra setup --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra certificates --extra codecs --extra setup --extra xlsx --constraint requirements.lock --output-file requirements-runtime.lock pyproject.toml

bundle: ready ## all that a machine without Internet needs, as one archive in dist, and Grafana's dashboards: make bundle PYTHON=3.11 MACHINE=aarch64
	$(BIN)/python -m gateway.admin.installation.bundle $(if $(PYTHON),--python $(PYTHON)) $(if $(MACHINE),--machine $(MACHINE))

deb: ready ## the same as a package of Debian 12 (Python 3.11) or 13 (3.13): make deb PYTHON=3.11 MACHINE=aarch64
	@.ci/deb $(if $(PYTHON),--python $(PYTHON)) $(if $(MACHINE),--machine $(MACHINE))

sbom: ready ## what is installed, in which version, under which licence, as CycloneDX: dist/sbom.cdx.json
	@$(BIN)/python -m gateway.admin.installation.sbom

advisories: ready ## known weaknesses of what is installed, asked of OSV where the network allows
	@$(BIN)/python -m gateway.admin.installation.advisories

clean: ## remove .venv and .cache
	rm -rf .venv .venv-oldest .venv-judge .cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
