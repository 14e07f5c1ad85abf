# Bad input and what is said about it, to the letter.
check-errors: all $(REGISTRY_FILES)
	tests/errors/run.sh $(BUILD)
	tests/errors/runs.sh $(BUILD)
CHECKS += check-errors
.PHONY: check-errors
