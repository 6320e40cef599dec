# The entry point. Each target installs the system packages that are missing, then calls CMake (CMakePresets.json).
JOBS ?= $(shell nproc)
INSTALL := ./scripts/install-packages
# The Python package is built and tested only if the packages that it needs could be installed.
PYTHON = $$([ ! -f build/python/installed.txt ] || echo -DLOWRANK_PYTHON=ON -DPython_EXECUTABLE=$(CURDIR)/build/python/bin/python3)

.DEFAULT_GOAL := build
.PHONY: build demo demo-serve test test-python wheel check bench format format-check lint asan asan-short tsan soak install clean help

build:  ## build the program, build/lowrank
	@$(INSTALL) build
	@[ -f build/release/build.ninja ] || cmake --preset release -DLOWRANK_TESTS=OFF
	@cmake --build --preset release --parallel $(JOBS) --target lowrank_cli
	@ln -sfn release/bin/lowrank build/lowrank

demo: build  ## build, train on real ratings of films, recommend films
	@build/lowrank demo

demo-serve: build  ## open a page that recommends films of the example data
	@build/lowrank serve build/demo-state --import examples/data/ratings.dat.gz --titles examples/data/movies.dat.gz

test:  ## build everything and run every test
	@$(INSTALL) build test
	@cmake --preset release -DLOWRANK_TESTS=ON $(PYTHON)
	@cmake --build --preset release --parallel $(JOBS)
	@ln -sfn release/bin/lowrank build/lowrank
	@ctest --preset release --parallel $(JOBS)

test-python:  ## build the Python package and run its tests
	@$(INSTALL) build test
	@cmake --preset release -DLOWRANK_TESTS=ON $(PYTHON)
	@cmake --build --preset release --parallel $(JOBS) --target lowrank_python_stubs lowrank_cli python_cpp_trainer
	@ctest --preset release --tests-regex '^python[.]'

wheel:  ## make dist/: a self-contained wheel, and the source distribution
	@$(INSTALL) build test
	@scripts/make-wheel

check:  ## build everything and run every test but the slow ones
	@$(INSTALL) build test
	@cmake --preset release -DLOWRANK_TESTS=ON $(PYTHON)
	@cmake --build --preset release --parallel $(JOBS)
	@ctest --preset release --parallel $(JOBS) --label-exclude slow

bench:  ## build and run the benchmarks
	@$(INSTALL) build bench
	@cmake --preset release -DLOWRANK_BENCH=ON $(if $(wildcard build/release/build.ninja),,-DLOWRANK_TESTS=OFF)
	@cmake --build --preset release --parallel $(JOBS) --target lowrank_cli bench
	@ln -sfn release/bin/lowrank build/lowrank
	@set -e; for subject in sgd read als bayes features implicit_feedback nmf recommend neighbours rating_neighbours context fold_in stream serve from_python quality growth; do bench/$$subject.py; done
	@[ ! -d build/release/python/lowrank ] || PYTHONPATH=build/release/python build/python/bin/python3 bench/update.py

asan asan-short tsan:  ## run the tests with sanitizers: of addresses and undefined behaviour (asan; a part: asan-short), or of threads (tsan)
	@$(INSTALL) build test
	@cmake --preset $@
	@cmake --build --preset $@ --parallel $(JOBS)
	@ctest --preset $@ --parallel $(JOBS) --label-exclude slow

soak: build  ## long tests of the service: a million requests while models swap, half an hour of mixed load (SOAK="--minutes 5" for less)
	@$(INSTALL) bench
	@scripts/soak $(SOAK)

format:  ## format every C++ file by .clang-format
	@$(INSTALL) lint
	@scripts/format

format-check:  ## fail if `make format` would change a file
	@$(INSTALL) lint
	@scripts/format --check

lint:  ## run clang-tidy on changed files (ALL=1: on all), and check scripts
	@$(INSTALL) build test bench lint
	@cmake --preset release -B build/lint -DLOWRANK_TESTS=ON -DLOWRANK_BENCH=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DCMAKE_UNITY_BUILD=OFF \
	  $(PYTHON) >/dev/null
	@scripts/lint $(if $(ALL),--all)

install: build  ## install the library, headers, program and example data (PREFIX=/usr/local)
	@cmake --build --preset release --parallel $(JOBS) --target lowrank
	@cmake --install build/release --prefix $(or $(PREFIX),/usr/local)

clean:  ## remove everything that was built
	@rm -rf build

help:  ## show this list
	@sed -n 's/^\([a-z][a-z -]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "make %-13s %s\n", $$1, $$2}'
