CHECKS += check-setters
check-setters: all
	@tests/setters_test.sh $(BUILD)
.PHONY: check-setters
