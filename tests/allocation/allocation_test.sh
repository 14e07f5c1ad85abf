#!/usr/bin/env bash
# allocation_test.sh BUILD -- a steady training step takes no memory: counts the allocator's calls between steps, of a classifier
# with all that a run has around it and of workloads of experiments/bench.
. "$(dirname "$0")/../begin.sh"
if ldd "$build/tenon" | grep -q libasan; then # it has an allocator of its own, which cannot be counted so
    echo "allocation: 0 passed, 0 failed, 12 skipped (a sanitizer's allocator)"
    exit 0
fi
. "$here/data.sh"
mkdir -p "$tmp/plugins/schedules"
cc -std=c11 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -I"$root/include" \
    -o "$tmp/plugins/schedules/watch_steps.so" "$here/watch_steps.c" -ldl &&
cc -std=c11 -O1 -fPIC -shared -D_GNU_SOURCE -o "$tmp/count.so" "$here/count_calls.c" -ldl ||
    { echo "allocation: cannot build"; exit 1; }
sed -e 's/type = "kill_metric"/type = "accuracy"\nname = "again"/' -e 's/type = "cosine"/type = "watch_steps"/' \
    -e '/every_steps/d' "$root/tests/resume/run.toml" >"$tmp/run.toml"
counted() { # file, threads, more options
    local file=$1 threads=$2 sum
    shift 2
    rm -rf "$tmp/report" "$tmp/run"
    ALLOCATION_REPORT="$tmp/report" LD_PRELOAD="$tmp/count.so" "$build/tenon" train "$file" --set training.epochs=1 "$@" \
        --data-dir "$tmp" --run "$tmp/run" --threads "$threads" --plugin-path "$tmp/plugins" >"$tmp/log" 2>&1
    ok $? "training with the counter: $(tail -n 2 "$tmp/log")"
    sum=$(cat "$tmp/report" 2>/dev/null)
    [ "$sum" = 0 ]; ok $? "$(basename "$file"), $threads threads: ${sum:-no report of} allocations in steady steps, expected 0"
}
for threads in 1 2; do counted "$tmp/run.toml" $threads; done
# shellcheck disable=SC2086
for file in $workloads; do
    counted "$root/experiments/bench/$file.toml" 2 $small --set training.max_steps=61 --set schedule.type=watch_steps
done
finish allocation
