# Everything a newcomer runs. Each step is skipped when nothing that it reads has changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install -qq --disable-pip-version-check --constraint constraints.txt
SOURCES := copydesk.py pyproject.toml $(shell find annotate training apply configs -type f -not -name '*.pyc')
STORIES := $(wildcard corpus/stories/*/*.marked)
CORPUS := corpus/train.jsonl corpus/dev.jsonl corpus/test.jsonl
DOUBLE := $(wildcard corpus/double/*/*/*.marked)
MENDED_BY := catalonia-vote-2017 honduras-coup-2009 iraq-inspections-2003 kosovo-bombing-1999 lebanon-war-ceasefire-2006 \
  libya-2011 mali-intervention-2013 new-start-2010 north-korea-test-2006 orange-revolution-2004
BASE := models/base/en_core_web_md
DEMO := build/demo
STEPS := 1000
WHEEL := dist/en_news_events-0.1.0-py3-none-any.whl

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo corpus corpus-page agreement test test-transformer studio bench bench-starter format clean

help:  ## List these targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 18

# -- environments ------------------------------------------------------------------------------------------------------

$(VENV)/installed: pyproject.toml constraints.txt
	@echo "== installing copydesk into $(VENV)"
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or newer with venv is missing; run: sudo apt-get install python3 python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@

# A place without copydesk's clone: copydesk's own wheel and what it needs.
.cache/clean/installed: pyproject.toml constraints.txt
	@echo "== making a clean environment"
	@mkdir -p .cache
	@test -x .cache/clean/bin/python || $(PYTHON) -m venv .cache/clean
	@.cache/clean/bin/python $(PIP_INSTALL) . && touch $@

# A place with spaCy and nothing else: what a packaged model may count on.
.cache/spacy/installed: constraints.txt
	@mkdir -p .cache
	@test -x .cache/spacy/bin/python || $(PYTHON) -m venv .cache/spacy
	@.cache/spacy/bin/python $(PIP_INSTALL) spacy && touch $@

# A place with torch: what a transformer needs. Some GB; on Linux and without a graphics card, the CPU build of torch is enough.
.cache/transformer/installed: pyproject.toml constraints.txt
	@echo "== installing copydesk with its transformer extra into .cache/transformer"
	@mkdir -p .cache
	@test -x .cache/transformer/bin/python || $(PYTHON) -m venv .cache/transformer
	@.cache/transformer/bin/python $(PIP_INSTALL) torch==2.13.0 --editable '.[transformer]' pytest pytest-timeout && touch $@

.cache/chromium:
	@mkdir -p .cache
	@if ! command -v chromium >/dev/null; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else echo "chromium is missing; run: sudo apt-get install --no-install-recommends chromium"; exit 1; fi; fi
	@touch $@

.studio/env/installed: configs/studio-constraints.txt | $(VENV)/installed
	@echo "== installing Label Studio into .studio/env"
	@$(BIN)/copydesk studio install --env .studio/env
	@touch $@

# Official weights, or an empty file that says there are none.
$(BASE)/meta.json: | $(VENV)/installed
	@echo "== getting the base pipeline"
	@$(BIN)/copydesk download en_core_web_md || { \
	  echo "Going on from blank: fewer labels are learnt from the same articles."; \
	  mkdir -p $(BASE) && echo none > $@; }

# -- the main job ------------------------------------------------------------------------------------------------------

demo:  ## From a fresh clone to a model applied to a fresh article.
	@$(MAKE) --no-print-directory --jobs 2 $(DEMO)/applied.txt
	@sed '/ by label/,$$d' $(DEMO)/scores.txt
	@sed '/^[0-9]* article/,$$d' $(DEMO)/applied.txt
	@echo "Wheel  $(WHEEL)"
	@echo "Page   $(DEMO)/applied/page.html (scores label by label: $(DEMO)/scores.html)"

corpus/%.jsonl: $(STORIES) configs/schema.toml | $(VENV)/installed
	@$(BIN)/copydesk compile corpus/stories/$* --out $@ --force

models/demo/meta.json: $(CORPUS) $(SOURCES) $(BASE)/meta.json
	@echo "== checking the starter corpus"
	@$(BIN)/copydesk check $(CORPUS)
	@echo "== training"
	@$(BIN)/copydesk train corpus --out models/demo --base $$(grep -qx none $(BASE)/meta.json && echo none || echo $(BASE)) \
	  --training.max_steps $(STEPS) --force

$(DEMO)/scores.txt: models/demo/meta.json
	@echo "== evaluating on the test stories"
	@mkdir -p $(DEMO)
	@$(BIN)/copydesk evaluate models/demo corpus/test.jsonl --json $(DEMO)/scores.json --html $(DEMO)/scores.html --force > $@

$(WHEEL): $(DEMO)/scores.txt
	@echo "== packaging"
	@$(BIN)/copydesk package models/demo --out dist --license "CC BY 4.0" --force

$(DEMO)/applied.txt: $(WHEEL) corpus/fresh-article.txt .cache/clean/installed
	@echo "== installing the wheel into the clean environment and applying it from there"
	@.cache/clean/bin/python $(PIP_INSTALL) --no-deps --force-reinstall . $(WHEEL)
	@cd / && $(CURDIR)/.cache/clean/bin/copydesk apply en_news_events $(CURDIR)/corpus/fresh-article.txt \
	  --out $(CURDIR)/$(DEMO)/applied --html --force > $(CURDIR)/$@

# -- the rest ----------------------------------------------------------------------------------------------------------

test: $(VENV)/installed-dev .cache/clean/installed .cache/spacy/installed .cache/chromium .studio/env/installed $(BASE)/meta.json  ## Set up and run every test.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "server or not server"

test-transformer: .cache/transformer/installed  ## Run the tests of training on a transformer (downloads torch).
	.cache/transformer/bin/python -m pytest tests/test_transformer.py

corpus: $(VENV)/installed  ## Compile the starter corpus, and count its labels.
	@for part in train dev test; do \
	  $(BIN)/copydesk compile corpus/stories/$$part --out corpus/$$part.jsonl --counts --force || exit 1; done

# before and after the guidelines were mended, each of the two annotators: all test stories, and those that did not serve to mend them
build/double/%-all.jsonl: $(DOUBLE) configs/schema.toml | $(VENV)/installed
	@mkdir -p $(@D)
	@$(BIN)/copydesk compile corpus/double/$* --out $@ --annotator $(notdir $*) --force > /dev/null

build/double/%-other.jsonl: $(DOUBLE) configs/schema.toml | $(VENV)/installed
	@mkdir -p $(@D)
	@$(BIN)/copydesk compile $(filter-out $(MENDED_BY:%=corpus/double/$*/%.marked),$(wildcard corpus/double/$*/*.marked)) \
	  --out $@ --annotator $(notdir $*) --force > /dev/null

agreement: $(foreach t,before after,$(foreach w,all other,build/double/$(t)/first-$(w).jsonl build/double/$(t)/second-$(w).jsonl))  ## How far the corpus's two annotators agree.
	@for time in before after; do for which in all other; do echo "== $$time, $$which"; \
	  $(BIN)/copydesk agree build/double/$$time/first-$$which.jsonl build/double/$$time/second-$$which.jsonl; echo; done; done

corpus-page: $(CORPUS) build/double/after/first-all.jsonl build/double/after/second-all.jsonl  ## The starter corpus as a page to browse.
	@$(BIN)/copydesk page $^ --title "copydesk starter corpus" --out docs/corpus.html --force

studio: $(CORPUS) $(VENV)/installed  ## Label Studio with the starter project, ready in the browser.
	@$(BIN)/copydesk studio up --home .studio
	@$(BIN)/copydesk push $(CORPUS) --project "copydesk starter" --home .studio --as annotations

bench: $(VENV)/installed-dev $(BASE)/meta.json  ## Accuracy on public data (needs COPYDESK_BENCH), speed, cost and survival (hours).
	$(BIN)/python -m benchmarks

bench-starter: $(VENV)/installed-dev $(BASE)/meta.json $(CORPUS)  ## What is learnt from the starter corpus: seeds, learning curve, unread outlets, random split (hours).
	$(BIN)/python -m benchmarks starter train
	$(BIN)/python -m benchmarks starter score
	$(BIN)/python -m benchmarks pretended

format:  ## Lay out the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove what was built; environments, models and Label Studio's data stay.
	rm -rf build dist
