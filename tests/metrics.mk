CHECKS += check-metrics
$(BUILD)/tests/metrics_test: tests/metrics_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-metrics: $(BUILD)/tests/metrics_test all
	$< $(BUILD)/plugins
	tests/metrics/metrics_test.sh $(BUILD)
.PHONY: check-metrics
