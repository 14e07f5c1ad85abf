# Tenon. `make` builds the host and every plug-in; `make check` runs the tests; `make install` puts both into PREFIX.
#
# A part is one file: plugins/<kind>s/<name>.c becomes build/plugins/<kind>s/<name>.so by a pattern rule. Kinds that
# compute are built three times, plain and for x86-64-v3 and -v4 (<name>.v3.so, <name>.v4.so); the host opens the
# best that the processor can run. A command that does not train is a program of its own (`tenon list` starts
# tenon-list): one file, tools/<name>.c, or one folder of them, tools/<name>/*.c.
#
# To vary: make CC=clang CXX=clang++ BUILD=build/clang; make BUILD=build/asan EXTRA='-fsanitize=address,undefined';
# make WERROR= (a compiler that knows more warnings than ours); make ISAS= (plain C only). Give each its own BUILD.
# make V=1 shows the commands.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION  = 0.1.0
STD      = -std=c11
WERROR  ?= -Werror
# a table that grows at its end must not break the parts that were written before: what they leave out is zero
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-missing-field-initializers $(WERROR)
OPT      = -O2
# -ffp-contract=off: an fma is where the source writes one, so that every element has the same bits everywhere
FLOAT    = -fno-math-errno -fno-trapping-math -ffp-contract=off
# a dependency file beside every output, so that a changed header rebuilds what includes it, plug-ins too
DEPEND   = -MMD -MP -MF $@.d -MT $@
quiet    = $(if $(V),,@printf '  %-4s %s\n' $(1) $@ && )
override CFLAGS   += $(STD) $(OPT) -g $(WARN) $(FLOAT) -D_GNU_SOURCE -Iinclude -fPIC \
                     -DTENON_DEFAULT_LOGGERS='{"csv","jsonl",0}' $(EXTRA)
override CXXFLAGS += -std=c++17 $(OPT) -g -Wall -Wextra $(WERROR) -fPIC $(EXTRA)
override LDFLAGS  += $(EXTRA)

all: program tools plugins

# ---- dependencies: the one place. A plug-in or a tool that needs a library says so here; it is left out where the library is
# missing, and the summary says so. The host itself needs toml++, jansson, libmd and xxhash.
HOST_LIBS    = -ltomlplusplus -ljansson -lmd -lxxhash -ldl -lm -lpthread -lstdc++
HOST_NEEDS   = toml++/toml.h:libtomlplusplus-dev jansson.h:libjansson-dev sha2.h:libmd-dev xxhash.h:libxxhash-dev
LIBS_cpu        = -ldl -lpthread -lm
LIBS_csv        = -lcsv
LIBS_windows    = -lcsv
LIBS_json_lines = -ljansson
LIBS_stems      = -lstemmer
LIBS_segment    = -licuuc
LIBS_folder     = -larchive
LIBS_normalize  = -lutf8proc
LIBS_lowercase  = -lutf8proc
LIBS_words      = -lutf8proc
LIBS_characters = -lutf8proc
LIBS_spelling   = -lutf8proc
LIBS_fetch      = -lcurl -larchive
NEEDS_csv        = csv.h:libcsv-dev
NEEDS_windows    = csv.h:libcsv-dev
NEEDS_json_lines = jansson.h:libjansson-dev
NEEDS_stems      = libstemmer.h:libstemmer-dev
NEEDS_segment    = unicode/ubrk.h:libicu-dev
NEEDS_folder     = archive.h:libarchive-dev
NEEDS_normalize  = utf8proc.h:libutf8proc-dev
NEEDS_lowercase  = utf8proc.h:libutf8proc-dev
NEEDS_words      = utf8proc.h:libutf8proc-dev
NEEDS_characters = utf8proc.h:libutf8proc-dev
NEEDS_spelling   = utf8proc.h:libutf8proc-dev
NEEDS_fetch      = curl/curl.h:libcurl4-openssl-dev archive.h:libarchive-dev

hash := \#
# $(call absent,header:package ...) gives those whose header the C++ compiler does not find (C headers are found too).
absent = $(shell for n in $(1); do printf '$(hash)include <%s>\n' $${n%%:*} | $(CXX) $(CXXFLAGS) -M -x c++ - >/dev/null 2>&1 || echo $$n; done)
# $(call takes,flag): does the C compiler take the flag?
takes  = $(shell printf 'int x;\n' | $(CC) $(1) -c -x c - -o /dev/null 2>/dev/null && echo yes)
header  = $(firstword $(subst :, ,$(1)))
package = $(lastword $(subst :, ,$(1)))

# ---- the host
HOST_SRC  = $(filter-out host/main.c,$(wildcard host/*.c))
HOST_OBJ  = $(HOST_SRC:%.c=$(BUILD)/%.o) $(BUILD)/host/toml_bridge.o
HOST      = $(BUILD)/libtenonhost.a
program: $(BUILD)/tenon
$(BUILD)/tenon: $(BUILD)/host/main.o $(HOST)
	$(call quiet,LINK)$(CC) $(LDFLAGS) -o $@ $^ $(HOST_LIBS)
	@test -e $(BUILD)/../include || ln -s "$(CURDIR)/include" $(BUILD)/../include # for `tenon new`, as when installed
$(HOST): $(HOST_OBJ) $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/shared/*.c))
	$(call quiet,AR)rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/%.o: %.c | host-needs
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CFLAGS) $(DEPEND) -c -o $@ $<
$(BUILD)/host/toml_bridge.o: host/toml_bridge.cpp | host-needs
	@mkdir -p $(@D)
	$(call quiet,CXX)$(CXX) $(CXXFLAGS) $(DEPEND) -c -o $@ $<
# Says by name which library is missing, before the compiler says it by line.
host-needs:
	@test ! "$(HOST_ABSENT)" || { $(foreach n,$(HOST_ABSENT),echo 'tenon needs <$(call header,$(n))> (Debian: apt-get install $(call package,$(n)))' >&2;) exit 1; }

# ---- programs beside it, each with what it needs of the host and of tools/shared, which has what several of them use.
# Files in folders of a program's folder are taken into it as text.
ALL_TOOLS = $(filter-out shared,$(patsubst tools/%/,%,$(wildcard tools/*/)) $(patsubst tools/%.c,%,$(wildcard tools/*.c)))
ifeq ($(filter clean uninstall,$(MAKECMDGOALS)),)
TOOL_ABSENT := $(call absent,$(sort $(foreach t,$(ALL_TOOLS),$(NEEDS_$(t)))))
endif
TOOLS := $(foreach t,$(ALL_TOOLS),$(if $(filter $(TOOL_ABSENT),$(NEEDS_$(t))),,$(t)))
tools: $(TOOLS:%=$(BUILD)/tenon-%)
define tool_rule
OBJ_$(1) = $(patsubst %.c,$(BUILD)/%.o,$(wildcard tools/$(1)/*.c tools/$(1).c))
$(BUILD)/tenon-$(1): $$(OBJ_$(1)) $(HOST)
	$$(call quiet,LINK)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LIBS_$(1)) $$(HOST_LIBS)
$$(OBJ_$(1)): $(wildcard tools/$(1)/*/*)
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rule,$(t))))

# ---- plug-ins
COMPUTE   = backends layers activations losses optimizers regularizers
SOURCES   = $(wildcard plugins/*/*.c)
needs_of  = $(NEEDS_$(basename $(notdir $(1))))
ifeq ($(filter clean uninstall,$(MAKECMDGOALS)),)
HOST_ABSENT   := $(call absent,$(HOST_NEEDS))
PLUGIN_ABSENT := $(call absent,$(sort $(foreach s,$(SOURCES),$(call needs_of,$(s)))))
ISAS          ?= $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),$(foreach i,v3 v4,$(if $(call takes,-march=x86-64-$(i)),$(i))))
ISAS          := $(ISAS)
endif
MISSING   = $(foreach s,$(SOURCES),$(if $(filter $(PLUGIN_ABSENT),$(call needs_of,$(s))),$(s)))
BUILT     = $(filter-out $(MISSING),$(SOURCES))
WIDE      = $(filter $(COMPUTE:%=plugins/%/%),$(BUILT))
PLUGINS   = $(BUILT:%.c=$(BUILD)/%.so) $(foreach i,$(ISAS),$(WIDE:%.c=$(BUILD)/%.$(i).so))
# Every symbol is found at link time, except where a sanitizer leaves its own for the program to bring.
PLUGIN    = -shared $(if $(findstring -fsanitize,$(EXTRA)),,-Wl,-z,defs)
# $(call plugin_cc,flags,libraries): compiled and linked apart, as compiler caches want it
plugin_cc = $(CC) $(CFLAGS) $(DEPEND) -fvisibility=hidden $(1) -c -o $(@:.so=.o) $< && \
            $(CC) $(CFLAGS) $(PLUGIN) -o $@ $(@:.so=.o) $(2) $(LDFLAGS)
plugins: $(PLUGINS) | program tools
	@echo 'built: $(words $(BUILT)) plug-ins of $(words $(sort $(dir $(BUILT)))) kinds in $(BUILD)/plugins$(if $(ISAS),$(,) computing ones also for $(ISAS:%=x86-64-%))'
	@$(foreach m,$(MISSING),echo 'left out: $(m) needs <$(call header,$(call needs_of,$(m)))> (Debian: $(call package,$(call needs_of,$(m))))';) true
	@$(foreach t,$(filter-out $(TOOLS),$(ALL_TOOLS)),$(foreach n,$(filter $(TOOL_ABSENT),$(NEEDS_$(t))),echo 'left out: tools/$(t) needs <$(call header,$(n))> (Debian: $(call package,$(n)))';)) true
, := ,
# plain loops over arrays: -O3 makes vectors of them, which gcc 12 does not at -O2
$(foreach k,activations losses optimizers regularizers,$(BUILD)/plugins/$(k)/%.so): OPT = -O3
$(BUILD)/plugins/%.v3.so: plugins/%.c
	@mkdir -p $(@D)
	$(call quiet,SO)$(call plugin_cc,-march=x86-64-v3,$(LIBS_$(notdir $*)) -lm)
$(BUILD)/plugins/%.v4.so: plugins/%.c
	@mkdir -p $(@D)
	$(call quiet,SO)$(call plugin_cc,-march=x86-64-v4,$(LIBS_$(notdir $*)) -lm)
$(BUILD)/plugins/%.so: plugins/%.c
	@mkdir -p $(@D)
	$(call quiet,SO)$(call plugin_cc,,$(LIBS_$(notdir $*)) -lm)

# ---- installing: the program finds its plug-ins as ../lib/tenon/plugins, so PREFIX may be moved as a whole
PLACE = $(DESTDIR)$(PREFIX)
install: all
	mkdir -p '$(PLACE)/bin' '$(PLACE)/include/tenon' '$(PLACE)/lib/tenon' '$(PLACE)/share/pkgconfig' '$(PLACE)/share/tenon'
	install -m 755 $(BUILD)/tenon $(TOOLS:%=$(BUILD)/tenon-%) '$(PLACE)/bin'
	install -m 644 $(wildcard include/tenon/*.h) '$(PLACE)/include/tenon'
	for p in $(PLUGINS:$(BUILD)/%=%); do install -D -m 755 "$(BUILD)/$$p" '$(PLACE)/lib/tenon/'"$$p" || exit 1; done
	$(if $(wildcard experiments),cp -R experiments '$(PLACE)/share/tenon')
	printf '%s\n' 'prefix=$${pcfiledir}/../..' 'includedir=$${prefix}/include' 'plugindir=$${prefix}/lib/tenon/plugins' '' \
	    'Name: tenon' 'Description: header to build a Tenon plug-in against' 'Version: $(VERSION)' 'Cflags: -I$${includedir}' \
	    >'$(PLACE)/share/pkgconfig/tenon.pc'
uninstall:
	rm -rf '$(PLACE)/bin/tenon' $(TOOLS:%='$(PLACE)/bin/tenon-%') '$(PLACE)/include/tenon' '$(PLACE)/lib/tenon' \
	    '$(PLACE)/share/tenon' '$(PLACE)/share/pkgconfig/tenon.pc'

clean:
	rm -rf $(BUILD)
.PHONY: all program tools plugins host-needs install uninstall clean check check-each
.SECONDARY:
.DELETE_ON_ERROR:
-include tests/tests.mk bench/bench.mk
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
