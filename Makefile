# Everything a developer runs. `make` alone makes the environment and builds.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
# One PyTorch release, for the tests that compare with it live; its CPU build where pip finds one.
TORCH ?= torch==2.13.0
# After PyTorch, so that pip keeps the build above.
CAPTUM ?= captum>=0.7,<1
# Processes that tests are shared among, a file of them at a time.
JOBS ?= 2
# Every suite; and the interpreter that has TensorFlow, if it is to be measured too.
SUITES ?= training operation forward step lengths proportion memory cases
TENSORFLOW_PYTHON ?=
SOURCES := $(wildcard csrc/*/*.?pp csrc/kernels/cells/*.hpp csrc/*.cmake) CMakeLists.txt pyproject.toml src/gatewright/ops/_digest.py
# What `make check` reads apart from Python; tools/markdown_lines.py skips pages that scripts write.
CXX_FILES := $(wildcard csrc/*/*.?pp csrc/*/*/*.?pp tests/native/*.?pp)
MARKDOWN := $(wildcard *.md) docs benchmarks examples

.PHONY: build install compare example docs check test test-fast soak sanitize bench clean

build: $(VENV)/.built

install: build  ## the same by the name that people look for

$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	touch $@

# Again wherever the sources change.
$(VENV)/.built: $(VENV)/.made $(SOURCES)
	$(BIN)/pip install --quiet --editable '.[train]'
	touch $@

$(VENV)/.dev: $(VENV)/.built
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.torch: $(VENV)/.dev
	$(BIN)/pip install --quiet '$(TORCH)'
	$(BIN)/pip install --quiet '$(CAPTUM)'
	touch $@

compare: build  ## SimpleRNN, LSTM and GRU on the adding problem; leaves gatewright-compare/report.html
	$(BIN)/gatewright compare

example: build  ## an example program on stock Keras and on the kernels, with both times
	$(BIN)/gatewright run --compare-stock examples/quick.py

result-ett-h1: build  ## the table of ETTh1 forecasts, resumable; its record goes to docs/results
	$(BIN)/python examples/ett.py

result-digit-strings: build  ## strings of spoken digits transcribed live, resumable; its record goes to docs/results
	$(BIN)/python examples/digit_strings_result.py

result-%: build  ## a published figure with all its seeds, resumable: result-imdb; its record goes to docs/results
	$(BIN)/python examples/result.py $*

docs: build  ## the pages that are made from settings and records, and the types of the public functions
	$(BIN)/python tools/make_settings_page.py
	$(BIN)/python examples/sequences.py
	$(BIN)/python tools/make_stubs.py

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)
	$(BIN)/python tools/markdown_lines.py --check $(MARKDOWN)
	$(BIN)/python tools/make_settings_page.py --check
	$(BIN)/python tools/make_stubs.py --check

test: $(VENV)/.torch
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(JOBS) -m 'not slow'

soak: $(VENV)/.dev  ## damaged files, killed trainings, full disks and long streams, for hours; SECURITY.md says what they check
	$(BIN)/python tests/robustness/fuzz.py
	$(BIN)/python tests/robustness/fuzz_inputs.py
	$(BIN)/python tests/robustness/fuzz_recordings.py
	$(BIN)/python tests/robustness/fuzz_keras.py
	$(BIN)/python tests/robustness/kill.py
	$(BIN)/python tests/robustness/resources.py
	$(BIN)/python tests/robustness/streams.py

sanitize: $(VENV)/.dev
	$(BIN)/python tests/native/sanitize.py

bench: $(VENV)/.torch
	$(BIN)/gatewright bench $(SUITES) --out benchmarks/results \
		$(if $(TENSORFLOW_PYTHON),--tensorflow-python $(TENSORFLOW_PYTHON))

clean:
	rm -rf build $(VENV)
