# Plug-ins that are wrong in one way each, from one source, and the program that opens them all.
REGISTRY_CASES = good no_entry no_record magic major minor sizes small_table no_plan no_forward default open no_help \
    twice outside same_bytes option_name option_type choice $(if $(ISAS),float_mode)
REGISTRY_PLACE = $(BUILD)/tests/registry/one/layers
REGISTRY_FILES = $(REGISTRY_CASES:%=$(REGISTRY_PLACE)/%.so) $(REGISTRY_PLACE)/good.v3.so $(REGISTRY_PLACE)/undefined.so \
    $(REGISTRY_PLACE)/other.so $(BUILD)/tests/registry/two/layers/good.so
REGISTRY_BUILD = $(CC) $(CFLAGS) -shared -fvisibility=hidden

$(REGISTRY_PLACE)/%.so: tests/registry/part.c include/tenon/tenon.h tests/registry.mk
	@mkdir -p $(@D)
	$(call quiet,SO)$(REGISTRY_BUILD) -Wno-unused -DCASE_$* -DNAME='"$*"' -DVERSION='"0.3"' -o $@ $<
$(REGISTRY_PLACE)/good.v3.so: tests/registry/part.c include/tenon/tenon.h
	@mkdir -p $(@D)
	$(call quiet,SO)$(REGISTRY_BUILD) -DNAME='"good"' -DVERSION='"0.3 for v3"' -o $@ $<
$(REGISTRY_PLACE)/other.so $(BUILD)/tests/registry/two/layers/good.so: tests/registry/part.c include/tenon/tenon.h
	@mkdir -p $(@D)
	$(call quiet,SO)$(REGISTRY_BUILD) -DNAME='"good"' -DVERSION='"0.4"' -o $@ $<
$(BUILD)/tests/registry_test: tests/registry_test.c tests/expect.h $(HOST_OBJ)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(HOST_OBJ) $(HOST_LIBS)
check-registry: $(BUILD)/tests/registry_test $(REGISTRY_FILES)
	@$< $(BUILD)/tests/registry
CHECKS += check-registry
.PHONY: check-registry
