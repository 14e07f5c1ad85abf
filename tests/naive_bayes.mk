$(BUILD)/tests/naive_bayes_test: tests/naive_bayes_test.c plugins/baselines/naive_bayes.c tests/expect.h
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< -lm
check-naive-bayes: $(BUILD)/tests/naive_bayes_test
	$<
CHECKS += check-naive-bayes
.PHONY: check-naive-bayes
