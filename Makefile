# The commands of Atelier. `make` alone lists them. The environment variable ATELIER_ENV is set
# here and nowhere else: a bare manage.py is production.

.DEFAULT_GOAL := help
.PHONY: help run test setup check bench shell lock

# Python keeps what it compiled, also where the machine says otherwise: without, each start of a
# program takes two seconds longer.
export PYTHONDONTWRITEBYTECODE =

VENV := .venv/bin/python
AT_LEAST_3_11 := import sys; sys.exit(sys.version_info < (3, 11))
# The environment's own Python once it is there; before that, the first one that is new enough.
PYTHON ?= $(or $(wildcard $(VENV)),$(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c '$(AT_LEAST_3_11)' 2>/dev/null && echo $$name && break; done),python3)

run: export ATELIER_ENV = dev
run: setup ## Start everything on http://127.0.0.1:8000 (another port: make run PORT=8001)
	@$(VENV) manage.py up

test: export ATELIER_ENV = test
test: setup ## Run all tests; some of them: make test ONLY=browser ARGS="-k sign_up"
	@$(VENV) -m config.suites $(foreach suite,$(ONLY),--only $(suite)) -- $(ARGS)

setup: ## Only the set-up: Python packages, system libraries, front-end files
	@$(PYTHON) -m config.setup

check: export ATELIER_ENV = test
check: setup ## Format, lint, types, imports, templates, migrations, production settings
	@$(VENV) -m config.suites.check

bench: export ATELIER_ENV = test
bench: setup ## Measure speed and memory
	@$(VENV) bench/optimizer.py
	@$(VENV) bench/http.py
	@$(VENV) -m bench.billing

shell: export ATELIER_ENV = dev
shell: setup ## A Python shell with all models
	@$(VENV) manage.py shell

lock: setup ## Pin what requirements/*.in and package.json ask for (newer ones: make lock ARGS=--upgrade)
	@$(VENV) -m config.setup.lock $(ARGS)

help: ## This list
	@sed -n 's/^\([a-z]*\):.* ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
