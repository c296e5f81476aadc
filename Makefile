# SPDX-License-Identifier: MIT
# On a fresh Debian with make and python3: `make demo` or `make test`. Each installs and builds what is missing.

PYTHON ?= python3
SOURCES = host_tools firmware tests boards

BOARD ?= QEMU_SABRELITE

.PHONY: help setup firmware package quecpython-sim demo test bench powercut powercut-qemu powercut-mutants lint size clean
.DEFAULT_GOAL := help

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name text; \
		do printf '  make %-16s %s\n' "$$name" "$$text"; done

setup: ## Install and build what is missing: Debian packages, .venv, MicroPython in build/
	@$(PYTHON) host_tools/bootstrap.py

firmware: ## Build the firmware of BOARD=QEMU_SABRELITE, the agent in it; HEAP_KIB=256
	@$(PYTHON) host_tools/bootstrap.py UNIX $(BOARD)

quecpython-sim: ## Build the simulated QuecPython module's MicroPython
	@$(PYTHON) host_tools/bootstrap.py UNIX QUECPYTHON_SIM

package: setup ## Make the folder and zip to push to a QuecPython module: BOARD=QUECTEL_EC200U
	@.venv/bin/python boards/package.py $(BOARD)

MODULE = $(filter QUECPYTHON_SIM,$(BOARD))

demo: setup $(if $(MODULE),quecpython-sim) ## Run the main job: collect, send, consent, withdraw, prove; BOARD=QUECPYTHON_SIM
	@.venv/bin/quell demo $(if $(MODULE),--board $(MODULE))

test: firmware quecpython-sim lint ## Run every test
	@.venv/bin/pytest tests --numprocesses auto --maxprocesses 4 --dist loadfile

bench: firmware ## Measure what the budgets of firmware/DESIGN.md are about
	@.venv/bin/python tests/bench/run.py

powercut: setup ## Cut the power at every flash operation; FULL=1 for all cases, FRESH=1 to forget what was done
	@.venv/bin/python tests/powercut/run.py $(if $(FULL),--full) $(if $(FRESH),--fresh) $(if $(QUECPYTHON),--quecpython) $(if $(CASE),--case $(CASE))

powercut-qemu: firmware ## Kill the emulated board N=40 times at random moments under load; SEED=, STORE=nor
	@.venv/bin/python tests/e2e/board_kills.py $(or $(N),40) $(if $(SEED),--seed $(SEED)) $(if $(STORE),--store $(STORE))

powercut-mutants: setup ## Break the agent on purpose, in each way that the power cuts must catch
	@.venv/bin/python tests/powercut/run.py --mutants

lint: setup ## Check the Python code with ruff
	@RUFF_CACHE_DIR=build/ruff-cache .venv/bin/ruff check --config host_tools/pyproject.toml $(SOURCES)

size: setup ## Show the bytes of bytecode of each file of the agent
	@$(PYTHON) boards/size.py

clean: ## Remove all that setup made in this folder (build/ and .venv/)
	rm -rf build .venv host_tools/quell_host.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
