# One bit of the newest checkpoint has changed.
train
before=$(weights)
file=$(newest)
size=$(wc -c <"$file")
byte=$(od -An -tu1 -j $((size - 20)) -N 1 "$file")
printf "\\$(printf %o $((byte ^ 1)))" | dd of="$file" bs=1 seek=$((size - 20)) conv=notrunc 2>/dev/null
say tenon resume run --quiet
[ "$(weights)" = "$before" ] && echo "same weights"
