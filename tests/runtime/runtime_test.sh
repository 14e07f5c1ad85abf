#!/usr/bin/env bash
# runtime_test.sh BUILD -- what goes wrong while a run is under way: a loss that is not finite, a full disk, a closed pipe,
# changed data, a changed plug-in, damaged checkpoints, two processes on one run. Nothing that was written is lost,
# the exit code says what happened, and the message names it.
. "$(dirname "$0")/../begin.sh"
mounted=
trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$tmp"' EXIT
says() { grep -qF -- "$2" "$1"; ok $? "expected '$2' in: $(head -n 5 "$1")"; }
awk 'BEGIN {
    for (i = 0; i < 400; i++) {
        k = (i * 7) % 3
        printf "c%d ", k
        for (j = 0; j < i % 7; j++) printf "%sw%d", j ? " " : "", (i * j + k) % 29
        print ""
    }
}' >"$tmp/train.txt"
head -n 90 "$tmp/train.txt" >"$tmp/validation.txt"; head -n 60 "$tmp/train.txt" >"$tmp/test.txt"
sed -e 's/type = "kill_metric"/type = "accuracy"\nname = "again"/' "$here/../resume/run.toml" >"$tmp/run.toml"
tenon() { "$build/tenon" "$@"; }
train() { tenon train "$tmp/run.toml" --data-dir "$tmp" --set training.epochs=3 "$@"; }

# a loss that is not finite
train --run "$tmp/infinite" --set optimizer.type=sgd --set optimizer.learning_rate=1e6 --set gradient.clip_norm=1e30 \
    >"$tmp/out" 2>"$tmp/err"
[ $? = 1 ]; ok $? "a loss that is not finite: exit code"
says "$tmp/err" "the first output that is not finite is that of '"
says "$tmp/err" "at step"
ls "$tmp/infinite/checkpoints"/step-*.safetensors >/dev/null 2>&1; ok $? "no checkpoint from before the loss was not finite"

# a run that is whole, to damage
train --run "$tmp/whole" >"$tmp/out" 2>"$tmp/err"; ok $? "training: $(tail -n 2 "$tmp/err")"
train --run "$tmp/whole" >"$tmp/out" 2>"$tmp/err"
[ $? = 2 ]; ok $? "an existing --run was not refused"
says "$tmp/err" "exists already"

# the data changed
cp -r "$tmp/whole" "$tmp/data"; echo "c0 more words" >>"$tmp/train.txt"
tenon resume "$tmp/data" >"$tmp/out" 2>"$tmp/err"
[ $? = 2 ]; ok $? "resume after the data changed was not refused"
says "$tmp/err" "data file 'train.txt' changed since the run began"
sed -i '$d' "$tmp/train.txt"
tenon resume "$tmp/data" >"$tmp/out" 2>"$tmp/err"; ok $? "resume with the data as it was: $(tail -n 1 "$tmp/err")"

# a plug-in changed
mkdir -p "$tmp/plugins/metrics"; for f in "$build"/plugins/metrics/accuracy*.so; do cp "$f" "$tmp/plugins/metrics/"; done
train --run "$tmp/plugged" --plugin-path "$tmp/plugins" >"$tmp/out" 2>"$tmp/err"
ok $? "training with a plug-in of its own: $(tail -n 1 "$tmp/err")"
printf 'x' >>"$tmp/plugins/metrics/accuracy.so"
tenon resume "$tmp/plugged" --plugin-path "$tmp/plugins" >"$tmp/out" 2>"$tmp/err"
[ $? = 2 ]; ok $? "resume after a plug-in changed was not refused"
says "$tmp/err" "plug-in 'metric/accuracy' changed since the run began"

# every checkpoint damaged
cp -r "$tmp/whole" "$tmp/damaged"
for f in "$tmp/damaged"/checkpoints/*.safetensors; do printf 'garbage' | dd of="$f" bs=1 seek=200 conv=notrunc 2>/dev/null; done
tenon resume "$tmp/damaged" >"$tmp/out" 2>"$tmp/err"
[ $? = 1 ]; ok $? "resume without a whole checkpoint: exit code"
says "$tmp/err" "there is no whole checkpoint"
cp "$tmp/whole/checkpoints/best.safetensors" "$tmp/damaged/checkpoints/" 2>/dev/null
tenon evaluate "$tmp/damaged" >"$tmp/out" 2>"$tmp/err"
ok $? "the best weights alone are enough to evaluate: $(tail -n 1 "$tmp/err")"

# two processes on one run
( exec 9>>"$tmp/whole/lock"; flock -n 9; tenon resume "$tmp/whole" >"$tmp/out" 2>"$tmp/err"; [ $? = 1 ] )
ok $? "a second process on the same run was not refused"
says "$tmp/err" "another process is writing"

# a closed pipe: results cannot be written, the exit code says so, nothing else is lost
train --run "$tmp/pipe" 2>"$tmp/err" | true
[ -f "$tmp/pipe/results.json" ]; ok $? "a closed pipe lost the run: $(tail -n 1 "$tmp/err")"
tenon describe metric/accuracy >/dev/full 2>"$tmp/err"
[ $? = 1 ]; ok $? "output on a full device: exit code"
says "$tmp/err" "No space left on device"

# a full disk: the run stops with the cause, and what was there is still whole
mkdir "$tmp/small"
if mount -t tmpfs -o size=300k none "$tmp/small" 2>/dev/null; then
    mounted="$tmp/small"
    train --set training.epochs=12 --set checkpoint.every_steps=3 --set checkpoint.keep=1000 --run "$tmp/small/run" \
        >"$tmp/out" 2>"$tmp/err"
    [ $? = 1 ]; ok $? "a full disk: exit code ($(tail -n 1 "$tmp/err"))"
    says "$tmp/err" "No space left on device"
    ls "$tmp/small/run/checkpoints"/*.tmp* >/dev/null 2>&1; [ $? != 0 ]; ok $? "a half-written checkpoint was left behind"
    mount -o remount,size=40m "$tmp/small"
    tenon resume "$tmp/small/run" >"$tmp/out" 2>"$tmp/err"; ok $? "resume after there was room again: $(tail -n 1 "$tmp/err")"
else
    echo "skip: a full disk (mounting a small file system is not allowed here)"; skipped=$((skipped + 1))
fi
finish runtime
