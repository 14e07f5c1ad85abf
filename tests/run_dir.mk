$(BUILD)/tests/run_dir_test: tests/run_dir_test.c tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-run_dir: $(BUILD)/tests/run_dir_test
	@rm -rf $(BUILD)/tests/run_dir && mkdir -p $(BUILD)/tests/run_dir
	@$< $(BUILD)/tests/run_dir
CHECKS += check-run_dir
.PHONY: check-run_dir
