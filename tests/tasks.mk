# What each part is for, in small trainings: tests/tasks/NAME_test.sh is check-tasks-NAME.
TASKS = $(patsubst tests/tasks/%_test.sh,check-tasks-%,$(wildcard tests/tasks/*_test.sh))
CHECKS += $(TASKS)
$(TASKS): check-tasks-%: all
	tests/tasks/$*_test.sh $(BUILD)
check-tasks: $(TASKS)
.PHONY: check-tasks $(TASKS)
