# make bench: the kernels against the fma loop. bench/compare times whole steps against other frameworks.
bench: $(BUILD)/bench/plugins/schedules/stopwatch.so $(BUILD)/bench/kernels $(ISAS:%=$(BUILD)/bench/kernels.%) all
	@for b in $(BUILD)/bench/kernels $(ISAS:%=$(BUILD)/bench/kernels.%); do echo $$b; $$b; done
$(BUILD)/bench/plugins/schedules/stopwatch.so: bench/stopwatch.c
	@mkdir -p $(@D)
	$(call quiet,SO)$(PLUGIN_CC) -o $@ $<
BENCH_KERNELS = $(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) -DBACKEND='"$(BUILD)/plugins/backends/cpu$(1).so"'
$(BUILD)/bench/kernels: bench/kernels.c
	@mkdir -p $(@D)
	$(call BENCH_KERNELS) -o $@ $< $(LDFLAGS) -ldl -lm
$(ISAS:%=$(BUILD)/bench/kernels.%): $(BUILD)/bench/kernels.%: bench/kernels.c
	@mkdir -p $(@D)
	$(call BENCH_KERNELS,.$*) -march=x86-64-$* -o $@ $< $(LDFLAGS) -ldl -lm
.PHONY: bench
