# Everything lives inside this folder: .venv, node_modules, .local. `make help` lists the targets.
# Works with GNU make 3.81 and later.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
BIN := .venv/bin
OPENAPI := .local/openapi.json
PRODUCT := $(wildcard function_app.py functions/*.py shared/*.py shared/*/*.py)
PAGE_SOURCES := $(shell find frontend -type f \( -path 'frontend/src/*' -o -path 'frontend/public/*' -o -path 'frontend/scripts/*' \) -not -path '*/generated/*' 2>/dev/null) \
	$(wildcard frontend/index.html frontend/package.json frontend/vite.config.ts frontend/tsconfig*.json)
HAS_PAGE := $(wildcard frontend/package.json)
CODE := $(wildcard function_app.py functions shared dev infra tests benchmarks)
STACK = $(BIN)/python -m dev.stack $(if $(STATE),--state "$(STATE)")
# Only from the command line: many a login sets MAIL or HOST to something else.
given = $(and $(findstring command line,$(origin $(1))),$($(1)))
UP = $(STACK) up $(if $(call given,MAIL),--mail "$(MAIL)") $(if $(call given,HOST),--host "$(HOST)")

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help chromium install page demo up down logs psql migrate check check-infra format test test-unit \
	test-integration test-browser test-func test-page chaos rehearse verify-audit package bench bench-gate clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Running it

install: .venv/installed node_modules/installed $(if $(HAS_PAGE),frontend/node_modules/installed) ## install what is missing, into this folder

page: $(if $(HAS_PAGE),frontend/dist/index.html) ## build the web page

demo: install page ## connect a mailbox of 6,046 messages, prove the mirror, show it; ONCE=1 ends after the proof, MAIL=path takes other mail
	@$(UP) --demo $(if $(filter-out 0,$(ONCE)),--once)

up: install page ## start the whole stack until Ctrl-C; HOST=func takes Core Tools, GRAPH_BASE_URL=... another provider
	@$(UP)

down: .venv/installed ## stop the stack that runs
	@$(STACK) down

logs: .venv/installed ## follow the logs of every part
	@$(STACK) logs

psql: .venv/installed ## open psql on the stack's database
	@$(STACK) psql

migrate: .venv/installed node_modules/installed ## bring the stack's database, or MIGRATION_DATABASE_URL, to the newest schema
	@$(STACK) migrate

# Checking it

check: install $(if $(HAS_PAGE),frontend/openapi.json) ## lint, formatting, types, import rules; the page's too
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(CODE)
	node_modules/.bin/pyright
	$(BIN)/lint-imports
	$(if $(HAS_PAGE),npm --prefix frontend run lint --silent)

check-infra: install ## hold infra/, its settings, documents and workflows against the rules, without Azure
	@$(BIN)/python -m dev.infra

format: install ## format all code
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(if $(HAS_PAGE),npm --prefix frontend run format --silent)

test: chromium check page .local/worker/installed test-page ## check, and every test
	$(BIN)/pytest

chromium:
	@sh dev/chromium.sh

test-unit: install ## tests that start nothing
	$(BIN)/pytest tests/unit

test-integration: install .local/worker/installed ## tests on real parts, without a browser
	$(BIN)/pytest --ignore=tests/unit --ignore=tests/browser

test-browser: chromium install page ## the story in Chromium
	$(BIN)/pytest tests/browser

test-func: install .local/worker/installed ## the story under Core Tools' `func start`, and what Microsoft's worker says of the app
	$(BIN)/pytest tests/func

test-page: $(if $(HAS_PAGE),frontend/node_modules/installed frontend/openapi.json) ## the page's own tests
	$(if $(HAS_PAGE),npm --prefix frontend run generate --silent && npm --prefix frontend test --silent)

chaos: install ## mailboxes under random faults, and the proof of each afterwards; SEEDS=n START=n TOGETHER=n
	$(BIN)/python -m dev.chaos $(if $(SEEDS),--seeds $(SEEDS)) $(if $(START),--start $(START)) \
		$(if $(TOGETHER),--together $(TOGETHER))

rehearse: install ## break a system as each runbook says, follow its page, prove the mirror; RUNBOOK=name MESSAGES=n
	$(BIN)/python -m dev.rehearsals $(if $(RUNBOOK),$(RUNBOOK),--all) $(if $(MESSAGES),--messages $(MESSAGES))

verify-audit: .venv/installed ## verify the signed report of an audit, offline: REPORT=file KEYS=file
	@$(BIN)/python -m dev.verify_audit "$(REPORT)" --keys "$(KEYS)"

package: .venv/installed ## make the zip that is uploaded to Azure, .local/package.zip, and tell how large it is
	@$(BIN)/python -m dev.package .local/package.zip

bench: install .local/peers/installed ## every benchmark, one after the other
	@for question in $(filter-out $(addprefix benchmarks/,report.py contests.py gate.py),$(wildcard benchmarks/*.py)); do \
		echo "$$question"; PYTHONPATH=. $(BIN)/python "$$question" || exit 1; done

bench-gate: install .local/peers/installed ## what the first sync must reach, beside its peers; fails when it falls short
	@PYTHONPATH=. $(BIN)/python benchmarks/gate.py

clean: ## remove all that was installed, built or stored, mail and settings included
	-@test ! -x $(BIN)/python || $(STACK) down
	rm -rf .venv .local node_modules frontend/node_modules frontend/dist frontend/openapi.json \
		frontend/src/api/generated local.settings.json .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache test-results

# Installing, only when the list of packages has changed

.local/tools-checked:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "Python 3.11 is needed and $(PYTHON) is not. Install it, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || { \
		echo "Node 20 or newer is needed, with npm: https://nodejs.org"; exit 1; }
	@mkdir -p .local && touch $@

.venv/installed: requirements.txt requirements-dev.txt | .local/tools-checked
	@echo "installing Python packages into .venv ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		echo "Python cannot make virtual environments here; on Debian: apt-get install python3.11-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

.local/peers/installed: benchmarks/peers.txt | .local/tools-checked
	@echo "installing python-o365 and Microsoft's Graph SDK, to be measured beside, into .local/peers ..."
	@test -x .local/peers/bin/python || $(PYTHON) -m venv .local/peers
	@.local/peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	@touch $@

# It asks for Python 3.13, from which Azure runs it; what it does at the start of an app runs on 3.11 too.
.local/worker/installed: tests/func/worker.txt | .venv/installed
	@echo "installing Microsoft's worker, the judge of what an app may declare, into .local/worker ..."
	@rm -rf .local/worker
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --ignore-requires-python --require-hashes \
		--target .local/worker -r tests/func/worker.txt
	@touch $@

node_modules/installed: package.json package-lock.json | .local/tools-checked
	@echo "installing the storage emulator, dbmate, pyright and the demo's mail into node_modules ..."
	@npm ci --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

frontend/node_modules/installed: frontend/package.json frontend/package-lock.json | .local/tools-checked
	@echo "installing the page's packages into frontend/node_modules ..."
	@npm --prefix frontend ci --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null
	@touch $@

# Building the page, only when it or the API's description has changed

.local/openapi-checked: $(PRODUCT) dev/openapi.py .venv/installed
	@mkdir -p .local && $(BIN)/python -m dev.openapi > $(OPENAPI)
	@cmp -s $(OPENAPI) frontend/openapi.json || cp $(OPENAPI) frontend/openapi.json
	@touch $@

frontend/openapi.json: .local/openapi-checked
	@test -f $@ || cp $(OPENAPI) $@

frontend/dist/index.html: $(PAGE_SOURCES) frontend/openapi.json frontend/node_modules/installed
	@echo "building the page ..."
	@npm --prefix frontend run build --silent -- --logLevel warn
	@touch $@
