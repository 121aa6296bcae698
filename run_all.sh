#!/usr/bin/env bash
# Execute every notebook and redraw every figure. ./run_all.sh --help lists the options.
set -euo pipefail
here=${BASH_SOURCE[0]}
while [ -L "$here" ]; do  # a link may stand anywhere
  link=$(readlink "$here")
  case $link in /*) here=$link ;; *) here=$(dirname "$here")/$link ;; esac
done
source "$(dirname "$here")/scripts/setup.sh"
enter_checkout
set_up
case " $* " in
  *" --study"[\ =]*)
    set_up_snakemake
    exec .venv/bin/python scripts/run_study.py "$@"
    ;;
esac
exec .venv/bin/python scripts/run_notebooks.py "$@"
