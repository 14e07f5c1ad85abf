#!/usr/bin/env bash
# resume_test.sh BUILD -- kills a training run with SIGKILL at 25 moments (5 inside a checkpoint write, 5 inside an
# evaluation, 15 at random times), resumes each, and compares final weights, metrics and predictions byte for byte
# with the run that was never killed. The same for 1, 2 and 3 threads, for each instruction set that this processor has, and
# for predictions alone and in batches.
. "$(dirname "$0")/../begin.sh"

# Sentences of two kinds from a fixed generator; some are empty.
make_split() { # file seed lines
    awk -v seed="$2" -v n="$3" 'BEGIN {
        s = seed
        for (i = 0; i < n; i++) {
            s = (s * 1103515245 + 12345) % 2147483648; k = int(s / 65536) % 3; len = int(s / 1048576) % 9
            line = "class" k " "
            for (j = 0; j < len; j++) {
                s = (s * 1103515245 + 12345) % 2147483648; r = int(s / 65536) % 100
                line = line (j ? " " : "") (r < 35 ? "k" k "w" (r % 4) : "w" (r % 30))
            }
            print line
        }
    }' >"$tmp/$1"
}
make_split train.txt 1 350; make_split validation.txt 2 100; make_split test.txt 3 90
cut -d' ' -f2- "$tmp/test.txt" >"$tmp/lines.txt"

mkdir -p "$tmp/plugins/metrics"
cc -std=c11 -O1 -fPIC -shared -fvisibility=hidden -D_GNU_SOURCE -I"$root/include" \
    -o "$tmp/plugins/metrics/kill_metric.so" "$here/kill_metric.c" &&
cc -std=c11 -O1 -fPIC -shared -D_GNU_SOURCE -o "$tmp/kill_write.so" "$here/kill_write.c" -ldl ||
    { echo "resume: cannot build"; exit 1; }
tenon() { "$build/tenon" "$@" --plugin-path "$tmp/plugins"; }
results() { # of a run: weights, metrics, predictions
    (cd "$1" && for f in $(ls checkpoints/*.safetensors | sort) metrics.csv metrics.jsonl; do sha256sum "$f"; done)
    tenon predict "$1" "$tmp/lines.txt" 2>/dev/null | sha256sum
}

LD_PRELOAD="$tmp/kill_write.so" COUNT_WRITES="$tmp/writes" \
    tenon train "$here/run.toml" --data-dir "$tmp" --run "$tmp/whole" --threads 2 >"$tmp/log" 2>&1
ok $? "the whole run trains: $(tail -n 3 "$tmp/log")"
results "$tmp/whole" >"$tmp/whole.sums"
seconds=$( {
    TIMEFORMAT=%R
    time tenon train "$here/run.toml" --data-dir "$tmp" --run "$tmp/again" --threads 2 >/dev/null 2>&1
} 2>&1 )
results "$tmp/again" | cmp -s - "$tmp/whole.sums"; ok $? "the same run twice gives other bytes"

for threads in 1 3; do
    tenon train "$here/run.toml" --data-dir "$tmp" --run "$tmp/threads$threads" --threads $threads >/dev/null 2>&1
    results "$tmp/threads$threads" | diff -q - "$tmp/whole.sums" >/dev/null; ok $? "$threads threads give other bytes than 2"
done
for isa in $(isas); do
    TENON_ISA=$isa tenon train "$here/run.toml" --data-dir "$tmp" --run "$tmp/$isa" --threads 2 >"$tmp/log" 2>&1
    ok $? "TENON_ISA=$isa does not train: $(tail -n 2 "$tmp/log")"
    results "$tmp/$isa" | diff -q - "$tmp/whole.sums" >/dev/null; ok $? "TENON_ISA=$isa gives other bytes than the widest vectors"
done

exec 2>"$tmp/shell.log" # the shell announces every process that was killed
killed_run() { # name, environment and prefix of the command
    local name=$1; shift
    env "$@" "$build/tenon" train "$here/run.toml" --data-dir "$tmp" --run "$tmp/$name" --threads 2 \
        --plugin-path "$tmp/plugins" >/dev/null 2>&1
    local rc=$?
    [ $rc = 137 ] || return 1
    [ ! -e "$tmp/$name/lock" ] || flock "$tmp/$name/lock" true # until the kernel has cleared the killed process away
    if [ ! -e "$tmp/$name/config.toml" ]; then # killed before it was a run
        rm -rf "${tmp:?}/$name"
        tenon train "$here/run.toml" --data-dir "$tmp" --run "$tmp/$name" --threads 2 >"$tmp/$name.log" 2>&1
        results "$tmp/$name" | cmp -s - "$tmp/whole.sums"; ok $? "$name: begun again, other bytes: $(tail -n 2 "$tmp/$name.log")"
        return
    fi
    tenon resume "$tmp/$name" --threads 2 >"$tmp/$name.log" 2>&1 ||
        { ok 1 "$name: resume failed: $(tail -n 2 "$tmp/$name.log")"; return; }
    results "$tmp/$name" | diff - "$tmp/whole.sums" >"$tmp/diff"
    ok $? "$name: other bytes after the resume: $(head -n 4 "$tmp/diff" | tr '\n' ' ')"
}
writes=$(cat "$tmp/writes")
for n in 3 $((writes / 5)) $((writes / 3)) $((writes / 2)) $((writes - 5)); do
    killed_run "write$n" LD_PRELOAD="$tmp/kill_write.so" KILL_AT_WRITE=$n || ok 1 "write$n: was not killed"
done
for n in 1 3 8 15 22; do killed_run "evaluation$n" KILL_AT_UPDATE=$n || ok 1 "evaluation$n: was not killed"; done
for n in $(seq 1 15); do
    for try in 1 2 3 4 5 6; do # a machine that is faster now than when the time was taken: earlier
        at=$(awk -v s="$seconds" -v n="$n" -v t="$try" 'BEGIN { printf "%.3f", s * (n - 0.4) / 16 / t }')
        rm -rf "$tmp/random$n"
        killed_run "random$n" timeout -s KILL "$at" && break
        [ $try != 6 ] || ok 1 "random$n: was not killed"
    done
done

# killed twice
LD_PRELOAD="$tmp/kill_write.so" KILL_AT_WRITE=$((writes / 4)) "$build/tenon" train "$here/run.toml" --data-dir "$tmp" \
    --run "$tmp/twice" --threads 2 --plugin-path "$tmp/plugins" >/dev/null 2>&1
KILL_AT_UPDATE=5 "$build/tenon" resume "$tmp/twice" --threads 3 --plugin-path "$tmp/plugins" >/dev/null 2>&1
tenon resume "$tmp/twice" --threads 1 >/dev/null 2>&1
results "$tmp/twice" | diff -q - "$tmp/whole.sums" >/dev/null; ok $? "killed twice, resumed with other thread counts: other bytes"

# an interruption writes a checkpoint and says 130
for try in 1 2 3 4 5 6; do # it may be done before the signal comes
    rm -rf "$tmp/signal"
    "$build/tenon" train "$here/run.toml" --data-dir "$tmp" --run "$tmp/signal" --threads 2 \
        --plugin-path "$tmp/plugins" >/dev/null 2>&1 &
    pid=$!
    until ls "$tmp/signal/checkpoints"/step-*.safetensors >/dev/null 2>&1 || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
    kill -INT $pid 2>/dev/null; wait $pid; rc=$?
    [ $rc = 0 ] || break
done
[ $rc = 130 ]; ok $? "SIGINT: exit $rc, expected 130"
tenon resume "$tmp/signal" >/dev/null 2>&1
results "$tmp/signal" | diff -q - "$tmp/whole.sums" >/dev/null; ok $? "interrupted and resumed: other bytes"

# a prediction has the same bits alone and in a batch of 64
for n in 1 7 64; do
    tenon evaluate "$tmp/whole" --split test --predictions "$tmp/p$n" --batch-size $n >/dev/null 2>&1
    cmp -s "$tmp/p$n" "$tmp/p1"; ok $? "predictions in batches of $n differ from those alone"
done
tenon predict "$tmp/whole" "$tmp/lines.txt" 2>/dev/null | cmp -s - "$tmp/p1"; ok $? "predict and evaluate give other bits"

# a damaged newest checkpoint: the one before is used, and the run says so
cp -r "$tmp/whole" "$tmp/damaged"
newest=$(ls "$tmp/damaged/checkpoints"/step-*.safetensors | sort | tail -n 1)
truncate -s -100 "$newest"; rm -f "$tmp/damaged/stopped.txt"
tenon resume "$tmp/damaged" >"$tmp/damaged.log" 2>&1; ok $? "resume after a truncated checkpoint: $(tail -n 1 "$tmp/damaged.log")"
grep -q "$(basename "$newest")" "$tmp/damaged.log"; ok $? "the truncated checkpoint is not named"
results "$tmp/damaged" | diff -q - "$tmp/whole.sums" >/dev/null; ok $? "truncated checkpoint: other bytes after the resume"

finish resume
