CHECKS += check-rules
$(BUILD)/tests/rules_test: tests/rules_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-rules: $(BUILD)/tests/rules_test all
	$< $(BUILD)/plugins
	tests/rules/rules_test.sh $(BUILD)
.PHONY: check-rules
