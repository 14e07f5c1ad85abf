CHECKS += check-tagging
$(BUILD)/tests/tagging_test: tests/tagging_test.c tests/test_host.h tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-tagging: $(BUILD)/tests/tagging_test program tools plugins
	@mkdir -p $(BUILD)/tests/tagging
	python3 tests/tagging/conlleval.py --check
	$< $(BUILD)/plugins $(BUILD)/tests/tagging tests/tagging/spans.txt
	tests/tagging/tagging_test.sh $(BUILD)
	tests/tagging/resume_test.sh $(BUILD)
.PHONY: check-tagging
