CHECKS += check-training
$(BUILD)/tests/training_test: tests/training_test.c tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/training
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-training: $(BUILD)/tests/training_test plugins
	@mkdir -p $(BUILD)/tests/training
	$< $(BUILD)/plugins tests/reference $(BUILD)/tests/training
.PHONY: check-training
