#!/usr/bin/env bash
# Run the notebooks, smoke profile, with the versions that Colab ships: in an environment of its own, .venv-colab.
# Options go to pytest, e.g. a notebook's name. Python 3.13 if it is there, like Colab.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
for python in python3.13 python3.12 python3; do
  "$python" -c "" 2>/dev/null && break
done
stamp=.venv-colab/installed
wanted=$(cksum <scripts/colab-constraints.txt)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  "$python" -m venv --clear .venv-colab
  pip=(.venv-colab/bin/python -m pip --disable-pip-version-check --quiet install)
  "${pip[@]}" --constraint scripts/colab-constraints.txt tensorflow keras numpy pandas matplotlib opencv-python-headless \
    pillow mlxtend scikit-learn scikit-image scipy statsmodels pyyaml jinja2 tqdm filelock platformdirs \
    ipython ipywidgets ipykernel nbval pytest pytest-xdist packaging
  echo "$wanted" >"$stamp"
fi
[ $# -gt 0 ] || set -- notebooks
exec .venv-colab/bin/python -m pytest --nbval -n auto --dist loadfile "$@"
