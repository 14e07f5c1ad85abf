# Wrong commands.
say tenon
say tenon trian train.toml
say tenon train
say tenon train a.toml b.toml
say tenon train train.toml --epochs 3
say tenon train train.toml --set
say tenon train train.toml --threads none
say tenon train train.toml --threads 0
say tenon describe layer
say tenon describe layer/lsmt
say tenon describe lyer/lstm
say tenon list leyer
say tenon check train.toml --backend cude
