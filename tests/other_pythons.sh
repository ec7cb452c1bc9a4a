#!/usr/bin/env bash
# Runs the quick subset on every Python from 3.11 on that is found beside the one of $1.
set -euo pipefail
cd "$(dirname "$0")/.."
own=$("$1/bin/python" -c 'import sys; print("3.%d" % sys.version_info[1])')
for version in 3.11 3.12 3.13 3.14; do
  [ "$version" = "$own" ] && continue
  found=""
  for candidate in "$(command -v "python$version" || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
    # a launcher may stand there for a version that is not installed: ask it
    if [ -x "$candidate" ] && "$candidate" -c "import sys, venv; sys.exit('3.%d' % sys.version_info[1] != '$version')" 2>/dev/null; then
      found=$candidate
      break
    fi
  done
  if [ -z "$found" ]; then
    echo "Python $version: not found, quick subset not run"
    continue
  fi
  folder=.venv-$version
  if [ ! -e "$folder/.ready" ] || [ pyproject.toml -nt "$folder/.ready" ]; then
    "$found" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --upgrade pip
    "$folder/bin/python" -m pip install --quiet --editable ".[test]"
    touch "$folder/.ready"
  fi
  echo "Python $version: quick subset"
  "$folder/bin/python" -m pytest -n 2 -q -m "quick and not slow" -p no:cacheprovider
done
