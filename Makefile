# Variables, with their defaults, that every verb knows. No FRAMEWORKS are all:
FRAMEWORKS ?=
SCALE ?= demo
PYTHON ?= python3
VENV ?= .venv

export FRAMEWORKS REPOSITORY BRANCH
export D2L_SCALE := $(SCALE)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

PACKAGES := import sys; from d2lutils.frameworks import FRAMEWORKS as rows; keys = sys.argv[1:] or list(rows); unknown = [key for key in keys if key not in rows]; unknown and sys.exit(f"error: FRAMEWORKS: {unknown[0]!r} is unknown; choose from " + ", ".join(rows)); print(*(rows[key].book_requirement for key in keys))
READY := $(VENV)/ready$(subst $() $(),,$(addprefix -,$(FRAMEWORKS)))
SUPPORTED := import sys; v = sys.version_info[:2]; v in [(3, 11), (3, 12)] or sys.exit(f"error: the book needs Python 3.11 or 3.12, and {sys.executable} is {v[0]}.{v[1]}; say, for example, make html PYTHON=python3.12")

.DEFAULT_GOAL := help
.PHONY: help env html test bench lint format derive figures serve release clean

help:  ## Print the verbs
	@sed -n 's/^\([a-z]*\):.*##/  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

env: $(READY)  ## Create the environment in .venv

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c '$(SUPPORTED)'
	@$(PYTHON) -c '$(PACKAGES)' $(FRAMEWORKS) >/dev/null
	$(PYTHON) -m venv $(VENV)
	pip install --quiet --disable-pip-version-check -c requirements.txt -e ".[book,test]" $$($(PYTHON) -c '$(PACKAGES)' $(FRAMEWORKS))
	touch $@

html: derive  ## Execute what is new and build the book: _build/html/index.html
	python -m bookbuild execute
	jupyter-book build -W -n --keep-going .

test: env  ## Run all tests
	python -m pytest

bench: env  ## Measure side by side with d2l, torchvision, Keras and Gluon
	python -m benchmarks.bench

lint: env  ## Check the style, the chapters and what is derived from them
	ruff check .
	ruff format --check .
	python -m bookbuild check

format: env  ## Format the Python code
	ruff check --fix .
	ruff format .

derive: env  ## Write the notebooks and d2lutils/models from the chapters
	python -m bookbuild derive

figures: env  ## Redraw the figures in img/
	python figures/draw.py

serve: derive  ## Show the book at http://127.0.0.1:8000 and rebuild it on a change
	jupyter-book config sphinx .
	sphinx-autobuild . _build/html --pre-build "python -m bookbuild derive" --pre-build "python -m bookbuild execute" --re-ignore "/(_build|notebooks|d2lutils/models|\.venv|\.git)/"

release: env  ## Write VERSION=… wherever it is named; say which tag to push
	python -m bookbuild release $(VERSION)

clean:  ## Remove what was built; the environment stays
	rm -rf _build conf.py
