# The disk is full in the middle of training: nothing that was there is lost, and the run goes on when there is room.
train
before=$(weights)
mv run whole
FULL_AT=60
LD_PRELOAD=$full
export FULL_AT LD_PRELOAD
train
unset LD_PRELOAD
ls run/checkpoints
say tenon resume run --quiet
[ "$(weights)" = "$before" ] && echo "same weights"
