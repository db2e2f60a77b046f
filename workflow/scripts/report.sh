#!/usr/bin/env bash
# report.sh CONFIG [snakemake options]: report.py in the project's environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
unset PYTHONPATH PYTHONHOME
export PATH="$PWD/.venv/bin:$PATH"
# In place of this shell, so that whoever ends this process ends the run.
exec python workflow/scripts/report.py "$@"
