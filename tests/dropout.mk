CHECKS += check-dropout
$(BUILD)/tests/dropout_test: tests/dropout_test.c tests/test_host.h tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/dropout
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-dropout: $(BUILD)/tests/dropout_test plugins
	@mkdir -p $(BUILD)/tests/dropout
	$< $(BUILD)/plugins $(BUILD)/tests/dropout
.PHONY: check-dropout
