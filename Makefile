# make reproduce   everything the paper shows, at the size of PROFILE, into figures/
# make evidence    further trainings to compare with: initial cameras, annotated photographs, ablations, joint stage, light
# make test        lint, types and tests, as continuous integration runs them
# make test-oldest the tests with the oldest packages that are allowed, and the oldest Python; test-newest: the newest
# make torture     ends every stage at fifty moments, damages every file, takes the disk away: docs/reliability.md
# make bench       the renderer's speed beside others', as a table, and as docs/benchmarks.md; needs idle cores
# make rehearse    one step of each stage of the paper's size: memory and time, as docs/paper_scale.md; needs 12 GB
# make docs        the API and the other pages, into build/docs
# make lab         the notebooks in JupyterLab
# make demo        notebook 00 as a page without code, for showing to others
# Each installs into .venv what it needs, again when pyproject.toml changes.

PYTHON ?= python3
PROFILE ?= mini
CATEGORY ?= car
SEED ?= 0
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
PYTHONS = $(foreach minor,11 12 13 14 15,$(shell python3.$(minor) -c 'import sys, ensurepip; print(sys.executable)' 2> /dev/null))
REPRODUCE := $(BIN)/ganverse reproduce --profile $(PROFILE) --category $(CATEGORY) --seed $(SEED) $(if $(JOBS),--jobs $(JOBS))

.PHONY: help install reproduce evidence test test-oldest test-newest torture bench rehearse lint types notebooks docs lab demo doctor clean

help:
	@sed -n 's/^# //p' Makefile

reproduce: $(VENV)/installed
	$(REPRODUCE)

evidence: $(VENV)/installed
	$(REPRODUCE) --only 03,05,06,07,08b,11

test: lint types
	$(BIN)/python -m pytest --numprocesses 2 --max-worker-restart 0

#: each in an environment of its own below build/, with the oldest and the newest Python that is there
test-oldest: RESOLUTION = lowest-direct
test-oldest: PYTHON = $(firstword $(PYTHONS) python3)
test-newest: RESOLUTION = highest
test-newest: PYTHON = $(lastword python3 $(PYTHONS))
test-oldest test-newest: test-%:
	$(PYTHON) -m venv --clear build/$*
	build/$*/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/$*/bin/uv pip install --python build/$*/bin/python --resolution $(RESOLUTION) --editable '.[all,dev]'
	build/$*/bin/python -m pytest --numprocesses 2 --max-worker-restart 0

torture: $(VENV)/installed-dev
	GANVERSE_TORTURE=1 $(BIN)/python -m pytest -q -m 'torture or not torture' --numprocesses 2 --maxschedchunk 1 tests/torture

bench: $(VENV)/installed-bench
	mkdir -p build
	$(BIN)/python -m pytest -q --benchmark-disable-gc --benchmark-warmup=on --benchmark-warmup-iterations=3 \
		--benchmark-quiet --benchmark-json=build/benchmark.json benchmarks/bench_sampling.py \
		benchmarks/bench_panel.py benchmarks/bench_render.py
	$(BIN)/python -m benchmarks.report build/benchmark.json figures/benchmark_render
	$(BIN)/python -m benchmarks.page

rehearse: $(VENV)/installed
	$(BIN)/python -m benchmarks.rehearse
	$(BIN)/python -m benchmarks.paper_scale

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/installed-dev
	$(BIN)/mypy

notebooks: $(VENV)/installed
	$(BIN)/python -m ganverse_nb.workflow.notebooks build

docs: $(VENV)/installed-dev
	$(BIN)/python -m mkdocs build --strict --quiet
	@echo "wrote build/docs/index.html"

lab: $(VENV)/installed
	OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=1000 $(BIN)/jupyter lab --ServerApp.root_dir=. notebooks/00_start_here.ipynb

demo: $(VENV)/installed
	$(BIN)/ganverse demo --profile $(PROFILE) --category $(CATEGORY) --seed $(SEED)

doctor: $(VENV)/installed
	$(BIN)/ganverse doctor

install: $(VENV)/installed

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(VENV)/installed: $(VENV)/created pyproject.toml
	$(PIP) --editable '.[all]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/created pyproject.toml
	$(PIP) --editable '.[all,dev]'
	@touch $@ $(VENV)/installed

$(VENV)/installed-bench: $(VENV)/created pyproject.toml
	$(PIP) --editable '.[all,bench]'
	@touch $@ $(VENV)/installed

$(VENV)/created:
	@command -v $(PYTHON) > /dev/null || { echo "ganverse: there is no $(PYTHON); install Python 3.11 or newer, or name one: make PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ganverse: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "ganverse: $(PYTHON) cannot make virtual environments; install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@
