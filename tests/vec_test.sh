#!/usr/bin/env bash
# vec_test.sh PROGRAM... -- vec_test as compiled for each width: in each the same bits in every lane and tail, and the same in all.
passed=0 failed=0 skipped=0 hashes=''
for program; do
    case $program in
        *.v3) grep -qw avx2 /proc/cpuinfo ;;
        *.v4) grep -qw avx512vl /proc/cpuinfo ;;
    esac || { echo "skip: this processor cannot run $program"; skipped=$((skipped + 1)); continue; }
    out=$("$program")
    if [ $? = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "$out"
    hashes="$hashes ${out##*hash }"
done
# shellcheck disable=SC2086
if [ "$(printf '%s\n' $hashes | sort -u | wc -l)" = 1 ]; then passed=$((passed + 1))
else failed=$((failed + 1)); echo "FAILED: other results at another width:$hashes"; fi
more=''
[ $skipped = 0 ] || more=", $skipped skipped"
echo "vec: $passed passed, $failed failed$more"
[ $failed = 0 ]
