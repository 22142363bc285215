# eon: a trainer of language models for CPU clusters.
#
## make              builds build/eon; names what is missing on this machine
## make dependencies installs it (apt-get; elsewhere it prints the packages' names)
## make demo         trains a small model on real English, with 2 ranks (CORPUS=FILE: on your own text)
## make test         all tests; ONLY=WORD: those whose file is named so
## make test-slurm   tests on a Slurm cluster that is made on this machine for each, and gone after it;
##                   wants root and Slurm's packages, which it installs; ONLY=WORD as above
## make soak         trials that take minutes to hours: 10^5 operations, a gradient beyond 2^31 bytes,
##                   every way to exchange gradients at every world size, a fault at every call that
##                   changes a run's folder
## make fuzz         feeds made-up input to every parser, FUZZ_SECONDS=600 each; ONLY=WORD
## make bench        measures kernels and a training step beside cblas_sgemm and the ceilings
## make lint         format, compiler warnings as errors, static analysis, house rules
## make layers       includes point down the layers, and libraries are used in their room only
## make format       clang-format over all sources
## make docs         writes docs/commands from the option tables
## make install      into DESTDIR/PREFIX (PREFIX=/usr/local)
## make clean        removes the build folder
## make help         this list
##
## V=1 shows whole commands; WERROR=1 makes warnings errors; SANITIZE=address,undefined and
## SANITIZE=thread build instrumented, in a folder of their own; EON_NO_INSTALL=1 installs nothing;
## CFLAGS, LDFLAGS, CC (an MPI compiler wrapper) and BUILD are yours to set.

.DEFAULT_GOAL := all
.PHONY: all dependencies demo test test-slurm soak fuzz bench lint layers format docs install clean help
.SECONDARY:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PREFIX = /usr/local
BUILD  = build$(if $(SANITIZE),/sanitize-$(subst $(comma),-,$(SANITIZE)))
comma := ,

# ---- Compiler and libraries ---------------------------------------------------------------------

ifeq ($(origin CC),default)
CC = mpicc
endif
CFLAGS = -O3 -g
TARGET := $(shell $(CC) -dumpmachine 2>/dev/null)

# $(call library,cflags|libs,PKG-CONFIG NAMES,OTHERWISE): by the first name that pkg-config knows.
library = $(shell for name in $(2); do pkg-config --$(1) $$name 2>/dev/null && exit; done; echo '$(3)')

# Without pkg-config, h5cc tells where HDF5 lives: PREFIX/bin/h5cc.
hdf5_home := $(patsubst %/bin/h5cc,%,$(shell command -v h5cc))

LIBRARY_CFLAGS := $(call library,cflags,hdf5-serial hdf5,$(hdf5_home:%=-I%/include)) \
                  $(call library,cflags,openblas) $(call library,cflags,libpcre2-8) \
                  $(call library,cflags,jansson) $(call library,cflags,inih) \
                  $(call library,cflags,zlib) $(call library,cflags,libdeflate) \
                  $(call library,cflags,libisal)
LIBRARY_LIBS   := $(call library,libs,hdf5-serial hdf5,$(hdf5_home:%=-L%/lib) -lhdf5) \
                  $(filter -L%,$(call library,libs,openblas)) $(call library,libs,libpcre2-8,-lpcre2-8) \
                  $(call library,libs,jansson,-ljansson) $(call library,libs,inih,-linih) \
                  $(call library,libs,zlib,-lz) $(call library,libs,libdeflate,-ldeflate) \
                  $(call library,libs,libisal,-lisal)
TEST_LIBS      := $(call library,libs,cmocka,-lcmocka)

# Libraries outside the system's folders (Spack, modules) are found again when eon runs.
LIBRARY_LIBS += $(patsubst -L%,-Wl$(comma)-rpath$(comma)%,$(filter -L%,$(LIBRARY_LIBS)))

# The same bits on every machine: nothing is contracted to FMA, sums are not reordered.
# errno and traps of mathematical functions are read nowhere; without them loops vectorise.
ARITHMETIC = -fno-fast-math -ffp-contract=off -fno-math-errno -fno-trapping-math
WARNINGS   = -Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
SANITIZERS = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)

COMPILE = $(CC) -std=c11 -D_GNU_SOURCE -I. $(LIBRARY_CFLAGS) $(CPPFLAGS) \
          $(CFLAGS) $(ARITHMETIC) $(SANITIZERS) $(WARNINGS)
LINK    = $(CC) $(CFLAGS) $(SANITIZERS) $(LDFLAGS)
LIBS    = $(LIBRARY_LIBS) -lpthread -ldl -lm

# ---- Files --------------------------------------------------------------------------------------

SOURCES = $(filter-out trainer/main.c,\
            $(wildcard base/*.c shards/*/*.c comm/*.c checkpoints/*.c trainer/*.c trainer/*/*.c))
OBJECTS = $(SOURCES:%.c=$(BUILD)/obj/%.o) $(LOOP_OBJECTS) $(MULTIPLY_OBJECTS)

# The kernels' loops are compiled once for each instruction set, and each innermost product for
# its own; no other file gets such flags.
LOOPS        = $(wildcard trainer/kernels/loops/*.c)
LOOP_SETS    = reference $(if $(filter x86_64%,$(TARGET)),avx2 avx512 amx)
LOOP_OBJECTS = $(foreach set,$(LOOP_SETS),$(LOOPS:%.c=$(BUILD)/obj/%.$(set).o))
avx2_flags   = -mavx2 -mfma
avx512_flags = -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512
amx_flags    = $(avx512_flags) -mavx512bf16

MULTIPLY_SETS       = $(if $(filter x86_64%,$(TARGET)),avx2 avx512 avx512_pair avx512_dot amx)
MULTIPLY_OBJECTS    = $(MULTIPLY_SETS:%=$(BUILD)/obj/trainer/kernels/multiply/multiply_%.o)
multiply_avx2        = $(avx2_flags)
multiply_avx512      = $(avx512_flags)
multiply_avx512_pair = $(avx512_flags)
multiply_avx512_dot  = $(amx_flags)
multiply_amx         = $(amx_flags) -mamx-tile -mamx-bf16

# The model's mathematics once more with `real` a double: gradients are checked against central
# differences by tests/unit/test_*_in_double.c.
MODEL_SOURCES  = $(wildcard trainer/kernels/*.c trainer/model/*.c)
DOUBLE_OBJECTS = $(MODEL_SOURCES:%.c=$(BUILD)/double/%.o) \
                 $(LOOP_OBJECTS:$(BUILD)/obj/%=$(BUILD)/double/%)

TEST_SOURCES   = $(wildcard tests/unit/test_*.c tests/golden/test_*.c tests/mpi/test_*.c)
TEST_HELPERS   = $(filter-out $(TEST_SOURCES),$(wildcard tests/unit/*.c tests/golden/*.c tests/mpi/*.c))
TEST_PROGRAMS  = $(TEST_SOURCES:%.c=$(BUILD)/%)
COMMAND_TESTS  = $(filter-out %/lib.sh %/corpus_of_sources.sh,$(wildcard tests/commands/*.sh))
COMMAND_TOOLS  = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/commands/*.c))
DISK_SHIM      = $(BUILD)/tests/faults/disk_shim.so
EVERY_TEST     = $(TEST_PROGRAMS) $(COMMAND_TESTS)
only           = $(if $(ONLY),$(foreach t,$(1),$(if $(findstring $(ONLY),$(notdir $t)),$t)),$(1))
TESTS          = $(call only,$(EVERY_TEST))
SLURM_TESTS    = $(call only,$(wildcard tests/slurm/test_*.sh))

# Fuzz targets are clang's, with all that they look at: no MPI. The rest of what that calls is gcc's.
FUZZ_TARGETS  = $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_SOURCES  = $(wildcard base/*.c shards/*/*.c trainer/model/huggingface_*.c) \
                trainer/model/document_tokens.c trainer/model/tensor_table.c \
                $(addprefix checkpoints/,safetensors_reader.c weight_files.c half_floats.c hub_path.c \
                    manifest_name.c span_checksum.c gguf_cursor.c gguf_reader.c gguf_types.c) \
                $(filter-out $(filter-out tests/fuzz/fuzz_target.c,$(FUZZ_TARGETS)),$(wildcard tests/fuzz/*.c))
FUZZ_PROGRAMS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(filter-out %/fuzz_target.c,$(FUZZ_TARGETS)))
FUZZ_FLAGS    = -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_SECONDS  = 600
FUZZED        = $(foreach p,$(notdir $(FUZZ_PROGRAMS)),$(if $(ONLY),$(if $(findstring $(ONLY),$p),$p),$p))

# ---- Building -----------------------------------------------------------------------------------

say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$@')
Q   = $(if $(V),,@)

$(BUILD)/eon: $(BUILD)/obj/trainer/main.o $(BUILD)/libeon.a
	$(call say,link)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/libeon.a: $(OBJECTS)
$(BUILD)/libdouble.a: $(DOUBLE_OBJECTS)
$(BUILD)/libhelpers.a: $(TEST_HELPERS:%.c=$(BUILD)/obj/%.o)
$(BUILD)/lib%.a:
	$(call say,archive)
	$(Q)rm -f $@ && ar rcs $@ $^

# $(call compile_rule,FOLDER/%.o,FLAGS)
define compile_rule
$(1): %.c $(BUILD)/flags
	$$(call say,compile)
	$$(Q)mkdir -p $$(@D) && $$(COMPILE) $(2) -MMD -MP -c -o $$@ $$<
endef
$(eval $(call compile_rule,$(BUILD)/obj/%.o,$$(FILE_FLAGS)))
$(eval $(call compile_rule,$(BUILD)/double/%.o,-DEON_REAL_IS_DOUBLE))
$(foreach set,$(LOOP_SETS),\
  $(eval $(call compile_rule,$(BUILD)/obj/%.$(set).o,-DKERNEL_SET=$(set) $($(set)_flags)))\
  $(eval $(call compile_rule,$(BUILD)/double/%.$(set).o,-DKERNEL_SET=$(set) $($(set)_flags) -DEON_REAL_IS_DOUBLE)))
$(foreach set,$(MULTIPLY_SETS),\
  $(eval $(BUILD)/obj/trainer/kernels/multiply/multiply_$(set).o: FILE_FLAGS = $(multiply_$(set))))

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/libhelpers.a $(BUILD)/libeon.a
	$(call say,link)
	$(Q)mkdir -p $(@D) && $(LINK) $(FILE_LINK_FLAGS) -o $@ $^ $(LIBS) $(TEST_LIBS)

# This program stands before functions that add over ranks, and spoils their results.
$(BUILD)/tests/commands/sum_faults: FILE_LINK_FLAGS = $(foreach function,\
    gradient_tree_reduce node_vector_gather leaf_values_reduce loans_give,-Wl$(comma)--wrap=$(function))

# This one's disk fails when it says so.
$(BUILD)/tests/unit/test_read_faults: FILE_LINK_FLAGS = $(foreach function,\
    read pread poll,-Wl$(comma)--wrap=$(function))

# These stand between eon and its disk.
$(BUILD)/tests/unit/test_failing_disk $(BUILD)/tests/commands/disk_faults: \
    FILE_LINK_FLAGS = -Wl$(comma)--wrap=pread

# Stands before the C library's calls of any program that is started with it: no sanitizer's.
$(BUILD)/obj/tests/faults/%.o $(DISK_SHIM): SANITIZERS =
$(BUILD)/obj/tests/faults/%.o: FILE_FLAGS = -fPIC
$(DISK_SHIM): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/faults/*.c))
	$(call say,link)
	$(Q)mkdir -p $(@D) && $(LINK) -shared -o $@ $^ -lpthread

$(BUILD)/tests/%_in_double: $(BUILD)/double/tests/%_in_double.o \
                            $(BUILD)/libhelpers.a $(BUILD)/libdouble.a $(BUILD)/libeon.a
	$(call say,link)
	$(Q)mkdir -p $(@D) && $(LINK) -o $@ $^ $(LIBS) $(TEST_LIBS)

$(BUILD)/fuzz/obj/%.o: %.c
	$(call say,compile)
	$(Q)mkdir -p $(@D) && clang -std=c11 -D_GNU_SOURCE -I. $(LIBRARY_CFLAGS) $(CPPFLAGS) $(WARNINGS) \
	    $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/libparsers.a: $(FUZZ_SOURCES:%.c=$(BUILD)/fuzz/obj/%.o)
	$(call say,archive)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/libparsers.a $(BUILD)/libeon.a
	$(call say,link)
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBS)

# Changes when the flags do, and everything is compiled again. -Werror changes no object.
.PHONY: flags-may-have-changed
$(BUILD)/flags: flags-may-have-changed
	@mkdir -p $(@D) && echo '$(filter-out -Werror,$(COMPILE))' > $@.$$$$ && \
	  if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

-include $(shell find $(BUILD)/obj $(BUILD)/double $(BUILD)/fuzz -name '*.d' 2>/dev/null)

# ---- What people call ---------------------------------------------------------------------------
# Each first sees that what it needs is there, then starts make again: where pkg-config itself had
# to be installed, only the second make knows the libraries' flags.

AGAIN = +@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

all:
	@.ci/dependencies check build
	$(AGAIN) $(BUILD)/eon

dependencies:
	@.ci/dependencies install build run test demo lint

demo:
	@.ci/dependencies install build run $(if $(CORPUS),,demo)
	$(AGAIN) $(BUILD)/eon
	@EON=$(BUILD)/eon CORPUS='$(CORPUS)' configs/demo/run

test:
	@.ci/dependencies install build run test
	$(AGAIN) run-tests

.PHONY: run-tests
run-tests: $(BUILD)/eon $(COMMAND_TOOLS) $(DISK_SHIM) $(filter $(BUILD)/%,$(TESTS)) \
           $(if $(filter run-tests,$(MAKECMDGOALS)),$(if $(filter %/fuzz.sh,$(TESTS)),\
             $(if $(shell .ci/dependencies check fuzz 2>&1),,$(FUZZ_PROGRAMS))))
	@BUILD=$(BUILD) tests/run $(TESTS)

# Where Slurm cannot be installed, these tests say that they are skipped. Mostly they wait.
test-slurm:
	@.ci/dependencies install build run test
	@.ci/dependencies install slurm || true
	$(AGAIN) EON_TEST_JOBS=2 EON_MAY_SKIP=1 TESTS='$(SLURM_TESTS)' run-tests

# Longer trials than `make test` has time for: these programs do more when they see EON_SOAK.
SOAKS = $(BUILD)/tests/mpi/test_many_operations $(BUILD)/tests/mpi/test_large_vector \
        tests/commands/killed_builds.sh $(CHECKPOINT_SOAKS)

# A training is struck at each call that changes its run, or 1,000 times: hours on two cores.
CHECKPOINT_SOAKS = $(patsubst %,tests/commands/%.sh,\
                     power_failures failing_saves killed_trainings damaged_runs)

soak:
	@.ci/dependencies install build run test
	$(AGAIN) EON_SOAK=1 EON_TEST_TIMEOUT=14400 TESTS='$(SOAKS)' run-tests
	$(AGAIN) EON_ALL=1 EON_TEST_TIMEOUT=3600 ONLY=exchange_bits test

fuzz:
	@.ci/dependencies install build fuzz
	$(AGAIN) run-fuzz

.PHONY: run-fuzz
run-fuzz: $(FUZZ_PROGRAMS)
	@BUILD=$(BUILD) tests/fuzz/run $(FUZZ_SECONDS) $(FUZZED)

bench:
	@.ci/dependencies check build run
	$(AGAIN) $(BUILD)/eon
	$(BUILD)/eon bench kernels
	$(BUILD)/eon bench step --seq_len=256
	$(BUILD)/eon bench step --seq_len=1024
	$(BUILD)/eon bench step --seq_len=256 --precision=bf16
	$(BUILD)/eon bench step --seq_len=1024 --precision=bf16

lint:
	@.ci/dependencies check build test
	@.ci/lint
	$(AGAIN) BUILD=$(BUILD)/lint WERROR=1 everything

.PHONY: everything
everything: $(BUILD)/eon $(TEST_PROGRAMS) $(COMMAND_TOOLS) $(DISK_SHIM)

layers:
	@.ci/layers

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

docs: all
	$(BUILD)/eon help --pages=docs/commands

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/eon $(DESTDIR)$(PREFIX)/share/doc/eon
	install $(BUILD)/eon $(DESTDIR)$(PREFIX)/bin/eon
	cp -R $(wildcard configs slurm) $(DESTDIR)$(PREFIX)/share/eon
	cp -R LICENSE README.md docs $(DESTDIR)$(PREFIX)/share/doc/eon

clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^## \{0,1\}//p' Makefile
