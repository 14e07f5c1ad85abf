#!/usr/bin/env bash
# commands_test.sh BUILD -- list, describe, version, new and help as a user calls them; and that every skeleton builds
# outside the tree against the header alone and holds what check-plugin asks of it.
. "$(dirname "$0")/begin.sh"
cd "$tmp" || exit 1
# says STATUS TEXT COMMAND...: exit status, and output that holds the text
says() {
    local status=$1 text=$2 out rc
    shift 2
    out=$("$@" 2>&1)
    rc=$?
    out=$(tr -s ' ' <<<"$out")             # columns are as wide as what else is installed
    [ $rc = "$status" ] && case $out in *"$text"*) true ;; *) false ;; esac
    ok $? "$*
    exit     $rc, expected $status
    found    $out
    expected $text"
}
tenon=$build/tenon
header=$(cd "$here/../include" && pwd)

# ---- new
says 2 'KIND is one of layer, activation, loss, optimizer, metric, transform' "$tenon" new
says 2 "there is no skeleton for 'backend'" "$tenon" new backend mine
says 2 "'../x' can't be a part's name" "$tenon" new layer ../x
says 2 "'Mine' can't be a part's name" "$tenon" new layer Mine
mkdir 'a place'
cd 'a place' || exit 1
for kind in layer activation loss optimizer metric transform; do
    says 0 "tenon train FILE --plugin-path my_$kind" "$tenon" new $kind my_$kind
    says 2 "'my_$kind' exists already; nothing was written" "$tenon" new $kind my_$kind
    ! grep -qi skeleton my_$kind/*; ok $? "my_$kind speaks of a skeleton"
    env -u MAKEFLAGS -u CFLAGS make -C my_$kind INCLUDE="$header" >log 2>&1 && ! grep -q warning log
    ok $? "my_$kind: $(tail -n 3 log)"
    path="${path:+$path:}$PWD/my_$kind"
    if [ -x "$build/tenon-check-plugin" ]; then
        says 0 '' "$tenon" check-plugin my_$kind/*/my_$kind.so
    else skipped=$((skipped + 1)); fi
done
export TENON_PLUGIN_PATH=$path

# ---- list
says 0 'my_layer a gated layer: sigmoid of one half times tanh of the other' "$tenon" list layer
says 0 ' my_transform ' "$tenon" list
says 0 '"name": "my_loss"' "$tenon" list losses --json
says 2 "no kind of part is called 'laier'; did you mean 'layer'?" "$tenon" list laier
says 2 "no option '--jsn'" "$tenon" list --jsn
mkdir -p bad/layers
printf '%s\n' '#include <signal.h>' 'int *nowhere;' \
    '__attribute__((constructor)) static void crash(void) { signal(SIGSEGV, SIG_DFL); *nowhere = 1; }' >crash.c
printf '#include <unistd.h>\n__attribute__((constructor)) static void leave(void) { write(1, "noise\\n", 6); _exit(0); }\n' >leave.c
for p in crash leave; do cc -w -fPIC -shared -o bad/layers/$p.so $p.c; done
echo text >bad/layers/words.so
list=$("$tenon" list layer --plugin-path bad 2>&1)
ok $? "list with broken plug-ins: $list"
list=$(tr -s ' ' <<<"$list")
for line in 'crash cannot be used: crashed as it was opened (Segmentation fault): bad/layers/crash.so' \
            'leave cannot be used: ended the program as it was opened: bad/layers/leave.so' \
            'words cannot be used: bad/layers/words.so: is no shared object' 'my_layer a gated layer'; do
    case $list in *"$line"*) true ;; *) false ;; esac
    ok $? "list of broken plug-ins
    found    $list
    expected $line"
done
case $list in *noise*) false ;; *) true ;; esac
ok $? "list passes on what a plug-in prints: $list"

# ---- describe
says 0 'units integer, [1, 65536], default 64' "$tenon" describe layer/my_layer
says 0 'what every digit becomes' "$tenon" describe my_transform
says 0 '| `scale` | number | (0, 1000] | `1` | factor of the loss |' "$tenon" describe loss/my_loss --format markdown
says 0 '.TH TENON\-optimizer\-my_optimizer 7' "$tenon" describe optimizer/my_optimizer --format man
says 0 '"max_open": true' "$tenon" describe optimizer/my_optimizer --format=json
says 0 'no options' "$tenon" describe metric/my_metric
says 0 'layer my_layer' "$tenon" describe layer/./my_layer/layers/my_layer.so
says 2 "did you mean 'my_layer'?" "$tenon" describe layer/my_laier
says 2 "no kind of part is called 'lair'" "$tenon" describe lair/x
says 2 "no part is called 'nothing'; \`tenon list\` shows all" "$tenon" describe nothing
says 2 "did you mean 'json'?" "$tenon" describe layer/my_layer --format jsn
cp -r my_loss twin && mkdir -p twin/layers && cp twin/losses/my_loss.so twin/layers/
says 2 "say which: layer/my_loss or loss/my_loss" "$tenon" describe my_loss --plugin-path twin
cp -r my_layer other
says 0 "hides $PWD/my_layer/layers/my_layer.so" "$tenon" describe layer/my_layer --plugin-path other
# what the host reads of every loss: a reduction that describe names is one that check takes
reductions=$("$tenon" describe loss/my_loss | sed -n 's/^ *reduction *\(".*"\), default "mean"$/\1/p' | tr -d '",')
[ "$(wc -w <<<"$reductions")" = 4 ]; ok $? "describe does not name the four reductions: $reductions"
for reduction in $reductions; do
    says 0 'no mistakes found' "$tenon" check "$here/errors/base.toml" --no-data --set loss.cross_entropy.reduction="$reduction"
    says 0 " $reduction L = sum " "$tenon" describe loss/my_loss
done
says 0 '| `weight` | number | [-1000000, 1000000] | `1` |' "$tenon" describe loss/my_loss --format markdown
says 0 '.B reduction' "$tenon" describe loss/my_loss --format man
says 0 '"name": "target"' "$tenon" describe loss/my_loss --format json
! "$tenon" describe layer/my_layer | grep -q reduction; ok $? 'describe of a layer tells of reductions'
# a default that is a part stands in quotes once, whether its table has it as TOML or as a bare name
says 0 'activation activation, default "tanh"' "$tenon" describe layer/highway
says 0 '"default": "tanh"' "$tenon" describe layer/highway --format json
for default in tanh '\\"tanh\\"' "'tanh'"; do
    rm -rf quoted && cp -r my_layer quoted && rm -r quoted/layers
    sed -i -e "s|^static const tn_option options.*|&\n    TN_SUBPART(config, inner, TN_ACTIVATION, \"$default\", \"a part\"),|" \
        -e 's|typedef struct config { |&tn_part *inner; |' quoted/my_layer.c
    make -C quoted INCLUDE="$header" >log 2>&1; ok $? "a layer with a part: $(tail -n 3 log)"
    says 0 'inner activation, default "tanh"' "$tenon" describe layer/my_layer --plugin-path quoted
    says 0 '"default": "tanh"' "$tenon" describe layer/my_layer --plugin-path quoted --format json
done
if command -v python3 >/dev/null; then
    for part in layer/my_layer transform/my_transform; do
        "$tenon" describe $part --format json | python3 -c 'import json,sys; json.load(sys.stdin)'; ok $? "$part: no JSON"
    done
    "$tenon" list --json --plugin-path bad | python3 -c 'import json,sys; assert len(json.load(sys.stdin)) >= 9'
    ok $? "list: no JSON"
else skipped=$((skipped + 3)); fi

# ---- the first states that describe names are there: an encoder and a layer like it that goes on from its states
cp -r "$here/errors/base.toml" "$here/errors/data" .
while IFS='|' read -r layer options states; do
    printf '%b' 'extends = "base.toml"\nremove = ["layer.encoder"]\n' >states.toml
    for name in encoder next; do
        printf '[[layer]]\nname = "%s"\ninputs = "embedding"\nbefore = "output"\ntype = "%s"\n%b\n' $name "$layer" "$options"
    done >>states.toml
    page=$("$tenon" describe layer/"$layer")
    for state in $states; do
        printf 'initial_%s = "encoder.%s"\n' "$state" "$state" >>states.toml
        grep -q "initial_$state\b" <<<"$page"; ok $? "describe layer/$layer does not tell of initial_$state"
    done
    printf '[[layer]]\nname = "output"\ninputs = "next.state"\n' >>states.toml
    says 0 'no mistakes found' "$tenon" check states.toml
done <<'END'
lstm|units = 3|state cell
lstm|layers = 2|state cell state_l0
bilstm|projection = 2|state cell
gru|units = 3|state
rnn|units = 3|state
lstm1997|blocks = 3|state cell gates
bidirectional|merge = "sum"|state cell
END

# ---- explain: every line with its place, and the shapes that check has, from the data where they are
printf 'extends = "base.toml"\n[training]\nepochs = 3\n' >explained.toml
"$tenon" explain explained.toml >explained 2>&1; ok $? "explain: $(head -n 3 explained)"
grep -q 'epochs = 3 .*explained.toml:3$' explained && grep -q 'batch_size = 2 .*base.toml:[0-9]*$' explained; ok $? 'explain: a line without its place'
[ "$(grep '^parameters' explained)" = "$("$tenon" check base.toml | grep '^parameters')" ]
ok $? "explain and check count other parameters: $(grep '^parameters' explained)"
says 0 'the data was not read' "$tenon" explain --no-data base.toml

# ---- check, train: a warning is said once, although data read wire the layers a second time
for encoder in 'type = "bilstm"\nunits = 3' 'type = "bidirectional"\ncell = { type = "gru", units = 3 }'; do
    printf '%b' 'extends = "base.toml"\nremove = ["layer.encoder"]\n[[layer]]\nname = "both"\nbefore = "output"\n' "$encoder" \
        '\n[[layer]]\ntype = "last"\nbefore = "output"\n[[layer]]\nname = "output"\ninputs = "last"\n' >last.toml
    for command in 'check last.toml --no-data' 'check last.toml' 'train last.toml'; do
        # shellcheck disable=SC2086
        said=$("$tenon" $command 2>&1)
        [ "$(grep -c "warning: 'last' reads the last row of 'both'" <<<"$said")" = 1 ]; ok $? "$command: not one warning: $encoder
$said"
    done
done

# ---- a layer that looks at some of as many columns as a field has values: whether they are there, the data say (two here)
for columns in 'from = 1:0:no mistakes found' 'from = 4\nwidth = 3:2:columns 4 to 6 are wanted, but the input has 2'; do
    IFS=: read -r options code words <<<"$columns"
    printf '%b' 'extends = "base.toml"\n[[layer]]\nname = "some"\ntype = "slice"\n' "$options" \
        '\n[[layer]]\nname = "again"\ntype = "dense"\nunits = "label"\n[[loss]]\ntype = "cross_entropy"\ninput = "again"\n' >some.toml
    says 0 'no mistakes found' "$tenon" check some.toml --no-data
    says "$code" "$words" "$tenon" check some.toml
done
says 0 'some slice output depends on the data' "$tenon" check some.toml --no-data

# ---- an experiment file is data: it can't have code loaded
printf '#include <stdlib.h>\n__attribute__((constructor)) static void run(void) { system("touch was_run"); }\n' >evil.c
cc -w -fPIC -shared -o evil.so evil.c
printf 'schema = 1\n[dataset]\ntype = "./evil.so"\n[[layer]]\ntype = "./evil.so"\n' >evil.toml
says 2 "evil.toml:5:8: layer './evil.so': a file can't name a plug-in's file; put it into a folder layers and say --plugin-path" \
    "$tenon" check evil.toml
[ ! -e was_run ]; ok $? "an experiment file had code run"

# ---- version
says 2 "TENON_ISA is 'v5'; it can be plain, v3 or v4" env TENON_ISA=v5 "$tenon" version
says 0 'border ABI 1.0' "$tenon" version
says 0 'border ABI 1.0' "$tenon" --version
says 2 "one argument too many: 'x'" "$tenon" version x

# ---- programs beside this one: found, named where they are misspelt, given every argument
says 0 'evaluate RUN [--split test] [--json]' "$tenon" help
says 2 "no command 'evalute'; did you mean 'evaluate'?" "$tenon" evalute
says 2 "no command 'chekc-plugin'; did you mean 'check-plugin'?" "$tenon" chekc-plugin x.so
says 0 ' my_layer ' env -u TENON_PLUGIN_PATH "$tenon" --plugin-path "$PWD/my_layer" list layer
says 0 ' my_layer ' env -u TENON_PLUGIN_PATH "$tenon" list --plugin-path="$PWD/my_layer" layer
for name in $("$tenon" help | sed -n 's/^  \([a-z-]*\) .*/\1/p'); do
    says 0 "usage: tenon $name" "$tenon" $name --help
    [ "$("$tenon" help $name 2>/dev/null)" = "$("$tenon" $name --help 2>&1)" ]; ok $? "help $name is not $name --help on standard output"
    [ $name = version ] || says 2 'usage: tenon' "$tenon" $name --no-such-option
done

finish commands
