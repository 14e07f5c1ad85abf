$(BUILD)/tests/deb822_test: tests/deb822_test.c plugins/datasets/deb822.c tests/expect.h
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $<
check-deb822: $(BUILD)/tests/deb822_test
	$< $(BUILD)/tests
CHECKS += check-deb822
.PHONY: check-deb822
