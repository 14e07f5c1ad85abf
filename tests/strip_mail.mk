$(BUILD)/tests/strip_mail_test: tests/strip_mail_test.c plugins/transforms/strip_mail.c tests/expect.h
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $<
check-strip_mail: $(BUILD)/tests/strip_mail_test
	$<
CHECKS += check-strip_mail
.PHONY: check-strip_mail
