#!/usr/bin/env bash
# examples_test.sh BUILD -- the five files of this folder are what users must be able to write. Each passes `tenon check`
# in structure: the only errors are parts that do not exist yet, each named with the places that were searched.
. "$(dirname "$0")/../begin.sh"
cd "$here" || exit 1
for file in *.toml; do
    "$build/tenon" check --no-data "$file" >/dev/null 2>/tmp/examples.$$
    rc=$?
    other=$(grep -vE "^$file:[0-9]+:[0-9]+: (.*: )?no [a-z]+ '[a-z0-9_]+' \(looked in [^)]+\)" /tmp/examples.$$ |
        grep -v '^[^ ]*: warning: ')
    [ -z "$other" ]; ok $? "$file has other mistakes than missing parts: $other"
    if [ -s /tmp/examples.$$ ]; then [ $rc = 2 ]; else [ $rc = 0 ]; fi
    ok $? "$file: exit $rc with $(wc -l </tmp/examples.$$) messages"
done
rm -f /tmp/examples.$$

# imdb-bilstm needs nothing that is missing, and has the published number of parameters
"$build/tenon" check --no-data imdb-bilstm.toml | grep -q '^parameters: 2757761$'; ok $? "imdb-bilstm: not 2757761 parameters"
finish examples
