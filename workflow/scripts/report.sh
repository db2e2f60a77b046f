#!/usr/bin/env bash
# report.sh CONFIG [snakemake options]: say what will be done, do it, and say where the report is.
set -euo pipefail
config=$1
shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
unset PYTHONPATH PYTHONHOME
export PATH="$PWD/.venv/bin:$PATH"

summary=$(bnnbench plan --config "$config" --summary)
echo "$summary"
# The summary ends in the report's place, <results>/report/index.html.
results=${summary##*report: }
results=${results%/report/index.html}

# A run that a closed terminal or a power cut ended leaves Snakemake's lock behind; one that is alive is left alone.
running=.snakemake/report.pid
if [[ -f $running ]] && ! kill -0 "$(<"$running")" 2>/dev/null; then
    snakemake --configfile "$config" --unlock >/dev/null 2>&1 || true
fi
if [[ ! -f $running ]] || ! kill -0 "$(<"$running")" 2>/dev/null; then
    mkdir -p .snakemake
    echo $$ >"$running"
    trap 'rm -f "$running"' EXIT
fi

options=(--cores all --configfile "$config")
if command -v nvidia-smi >/dev/null && python -c "import torch; raise SystemExit(not torch.cuda.is_available())"; then
    options+=(--profile profiles/gpu)
fi
status=0
snakemake "${options[@]}" "$@" || status=$?

echo
if [[ $status != 0 ]]; then
    echo "The run did not end well: what failed is said above and in $results/logs. Run the same again to go on." >&2
    echo "A failed cell stays failed until its settings or its source change, or until .venv/bin/bnnbench retry --config $config" >&2
fi
for file in "$results/report/index.html" "$results/report/report.pdf"; do
    if [[ $status == 0 || $file -nt $running ]]; then
        echo "Report: $file"
    elif [[ -f $file ]]; then
        echo "Report of an earlier run: $file"
    fi
done
exit "$status"
