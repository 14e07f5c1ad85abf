CHECKS += check-activations
$(BUILD)/tests/activations_test: tests/activations_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-activations: $(BUILD)/tests/activations_test plugins
	$< $(BUILD)/plugins
.PHONY: check-activations
