# PolicyZoo. `make` lists the targets; every install step lives in this file.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

TORCH   := 2.13.0
VADER   := 3.3.2
CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/policyzoo
TORCH_DIR := $(CACHE)/libtorch-$(TORCH)
PYTHON  ?= python3
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)
RELEASE := .build/release

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

