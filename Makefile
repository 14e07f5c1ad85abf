# Tenon. `make` builds the host and every plug-in; `make check` runs the tests.
#
# A part is one file: plugins/<kind>s/<name>.c becomes build/plugins/<kind>s/<name>.so by a pattern rule. Kinds that
# compute are built three times, plain and for x86-64-v3 and -v4 (<name>.v3.so, <name>.v4.so); the host opens the
# best that the processor can run.

CC      ?= cc
CXX     ?= c++
BUILD   ?= build
STD      = -std=c11
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
OPT      = -O2
# -ffp-contract=off: an fma is where the source writes one, so that every element has the same bits everywhere
FLOAT    = -fno-math-errno -fno-trapping-math -ffp-contract=off
CFLAGS  += $(STD) $(OPT) -g $(WARN) $(FLOAT) -D_GNU_SOURCE -Iinclude -fPIC -DTENON_DEFAULT_LOGGERS='{"csv","jsonl",0}' -MMD -MP $(EXTRA)
CXXFLAGS += -std=c++17 $(OPT) -g -Wall -Wextra -fPIC -MMD -MP $(EXTRA)
LDFLAGS += $(EXTRA)

all: program plugins

# ---- dependencies: the one place. A plug-in that needs a library says so here; it is left out where the library is
# missing, and the summary says so. The host itself needs toml++, jansson, libmd and xxhash.
HOST_LIBS = -ltomlplusplus -ljansson -lmd -lxxhash -ldl -lm -lpthread -lstdc++
have = $(shell printf '\#include <$(1)>\nint main(void){return 0;}' | $(CC) -x c - -o /dev/null $(2) 2>/dev/null && echo yes)
LIBS_cpu        = -lopenblas -lpthread -lm
LIBS_csv        = -lcsv
LIBS_folder     = -larchive
LIBS_normalize  = -lutf8proc
LIBS_lowercase  = -lutf8proc
LIBS_words      = -lutf8proc
LIBS_characters = -lutf8proc
HEADER_cpu        = cblas.h
HEADER_csv        = csv.h
HEADER_folder     = archive.h
HEADER_normalize  = utf8proc.h
HEADER_lowercase  = utf8proc.h
HEADER_words      = utf8proc.h
HEADER_characters = utf8proc.h

# ---- the host
HOST_SRC  = $(filter-out host/main.c,$(wildcard host/*.c))
HOST_OBJ  = $(HOST_SRC:%.c=$(BUILD)/%.o) $(BUILD)/host/toml_bridge.o
program: $(BUILD)/tenon
$(BUILD)/tenon: $(BUILD)/host/main.o $(HOST_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(HOST_LIBS)
$(BUILD)/host/%.o: host/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c -o $@ $<
$(BUILD)/host/toml_bridge.o: host/toml_bridge.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

# ---- plug-ins
COMPUTE   = backends layers activations losses optimizers regularizers
ISAS      = $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),v3 v4)
SOURCES   = $(wildcard plugins/*/*.c)
MISSING  := $(strip $(foreach s,$(SOURCES),$(if $(HEADER_$(basename $(notdir $(s)))),$(if $(call have,$(HEADER_$(basename $(notdir $(s))))),,$(s)))))
BUILT     = $(filter-out $(MISSING),$(SOURCES))
WIDE      = $(filter $(COMPUTE:%=plugins/%/%),$(BUILT))
PLUGINS   = $(BUILT:%.c=$(BUILD)/%.so) $(foreach i,$(ISAS),$(WIDE:%.c=$(BUILD)/%.$(i).so))
PLUGIN    = -shared -fvisibility=hidden -Wl,-z,defs
plugins: $(PLUGINS)
	@$(foreach m,$(MISSING),echo 'left out: $(m) ($(HEADER_$(basename $(notdir $(m)))) is not installed)';) true
$(BUILD)/plugins/%.v3.so: plugins/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -march=x86-64-v3 $(PLUGIN) -o $@ $< $(LIBS_$(notdir $*)) -lm
$(BUILD)/plugins/%.v4.so: plugins/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -march=x86-64-v4 $(PLUGIN) -o $@ $< $(LIBS_$(notdir $*)) -lm
$(BUILD)/plugins/%.so: plugins/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PLUGIN) -o $@ $< $(LIBS_$(notdir $*)) -lm

clean:
	rm -rf $(BUILD)
.PHONY: all program plugins clean check
.SECONDARY:
-include tests/tests.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
