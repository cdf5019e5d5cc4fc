# Two commands for a newcomer: `make setup`, then `make demo`. Prerequisites on Debian 12: git make python3-venv.
# PYTHON=… chooses another interpreter, JOBS=… the number of test processes.

JOBS ?= auto
CADRAN := .venv/bin/cadran
PY := .venv/bin/python

.PHONY: help setup setup-dev demo demo-reset test check lock messages bench-calendars bench-uplinks
.DEFAULT_GOAL := help

help: ## cette liste
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## prépare .venv et la commande .venv/bin/cadran
	@tools/bootstrap.sh run

setup-dev: ## la même chose avec les outils de développement
	@tools/bootstrap.sh dev

demo: setup ## lance la démonstration (Ctrl-C arrête tout, les données restent)
	@exec $(CADRAN) demo

demo-reset: setup ## efface les données de la démonstration
	@exec $(CADRAN) demo --reset

test: setup-dev ## toute la suite, navigateur compris
	@tools/require-debian.sh
	@$(PY) -m pytest -q -n $(JOBS)

check: setup-dev ## ruff, mypy, imports, Django, migrations manquantes, architecture
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(CADRAN) django check --fail-level WARNING
	$(CADRAN) django makemigrations --check --dry-run
	$(PY) -m pytest -q tests/architecture

lock: ## refait les deux fichiers de verrouillage (demande uv)
	@command -v uv >/dev/null || { echo "make lock demande uv : https://docs.astral.sh/uv/" >&2; exit 1; }
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --output-file requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --constraint requirements.lock --output-file requirements-dev.lock

messages: setup-dev ## relève les textes à traduire et compile les catalogues
	cd cadran && ../$(CADRAN) django makemessages --locale fr --locale en --no-obsolete --no-location --no-wrap --ignore 'migrations/*'
	cd cadran/locale/fr/LC_MESSAGES && msgen --no-wrap --output-file=django.po django.po
	cd cadran && ../$(CADRAN) django compilemessages --locale fr --locale en

bench-calendars: setup-dev ## échéances par seconde, sur un cœur
	@$(PY) -m bench.calendars

bench-uplinks: setup-dev ## trames LoRaWAN par seconde, du datagramme à la ligne validée
	@$(PY) -m bench.uplinks
