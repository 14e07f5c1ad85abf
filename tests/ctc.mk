CHECKS += check-ctc
$(BUILD)/tests/ctc_test: tests/ctc_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-ctc: $(BUILD)/tests/ctc_test plugins
	$< $(BUILD)/plugins
	tests/ctc_test.sh $(BUILD)
.PHONY: check-ctc
