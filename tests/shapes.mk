CHECKS += check-shapes
$(BUILD)/tests/shapes_test: tests/shapes_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-shapes: $(BUILD)/tests/shapes_test plugins
	$< $(BUILD)/plugins
.PHONY: check-shapes
CHECKS += check-shapes-train
check-shapes-train: all
	tests/shapes/shapes_train_test.sh $(BUILD)
.PHONY: check-shapes-train
