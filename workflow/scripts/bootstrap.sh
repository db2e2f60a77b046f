#!/usr/bin/env bash
# Make .venv from requirements.lock with the package installed in it; at once if that has been done.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV

venv=.venv
stamp=$venv/.installed-$({ cat requirements.lock pyproject.toml; pwd; } | cksum | tr -cd '0-9')
unfinished=$venv/.unfinished # there from the first to the last step: an interrupted environment is made anew

if [[ -f $stamp && ! -e $unfinished ]] && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

can_make_venv() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2])' >/dev/null 2>&1
}

find_python() {
    local python
    # The locked versions have ready-made wheels for 3.11 to 3.13, so a newer python3 is only taken last.
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if can_make_venv "$python" && "$python" -c 'import sys; sys.exit(sys.version_info[:2] > (3, 13))'; then
            command -v "$python"
            return
        fi
    done
    for python in ${PYTHON:-python3 python3.14}; do
        if can_make_venv "$python"; then
            command -v "$python"
            return
        fi
    done
    echo "bnnbench needs Python 3.11 or newer with its venv module (Debian, Ubuntu: the package python3-venv)." >&2
    echo "Found: $(${PYTHON:-python3} --version 2>&1 | head -n 1). Install one, or name it: make env PYTHON=/path/to/python3.12" >&2
    return 1
}

# Sound: an environment of its own (else pip would install into the system's Python), made here, with a pip that runs.
sound() {
    [[ -f $venv/pyvenv.cfg && ! -e $unfinished ]] && can_make_venv "$venv/bin/python" &&
        "$venv/bin/python" -c 'import sys; sys.exit(sys.prefix == sys.base_prefix)' &&
        "$venv/bin/python" -m pip --version >/dev/null 2>&1 && grep -qsF -- "$(pwd)/$venv" "$venv/bin/activate"
}

if ! sound; then
    python=$(find_python)
    echo "Making the environment in $venv with $("$python" --version) ..."
    # Moved first: an environment of which half is removed must not be taken for one.
    rm -rf "$venv-old"
    [[ ! -e $venv ]] || mv "$venv" "$venv-old"
    rm -rf "$venv-old"
    mkdir -p "$venv"
    touch "$unfinished"
    "$python" -m venv "$venv"
fi

touch "$unfinished"
rm -f "$venv"/.installed-*
echo "Installing the packages of requirements.lock (minutes the first time) ..."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
"$venv/bin/python" -c 'import bnnbench, snakemake, torch'
touch "$stamp"
rm -f "$unfinished"
echo "The environment is ready."
