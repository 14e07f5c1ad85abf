CHECKS += check-compare
check-compare: all
	tests/compare_test.sh $(BUILD)
.PHONY: check-compare
