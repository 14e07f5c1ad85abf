#!/bin/sh
# The experiments of 1997: trains each with several seeds and prints how many trials were learned by their rule, after how many
# sequences (mean, least and most of those), and how many test sequences are wrong in the mean of all trials.
#
#   experiments/published/1997/trials.sh OUT [FILE...]     FILE: all of this folder; runs that are finished in OUT are not repeated.
#                                                TRIALS (10), THREADS (1) and TENON (build/tenon) may be set.
set -eu
cd "$(dirname "$0")/../../.."
out=$1
shift
[ $# -gt 0 ] || set -- experiments/published/1997/*.toml
mkdir -p "$out"
printf '%-24s %-8s %12s %24s   %s\n' experiment learned sequences 'least and most' 'wrong in the test'
for file; do
    name=$(basename "$file" .toml)
    for seed in $(seq "${TRIALS:-10}"); do
        run=$out/$name-seed$seed
        [ ! -e "$run/results.json" ] || continue
        if [ -e "$run/lock.json" ]; then "${TENON:-build/tenon}" resume "$run" --threads "${THREADS:-1}" --quiet
        else "${TENON:-build/tenon}" train "$file" --set "seed=$seed" --run "$run" --threads "${THREADS:-1}" --quiet
        fi >/dev/null
    done
    for run in "$out/$name"-seed*; do
        awk -F'[:,]' '/"stopped"/ { all = /all epochs are done/ } /"step"/ { steps = $2 } /"test.right.wrong"/ { wrong = $2 }
            END { print all ? "no" : "yes", steps + 0, wrong + 0 }' "$run/results.json"
    done | awk -v name="$name" '$1 == "yes" { n++; sum += $2; if (!least || $2 < least) least = $2; if ($2 > most) most = $2 }
        { wrong += $3 } END { printf "%-24s %-8s %12.0f %24s   %.1f\n", name, n + 0 "/" NR, n ? sum / n : 0, least + 0 " to " most + 0, wrong / NR }'
done
