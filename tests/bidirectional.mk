CHECKS += check-bidirectional
check-bidirectional: all
	@tests/bidirectional_test.sh $(BUILD)
.PHONY: check-bidirectional
