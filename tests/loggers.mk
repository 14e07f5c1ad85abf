CHECKS += check-loggers
$(BUILD)/tests/loggers_test: tests/loggers_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-loggers: $(BUILD)/tests/loggers_test plugins
	$< $(BUILD)/plugins $(BUILD)/tests
.PHONY: check-loggers
