#!/usr/bin/env bash
# lock_test.sh BUILD -- a run is resumed where nothing that it depends on has changed, wherever that lies now; what has
# changed is named. The parts of the experiment are the skeletons of `tenon new`, so they are trained here too.
set -u
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
header=$(cd "$here/../include" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
unset TENON_DATA TENON_PLUGIN_PATH TENON_ISA
passed=0 failed=0
# says STATUS TEXT COMMAND...: exit status, and output that holds the text
says() {
    local status=$1 text=$2 out rc
    shift 2
    out=$("$@" 2>&1)
    rc=$?
    if [ $rc = "$status" ] && [[ $out == *"$text"* ]]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED: %s\n    exit     %s, expected %s\n    found    %s\n    expected %s\n' "$*" $rc "$status" "$out" "$text"
    fi
}
mkdir parts
for kind in layer activation loss optimizer metric transform; do
    (cd parts && "$build/tenon" new $kind my_$kind &&
        env -u MAKEFLAGS -u CFLAGS make -C my_$kind INCLUDE="$header") >log 2>&1 || cat log
    paths="${paths-} --plugin-path $tmp/parts/my_$kind"
done
tenon() { "$build/tenon" "$@" $paths; }

awk 'BEGIN { print "text,size"; s = 1
    for (i = 0; i < 60; i++) { line = ""; sum = 0
        for (k = 0; k <= i % 4; k++) { s = (s * 1103515245 + 12345) % 2147483648; v = int(s / 65536) % 3 - 1
            sum += v; line = line (v < 0 ? " down 2" : v > 0 ? " up 11" : " flat") }
        print substr(line, 2) "," sum / 4 } }' >toy.csv
cat >toy.toml <<'END'
schema = 1
name = "toy"
seed = 1
[dataset]
type = "csv"
train = "toy.csv"
split = { test = 0.2 }
[[field]]
name = "text"
column = "text"
transforms = ["my_transform", "words"]
[[field]]
name = "size"
kind = "numbers"
[[layer]]
type = "embedding"
inputs = "text"
width = 8
[[layer]]
type = "my_layer"
units = 8
[[layer]]
type = "mean"
[[layer]]
type = "dense"
units = 16
activation = "my_activation"
[[layer]]
name = "output"
type = "dense"
units = 1
[[loss]]
type = "my_loss"
target = "size"
[optimizer]
type = "my_optimizer"
[[metric]]
type = "my_metric"
[training]
epochs = 3
batch_size = 16
END
says 0 'test.my_metric' tenon train toy.toml --run run
says 0 'test.my_metric' tenon resume run
if grep -q '"toy.csv"' run/lock.json; then passed=$((passed + 1))
else failed=$((failed + 1)); echo "FAILED: lock.json: $(cat run/lock.json)"; fi

# the data lie elsewhere, the run lies elsewhere: nothing has changed
mkdir moved && mv toy.csv run moved/
says 0 'test.my_metric' tenon resume moved/run --data-dir moved
mv moved/run moved/toy.csv .

# changed
cp toy.csv kept.csv
sed -i '2s/flat/hill/; 3s/$/0/' toy.csv
says 2 "data file 'toy.csv' changed since the run began" tenon resume run
cp kept.csv toy.csv
isa=$(sed -n 's/ *"isa": \([0-9]*\).*/\1/p' run/lock.json)
file=parts/my_layer/layers/my_layer$([ "$isa" = 0 ] || echo ".v$isa").so
cp "$file" kept.so
printf x >>"$file"
says 2 "plug-in 'layer/my_layer' changed since the run began" tenon resume run
cp kept.so "$file"
if [ "$isa" != 0 ]; then
    says 2 "the run was made with the v$isa plug-ins, these are plain; TENON_ISA=v$isa takes the same" \
        env TENON_ISA=plain "$build/tenon" resume run $paths
fi
rm parts/my_loss/losses/*
says 2 "no loss 'my_loss'" tenon resume run
printf 'lock: %d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
