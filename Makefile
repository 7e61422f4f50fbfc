# hypertop: one plain, non-recursive Makefile.
#
#   make            build hypertop, hypertop-hub, hypertop-agent, libhypertop into $(BUILD)
#   make demo       install what is missing, build, run the digits sweep, attach the console
#   make demo-relax the same for the in-process bandit (Learning to Relax)
#   make check      install what is missing, build, run every test; prints "N passed, N failed"
#   make quick      the part of the suite that takes under two minutes
#   make bench      one JSON object per line for every benchmark
#   make install    DESTDIR and PREFIX as usual; `make uninstall` undoes it
#   SANITIZER=address|undefined|thread   builds everything with that sanitizer (use with its own BUILD=)

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

CC      ?= cc
OPT     ?= -O2
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wno-unused-parameter
ifeq ($(WERROR),1)
WARN    += -Werror
endif
SAN     := $(if $(SANITIZER),-fsanitize=$(SANITIZER) -fno-omit-frame-pointer -g,)
CPPFLAGS += -I. -I$(BUILD)/gen -D_GNU_SOURCE -D_XOPEN_SOURCE_EXTENDED -DHYPERTOP_VERSION='"$(VERSION)"'
CFLAGS  += -std=gnu11 -g $(OPT) $(WARN) $(SAN) -fPIC -fvisibility=hidden -pthread
LDFLAGS += $(SAN) -pthread

# --- rooms ---------------------------------------------------------------------------------------------------
# Every .c file belongs to one room by its folder; the main files and the library's files are named here.
MAINS          := tui/main.c hub/hub_main.c agent/agent_main.c
LIB_SRC        := $(wildcard agent/lib_*.c)
BASE_SRC       := $(wildcard base/*.c)
PROTO_SRC      := $(wildcard proto/*.c)
TUNE_SRC       := $(wildcard tune/*.c)
READ_SRC       := $(wildcard read/*.c)
HUB_SRC        := $(filter-out $(MAINS),$(wildcard hub/*.c))
TUI_SRC        := $(filter-out $(MAINS),$(wildcard tui/*.c))
AGENT_SRC      := $(filter-out $(MAINS) $(LIB_SRC),$(wildcard agent/*.c))
# What the training process gets: libc and libm only. tune/bandit*.c is the dependency-free part of tune/.
LIB_ALL_SRC    := $(LIB_SRC) $(wildcard proto/ring*.c) base/rng.c base/clock.c base/half.c $(wildcard tune/bandit*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIBS_PROTO := -lzmq -lmsgpackc -lzstd -lz
LIBS_TUI   := -lncursesw -ltinfo $(LIBS_PROTO) -ljansson -lm
LIBS_READ  := -lsqlite3 -lyaml -lz -lpcre2-8
LIBS_HUB   := $(LIBS_PROTO) $(LIBS_READ) -lyaml -ljansson -llapacke -lopenblas -lnlopt -lm
LIBS_AGENT := $(LIBS_PROTO) $(LIBS_READ) -ldl -ljansson -lm

PROGRAMS := $(BUILD)/hypertop $(BUILD)/hypertop-hub $(BUILD)/hypertop-agent
LIBRARY  := $(BUILD)/libhypertop.so $(BUILD)/libhypertop.a
# Each folder of agent/examples with C in it and a main file of its own name is one trainer, built as a user would build it.
EXAMPLE_NAMES := $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard agent/examples/*/*.c)))))
EXAMPLES := $(addprefix $(BUILD)/examples/,$(EXAMPLE_NAMES))

.PHONY: all
all: $(PROGRAMS) $(LIBRARY) $(EXAMPLES) $(BUILD)/python

include tests/tests.mk

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define archive
$(BUILD)/lib$(1).a: $$(call obj,$(2))
	@rm -f $$@
	$$(AR) rcs $$@ $$^
endef
$(eval $(call archive,base,$(BASE_SRC)))
$(eval $(call archive,proto,$(PROTO_SRC)))
$(eval $(call archive,tune,$(TUNE_SRC)))
$(eval $(call archive,read,$(READ_SRC)))
$(eval $(call archive,hub,$(HUB_SRC)))
$(eval $(call archive,tui,$(TUI_SRC)))
$(eval $(call archive,agentprog,$(AGENT_SRC)))

$(BUILD)/hypertop: $(call obj,tui/main.c) $(BUILD)/libtui.a $(BUILD)/libproto.a $(BUILD)/libbase.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_TUI)
$(BUILD)/hypertop-hub: $(call obj,hub/hub_main.c) $(BUILD)/libhub.a $(BUILD)/libread.a $(BUILD)/libtune.a $(BUILD)/libproto.a $(BUILD)/libbase.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_HUB)
$(BUILD)/hypertop-agent: $(call obj,agent/agent_main.c) $(BUILD)/libagentprog.a $(BUILD)/libread.a $(BUILD)/libproto.a $(BUILD)/libbase.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_AGENT)

# The Python package beside the programs, where hypertop-agent looks for the module that takes wandb's place.
$(BUILD)/python: | $(BUILD)/hypertop-agent
	@ln -sfn $(abspath agent/python) $@

# The library exports ht_* only: hidden visibility for the shared one; for the static one the objects are linked
# together first and every hidden symbol is made local, so that nothing of ours can clash with the trainer's names.
$(BUILD)/libhypertop.so: $(call obj,$(LIB_ALL_SRC))
	$(CC) $(LDFLAGS) -shared -Wl,-soname,libhypertop.so.0 -o $@ $^ -lm
	ln -sf libhypertop.so $(BUILD)/libhypertop.so.0
$(BUILD)/libhypertop.a: $(call obj,$(LIB_ALL_SRC))
	$(LD) -r -o $(BUILD)/obj/libhypertop.o $^
	objcopy --localize-hidden $(BUILD)/obj/libhypertop.o
	@rm -f $@
	$(AR) rcs $@ $(BUILD)/obj/libhypertop.o

define example
$(BUILD)/examples/$(1): $(wildcard agent/examples/$(1)/*.c agent/examples/$(1)/*.h agent/examples/$(1)/*.csv) base/rng.c $(BUILD)/libhypertop.a
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) -Iagent/examples/$(1) $$(CFLAGS) -O3 -o $$@ $$(wildcard agent/examples/$(1)/*.c) base/rng.c $$(LDFLAGS) $(BUILD)/libhypertop.a -lm
endef
$(foreach e,$(EXAMPLE_NAMES),$(eval $(call example,$(e))))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# --- the README's commands ------------------------------------------------------------------------------------
.PHONY: deps demo demo-relax accept-relax
deps:
	@.ci/deps build

HT := $(BUILD)/hypertop -L demo
# The sweep files name build/examples/...; with another BUILD a copy of the file names that.
sweep_of = $(if $(filter build,$(BUILD)),agent/examples/$(1)/sweep.yaml,$(BUILD)/examples/$(1).yaml)
# With a terminal the console is attached; detach with q, the sweep goes on. Without one: progress and a summary.
define run_demo
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory -j2 all
	@[ $(BUILD) = build ] || sed 's|build/examples|$(BUILD)/examples|' agent/examples/$(1)/sweep.yaml > $(call sweep_of,$(1))
	@if [ -t 0 ] && [ -t 1 ]; then \
	    $(HT) run $(call sweep_of,$(1)) -j 2 && \
	    echo "The hub runs on: $(HT) attach   shows it again, $(HT) hub stop   ends it."; \
	else \
	    $(HT) run $(call sweep_of,$(1)) -j 2 --headless; s=$$?; $(HT) hub stop; exit $$s; \
	fi
endef
demo:
	$(call run_demo,digits)
demo-relax:
	$(call run_demo,relax)
# A1-A4: twenty repetitions of the published experiments beside the reference; fails outside the tolerance.
accept-relax: $(BUILD)/examples/relax
	$(BUILD)/examples/relax --accept

# Published and independently measured numbers, beside ours; minutes, and no part of check.
.PHONY: accept
accept: accept-relax $(BUILD)/tests/bench/accept_intrinsic $(BUILD)/examples/threebody $(BUILD)/tests/bench/accept_lottery $(BUILD)/tests/bench/accept_bandits $(BUILD)/tests/bench/accept_fidelity $(BUILD)/tests/bench/accept_winners $(BUILD)/tests/bench/accept_landscape $(BUILD)/tests/bench/accept_steplaw $(BUILD)/tests/bench/accept_replicates $(BUILD)/tests/bench/accept_energy
	$(BUILD)/examples/threebody --accept
	$(BUILD)/tests/bench/accept_lottery
	$(BUILD)/tests/bench/accept_bandits
	$(BUILD)/tests/bench/accept_fidelity
	$(BUILD)/tests/bench/accept_intrinsic
	$(BUILD)/tests/bench/accept_landscape
	$(BUILD)/tests/bench/accept_replicates
	$(BUILD)/tests/bench/accept_steplaw
	$(BUILD)/tests/bench/accept_winners
	$(BUILD)/tests/bench/accept_energy

# --- installing -----------------------------------------------------------------------------------------------
MAN_SRC := $(wildcard man/*.[1-8])
D := $(DESTDIR)$(PREFIX)
.PHONY: install uninstall
install: all
	install -d $(D)/bin $(D)/lib/pkgconfig $(D)/include
	install -m 755 $(PROGRAMS) $(D)/bin
	install -m 755 $(BUILD)/libhypertop.so $(D)/lib/libhypertop.so.$(VERSION)
	ln -sf libhypertop.so.$(VERSION) $(D)/lib/libhypertop.so.0
	ln -sf libhypertop.so.0 $(D)/lib/libhypertop.so
	install -m 644 $(BUILD)/libhypertop.a $(D)/lib
	install -m 644 agent/hypertop.h $(D)/include
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' agent/hypertop.pc.in > $(D)/lib/pkgconfig/hypertop.pc
	cd agent/python && for f in $$(find hypertop -name '*.py' -o -name py.typed -o -name METADATA); do \
	    install -D -m 644 $$f $(abspath $(D))/share/hypertop/python/$$f; done
	for m in $(MAN_SRC); do s=$${m##*.}; install -d $(D)/share/man/man$$s; install -m 644 $$m $(D)/share/man/man$$s; done
uninstall:
	rm -rf $(D)/share/hypertop/python
	rm -f $(addprefix $(D)/bin/,$(notdir $(PROGRAMS))) $(D)/lib/libhypertop.* $(D)/lib/pkgconfig/hypertop.pc $(D)/include/hypertop.h
	for m in $(notdir $(MAN_SRC)); do rm -f $(D)/share/man/man$${m##*.}/$$m; done

.PHONY: clean
clean:
	rm -rf $(BUILD)
