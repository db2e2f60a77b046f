# Every target but help, clean and distclean makes the environment first; that takes minutes once and nothing later.
CONFIG ?= config/config.yaml
SHELL := /usr/bin/env bash
VENV := .venv/bin
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX
.DEFAULT_GOAL := help
.PHONY: help env report test bench mutants lint clean distclean

help: ## this list
	@echo "make TARGET [CONFIG=config/config.yaml]"
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo "Configs: $(wildcard config/*.yaml)"

env: ## the environment in .venv, from requirements.lock
	@PYTHON="$(PYTHON)" workflow/scripts/bootstrap.sh

report: env ## data, training, metrics, notebooks and the report of CONFIG; goes on where it was interrupted
	@workflow/scripts/report.sh "$(CONFIG)"

test: env ## the whole test suite, slow tests included
	@$(VENV)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

bench: env ## speed of training against other libraries
	@$(VENV)/python benchmarks/run.py

mutants: env ## whether the tests notice small changes of the numerics (an hour)
	@$(VENV)/python benchmarks/mutants.py $(MUTANTS)

lint: env ## ruff, snakefmt and snakemake --lint
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/snakefmt --check Snakefile workflow
	@$(VENV)/snakemake --lint

# .snakemake stays: it is by its records that changed settings are noticed in the results of other configs.
clean: ## remove the results of CONFIG
	@if [ -x $(VENV)/python ]; then $(VENV)/python workflow/scripts/clean.py "$(CONFIG)"; else echo "Nothing to clean with: make env first, or remove the results folder by hand."; fi

distclean: clean ## remove the environment and the tools' caches too
	@rm -rf .venv .venv-bench* build *.egg-info .pytest_cache .ruff_cache
