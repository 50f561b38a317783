# xrayfile: one Makefile, no recursion. `make help` lists the targets.
ifeq ($(origin CC),default)
CC := gcc
endif
AR      ?= ar
VARIANT ?= release
PREFIX  ?= /usr/local
WERROR  ?= 1
PYTHON  ?= $(firstword $(wildcard /usr/bin/python3) python3)
VERSION := 0.1.0

# One short line per file; V=1 shows the commands.
V ?= 0
Q := $(if $(filter 1,$V),,@)
say = $(if $(filter 1,$V),,@echo '  $(1) $@')

# Objects of each compiler and variant lie side by side.
B := build/$(notdir $(CC))-$(VARIANT)

OPTS_release := -O2 -g
OPTS_debug   := -O0 -g
OPTS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPTS_tsan    := -O1 -g -fsanitize=thread
OPTS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer
OPTS_cov     := -O0 -g --coverage

PACKAGES_LIB   := libzstd msgpack libxxhash json-c libpcre2-8 yaml-0.1
PACKAGES_TOOLS := libpcre2-8 libutf8proc json-c libseccomp
DEBIAN := gcc g++ clang libclang-rt-14-dev make pkg-config libzstd-dev libmsgpack-dev libxxhash-dev libjson-c-dev \
          libpcre2-dev libyaml-dev libutf8proc-dev libseccomp-dev zstd python3 python3-msgpack python3-xxhash jq

WARN := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
        -Wvla -Wno-missing-field-initializers $(if $(filter 1,$(WERROR)),-Werror)
OPTS := -std=c11 -fPIC -fvisibility=hidden $(OPTS_$(VARIANT)) $(WARN) -D_POSIX_C_SOURCE=200809L
INC  := -Ilibxrayfile/include
LIBS_LIB   = $(shell pkg-config --libs $(PACKAGES_LIB)) -lpthread -lm
LIBS_TOOLS = $(shell pkg-config --libs $(PACKAGES_TOOLS))
CFLAGS_PKG = $(shell pkg-config --cflags $(PACKAGES_LIB) $(PACKAGES_TOOLS))

LIB_SRC    := $(sort $(wildcard libxrayfile/*/*.c))
COMMON_SRC := $(sort $(wildcard tools/common/*.c))
TOOL_SRC   := $(sort $(wildcard tools/xray-*.c))
TOOLS      := $(patsubst tools/%.c,%,$(TOOL_SRC))
UNIT_SRC   := $(sort $(wildcard tests/unit/test_*.c))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))
EXAMPLES   := $(patsubst examples/%.c,%,$(sort $(wildcard examples/*.c)))
EXPORTS    := libxrayfile/libxrayfile.map

comma := ,
obj = $(patsubst %.c,$B/%.o,$(1))
LIB_A  := $B/libxrayfile.a
LIB_SO := $B/libxrayfile.so.0

.PHONY: all deps demo check test bench coverage prove fuzz man install uninstall clean help
all: $(LIB_A) $(LIB_SO) $(addprefix $B/bin/,$(TOOLS) $(EXAMPLES))
	@mkdir -p build/bin
	@ln -sf $(addprefix ../../$B/bin/,$(TOOLS) $(EXAMPLES)) build/bin/

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

# The floors of the library see themselves and what is below (tests/check-floors.sh);
# tools and examples see the public header only.
$B/libxrayfile/%.o: INC += -Ilibxrayfile
$B/libxrayfile/%.o: OPTS += -DXRAY_NO_INLINE
$B/libxrayfile/os/%.o: OPTS += -D_GNU_SOURCE
$B/tools/%.o:       INC += -Itools -I$B/tools
$B/tools/%.o:       OPTS += -D_GNU_SOURCE
$B/tests/%.o:       INC += -Ilibxrayfile -Itests
$B/tests/%.o:       OPTS += -D_GNU_SOURCE
$B/tests/unit/test_interval.o $B/tests/unit/test_sandbox.o $B/tests/unit/test_quantile.o $B/tests/unit/test_price.o: INC += -Itools

$B/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC )
	$Q$(CC) $(OPTS) $(INC) $(CFLAGS_PKG) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The price table is part of the program that reads it, as one string.
$B/tools/stat/price.o: $B/tools/stat/prices.inc
$B/tools/stat/prices.inc: tools/stat/prices.tsv
	@mkdir -p $(@D)
	$(call say,GEN)
	$Qsed 's/\\/&&/g; s/"/\\"/g; s/\t/\\t/g; s/.*/"&\\n"/' $< > $@

$(LIB_A): $(call obj,$(LIB_SRC))
	@rm -f $@
	$(call say,AR )
	$Q$(AR) rcs $@ $^

$(LIB_SO): $(call obj,$(LIB_SRC)) $(EXPORTS)
	$(call say,LD )
	$Q$(CC) $(OPTS) -shared -Wl,-soname,libxrayfile.so.0 -Wl,--version-script=$(EXPORTS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS_LIB) $(LDLIBS)
	@ln -sf libxrayfile.so.0 $(@D)/libxrayfile.so

# xray-NAME is tools/xray-NAME.c, what is in tools/NAME/, and what all tools share.
.SECONDEXPANSION:
$B/bin/xray-%: $B/tools/xray-%.o $$(call obj,$$(sort $$(wildcard tools/$$*/*.c))) $(call obj,$(COMMON_SRC)) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIBS_LIB) $(LIBS_TOOLS) $(LDLIBS)

$(addprefix $B/bin/,$(EXAMPLES)): $B/bin/%: $B/examples/%.o $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) $(LDFLAGS) -o $@ $< $(LIB_A) $(LIBS_LIB) $(LDLIBS)

# Unit tests may reach anywhere in the library; one binary per module.
UNIT := $(patsubst tests/unit/%.c,$B/tests/%,$(UNIT_SRC))
$B/tests/test_interval: $(call obj,tools/funnel/interval.c)
$B/tests/test_sandbox: $(call obj,tools/common/sandbox.c)
$B/tests/test_sandbox: LIBS_LIB += $(shell pkg-config --libs libseccomp)
$B/tests/test_quantile $B/tests/test_price: LIBS_LIB += $(LIBS_TOOLS)
$B/tests/test_quantile: $(call obj,$(COMMON_SRC))
$B/tests/test_price: $(call obj,tools/stat/price.c $(COMMON_SRC))
# tests/support/fault.c stands between the library and these calls.
WRAP := $(patsubst %,-Wl$(comma)--wrap=%,clock_gettime pthread_cond_timedwait writev fdatasync fsync open openat unlink unlinkat rename renameat renameat2)
# One is an allocator that calls the library.
$B/tests/test_reentry: WRAP += $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc)
$B/tests/test_%: $B/tests/unit/test_%.o $(call obj,$(SUPPORT_SRC)) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) $(WRAP) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIBS_LIB) $(LDLIBS)
# A writer that the tests of the command line steer.
$B/tests/live_writer: $B/tests/cli/live_writer.o $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIBS_LIB) $(LDLIBS)
# Beside SQLite where its header is there.
$B/bench/bench_write: LDLIBS += $(if $(wildcard /usr/include/sqlite3.h),-lsqlite3)
# Its disk hangs.
$B/bench/bench_hang: LDLIBS += -Wl,--wrap=writev
BENCH := $(patsubst tests/bench/%.c,$B/bench/%,$(BENCH_SRC))
$B/bench/%: $B/tests/bench/%.o $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) $(LDFLAGS) -o $@ $< $(LIB_A) $(LIBS_LIB) $(LDLIBS)

# Programs of the proofs (make prove), over the public header.
PROVE := $(patsubst tests/prove/%.c,$B/prove/%,$(sort $(wildcard tests/prove/*.c)))
$B/prove/%: $B/tests/prove/%.o $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIBS_LIB) $(LDLIBS)

# Fuzz targets replay their corpora in every test run; libFuzzer drives them with VARIANT=fuzz CC=clang.
FUZZ   := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
REPLAY := $(addprefix $B/fuzz/replay_,$(FUZZ))
FUZZ_O := $(call obj,tests/fuzz/common.c)
$B/fuzz/replay_%: $B/tests/fuzz/fuzz_%.o $(FUZZ_O) $B/tests/fuzz/replay.o $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIBS_LIB) $(LDLIBS)
$B/fuzz/fuzz_%: $B/tests/fuzz/fuzz_%.o $(FUZZ_O) $(LIB_A)
	@mkdir -p $(@D)
	$(call say,LD )
	$Q$(CC) $(OPTS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_A) $(LIBS_LIB) $(LDLIBS)
# Some look into the tools.
$B/fuzz/replay_index $B/fuzz/fuzz_index: $(call obj,tests/support/search.c)
$B/fuzz/replay_import $B/fuzz/fuzz_import: $(call obj,$(sort $(wildcard tools/import/*.c)))
$(foreach t,import text,$B/fuzz/replay_$t $B/fuzz/fuzz_$t): $(call obj,$(COMMON_SRC))
$(foreach t,import text,$B/fuzz/replay_$t $B/fuzz/fuzz_$t): LIBS_LIB += $(LIBS_TOOLS)
$(foreach t,import text,$B/tests/fuzz/fuzz_$t.o): INC += -Itools
fuzz: $(addprefix $B/fuzz/fuzz_,$(FUZZ))

deps: ## install what is missing (as root), or print the command that does
	@sh tests/deps.sh $(DEBIAN)

demo: deps ## build, and show the main job on real traces
	@$(MAKE) -s --no-print-directory all
	@sh examples/demo.sh build/bin

check: deps ## build and run every test
	@$(MAKE) --no-print-directory test

test: all $(UNIT) $(REPLAY) $(PROVE) $B/bench/gen_decisions $B/bench/gen_tiny $B/tests/live_writer
	@sh tests/run.sh $B

prove: all $(UNIT) $(PROVE) ## the proofs of tests/PROMISES.md, in full: about an hour
	@sh tests/prove/run.sh $B

# A few tests cannot live with counters (a program that links without them, a sandbox that may not write them): what
# they say does not count here, as other variants run them.
coverage: ## which lines and branches of the library the tests reach
	@find build/gcc-cov -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory VARIANT=cov CC=gcc test || true
	@sh tests/coverage.sh build/gcc-cov

bench: all $(BENCH) ## measure, side by side with the peers
	@sh tests/bench/bench.sh $B

# Manual pages of tools whose tables hold all that is in them are made from these; tests/cli/man.sh compares.
MAN_TOOLS = $(patsubst tools/%.1,%,$(shell grep -l 'Made by .make man' tools/*.1))
man: all ## make the manual pages anew that are made from the tools' tables
	@for t in $(MAN_TOOLS); do $B/bin/$$t --help-man > tools/$$t.1; done

DESTINATION = $(DESTDIR)$(PREFIX)
# Where Debian's interpreter looks, for PREFIX /usr/local and /usr.
PYTHON_DIR = lib/python$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')/dist-packages
MAN_DIRS = man/man1 man/man5 man/man7
BASH_COMPLETION = bash-completion/completions
ZSH_COMPLETION  = zsh/site-functions
FISH_COMPLETION = fish/vendor_completions.d
COMPLETION_DIRS = $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
install: all ## PREFIX= DESTDIR=: library, header, tools, manual pages, Python module
	install -d $(DESTINATION)/bin $(DESTINATION)/include $(DESTINATION)/lib/pkgconfig $(addprefix $(DESTINATION)/share/,$(MAN_DIRS) $(COMPLETION_DIRS))
	install -m 755 $(addprefix $B/bin/,$(TOOLS)) $(DESTINATION)/bin
	install -m 644 libxrayfile/include/xrayfile.h libxrayfile/include/xrayfile.hpp $(DESTINATION)/include
	install -D -m 644 libxrayfile/python/xrayfile.py $(DESTINATION)/$(PYTHON_DIR)/xrayfile.py
	install -D -m 644 tools/stat/prices.tsv $(DESTINATION)/share/xrayfile/prices.tsv
	install -m 644 $(LIB_A) $(DESTINATION)/lib
	install -m 755 $(LIB_SO) $(DESTINATION)/lib
	ln -sf libxrayfile.so.0 $(DESTINATION)/lib/libxrayfile.so
	$(foreach n,1 5 7,install -m 644 $(wildcard tools/*.$n) $(DESTINATION)/share/man/man$n &&) true
	for t in $(TOOLS); do for c in bash:$(BASH_COMPLETION)/$$t zsh:$(ZSH_COMPLETION)/_$$t fish:$(FISH_COMPLETION)/$$t.fish; do \
	    $B/bin/$$t --complete $${c%%:*} > $(DESTINATION)/share/$${c#*:} || exit 1; done; done
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' libxrayfile/libxrayfile.pc.in > $(DESTINATION)/lib/pkgconfig/libxrayfile.pc

uninstall: ## what install put there
	rm -f $(addprefix $(DESTINATION)/bin/,$(TOOLS)) $(DESTINATION)/$(PYTHON_DIR)/xrayfile.py $(DESTINATION)/include/xrayfile.h $(DESTINATION)/include/xrayfile.hpp \
	    $(DESTINATION)/share/xrayfile/prices.tsv \
	    $(DESTINATION)/lib/libxrayfile.a $(DESTINATION)/lib/libxrayfile.so* $(DESTINATION)/lib/pkgconfig/libxrayfile.pc \
	    $(foreach n,1 5 7,$(addprefix $(DESTINATION)/share/man/man$n/,$(notdir $(wildcard tools/*.$n)))) \
	    $(addprefix $(DESTINATION)/share/$(BASH_COMPLETION)/,$(TOOLS)) \
	    $(addprefix $(DESTINATION)/share/$(ZSH_COMPLETION)/_,$(TOOLS)) \
	    $(addsuffix .fish,$(addprefix $(DESTINATION)/share/$(FISH_COMPLETION)/,$(TOOLS)))

clean: ## remove everything built
	rm -rf build

-include $(shell find $B -name '*.d' 2>/dev/null)
.SECONDARY:
