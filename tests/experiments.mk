# Every file under experiments/ is one that `tenon check` takes, and the phrases that experiments/phrases.awk writes train.
CHECKS += check-experiments
.PHONY: check-experiments
check-experiments: all
	@tests/experiments_test.sh $(BUILD)
