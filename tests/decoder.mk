CHECKS += check-decoder
DECODER_OBJ = $(filter-out %/main.o,$(OBJ_check-plugin))
$(BUILD)/tests/decoder_test: tests/decoder_test.c tests/probe_reference.h tests/expect.h $(DECODER_OBJ) $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(DECODER_OBJ) $(HOST_OBJ) $(HOST_LIBS)
# what a probe holds goes with its process, so leaks are looked for in the training runs of decoder_test.sh alone
check-decoder: $(BUILD)/tests/decoder_test all
	for isa in plain v3 v4; do ASAN_OPTIONS="$$ASAN_OPTIONS:detect_leaks=0" TENON_ISA=$$isa $< $(BUILD)/plugins tests/reference/decoder.safetensors || exit 1; done
	tests/decoder_test.sh $(BUILD)
.PHONY: check-decoder
