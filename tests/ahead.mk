CHECKS += check-ahead
$(BUILD)/tests/ahead_test: tests/ahead_test.c tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-ahead: $(BUILD)/tests/ahead_test plugins
	@mkdir -p $(BUILD)/tests/ahead
	$< $(BUILD)/plugins $(BUILD)/tests/ahead
.PHONY: check-ahead
