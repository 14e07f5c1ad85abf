# Experiment files and options: the host's files for them, and three small parts with options of every type.
CONFIG_OBJ   = $(patsubst %,$(BUILD)/host/%.o,memory diag config config_merge config_print toml_bridge options part \
               place registry accept host)
CONFIG_PARTS = $(patsubst tests/config/parts/%.c,$(BUILD)/tests/config/%.so,$(wildcard tests/config/parts/*/*.c))

$(BUILD)/tests/config/%.so: tests/config/parts/%.c
	@mkdir -p $(@D)
	$(call quiet,SO)$(call plugin_cc,,)
$(BUILD)/tests/config_test: tests/config_test.c $(CONFIG_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(DEPEND) $(LDFLAGS) -o $@ $< $(CONFIG_OBJ) $(HOST_LIBS)
check-config: $(BUILD)/tests/config_test $(CONFIG_PARTS)
	$< $(BUILD)/tests/config
CHECKS += check-config
.PHONY: check-config
