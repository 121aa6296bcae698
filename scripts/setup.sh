# Sourced by run_all.sh and run_tests.sh: makes .venv from requirements.lock once, and again when the lock changes.

unset CDPATH  # cd would print, or go elsewhere
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_VIRTUALENV PYTHONHOME PYTHONPATH  # where packages go is ours
export PIP_USER=0

# To the folder of the project; a relative CAPSGAN_HOME is meant from where the user stands.
enter_checkout() {
  case ${CAPSGAN_HOME:-} in
    "" | /* | "~"*) ;;
    *) export CAPSGAN_HOME=$PWD/$CAPSGAN_HOME ;;
  esac
  cd "$(dirname "${BASH_SOURCE[0]}")/.."
}

# TensorFlow has no packages for these: say so before pip does, at length.
check_platform() {
  local system
  system=$("$1" -c 'import sys, sysconfig; print(sysconfig.get_config_var("HOST_GNU_TYPE") or "", sys.maxsize)')
  case $system in
    x86_64-apple-*) system="macOS on an Intel processor" ;;
    *musl*) system="a Linux with musl instead of glibc, such as Alpine" ;;
    *" 2147483647") system="a 32-bit Python" ;;
    *) return 0 ;;
  esac
  echo "TensorFlow has no package for $system; use Linux with glibc, macOS on Apple silicon, WSL or Google Colab" >&2
  return 1
}

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
  wanted="$(cat requirements.lock pyproject.toml scripts/setup.sh | cksum) $PWD"  # a moved .venv is made anew
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    return
  fi
  local python
  python=$(find_python)
  check_platform "$python"
  echo "Setting up .venv with $("$python" --version) (once; about 3 GB, a few minutes)"
  case $(cat "$stamp" 2>/dev/null) in
    *" $PWD") ;;
    *) "$python" -m venv --clear .venv ;;  # also after a set-up that was broken off
  esac
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
  echo "$wanted" >"$stamp"
}

# The workflow engine has an environment of its own, made only when a study is run with it.
set_up_snakemake() {
  local wanted stamp=build/snakemake/requirements.installed
  wanted=$(cat workflow/requirements.lock scripts/setup.sh | cksum)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    return
  fi
  echo "Setting up Snakemake in build/snakemake (once; about 300 MB)"
  .venv/bin/python -m venv --clear build/snakemake
  build/snakemake/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r workflow/requirements.lock
  echo "$wanted" >"$stamp"
}
