# Training examples that are new in every epoch.
CHECKS += check-fresh
.PHONY: check-fresh
check-fresh: all
	@tests/fresh_test.sh $(BUILD)
