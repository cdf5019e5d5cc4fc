#!/usr/bin/env bash
# Prepare .venv from a hashed lock file: `bootstrap.sh run` (what production needs) or `bootstrap.sh dev` (and the tools).
# Needs Debian's python3-venv only: no build tool, no compiler. A second run with nothing changed does nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kind=${1:?run or dev}
python=${PYTHON:-python3}
case $kind in
  run) lock=requirements.lock ;;
  dev) lock=requirements-dev.lock ;;
  *) echo "bootstrap.sh : « run » ou « dev » est attendu." >&2; exit 2 ;;
esac

version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || {
  echo "Python est introuvable ($python). Sous Debian : apt install python3-venv" >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python $version est trop ancien : il faut 3.11 ou plus récent. Donnez-le par PYTHON=…" >&2; exit 1; }

key=$(printf '%s\n%s\n%s\n' "$version" "$PWD" "$(sha256sum <"$lock")" | sha256sum | cut -c1-24)
stamp=.venv/.installed-$kind
if [ -x .venv/bin/cadran ] && [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then exit 0; fi

"$python" -c 'import ensurepip, venv' 2>/dev/null || {
  echo "Le module venv de Python manque. Sous Debian : apt install python3-venv" >&2; exit 1; }
if [ "$(.venv/bin/python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.prefix)' 2>/dev/null)" != "$version $PWD/.venv" ]; then
  echo "Création de .venv (Python $version)"
  "$python" -m venv --clear .venv
fi
echo "Installation des dépendances ($lock)…"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
  --require-hashes --only-binary :all: --requirement "$lock"

# The package itself is the checkout: a path file and a two-line command need no build backend.
.venv/bin/python - "$PWD" <<'PYTHON'
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "cadran.pth").write_text(sys.argv[1] + "\n")
PYTHON
cat >.venv/bin/cadran <<'SHELL'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -P -m cadran "$@"
SHELL
chmod 755 .venv/bin/cadran
printf '%s\n' "$key" >"$stamp"
echo "Prêt : .venv/bin/cadran --help"
