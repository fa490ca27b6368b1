# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format lock clean
MODEL ?= dual_atme
SEED ?= 0
PYTEST_ARGS ?=

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST))

setup:  ## .venv from the hashed locks
	@sh tools/setup.sh kubeflow

demo:  ## synthetic clips -> TFX pipeline -> LOSO -> served model (MODEL=dual_atme or atscnn, SEED=0)
	@sh tools/setup.sh kubeflow
	@.venv/bin/python examples/demo.py --model "$(MODEL)" --seed "$(SEED)"

lint:  ## ruff check and format check
	@sh tools/setup.sh kubeflow dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

test: lint  ## lint and tests
	@.venv/bin/python -m pytest $(PYTEST_ARGS)

format:  ## rewrites the code with ruff
	@sh tools/setup.sh kubeflow dev
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

lock:  ## recompiles requirements/*.lock
	@sh requirements/lock.sh

clean:  ## removes build/ (not .venv)
	@rm -rf build
