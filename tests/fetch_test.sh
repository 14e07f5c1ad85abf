#!/usr/bin/env bash
# fetch_test.sh BUILD -- `tenon fetch` against a web server on loopback that breaks off, lies, redirects, serves other files, and
# against archives that would leave their folder. Last, every set of the built-in catalogue, from archives made of what it
# should become. What the server was asked for stands in its log.
. "$(dirname "$0")/begin.sh"
cd "$root" || exit 1
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
real=${TENON_DATA:-}
unset TENON_DATA
skip() { echo "skip: fetch ($1)"; skipped=1; finish fetch; exit; }
[ -x "$build/tenon-fetch" ] || skip "it is not built: a library that it needs is missing"
command -v python3 >/dev/null || skip "no python3 for the web server"

mkdir "$tmp/www"
awk 'BEGIN { for (i = 0; i < 9000; i++) print "line " i " " i * i % 977 }' >"$tmp/www/file.txt"
size=$(wc -c <"$tmp/www/file.txt")
: >"$tmp/log"
python3 tests/fetch/server.py "$tmp/www" "$tmp/log" >"$tmp/port" 2>"$tmp/server.err" &
server=$!
trap 'kill $server; rm -rf "$tmp"' EXIT
for _ in $(seq 100); do [ -s "$tmp/port" ] && break; sleep 0.1; done
at=http://127.0.0.1:$(cat "$tmp/port")
[ -s "$tmp/port" ] || skip "the web server does not start: $(cat "$tmp/server.err")"

hash_of() { sha256sum <"$1" | cut -d' ' -f1; }
# entry NAME, then what stands under it: adds a set to the catalogue
entry() { printf '[[data]]\nname = "%s"\ntitle = "T %s"\nhome = "http://home.example"\nterms = "Terms of %s"\n%s\n' "$1" "$1" "$1" "$2" >>"$tmp/c.toml"; }
# plain NAME URL...: a set of one file, pinned as www/file.txt
plain() {
    local name=$1 urls=''
    shift
    for u in "$@"; do urls="$urls${urls:+, }\"$at/$u\""; done
    entry "$name" "[[data.file]]
path = \"file.txt\"
url = [$urls]
bytes = $size
sha256 = \"$(hash_of "$tmp/www/file.txt")\""
}
begin() { rm -rf "$tmp/d" "$tmp/c.toml"; : >"$tmp/log"; }
# fetch ARGUMENTS: exit code in $code, output in $tmp/out, messages in $tmp/err
fetch() { "$build/tenon" fetch --catalogue "$tmp/c.toml" --data-dir "$tmp/d" "$@" >"$tmp/out" 2>"$tmp/err"; code=$?; }
exits() { [ $code = "$1" ]; ok $? "$2: exit $code, expected $1; $(tail -n 3 "$tmp/err")"; }
says() { grep -qF -- "$1" "$tmp/err"; ok $? "$2: it does not say '$1', but: $(cat "$tmp/err")"; }
asked() { [ "$(grep -c . "$tmp/log")" = "$1" ]; ok $? "$2: $(grep -c . "$tmp/log") requests, expected $1: $(cat "$tmp/log")"; }
whole() { cmp -s "$tmp/www/file.txt" "$tmp/d/$1/file.txt" && [ ! -e "$tmp/d/$1.part" ]; ok $? "$1: the file is not there, or $1.part still is"; }
absent() { [ ! -e "$tmp/d/$1" ]; ok $? "$1: something is there after a failure: $(find "$tmp/d")"; }

# ---- downloads
begin; plain good good/file.txt; fetch good; exits 0 good; whole good; asked 1 good
says "Terms of good" good; says "http://home.example" good
grep -q "^good  *fetched  *$tmp/d/good$" "$tmp/out"; ok $? "good: standard output is '$(cat "$tmp/out")'"
fetch good; exits 0 again; asked 1 "a set that is there"; grep -q '^good  *there ' "$tmp/out"; ok $? "again: $(cat "$tmp/out")"
fetch good --json; grep -q '"name": "good", "state": "there"' "$tmp/out"; ok $? "--json: $(cat "$tmp/out")"
fetch; exits 0 list; grep -q '^good  *there  *0.1 MB  *T good' "$tmp/out" && grep -q '^imdb  *-  *84 MB' "$tmp/out"; ok $? "list: $(head -n 3 "$tmp/out")"
fetch --json; python3 -c 'import json, sys
all = {j["name"]: j for j in map(json.loads, open(sys.argv[1]))}
assert all["good"]["state"] == "there" and all["good"]["bytes_at_most"] == int(sys.argv[2]), all["good"]
assert all["imdb"]["state"] == "-" and all["conll2003"]["by_hand"] and not all["imdb"]["by_hand"]' "$tmp/out" "$size"; ok $? "list --json: $(cat "$tmp/out")"
printf x | dd of="$tmp/d/good/file.txt" conv=notrunc status=none
fetch good; exits 2 "a file that was changed"; says "is not the pinned one" changed; asked 1 changed
[ "$(head -c 1 "$tmp/d/good/file.txt")" = x ]; ok $? "a file that was changed is written over"
rm "$tmp/d/good/file.txt"; echo mine >"$tmp/d/good/notes"; fetch good; exits 0 "into a folder that is there"; whole good
[ "$(cat "$tmp/d/good/notes")" = mine ]; ok $? "a file of the user's in the folder is gone"

begin; plain breaks breaks/file.txt; fetch breaks; exits 0 breaks; whole breaks; asked 3 breaks
third=$((size / 3 + 1))
printf '/breaks/file.txt %s\n' '- 200' "bytes=$third- 206" "bytes=$((2 * third))- 206" | cmp -s - "$tmp/log"
ok $? "breaks: asked for $(cat "$tmp/log")"
begin; plain norange norange/file.txt; mkdir -p "$tmp/d/norange.part"; head -c 5000 "$tmp/www/file.txt" >"$tmp/d/norange.part/file.txt.part"
fetch norange; exits 0 norange; whole norange; says "does not go on in the middle" norange
[ "$(cat "$tmp/log")" = "/norange/file.txt bytes=5000- 200" ]; ok $? "norange: $(cat "$tmp/log")"
begin; plain cut cut/file.txt; fetch cut --tries 2; exits 1 cut; absent cut; asked 2 "breaks off without ranges, two tries"
[ -s "$tmp/d/cut.part/file.txt.part" ]; ok $? "cut: what came is not kept"
begin; plain long long/file.txt; fetch long; exits 1 long; absent long; says "announces $((size + 1000)) bytes" long; asked 1 long
begin; plain short short/file.txt; fetch short; exits 1 short; absent short; says "announces $((size / 2)) bytes" short
begin; plain nolength nolength/file.txt; fetch nolength --tries 1; exits 1 nolength; absent nolength; says "ends after $((size / 2)) of $size" nolength
begin; plain redirect redirect/file.txt; fetch redirect; exits 0 redirect; whole redirect; asked 2 redirect
begin; plain to-file to-file/file.txt; fetch to-file; exits 1 to-file; absent to-file; says "redirects to file:///etc/hostname" to-file; asked 1 to-file
begin; plain loop loop/file.txt; fetch loop; exits 1 loop; absent loop; says "redirects again and again" loop; asked 11 loop
begin; plain other other/file.txt; fetch other; exits 1 other; absent other; says "it must be $(hash_of "$tmp/www/file.txt")" other
[ ! -e "$tmp/d/other.part/file.txt.part" ] && [ ! -e "$tmp/d/other.part/file.txt" ]; ok $? "another file is kept"
begin; plain endless endless/file.txt; fetch endless; exits 1 endless; absent endless; says "more than the $size bytes" endless
begin; plain gone 404/file.txt; fetch gone; exits 1 404; absent gone; says "404" 404; asked 1 404
begin; plain gone 500/file.txt; fetch gone --tries 2; exits 1 500; absent gone; says "500" 500; asked 2 500
begin; plain flaky flaky/file.txt; fetch flaky; exits 0 flaky; whole flaky; asked 2 flaky
begin; plain mirror 404/file.txt other/file.txt good/file.txt; fetch mirror; exits 0 "the third of three places"; whole mirror; asked 3 mirror
begin; plain shifted shifted/file.txt; mkdir -p "$tmp/d/shifted.part"; head -c 5000 "$tmp/www/file.txt" >"$tmp/d/shifted.part/file.txt.part"
fetch shifted; exits 1 shifted; absent shifted; says "from 4999 on where 5000 was asked for" shifted
begin; plain patched patched/file.txt; fetch patched; exits 0 "another file in the meantime"; whole patched
says "does not fit together" patched; asked 3 patched
begin; plain whole 404/file.txt; mkdir -p "$tmp/d/whole.part"; cp "$tmp/www/file.txt" "$tmp/d/whole.part/file.txt.part"
fetch whole; exits 0 "all of it was there"; whole whole; asked 0 "all of it was there"
begin; plain one good/file.txt; plain two 404/file.txt; plain three good/file.txt; fetch one two three; exits 1 "two of three"
whole one; whole three; absent two
[ "$(awk '{ printf "%s %s ", $1, $2 }' "$tmp/out")" = "one fetched two failed three fetched " ]; ok $? "two of three: $(cat "$tmp/out")"

# ---- interrupted, killed, no room
begin; plain slow slow/file.txt
for signal in INT KILL; do
    # a job of its own, since a shell without job control has its background jobs ignore INT
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
        "$build/tenon" fetch slow --catalogue "$tmp/c.toml" --data-dir "$tmp/d" >"$tmp/out" 2>"$tmp/err" &
    job=$!
    before=$(stat -c %s "$tmp/d/slow.part/file.txt.part" 2>/dev/null || echo 0)
    for _ in $(seq 200); do
        [ "$(stat -c %s "$tmp/d/slow.part/file.txt.part" 2>/dev/null || echo 0)" -gt "$before" ] && break
        sleep 0.05
    done
    [ $signal = INT ] || { fetch slow; exits 1 "a second one at the same time"; says "another \`tenon fetch\`" second; }
    kill -$signal $job
    wait $job 2>/dev/null
    code=$?
    if [ $signal = INT ]; then exits 130 SIGINT; says "goes on from there" SIGINT; else exits 137 SIGKILL; fi
    [ "$(find "$tmp/d" -type f ! -name '*.part' ! -name lock)" = '' ] && [ -s "$tmp/d/slow.part/file.txt.part" ]
    ok $? "after SIG$signal there is $(find "$tmp/d")"
done
kept=$(stat -c %s "$tmp/d/slow.part/file.txt.part")
"$build/tenon" fetch --catalogue "$tmp/c.toml" --data-dir "$tmp/d" | grep -q '^slow  *begun '; ok $? "a set that is begun is not listed as such"
sed -i 's|/slow/|/good/|' "$tmp/c.toml"; : >"$tmp/log"; fetch slow; exits 0 "after SIGKILL"; whole slow
[ "$(cat "$tmp/log")" = "/good/file.txt bytes=$kept- 206" ]; ok $? "after SIGKILL $kept bytes are here, and it asks for $(cat "$tmp/log")"
begin; plain full good/file.txt
(ulimit -f 20; fetch full; exit $code); code=$?; exits 1 "no room"; absent full; says "file.txt.part can't be written" "no room"
: >"$tmp/log"; fetch full; exits 0 "room again"; whole full; grep -q 'bytes=[1-9]' "$tmp/log"; ok $? "room again: $(cat "$tmp/log")"
# a disk of 64 KB, in a name space of its own
if unshare -rm true 2>/dev/null; then
    begin; plain disk good/file.txt; mkdir "$tmp/d"
    # shellcheck disable=SC2016
    unshare -rm sh -c 'mount -t tmpfs -o size=64k none "$2" && { "$1/tenon" fetch disk --catalogue "$3" --data-dir "$2"; code=$?
        find "$2" -type f; exit $code; }' sh "$build" "$tmp/d" "$tmp/c.toml" >"$tmp/out" 2>"$tmp/err"
    code=$?; exits 1 "a full disk"; says "file.txt.part can't be written: No space left on device" "a full disk"
    grep -q 'disk.part/file.txt.part' "$tmp/out" && ! grep -q "$tmp/d/disk/" "$tmp/out"; ok $? "a full disk has $(cat "$tmp/out")"
else echo "skip: a full disk (no name spaces here)"; skipped=$((skipped + 1)); fi
begin; plain nofolder good/file.txt; : >"$tmp/d"; fetch nofolder; exits 1 "no folder"; says "can't make the folder" "no folder"

# ---- archives
python3 tests/fetch/archives.py "$tmp/www" "$tmp/outside"
# archive NAME FILE "keys of its one [[data.file]]" [bytes]
archive() {
    entry "$1" "[[data.download]]
url = \"$at/good/$2\"
sha256 = \"$(hash_of "$tmp/www/$2")\"
[[data.file]]
$3"
}
# refused FILE WORDS: neither as a folder nor as another archive, and nothing is written beside it
refused() {
    for form in 'path = "."
folder = true' 'path = "new.tar.xz"
archive = "top"'; do
        begin; archive bad "$1" "$form
bytes = 100000"
        fetch bad; exits 1 "$1"; says "$2" "$1"; absent bad
        stray=$(find "$tmp" -name escaped -o -name outside -o -name '*red' -o -name taken)
        [ -z "$stray" ]; ok $? "$1 wrote $stray"
    done
}
refused dotdot.tar.gz "leaves the folder by '..'"
refused inner.tar.gz "leaves the folder by '..'"
refused absolute.tar.gz "is absolute"
refused symlink.tar.gz "is a symbolic link"
refused through.tar.gz "is a symbolic link"
refused within.tar.gz "is a symbolic link"
refused hardlink.tar.gz "is a hard link"
refused device.tar.gz "is a device"
refused pipe.tar.gz "is a pipe"
refused control.tar.gz "data/?[31mred' has a control character"
refused dotdot.zip "leaves the folder by '..'"
refused backslash.zip "" # libarchive may show the name with a slash: '..' then, else a backslash
refused large.tar.gz "more than the 100000 bytes"
refused broken.tar.gz "can't be read"
refused page.tar.gz "can't be read"
refused mtree.tar.gz "can't be read"
for twice in twice below; do
    begin; archive bad $twice.tar.gz 'path = "."
folder = true'; fetch bad; exits 1 $twice; absent bad
done

begin; archive good good.tar.gz 'path = "."
folder = true'; fetch good; exits 0 "a good archive"
[ "$(cd "$tmp/d/good" && find . -type f | LC_ALL=C sort | xargs sha256sum)" = "$(cd "$tmp" && mkdir x && cd x && tar xf ../www/good.tar.gz && find . -type f | LC_ALL=C sort | xargs sha256sum)" ]
ok $? "a good archive: $(find "$tmp/d/good")"
contents=$(cd "$tmp/x/data" && find . -type f | sed 's|^\./|data/|' | LC_ALL=C sort | (cd .. && xargs sha256sum) | sha256sum | cut -d' ' -f1)
for form in 'path = "in/folder"
folder = true' 'path = "new.tar.xz"
archive = "top"' 'path = "new.zip"
archive = ""'; do
    begin; archive good good.tar.gz "$form
bytes = 10
sha256 = \"$contents\""
    fetch good; exits 0 "contents, $form"; grep -q warning "$tmp/err"; [ $? = 1 ]; ok $? "contents, $form: $(cat "$tmp/err")"
    fetch good; exits 0 "contents again, $form"; asked 1 "contents again, $form"
    changed=$(find "$tmp/d/good" -type f -size +0 | head -n 1); truncate -s $(($(stat -c %s "$changed") / 2)) "$changed"
    fetch good; exits 2 "changed, $form"; says "is not the pinned one" "changed, $form"
done
begin; archive member good.tar.gz 'path = "sub/one.txt"
member = "data/sub/more.txt"'; fetch member; exits 0 member; [ "$(cat "$tmp/d/member/sub/one.txt")" = more ]; ok $? "a member: $(find "$tmp/d")"
begin; archive member good.tar.gz 'path = "one.txt"
member = "data/nothing.txt"'; fetch member; exits 1 "no member"; says "has no file 'data/nothing.txt'" "no member"; absent member
begin; archive member good.tar.gz 'path = "one.txt"
member = "*"'; fetch member; exits 1 "three files"; says "several files where one was expected" "three files"; absent member
gzip -k "$tmp/www/file.txt"
begin; archive gz file.txt.gz 'path = "file.txt"
member = "*"'; fetch gz; exits 0 gz; whole gz
# an archive that nothing pins: what is made of it must be pinned, is bounded, and where it is another, the archive is not used again
begin; entry loose "[[data.download]]
url = \"$at/good/file.txt.gz\"
[[data.file]]
path = \"file.txt\"
member = \"*\"
bytes = $((size - 1))
sha256 = \"$contents\""; fetch loose; exits 1 "too large"; says "more than the $((size - 1)) bytes" "too large"; absent loose
sed -i "s/^bytes = .*/bytes = $size/" "$tmp/c.toml"; fetch loose; exits 1 "another result"; says "and it must be $contents" "another result"; absent loose
sed -i "s/$contents/$(hash_of "$tmp/www/file.txt")/" "$tmp/c.toml"; : >"$tmp/log"; fetch loose; exits 0 "the right result"; whole loose
asked 1 "the right result, the archive downloaded again"
sed -i "s|/good/|/short/|" "$tmp/c.toml"; rm -r "$tmp/d"; fetch loose; exits 1 "half an archive"; absent loose
sed -i "s|/short/|/good/|" "$tmp/c.toml"; fetch loose; exits 0 "a whole archive after half of one"; whole loose
begin; archive texts texts.tar.gz 'path = "table.tsv"
table = [{ folder = "t/pos", label = "1" }, { folder = "t/neg", label = "0" }]'; fetch texts; exits 0 table
printf '1\t2_7\ttwo\302\205 \303\244\n1\t10_9\tten tabs line\n0\t1_1\t\n' | cmp -s - "$tmp/d/texts/table.tsv"; ok $? "table: $(cat "$tmp/d/texts/table.tsv")"

# ---- the user's input
begin; plain good good/file.txt; fetch goood imbd; exits 2 "two wrong names"; says "'goood'; did you mean 'good'" names; says "'imbd'; did you mean 'imdb'" names; asked 0 names
"$build/tenon" fetch good --catalogue "$tmp/c.toml" >"$tmp/out" 2>"$tmp/err"; code=$?; exits 2 "no folder"; says "where to?" "no folder"
TENON_DATA=$tmp/d "$build/tenon" fetch good --catalogue "$tmp/c.toml" >"$tmp/out" 2>"$tmp/err"; code=$?; exits 0 TENON_DATA; whole good
fetch conll2003; exits 2 "by hand"; says "agreement with NIST" "by hand"; says "$tmp/d/conll2003/eng.train" "by hand"; absent conll2003.part
cat >"$tmp/c.toml" <<'END'
[[data]]
name = "../up"
title = "t"
home = "h"
[[data.download]]
url = "file:///etc/hostname"
sha256 = "12"
[[data.file]]
path = "../../x"
from = "hostnam"
membr = "y"
[[data.file]]
path = "ok"
url = "https://example.org/ok"
END
fetch; exits 2 "a wrong catalogue"
for words in "c.toml:2:8: name: '../up' can't be" "terms is missing" "'file:///etc/hostname' begins with neither" "sha256: '12' is none" \
             "'../../x' leaves the folder" "'hostnam' is no download" "membr: no such key; did you mean 'member'" \
             "c.toml:12:1: file: sha256 is missing" "c.toml:12:1: file: bytes is missing"; do
    says "$words" "a wrong catalogue"
done

# ---- every set of the built-in catalogue, downloaded as what its publishers have; the hashes of their archives are another matter
if [ ! -d "$real/imdb" ] || ! python3 -c 'import tomllib' 2>/dev/null; then
    echo "skip: the sets of the built-in catalogue (no \$TENON_DATA/imdb, or a python3 without tomllib)"
    skipped=$((skipped + 1))
    finish fetch
    exit
fi
begin
names=$(python3 tests/fetch/upstream.py "$real" "$tmp/www") || names=
awk '/^\[\[data\]\]/ { in_download = 0; part = $0; next } /^name = "glove"/ { drop = 1 } /^name = / && !/"glove"/ { drop = 0 }
    drop { next } part { print part; part = "" } /^\[\[data\./ { in_download = /download/ } in_download && /^(sha256|bytes)/ { next } { print }' \
    tools/fetch/catalogue/data.toml | sed "s|\"https\\?://\\([^\"]*\\)\"|\"$at/good/\\1\"|g" >"$tmp/c.toml"
[ "$(echo "$names" | wc -l)" -ge 10 ]; ok $? "sets of the catalogue: $names"
# shellcheck disable=SC2086
fetch $names; exits 0 "the sets of the catalogue"
for name in $names; do
    grep -q "^$name  *fetched " "$tmp/out"; ok $? "$name: $(cat "$tmp/err")"
    for f in "$tmp/d/$name"/*; do
        case $f in *.tar.xz) continue ;; esac # its contents are pinned, and checked
        cmp -s "$f" "$real/$name/$(basename "$f")"; ok $? "$name: $f differs from the one in $real"
    done
done
finish fetch
