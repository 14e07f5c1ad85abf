CHECKS += check-kept
check-kept: all
	@tests/kept_test.sh $(BUILD)
.PHONY: check-kept
