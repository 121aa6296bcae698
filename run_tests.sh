#!/usr/bin/env bash
# Run all tests, the notebooks among them. --fast leaves notebooks and slow tests out; other options go to pytest.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scripts/setup.sh"  # a link may stand anywhere
enter_checkout
case "${1:-}" in
  -h | --help)
    echo "usage: ./run_tests.sh [--fast] [PYTEST OPTIONS]"
    echo "  sets up .venv, then runs pytest --nbval: unit tests and notebooks; --fast: quick unit tests only"
    exit 0
    ;;
esac
set_up
if [ "${1:-}" = "--fast" ]; then
  shift
  set -- -m "not slow" "$@"
else
  set -- --nbval "$@"
fi
exec .venv/bin/python -m pytest -n auto --dist loadfile "$@"  # a process a core; a file, or a notebook, in one of them
