#!/usr/bin/env bash
# system_calls_test.sh BUILD -- a steady training step makes no system call but futex, by which threads sleep and wake each
# other: watches all threads with strace from step 30 to step 90 of an epoch, in which no checkpoint, evaluation, log or
# progress line is due. A clock that the kernel does not offer without a call (no vdso) is let pass, too.
. "$(dirname "$0")/../begin.sh"
skip() { echo "system calls: 0 passed, 0 failed, 14 skipped ($1)"; exit 0; }
ldd "$build/tenon" | grep -q 'lib[at]san' && skip "a sanitizer makes calls of its own"
command -v strace >/dev/null || skip "no strace here"
strace -f -o /dev/null true 2>/dev/null || skip "strace may not watch a program here"
. "$here/data.sh"
mkdir -p "$tmp/plugins/schedules"
cc -std=c11 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -I"$root/include" \
    -o "$tmp/plugins/schedules/mark_steps.so" "$here/mark_steps.c" || { echo "system calls: cannot build"; exit 1; }
sed -e 's/type = "kill_metric"/type = "accuracy"\nname = "again"/' -e 's/type = "cosine"/type = "mark_steps"/' \
    -e '/every_steps/d' "$root/tests/resume/run.toml" >"$tmp/run.toml"

# The calls between the marks, one name a line, and the marks themselves. A call that is cut in two, "<unfinished ...>" and
# "<... futex resumed>", counts by its first half; one that ends after the first mark began before it.
between() {
    awk '/write\(-1, "steady"/ { on = 1; print "mark"; next }
         /write\(-1, "no more"/ { on = 0; print "mark"; next }
         on && !/ resumed>/ { sub(/^[0-9]+ +/, ""); sub(/\(.*/, ""); print }' "$1"
}
trace() { # file, threads, stray, more options -> $tmp/calls
    local file=$1 threads=$2 stray=$3
    shift 3
    rm -rf "$tmp/run"
    MARK_FROM=30 MARK_UPTO=90 STRAY=$stray strace -f -o "$tmp/trace" "$build/tenon" train "$file" --quiet --set training.epochs=1 "$@" \
        --data-dir "$tmp" --run "$tmp/run" --threads "$threads" --plugin-path "$tmp/plugins" >"$tmp/log" 2>&1
    ok $? "training under strace: $(tail -n 2 "$tmp/log")"
    between "$tmp/trace" >"$tmp/calls"
}
others() { grep -v -x -e mark -e futex -e clock_gettime "$tmp/calls" | sort | uniq -c | tr -s ' \n' ' '; }
steady() {
    local marks found
    trace "$@"
    marks=$(grep -c -x mark "$tmp/calls") found=$(others)
    [ "$marks" = 2 ] && [ -z "$found" ]
    ok $? "$(basename "$1"), $2 threads: $marks of 2 marks seen; calls in 60 steady steps that are not futex:${found:- none}"
}
for threads in 1 2; do steady "$tmp/run.toml" $threads 0; done
# shellcheck disable=SC2086
for file in $workloads; do
    steady "$root/experiments/bench/$file.toml" 2 0 $small --set training.max_steps=100 --set schedule.type=mark_steps
done
trace "$tmp/run.toml" 2 1
[ "$(others)" = " 1 getpid " ]; ok $? "a getpid in a step is not found: '$(others)'"
finish "system calls"
