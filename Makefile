# Each target sets up what it needs (scripts/setup) and stops what it started, also when it fails or is interrupted.
.PHONY: help demo test bench soak check setup clean

PROVIDER ?= vultr
PY := .venv/bin/python

help:
	@echo "make demo     a simulated cloud with real machines, and mngr as a user types it (PROVIDER=vultr|ovh|azure|vm)"
	@echo "make test     all tests; SUITES='unit local' picks, ARGS='-k name' goes to pytest"
	@echo "make bench    what mngr costs, as ratios to the bare thing"
	@echo "make soak     lists and creates over and over (RUNS=1000): none may die by a signal"
	@echo "make check    ruff, pyright, shellcheck"
	@echo "make setup    system packages and .venv, for all of these"
	@echo "make clean    removes .venv and caches of tools (not ~/.cache/mngr, where base images are)"

demo:
	@scripts/setup $(if $(filter vm,$(PROVIDER)),test,demo)
	@$(PY) scripts/with_docker.py $(PY) scripts/demo.py $(PROVIDER)

test:
	@scripts/setup test
	@$(PY) scripts/with_docker.py --may-lack $(PY) scripts/run_tests.py $(SUITES) -- $(ARGS)

bench:
	@scripts/setup test
	@$(PY) scripts/with_docker.py $(PY) -m bench $(BENCHES)

soak:
	@scripts/setup bench
	@$(PY) -m bench.soak $(RUNS)

check:
	@scripts/setup check
	@scripts/check

setup:
	@scripts/setup all

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
