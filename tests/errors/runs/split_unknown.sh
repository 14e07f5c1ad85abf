# A split that does not exist.
train
say tenon evaluate run --split tset
