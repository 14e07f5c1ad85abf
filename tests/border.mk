CHECKS += check-border
check-border: all
	tests/border/border_test.sh $(BUILD)
