CHECKS += check-losses
$(BUILD)/tests/losses_test: tests/losses_test.c tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/losses
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-losses: $(BUILD)/tests/losses_test plugins
	@mkdir -p $(BUILD)/tests/losses
	$< $(BUILD)/plugins $(BUILD)/tests/losses
.PHONY: check-losses
