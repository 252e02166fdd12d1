# OneGrid. `make help` lists what can be done here.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
STAMP := $(VENV)/.ready
# The distribution's first: it is what the images have, and built with profiles; others are often half as slow again.
PYTHONS := /usr/bin/python3.11 python3.11
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard $(addsuffix /pyproject.toml,protos kit services/* demo deploy/*)))
SOURCES := kit services demo deploy tests tools benchmarks protos/generate.py protos/hatch_build.py
# uv brings certificates of its own; a company's or a proxy's are the system's.
export UV_SYSTEM_CERTS := 1
say = @printf '==> %s\n'

##@ Run
.PHONY: run clean-data
run: setup ## Start the platform with the demonstration district and replay the reference case (ONCE=1: stop after the case)
	@$(BIN)/python tools/servers.py --run
	@exec $(BIN)/python -m onegrid_demo $(if $(ONCE),--once)

clean-data: ## Remove what `make run` kept
	@rm -rf .data && echo "==> the demonstration's data is gone"

##@ Develop
.PHONY: setup test fresh-test lint format check protos bench wheel lock
setup: $(STAMP) protos ## Install what everything needs into .venv; quick the second time

$(LOCKED): requirements/bootstrap.txt requirements/dev.txt
	$(say) "setting up $(VENV) (a minute the first time, nothing the second)"
	@for python in $(PYTHONS); do $$python -m venv --clear $(VENV) >/dev/null 2>&1 && exit 0; done; \
	  [ "$$(id -u)" = 0 ] || { echo "Python 3.11 with venv is needed; as root: apt-get install python3.11-venv"; exit 1; }; \
	  echo "==> installing python3.11-venv" && apt-get update -qq && apt-get install -y -qq python3.11-venv >/dev/null && /usr/bin/python3.11 -m venv --clear $(VENV)
	$(say) "installing locked packages"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip sync -q --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt requirements/bootstrap.txt
	@touch $@

$(STAMP): $(LOCKED) $(PACKAGES:%=%/pyproject.toml)
	$(say) "installing OneGrid's own packages"
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@

protos: $(STAMP) ## Generate the typed stubs of the contracts
	@$(BIN)/python protos/generate.py build/protos.binpb

test: setup ## Run all tests (T=path or T="path -k expression" for some)
	@$(BIN)/python tools/servers.py
	@$(BIN)/python -m pytest $(or $(T),-n 2 --dist loadfile)

fresh-test: setup ## `make run ONCE=1` and `make test` of the last commit in a bare Debian container (ORDINARY=1: not as root; T=… as above)
	@$(BIN)/python deploy/images/fresh.py $(if $(ORDINARY),--ordinary) $(if $(T),--only "$(T)") $(if $(IMAGE),--image $(IMAGE))

lint: setup ## Check format, style, types, contracts and imports
	$(say) "ruff" && $(BIN)/ruff format -q --check $(SOURCES) && $(BIN)/ruff check -q $(SOURCES)
	$(say) "mypy" && $(BIN)/mypy
	$(say) "buf" && $(BIN)/python tools/contracts.py check
	$(say) "import rules" && $(BIN)/python tools/imports.py >build/imports.log || { cat build/imports.log; exit 1; }
	$(say) "generated documents" && $(BIN)/python tools/documents.py check
	$(say) "charts" && $(BIN)/python tools/helm.py examples check
	$(say) "rules and dashboards" && $(BIN)/python -m onegrid_observability

format: setup ## Format code and contracts, and regenerate documents
	@$(BIN)/ruff format -q $(SOURCES) && $(BIN)/ruff check -q --fix $(SOURCES)
	@$(BIN)/buf format -w protos
	@$(BIN)/python tools/documents.py write
	@$(BIN)/python tools/helm.py examples write

bench: setup ## Measure against the machine's own limits; results in build/bench.json (ONLY="file_petition starts": those)
	@$(BIN)/python -m benchmarks $(ONLY)

wheel: setup ## Build the packages into dist/
	@for package in $(PACKAGES); do $(BIN)/uv build -q --wheel --no-build-isolation --python $(BIN)/python --out-dir dist $$package; done; ls dist

lock: setup ## Resolve requirements/*.in again
	@cd requirements && for set in bootstrap runtime dev images; do \
	  ../$(BIN)/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 \
	  $$([ $$set = dev ] && echo -c runtime.txt) $$set.in -o $$set.txt; done

##@ Deploy
.PHONY: images charts helm-test
images: setup ## Build the container images (EVALUATION=1: also PostgreSQL's, RabbitMQ's and Prometheus'; ONLY="petition grid"; BASE=image)
	@$(BIN)/python deploy/images/build.py $(if $(EVALUATION),--evaluation) $(if $(ONLY),--only $(ONLY)) $(if $(BASE),--base $(BASE))

charts: setup ## Package the Helm charts into build/charts
	@$(BIN)/python tools/helm.py package

helm-test: setup charts ## Build the images, install the charts as containers and run all their tests (T="-k expression" for some)
	@$(MAKE) images EVALUATION=1
	@$(BIN)/python -m pytest -c deploy/tests/pytest.ini deploy/images/tests deploy/tests $(T)

##@ Tidy
.PHONY: clean help
clean: ## Remove what was built; the demonstration's data stays
	@rm -rf $(VENV) build dist protos/gen .mypy_cache .pytest_cache .ruff_cache .hypothesis

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
