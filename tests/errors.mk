# Bad input and what is said about it, to the letter. The wrong plug-ins are those of the registry's test, and a data set.
ERRORS_PLUGINS = $(patsubst %,$(BUILD)/tests/registry/one/layers/%.so,default magic major minor no_entry no_forward no_plan \
                 no_record sizes) $(BUILD)/tests/errors/datasets/bytes.so

$(BUILD)/tests/errors/%.so: tests/errors/parts/%.c
	@mkdir -p $(@D)
	$(call quiet,SO)$(call plugin_cc,,)
check-errors: all $(ERRORS_PLUGINS)
	tests/errors/run.sh $(BUILD)
	tests/errors/runs.sh $(BUILD)
CHECKS += check-errors
.PHONY: check-errors
