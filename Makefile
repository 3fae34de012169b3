# `make demo` and `make test` do their own set-up; nothing needs to be installed before but
# Python, make and access to a package registry.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
BACKFILL := $(BIN)/python -m prometheus.scripts.backfill_numeric_scenario_embeddings
CLI := $(BIN)/python -m python_encoders
RETURNS := build/skfolio/skfolio/datasets/data/sp500_dataset.csv.gz
HOLDOUTS := build/holdout/universal/data/nyse_o.csv
# The demo's files lie beside its tables, and their vectors beside its vectors.
FILES := --vars '{source_schema: files}'
# dbt by hand finds the embedded server through these; with PGHOST set they are not used.
SERVER := if [ -z "$${PGHOST:-}" ]; then . .postgres/env; fi
export DBT_PROFILES_DIR := $(CURDIR)

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z0-9.-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9.-]+):.*## /  \1\t/' | expand -t 20

.PHONY: setup
setup: .venv/installed ## Create the environment in .venv

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed")'
	@echo "Creating the environment in .venv …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

.PHONY: db
db: setup ## Start the embedded Postgres (unless PGHOST is set) and say how to connect
	@if [ -n "$${PGHOST:-}" ]; then echo "PGHOST is set: using the server at $$PGHOST"; \
	else $(BIN)/python -m python_encoders db start; fi

.PHONY: db-stop
db-stop: ## Stop the embedded Postgres
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m python_encoders db stop; fi

.PHONY: demo
demo: db ## The whole chain over the shipped data, and what comes out of it
	@$(SERVER); $(BIN)/dbt --quiet seed
	@echo; echo "== The workflow's command, as it is written"
	@$(BACKFILL) --scenario-set-id SET_ABC123 --model-id num-scenario-core-v1 --limit 100
	@echo; echo "== The rest: all sets, all models"
	@$(CLI) backfill --model-id all
	@echo; echo "== A file of another shape: supervisory quarters, each variable in a unit of its own"
	@DBT_SCHEMA=file_vectors $(CLI) load examples/specs/supervisory_quarters.csv --scenario-set-id SUPERVISORY \
		--spec examples/specs/supervisory_quarters.yml $(FILES)
	@DBT_SCHEMA=file_vectors $(CLI) backfill --model-id num-scenario-core-v1 $(FILES)
	@echo; echo "== What a program reads"
	@$(BIN)/python examples/read_vectors.py
	@echo; echo "== Like the Covid crash of March 2020 in kind (stress-shape-v2)"
	@$(CLI) similar --entity-id HIST_STRESS_20D:17 --model-id num-scenario-stress-shape-v2 --top-k 5
	@echo; echo "== ... and day by day (panel-sketch)"
	@$(CLI) similar --entity-id HIST_STRESS_20D:17 --model-id num-scenario-panel-sketch-v1 --top-k 5

.PHONY: test
test: setup ## The tests but for the long ones, against a throwaway Postgres or the one that PGHOST names
	@$(BIN)/python -m pytest

.PHONY: test-scale
test-scale: setup ## Eight million path rows and the widest panel, two minutes
	@$(BIN)/python -m pytest -m scale --numprocesses 0

.PHONY: test-reliability
test-reliability: setup ## The promises of docs/reliability.md that take long to prove, half an hour
	@$(BIN)/python -m pytest -m reliability

.PHONY: setup-spark
setup-spark: .venv/installed-spark ## Add the extra `spark` to the environment; Java is looked for

.venv/installed-spark: .venv/installed
	@.ci/java
	@echo "Adding Spark to the environment in .venv …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,spark]'
	@touch $@

# Both on a cluster of their own, one master and two workers, which goes with them.
.PHONY: demo-spark
demo-spark: setup-spark ## The whole chain on a Spark cluster of two workers
	@$(BIN)/python tests/python/spark/cluster.py $(MAKE) demo-on-spark

.PHONY: demo-on-spark
demo-on-spark: setup-spark # on the Spark that SPARK_MASTER names
	@$(BIN)/dbt --quiet seed --target spark
	@echo; echo "== The workflow's command, on Spark"
	@$(BACKFILL) --scenario-set-id SET_ABC123 --model-id num-scenario-core-v1 --limit 100 --target spark
	@echo; echo "== The rest: all sets, all models"
	@$(CLI) backfill --model-id all --target spark

.PHONY: test-spark
test-spark: setup-spark ## The tests on Spark, a quarter of an hour; they start what they need
	@$(BIN)/python -m pytest -m spark --numprocesses 2 --dist loadfile

# A server of its own in a temporary folder, under the user postgres if need be, and stopped.
.PHONY: test-postgres15
test-postgres15: setup ## All tests on the system's PostgreSQL, 15 or later, without pgvector
	@$(BIN)/python tests/python/cluster.py $(BIN)/python -m pytest

# dbt-core 1.12.0 and what it needs beside it; later ones need a parser whose build downloads.
DBT_1_12 := build/dbt-1.12
.PHONY: test-dbt-1.12
test-dbt-1.12: $(DBT_1_12)/installed ## All tests with dbt-core 1.12.0
	@$(DBT_1_12)/venv/bin/python -m pytest

$(DBT_1_12)/installed: pyproject.toml constraints.txt
	@echo "Creating the environment in $(DBT_1_12) …"
	@mkdir -p $(DBT_1_12)
	@sed -e 's/^dbt-core==.*/dbt-core==1.12.0/' -e 's/^sqlparse==.*/sqlparse==0.5.5/' \
		-e '$$a dbt-core-experimental-parser==2.0.0a4' constraints.txt > $(DBT_1_12)/constraints.txt
	@$(PYTHON) -m venv $(DBT_1_12)/venv
	@$(DBT_1_12)/venv/bin/python -m pip install --quiet --disable-pip-version-check \
		-c $(DBT_1_12)/constraints.txt -e '.[dev]'
	@touch $@

.PHONY: lint
lint: db ## ruff, mypy, deptry, sqlfluff, dbt's own checks of the YAML, dbt-bouncer
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/deptry --no-ansi python_encoders prometheus examples
	@$(SERVER); DBT_SCHEMA=never_built $(BIN)/sqlfluff lint --processes 1 models tests/dbt/singular
	@# As Jinja alone, since dbt compiles no macro by itself. Its blocks have no fixed indent.
	@$(BIN)/sqlfluff lint --templater jinja --exclude-rules LT02 macros
	@$(SERVER); $(BIN)/python tests/lint_yaml.py
	@if [ -x $(BIN)/dbt-bouncer ]; then $(BIN)/dbt-bouncer; \
	else echo "dbt-bouncer needs Python 3.11 or later: skipped"; fi

.PHONY: docs
docs: db ## dbt's documentation with the lineage, as one file: target/static_index.html
	@$(SERVER); $(BIN)/dbt --quiet docs generate --static
	@$(BIN)/python docs/mend_static_page.py target/static_index.html
	@echo "target/static_index.html"

.PHONY: report
report: db ## A page that shows all scenarios and the nearest to each crisis
	@$(CLI) report

.PHONY: notebook
notebook: db ## Write the outputs of the notebook in examples/ anew, after `make demo`
	@$(SERVER); $(BIN)/python tests/python/notebook.py examples/desk_questions.ipynb

.PHONY: bench-quality
bench-quality: setup $(RETURNS) $(HOLDOUTS) ## How good the vectors are on real returns: docs/quality.md
	@PYTHONPATH=build/skfolio:build/holdout $(BIN)/python -m benchmarks.quality

# Daily returns of 1990 to 2022 lie in this package; what it depends on is not needed.
$(RETURNS): | .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--upgrade --target build/skfolio skfolio==1.12.2

# Markets that no encoder was tuned on lie in these; only their data files are read.
$(HOLDOUTS): | .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--upgrade --target build/holdout universal-portfolios==0.4.17 arch==8.0.0

.PHONY: bench
bench: setup ## Seconds from paths to vectors beside peers and the floor, 20 minutes
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[bench]'
	@$(BIN)/python -m benchmarks.performance

.PHONY: bench-throughput
bench-throughput: setup ## Microseconds a scenario, beside a bare matrix product
	@$(BIN)/python -m benchmarks.throughput

.PHONY: bench-reduce
bench-reduce: db ## What few scenarios cost in risk figures, after `make demo`
	@$(SERVER); $(BIN)/python -m benchmarks.reduction

.PHONY: bench-spark
bench-spark: setup-spark ## Rows a second and memory on Spark, beside Postgres and numpy
	@$(BIN)/python -m benchmarks.spark

.PHONY: ci
ci: lint test test-scale test-spark ## What .ci/run runs
