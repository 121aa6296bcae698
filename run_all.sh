#!/usr/bin/env bash
# Execute every notebook and redraw every figure. ./run_all.sh --help lists the options.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source scripts/setup.sh
set_up
exec .venv/bin/python scripts/run_notebooks.py "$@"
