#!/bin/sh
# Trains the experiments of docs/results.md, cheap ones first, and prints their tables again. Those in experiments/published that
# have a [published] block belong to `tenon verify --record`, the table of four networks over IMDB to experiments/imdb_table.sh.
#
#   experiments/run_all.sh [OUT [NAME...]]      OUT: /tmp/tenon-results; NAME: only these
#
# TENON_DATA must hold the data sets. THREADS (2), TENON (build/tenon) and PYTHON (python3, for the tables) may be set.
# A run that is finished already in OUT is not repeated; one that was interrupted goes on. The comparison with PyTorch
# is apart: PYTHON=/path/to/python-with-torch experiments/run_all.sh OUT parity
set -eu
cd "$(dirname "$0")/.."
out=${1:-/tmp/tenon-results}
[ $# -gt 0 ] && shift
only=" $* "
tenon=${TENON:-build/tenon}
threads=${THREADS:-2}
python=${PYTHON:-python3}
mkdir -p "$out"

# One seed of one experiment: $1 file, $2 seed.
train() {
    run=$out/$(basename "$1" .toml)-seed$2
    [ -e "$run/results.json" ] && return
    began=$(date +%s)
    if [ -e "$run/lock.json" ]; then "$tenon" resume "$run" --threads "$threads" --quiet
    else "$tenon" train "$1" --set "seed=$2" --run "$run" --threads "$threads" --quiet
    fi
    echo "$(($(date +%s) - began)) $threads" >"$run/wall"
    "$tenon" check "$1" >"$run/check"
}

# FILE SEEDS
list='trec.toml 5
trec-mean.toml 5
sms-spam.toml 5
sms-spam-mean.toml 5
20newsgroups.toml 3
20newsgroups-mean.toml 3
20newsgroups-body.toml 3
20newsgroups-body-mean.toml 3
published/imdb-lstm32-mean.toml 3
published/imdb-bilstm-ragged.toml 3
published/imdb-bilstm-mean.toml 3
published/imdb-textbook.toml 1
published/imdb-textbook-momentum.toml 1
motif-dna.toml 1
ctc-smeared.toml 8
adding.toml 1
mr.toml 10
sst1-lstm.toml 5
sst1-bilstm.toml 5
sst2-lstm.toml 5
sst2-bilstm.toml 5
sst-phrases.toml 5
imdb-stars.toml 3
imdb-stars-ordinal.toml 3
imdb-self-attention.toml 3
conll2003-pos.toml 1
conll2003-ner-char-lstm.toml 1'

if [ "$only" = " parity " ]; then
    # at the last epoch, for PyTorch's side keeps no best one
    for x in 'trec 5' '20newsgroups 3' '20newsgroups-body 3' 'mr 10' 'sst1-lstm 5' 'sst1-bilstm 5' 'sst2-lstm 5' 'sst2-bilstm 5' \
             'sst-phrases 5' 'trec-blstm 5' 'mr-blstm 5'; do
        # shellcheck disable=SC2086
        set -- $x
        "$python" tests/parity/torch_parity.py "experiments/$1.toml" --seeds "$2" --out "$out/parity-$1" --threads "$threads" \
            --tenon "$tenon" --set evaluation.weights=last >"$out/parity-$1.txt" || true
        cat "$out/parity-$1.txt"
    done
    exit
fi
echo "$list" | while read -r file seeds; do
    name=$(basename "$file" .toml)
    case "$only" in '  ' | *" $name "*) ;; *) continue ;; esac
    for seed in $(seq "$seeds"); do train "experiments/$file" "$seed"; done
done
"$python" experiments/figures.py "$out"
