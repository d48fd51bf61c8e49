# make demo   environment, encoder, a tagger and a translator, each trained, scored and used
# make test   environment, lint, tests
# make lint   ruff and mypy --strict
# make bench  how fast it is, beside its peers: about an hour and three quarters, after they are installed

PYTHON ?= python3
VENV ?= .venv
# Of the tests, each with cores of its own and 2 GB of memory.
WORKERS ?= 2
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint bench clean

# Exact versions of everything, so that today's demo is next year's.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "make: Python 3.11, 3.12 or 3.13 is needed (make PYTHON=python3.12 ...); $(PYTHON) is `$(PYTHON) --version`"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/nlp-pipeline encoder get minilm
	$(BIN)/nlp-pipeline run pipelines/ner-demo.yaml
	$(BIN)/nlp-pipeline tag runs/ner-demo/bundle data/newsroom/article.txt --output runs/ner-demo/article.jsonl
	@echo "tagged text in runs/ner-demo/article.jsonl, of which the first lines are:"
	@head -n 3 runs/ner-demo/article.jsonl
	$(BIN)/nlp-pipeline run pipelines/translate-demo.yaml
	$(BIN)/nlp-pipeline translate runs/translate-demo/bundle data/phrasebook/test.en --output runs/translate-demo/test.fr
	@head -n 3 runs/translate-demo/test.fr
	$(BIN)/nlp-pipeline attention runs/translate-demo/bundle "The red car is old." --output runs/translate-demo/attention.png

test: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	benchmarks/peers/install.sh flair joeynmt torch
	$(BIN)/python benchmarks/speed.py

clean:
	rm -rf $(VENV) runs
