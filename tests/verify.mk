CHECKS += check-verify
check-verify: all
	tests/verify_test.sh $(BUILD)
.PHONY: check-verify
