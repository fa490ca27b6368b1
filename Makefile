# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-slow test-all test-variations lint format hooks counts docs site lock clean
MODEL ?= dual_atme
SEED ?= 0
# One process a core, each with one thread of TensorFlow; tests that share a fixture stay together.
JOBS ?= auto
PYTEST_ARGS ?=
# What needs neither a pipeline nor a training.
FAST = tests/test_*.py tests/datasets tests/protocols tests/metrics tests/report tests/systems/test_registry.py \
	tests/commands/test_models_command.py tests/commands/test_show.py tests/commands/test_source.py
NOT_FAST = --deselect tests/test_export.py --deselect tests/test_numerics.py
PYTEST = .venv/bin/python -m pytest -n $(JOBS) --maxprocesses 8 --dist loadscope

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST))

setup:  ## .venv from the hashed locks
	@sh tools/setup.sh kubeflow

demo:  ## synthetic clips -> TFX pipeline -> LOSO -> served model (MODEL=dual_atme or atscnn, SEED=0)
	@sh tools/setup.sh kubeflow
	@.venv/bin/python examples/demo.py --model "$(MODEL)" --seed "$(SEED)"

hooks:  ## lint before each commit (needs the program pre-commit)
	@sh tools/setup.sh kubeflow dev
	@pre-commit install

lint:  ## ruff check, format check, tidy text files, types
	@sh tools/setup.sh kubeflow dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/python tools/check_text.py
	@.venv/bin/python -m mypy

test: lint  ## lint and tests (PYTEST_ARGS="tests/layers -k cbam" for some of them, JOBS=1 for one process)
	@$(PYTEST) $(PYTEST_ARGS)

test-fast:  ## the light tests alone: no pipeline, no training (PYTEST_ARGS="-k folds" for some of them)
	@sh tools/setup.sh kubeflow dev
	@$(PYTEST) -m "not slow and not large and not gpu and not tfx and not e2e and not dlib and not trains" \
		$(FAST) $(NOT_FAST) $(PYTEST_ARGS)

test-slow:  ## the tests that 'make test' leaves out for their time: whole cross-validations
	@sh tools/setup.sh kubeflow dev
	@$(PYTEST) -m "slow and not large and not gpu" $(PYTEST_ARGS)

test-all: test test-slow  ## both

test-variations:  ## tests that train, under other kernels and seeds: a table of margins (VARIATIONS="--seeds 5")
	@sh tools/setup.sh kubeflow dev
	@.venv/bin/python tools/test_variations.py $(VARIATIONS)

format:  ## rewrites the code with ruff
	@sh tools/setup.sh kubeflow dev
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

counts:  ## after a change of a network: counts weights and operations of every system anew
	@sh tools/setup.sh kubeflow dev
	@.venv/bin/python -m mer_tf.zoo counts

docs:  ## after a change of a system, its card or its docstring: writes docs/models and docs/tables.md anew
	@sh tools/setup.sh kubeflow dev
	@.venv/bin/python -m mer_tf.zoo docs

site:  ## all of the documentation as one site, links checked: build/site/html/index.html
	@sh tools/setup.sh kubeflow docs
	@.venv/bin/python tools/docs_site.py

lock:  ## recompiles the locks of both stacks
	@sh requirements/lock.sh

clean:  ## removes build/ (not .venv)
	@rm -rf build
