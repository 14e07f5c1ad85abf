check-lock: all
	@tests/lock_test.sh $(BUILD)
CHECKS += check-lock
.PHONY: check-lock
