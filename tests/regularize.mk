CHECKS += check-regularize
check-regularize: all
	@tests/regularize_test.sh $(BUILD)
.PHONY: check-regularize
