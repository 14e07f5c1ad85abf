$(BUILD)/tests/checkpoint_test: tests/checkpoint_test.c tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-checkpoint: $(BUILD)/tests/checkpoint_test
	@$< $(BUILD)/tests
	@$< make $(BUILD)/tests/for_python.safetensors
	@if command -v python3 >/dev/null; then python3 tests/checkpoint_read.py $(BUILD)/tests/for_python.safetensors; \
	    else echo 'checkpoint-python: 0 passed, 0 failed, 1 skipped'; fi
CHECKS += check-checkpoint
.PHONY: check-checkpoint
