CHECKS += check-columns
check-columns: all
	@tests/columns_test.sh $(BUILD)
.PHONY: check-columns
