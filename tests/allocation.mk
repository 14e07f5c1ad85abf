CHECKS += check-allocation
check-allocation: all
	tests/allocation/allocation_test.sh $(BUILD)
CHECKS += check-system-calls
check-system-calls: all
	tests/allocation/system_calls_test.sh $(BUILD)
CHECKS += check-memory
check-memory: all
	tests/allocation/memory_test.sh $(BUILD)
