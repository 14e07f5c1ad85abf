# Weights so large that products overflow: the run ends, with what to look at, and a checkpoint from before.
cat >large.toml <<'END'
extends = "train.toml"
[[layer]]
name = "middle"
type = "dense"
inputs = "encoder.state"
units = 2
before = "output"
initializers = { weight = { type = "constant", value = 1e30 } }
[[layer]]
name = "output"
inputs = "middle"
initializers = { weight = { type = "constant", value = 1e30 } }
END
say tenon train large.toml --run run --quiet
ls run/checkpoints
