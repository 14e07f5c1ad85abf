CHECKS += check-parts
$(BUILD)/tests/parts_test: tests/parts_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-parts: $(BUILD)/tests/parts_test plugins
	$< $(BUILD)/plugins $(BUILD)/tests
.PHONY: check-parts
