# Two commands for users: `make demo` and `make test`; two for developers: `make docs` and
# `make release-check`. Each sets up all it needs in .venv.
PYTHON ?= python3
VENV := .venv
PYTEST_ARGS ?=

.PHONY: demo test test-slow docs release-check benchmark benchmark-scores benchmark-prediction benchmark-batch clean

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "exerkine_omics needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/bin/python -m pip install --quiet --editable ".[test]"
	@touch $@

demo: $(VENV)/.ready
	$(VENV)/bin/exerkine demo -o demo_out

test: $(VENV)/.ready
	$(VENV)/bin/python -m pytest -n 2 -m "not slow" $(PYTEST_ARGS)
	bash tests/other_pythons.sh $(VENV)

test-slow: $(VENV)/.ready
	$(VENV)/bin/python -m pytest -n 2 -m slow $(PYTEST_ARGS)

$(VENV)/.docs-ready: $(VENV)/.ready
	$(VENV)/bin/python -m pip install --quiet --editable ".[docs]"
	@touch $@

# a warning is an error; nothing is fetched, no notebook is run
docs: $(VENV)/.docs-ready
	$(VENV)/bin/python -m sphinx -b html -j 2 -q -W --keep-going docs docs/_build/html
	@echo docs/_build/html/index.html

# everything that a release needs, and no release
release-check: docs
	$(VENV)/bin/python -m pip install --quiet build twine
	$(VENV)/bin/python tests/release_check.py

benchmark: $(VENV)/.ready
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(VENV)/bin/python tests/benchmarks/differential.py -o docs --scaling

# PEERS: a Python of 3.12 or later with gseapy and decoupler installed
benchmark-scores: $(VENV)/.ready
	$(VENV)/bin/python tests/benchmarks/scoring.py --peers $(PEERS) --big

benchmark-prediction: $(VENV)/.ready
	$(VENV)/bin/python tests/benchmarks/prediction.py --thousand

benchmark-batch: $(VENV)/.ready
	$(VENV)/bin/python tests/benchmarks/batch.py

clean:
	rm -rf $(VENV) .venv-* demo_out docs/_build docs/api docs/notebooks
