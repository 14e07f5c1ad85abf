CHECKS += check-optimize
$(BUILD)/tests/optimize_test: tests/optimize_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-optimize: $(BUILD)/tests/optimize_test plugins
	$< $(BUILD)/plugins
.PHONY: check-optimize
