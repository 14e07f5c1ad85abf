#!/bin/sh
# The table of four networks over IMDB (LSTM 128, 64, 256, GRU 128): parameters, training time, test time, accuracy, and what
# of the parameters is the embedding; three seeds each. Runs that are finished in OUT are not repeated.
#
#   experiments/imdb_table.sh [OUT]      OUT: /tmp/tenon-imdb; TENON_DATA must hold the data; THREADS (2), TENON (build/tenon)
set -eu
cd "$(dirname "$0")/.."
out=${1:-/tmp/tenon-imdb}
tenon=${TENON:-build/tenon}
mkdir -p "$out"
for file in imdb-lstm imdb-lstm64 imdb-lstm256 imdb-gru; do
    for seed in 1 2 3; do
        run=$out/$file-seed$seed
        [ ! -e "$run/results.json" ] || continue
        if [ -e "$run/config.toml" ]; then "$tenon" resume "$run" --threads "${THREADS:-2}" --quiet
        else "$tenon" train "experiments/$file.toml" --set "seed=$seed" --run "$run" --threads "${THREADS:-2}" --quiet
        fi >/dev/null
    done
done
"$tenon" compare "$out"/imdb-*-seed*
printf '\n%-14s %10s %12s\n' '' embedding parameters
for file in imdb-lstm imdb-lstm64 imdb-lstm256 imdb-gru; do
    "$tenon" check "$out/$file-seed1/config.toml" |
        awk -v name="$file" '$2 == "embedding" { of = $NF } $1 == "parameters:" { printf "%-14s %10d %12d\n", name, of, $2 }'
done
