#!/usr/bin/env bash
# Execute every notebook and redraw every figure. ./run_all.sh --help lists the options.
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/scripts/setup.sh"  # a link may stand anywhere
enter_checkout
set_up
case " $* " in
  *" --study"[\ =]*)
    set_up_snakemake
    exec .venv/bin/python scripts/run_study.py "$@"
    ;;
esac
exec .venv/bin/python scripts/run_notebooks.py "$@"
