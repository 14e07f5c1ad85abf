CHECKS += check-kernels
$(BUILD)/tests/kernels_test: tests/kernels_test.c include/tenon/vec.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $(LDFLAGS) -ldl -lm
check-kernels: $(BUILD)/tests/kernels_test plugins
	$< $(BUILD)
