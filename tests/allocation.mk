CHECKS += check-allocation
check-allocation: all
	tests/allocation/allocation_test.sh $(BUILD)
