# The cpu backend against brute force, and against itself bit by bit.
CHECKS += check-backend
$(BUILD)/tests/backend_test: tests/backend_test.c tests/backend.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(DEPEND) -DPLUGINS='"$(BUILD)/plugins"' -o $@ $< $(LDFLAGS) -ldl -lm
check-backend: $(BUILD)/tests/backend_test $(foreach i,so $(ISAS:%=%.so),$(BUILD)/plugins/backends/cpu.$(i))
	@$<
.PHONY: check-backend
