# make bench: the kernels against the fma loop, not those in plain C where others are built.
# bench/compare times whole steps against other frameworks.
BENCH_PROGRAMS = $(foreach p,kernels peaks,$(BUILD)/bench/$p $(ISAS:%=$(BUILD)/bench/$p.%))
BENCH_WATCHES = $(BUILD)/bench/plugins/schedules/stopwatch.so $(BUILD)/bench/plugins/metrics/forward_watch.so
bench: $(BENCH_WATCHES) $(BENCH_PROGRAMS) all
	@for b in $(if $(ISAS),$(ISAS:%=$(BUILD)/bench/kernels.%),$(BUILD)/bench/kernels); do echo $$b; $$b; done
$(BUILD)/bench/plugins/schedules/%.so $(BUILD)/bench/plugins/metrics/%.so: bench/%.c
	@mkdir -p $(@D)
	$(call quiet,SO)$(call plugin_cc,,)
BENCH_PROGRAM = $(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) -DBACKEND='"$(BUILD)/plugins/backends/cpu$(1).so"'
$(BUILD)/bench/kernels $(BUILD)/bench/peaks: $(BUILD)/bench/%: bench/%.c
	@mkdir -p $(@D)
	$(call BENCH_PROGRAM) -o $@ $< $(LDFLAGS) -pthread -ldl -lm
$(foreach i,$(ISAS),$(BUILD)/bench/kernels.$i $(BUILD)/bench/peaks.$i): bench/kernels.c bench/peaks.c
	@mkdir -p $(@D)
	$(call BENCH_PROGRAM,$(suffix $@)) -march=x86-64-$(patsubst .%,%,$(suffix $@)) -o $@ bench/$(basename $(@F)).c $(LDFLAGS) -pthread -ldl -lm
.PHONY: bench
