# a target of binary_cross_entropy that is neither 0 nor 1, nor between
printf 'a\t1\t0.25\nb\t0\t0\nc\t1\t7\n' >numbers.tsv
cat >between.toml <<'END'
schema = 1
[dataset]
type = "csv"
train = "numbers.tsv"
delimiter = "\t"
header = false
columns = ["text", "x", "y"]
[[field]]
name = "in"
columns = ["x"]
kind = "numbers"
[[field]]
name = "share"
columns = ["y"]
kind = "numbers"
[[layer]]
type = "dense"
inputs = "in"
units = 1
[[loss]]
type = "binary_cross_entropy"
target = "share"
[optimizer]
type = "sgd"
[training]
epochs = 1
shuffle = false
END
say tenon train between.toml --run run --quiet
sed -i 's/7$/1/' numbers.tsv
say tenon train between.toml --run run2 --quiet
