CHECKS += check-recurrent
RECURRENT_OBJ = $(filter-out %/main.o,$(OBJ_check-plugin))
$(BUILD)/tests/recurrent_test: tests/recurrent_test.c tests/probe_reference.h tests/expect.h $(RECURRENT_OBJ) $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(RECURRENT_OBJ) $(HOST_OBJ) $(HOST_LIBS)
check-recurrent: $(BUILD)/tests/recurrent_test plugins
	$< $(BUILD)/plugins tests/reference/bidirectional.safetensors
.PHONY: check-recurrent
