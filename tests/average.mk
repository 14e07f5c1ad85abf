CHECKS += check-average
$(BUILD)/tests/average_test: tests/average_test.c tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/average
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-average: $(BUILD)/tests/average_test plugins
	@mkdir -p $(BUILD)/tests/average
	$< $(BUILD)/plugins $(BUILD)/tests/average
.PHONY: check-average
