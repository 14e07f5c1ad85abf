CHECKS += check-order
$(BUILD)/tests/order_test: tests/order_test.c $(HOST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-order: $(BUILD)/tests/order_test all
	$<
	@tests/order_test.sh $(BUILD)
.PHONY: check-order
