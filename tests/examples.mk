CHECKS += check-examples
check-examples: all
	tests/examples/examples_test.sh $(BUILD)
