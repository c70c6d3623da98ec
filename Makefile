# Each target is a script that a machine without make can run as well.
.PHONY: demo demo-real test coverage soak fuzz bench bundle models lock lint audit sbom clean help

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

demo: ## simulated site, sealed mine, agents, broker, collector and store in one terminal; nothing else needed
	@scripts/demo

demo-real: ## the same on mosquitto with TLS and on InfluxDB, installed where root and apt are at hand
	@scripts/demo-real

test: ## all tests; with root and apt the real servers too
	@scripts/test

coverage: ## the tests once more, with the lines that they reach; takes twice the time
	@scripts/test --coverage

soak: ## the long versions of the kill, reconnect and fuzz runs
	@scripts/test --soak

fuzz: ## each decoder with hostile input for SECONDS (60); by coverage where atheris is installed
	@scripts/fuzz $(or $(SECONDS),60)

bench: ## measurements side by side with a reference
	@scripts/bench

bundle: ## one archive with all wheels and an installer, for sites without internet
	@scripts/bundle

models: ## fetch the trained network that finds people and vehicles; the built-in rules do without it
	@scripts/models

lock: ## requirements.lock with hashes, for installing with --require-hashes
	@scripts/lock

audit: ## known vulnerabilities of what requirements.lock installs; "not audited" where nobody can be asked
	@scripts/audit

sbom: ## dist/*.cdx.json: what the program is made of, as CycloneDX
	@scripts/sbom

lint: ## ruff and mypy, as CI runs them
	@scripts/lint

clean: ## remove the virtual environment and what tools left
	@rm -rf .venv .tools build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
