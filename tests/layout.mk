CHECKS += check-layout
$(BUILD)/tests/layout_test: tests/layout_test.c $(BUILD)/host/layout.o $(BUILD)/host/memory.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $< $(BUILD)/host/layout.o $(BUILD)/host/memory.o $(LDFLAGS)
check-layout: $(BUILD)/tests/layout_test
	$<
