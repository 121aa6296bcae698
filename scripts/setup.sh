# Sourced by run_all.sh and run_tests.sh: makes .venv from requirements.lock once, and again when the lock changes.

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "No Python of 3.11 to 3.13 found (TensorFlow runs on these); install one, or name it: PYTHON=/path/to/python $0" >&2
  return 1
}

set_up() {
  local wanted stamp=.venv/requirements.installed
  wanted=$(cat requirements.lock pyproject.toml scripts/setup.sh | cksum)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    return
  fi
  local python
  python=$(find_python)
  echo "Setting up .venv with $("$python" --version) (once; about 3 GB, a few minutes)"
  [ -f "$stamp" ] || "$python" -m venv --clear .venv  # also after a set-up that was broken off
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
  echo "$wanted" >"$stamp"
}
