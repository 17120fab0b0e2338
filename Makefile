# `make` alone prints the verbs. Variables: FRAMEWORKS, SCALE, REPOSITORY, BRANCH, PYTHON.
FRAMEWORKS ?= pytorch tensorflow mxnet
SCALE ?= demo
PYTHON ?= python3
VENV ?= .venv

export FRAMEWORKS REPOSITORY BRANCH
export D2L_SCALE := $(SCALE)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

PACKAGES = $(if $(filter pytorch,$(FRAMEWORKS)),torch) $(if $(filter tensorflow,$(FRAMEWORKS)),tensorflow-cpu) $(if $(filter mxnet,$(FRAMEWORKS)),mxnet)
READY = $(VENV)/ready-$(subst $() ,-,$(strip $(FRAMEWORKS)))

.DEFAULT_GOAL := help
.PHONY: help env html test lint format derive figures check serve clean

help:  ## Print the verbs
	@sed -n 's/^\([a-z]*\):.*## /  make \1  \t/p' $(MAKEFILE_LIST)

env: $(READY)  ## Create the environment in .venv

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	pip install --quiet -c requirements.txt -e ".[book,test]" $(PACKAGES)
	touch $@

html: env  ## Execute what is new and build the book: _build/html/index.html
	python -m bookbuild derive
	python -m bookbuild execute
	jupyter-book build -W -n --keep-going .

test: env  ## Run the tests
	python -m pytest

lint: env  ## Check style, sources and derived files
	ruff check . && ruff format --check . && python -m bookbuild check

format: env  ## Format the Python code
	ruff check --fix . && ruff format .

derive: env  ## Write the notebooks and d2lutils/models from the chapters
	python -m bookbuild derive

figures: env  ## Redraw the figures in img/
	python img/draw.py

serve: env  ## Show the book on port 8000 and rebuild it on a change
	sphinx-autobuild ...

clean:  ## Remove everything that is derived and not committed
	rm -rf _build
