check-commands: all
	@tests/commands_test.sh $(BUILD)
CHECKS += check-commands
.PHONY: check-commands
