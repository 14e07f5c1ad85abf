CHECKS += check-datasets check-stream check-series
$(BUILD)/tests/datasets_test: tests/datasets_test.c tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/datasets
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS) -lm
check-datasets: $(BUILD)/tests/datasets_test plugins
	@mkdir -p $(BUILD)/tests/datasets
	$< $(BUILD)/plugins $(BUILD)/tests/datasets
check-stream: program tools plugins
	@tests/stream_test.sh $(BUILD)
$(BUILD)/tests/series_test: tests/series_test.c tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/series
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS) -lm
check-series: $(BUILD)/tests/series_test program tools plugins
	@mkdir -p $(BUILD)/tests/series
	$< $(BUILD)/plugins $(BUILD)/tests/series
	@tests/series_test.sh $(BUILD)
.PHONY: check-datasets check-stream check-series
CHECKS += check-generators
$(BUILD)/tests/generators_test: tests/generators_test.c tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/generators
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS) -lm
check-generators: $(BUILD)/tests/generators_test plugins
	@mkdir -p $(BUILD)/tests/generators
	$< $(BUILD)/plugins $(BUILD)/tests/generators
.PHONY: check-generators
CHECKS += check-transforms
$(BUILD)/tests/transforms_test: tests/transforms_test.c tests/open_data.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)/transforms
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-transforms: $(BUILD)/tests/transforms_test plugins
	@mkdir -p $(BUILD)/tests/transforms
	$< $(BUILD)/plugins $(BUILD)/tests/transforms tests/reference/transforms.safetensors
.PHONY: check-transforms
