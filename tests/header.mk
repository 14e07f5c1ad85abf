check-header:
	@tests/header_test.sh $(BUILD)
CHECKS += check-header
.PHONY: check-header
