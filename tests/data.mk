CHECKS += check-data
$(BUILD)/tests/data_test: tests/data_test.c tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/data
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-data: $(BUILD)/tests/data_test plugins
	@mkdir -p $(BUILD)/tests/data
	$< $(BUILD)/plugins $(BUILD)/tests/data
.PHONY: check-data
