CHECKS += check-runtime
check-runtime: all
	tests/runtime/runtime_test.sh $(BUILD)
