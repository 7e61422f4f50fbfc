# Tests and benches. tests/unit/ROOM/test_X.c is a cmocka program linked with its room and what that room may know.

# slow_test_X.c is the long part of test_X.c, left out of `make quick`
UNIT_SRC  := $(wildcard tests/unit/*/test_*.c tests/unit/*/slow_test_*.c)
UNIT_BIN  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_BIN := $(patsubst tests/%.c,$(BUILD)/tests/%,$(BENCH_SRC))
TOOL_SRC  := $(wildcard tests/tool/*.c)
TOOL_BIN  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TOOL_SRC))

# One link line serves all: the archives only give up what a test asks for.
TEST_LIBS := $(BUILD)/libhub.a $(BUILD)/libtui.a $(BUILD)/libagentprog.a $(BUILD)/libread.a $(BUILD)/libtune.a $(BUILD)/libproto.a $(BUILD)/libbase.a
TEST_LINK := -lcmocka -lncursesw -ltinfo $(LIBS_HUB) -ldl

link_unit_base  := $(BUILD)/libbase.a
link_unit_proto := $(BUILD)/libproto.a $(BUILD)/libbase.a
link_unit_tune  := $(BUILD)/libtune.a $(BUILD)/libbase.a
link_unit_read  := $(BUILD)/libread.a $(BUILD)/libbase.a
link_unit_hub   := $(BUILD)/libhub.a $(BUILD)/libread.a $(BUILD)/libtune.a $(BUILD)/libproto.a $(BUILD)/libbase.a
link_unit_tui   := $(BUILD)/libtui.a $(BUILD)/libproto.a $(BUILD)/libbase.a
link_unit_agent := $(BUILD)/libagentprog.a $(BUILD)/libread.a $(BUILD)/libhypertop.a $(BUILD)/libproto.a $(BUILD)/libbase.a

define unit_room
$(BUILD)/tests/unit/$(1)/%: tests/unit/$(1)/%.c $$(link_unit_$(1))
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(CFLAGS) -MMD -MP -MF $$@.d -o $$@ $$< $$(LDFLAGS) $$(link_unit_$(1)) $$(TEST_LINK)
# make unit-ROOM: build and run one room's unit tests
.PHONY: unit-$(1)
unit-$(1): $$(filter $(BUILD)/tests/unit/$(1)/%,$$(UNIT_BIN))
	@for t in $$^; do echo "== $$$$t"; $$$$t || exit 1; done
endef
$(foreach r,base proto tune read hub tui agent,$(eval $(call unit_room,$(r))))

$(BUILD)/tests/bench/%: tests/bench/%.c $(TEST_LIBS) $(BUILD)/libhypertop.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Iagent -MMD -MP -MF $@.d -o $@ $< $(LDFLAGS) $(TEST_LIBS) $(BUILD)/libhypertop.a $(TEST_LINK)
$(BUILD)/tests/tool/%: tests/tool/%.c $(TEST_LIBS) $(BUILD)/libhypertop.a
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Iagent -MMD -MP -MF $@.d -o $@ $< $(LDFLAGS) $(TEST_LIBS) $(BUILD)/libhypertop.a $(TEST_LINK)

# --- running them ---------------------------------------------------------------------------------------------
.PHONY: tests check quick bench
tests: all $(UNIT_BIN) $(TOOL_BIN)
check:
	@.ci/deps test
	@$(MAKE) --no-print-directory -j2 tests
	@BUILD=$(BUILD) tests/run
quick:
	@.ci/deps test
	@$(MAKE) --no-print-directory -j2 tests
	@BUILD=$(BUILD) tests/run --quick
# One JSON object a line; BENCH=name runs one program only (bench_NAME).
bench: all $(BENCH_BIN)
	@for b in $(if $(BENCH),$(BUILD)/tests/bench/bench_$(BENCH),$(BENCH_BIN)); do HYPERTOP_BUILD=$(BUILD) $$b || exit 1; done

# Our tuners beside Optuna's on measured tables and functions: JSON lines and a table in $(BUILD)/bench-tuners. TUNERS_ARGS goes to
# tests/bench/tuners/bench_tuners.py (--seeds 20 is the full run; --tables 6 --evals 50 --tuners gp,random a quick look).
# Optuna comes from PyPI into a virtual environment in $(BUILD); its GP sampler needs torch (OPTUNA_TORCH=1: a large download).
.PHONY: bench-tuners
bench-tuners: $(BUILD)/hypertop-hub
	@tests/bench/tuners/optuna_venv $(BUILD)/venv-optuna $(OPTUNA_TORCH)
	@tests/bench/tuners/run $(BUILD) $(TUNERS_ARGS)

# Samplers with stoppers, ours and Optuna's, on measured learning curves: regret against epochs. CURVES_ARGS goes to
# tests/bench/tuners/curves.py (--seeds 3 --every 2 a quick look).
.PHONY: bench-curves
bench-curves: $(BUILD)/hypertop-hub
	@tests/bench/tuners/optuna_venv $(BUILD)/venv-optuna $(OPTUNA_TORCH)
	@tests/bench/tuners/run_curves $(BUILD) $(CURVES_ARGS)

# The page that the README points to, from the runs that are kept in $(BUILD)/bench-tuners.
.PHONY: bench-tuners-report
bench-tuners-report:
	@python=$(BUILD)/venv-optuna/bin/python; [ -x $$python ] || python=; \
	python3 tests/bench/tuners/report.py $(BUILD)/bench-tuners/runs.jsonl tests/bench/tuners/RESULTS.md \
	"$(VERSION) ($$(git rev-parse --short HEAD 2>/dev/null || echo release))" $$python

# The console on a pseudo-terminal, beside htop and btop where they are installed: bytes and processor time idle and busy, and how long
# a key takes to a changed cell with 10,000 trials: JSON lines.
.PHONY: bench-console
bench-console: all $(BUILD)/tests/tool/fake_console
	@HYPERTOP_BUILD=$(abspath $(BUILD)) tests/bench/console/bench_console.py

# What a logged value costs in Python, ours beside what the interpreter has: JSON lines. PYTHON names the interpreter.
PYTHON ?= $(if $(wildcard $(BUILD)/python-train/made),$(BUILD)/python-train/bin/python,python3)
.PHONY: python bench-python
bench-python: $(BUILD)/libhypertop.so
	@HYPERTOP_LIB=$(abspath $(BUILD)/libhypertop.so) $(PYTHON) tests/bench/python/bench_python.py $(PYTHON_BENCH_ARGS)
	@HYPERTOP_LIB=$(abspath $(BUILD)/libhypertop.so) $(PYTHON) tests/bench/python/bench_train.py
# The packages that training code uses (torch, Lightning, transformers, Keras, XGBoost, wandb: some GB from PyPI), once, for
# the tests and the benchmark that need them: make python-train && make bench-python
.PHONY: python-train
python-train:
	@BUILD=$(BUILD) python3 tests/bench/python/environments.py train
# The package's own tests, one line a fact; the tests with a hub are in tests/e2e/slow_python_agent.sh.
python: $(BUILD)/libhypertop.so
	@HYPERTOP_LIB=$(abspath $(BUILD)/libhypertop.so) $(PYTHON) tests/unit/python/facts.py
