#!/usr/bin/env bash
# Make sure the Debian packages of the test suite are there: root installs them, anybody else is told the one command.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$here/debian-packages.txt")

if ! command -v dpkg-query >/dev/null; then
  echo "La suite de tests s'installe sur Debian. Ailleurs, fournissez l'équivalent de : ${wanted[*]}" >&2
  exit 1
fi
missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
  echo "Il manque à la suite de tests des paquets de Debian. Installez-les, puis recommencez :" >&2
  echo "  sudo $install" >&2
  exit 1
fi
echo "Installation des paquets de Debian : ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
$install
