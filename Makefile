# weir. `make run` shows it, `make test` proves it; `make help` lists the rest.

B ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
CLANG ?= clang
VERSION := 0.1.0
T ?=
S ?= 10

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	-Wno-gnu-zero-variadic-macro-arguments -Werror
OPT ?= -O2 -g
LIBS := libuv rdkafka avro-c jansson libpq libcurl libmicrohttpd libssl libcrypto libjwt yaml-0.1 liblz4 simdjson
PQ_CFLAGS := $(shell pkg-config --cflags libpq 2>/dev/null)
SAN ?=
CFLAGS_ALL = -std=gnu11 $(OPT) $(SAN) $(WARN) -D_GNU_SOURCE -DWEIR_VERSION='"$(VERSION)"' -I. -I$(B)/gen \
	-fno-omit-frame-pointer $(PQ_CFLAGS) $(CFLAGS)
CXXFLAGS_ALL = -std=c++17 $(OPT) $(SAN) -Wall -Wextra -Wshadow -Werror -I. $(CXXFLAGS)
LDLIBS_ALL = $(shell pkg-config --libs $(LIBS)) -lstdc++ -lm

FOLDERS := common schemas ingest normalize store tenant serve
SRC := $(foreach f,$(FOLDERS),$(wildcard $(f)/*.c))
SOURCES := $(patsubst ingest/source_%.c,%,$(wildcard ingest/source_*.c))
SQL := $(wildcard store/sql/*.sql)
MIGRATIONS := $(sort $(wildcard store/migrations/*/*.sql))
AVSC := $(wildcard schemas/*.avsc)
OBJ := $(SRC:%.c=$(B)/%.o) $(B)/common/json_reader.o $(B)/gen/embed.o $(B)/gen/tables.o
GEN_H := $(B)/gen/sql.h $(B)/gen/avsc.h
SIM_SRC := $(wildcard tests/simulator/*.c)

UNIT := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
PROPERTY := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/property/test_*.c tests/replay/test_*.c))
BENCH := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bench/bench_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all
all: $(B)/weir $(B)/weir-sim

# what is missing is installed first, once for each kind (deploy/packages)
$(B)/installed-%: deploy/packages deploy/install
	@deploy/install $*
	@mkdir -p $(@D) && touch $@

# ---- what is generated

$(B)/gen/sql.h: $(SQL) deploy/embed
	@mkdir -p $(@D)
	@deploy/embed -h sql $(SQL) > $@

$(B)/gen/avsc.h: $(AVSC) deploy/embed
	@mkdir -p $(@D)
	@deploy/embed -h avsc $(AVSC) > $@

$(B)/gen/embed.S: $(SQL) $(AVSC) $(MIGRATIONS) schemas/index deploy/embed
	@mkdir -p $(@D)
	@{ deploy/embed sql $(SQL); deploy/embed avsc $(AVSC); deploy/embed schema schemas/index; \
	   for f in $(MIGRATIONS); do deploy/embed "migration_$$(basename $$(dirname $$f))" $$f; done; } > $@

$(B)/gen/embed.o: $(B)/gen/embed.S | $(B)/installed-build
	@$(CC) -c -o $@ $<

# the table of sources and the tables of migrations: one line a file, no list to keep by hand
$(B)/gen/tables.c: $(MIGRATIONS) $(SOURCES:%=ingest/source_%.c) deploy/tables
	@mkdir -p $(@D)
	@deploy/tables '$(sort $(SOURCES))' $(MIGRATIONS) > $@

$(B)/gen/tables.o: $(B)/gen/tables.c | $(B)/installed-build
	@$(CC) $(CFLAGS_ALL) -c -o $@ $<

# ---- objects and programs

$(B)/%.o: %.c $(GEN_H) | $(B)/installed-build
	@mkdir -p $(@D)
	@echo '  CC   $<'
	@$(CC) $(CFLAGS_ALL) -MD -MP -c -o $@ $<

$(B)/%.o: %.cc | $(B)/installed-build
	@mkdir -p $(@D)
	@echo '  CXX  $<'
	@$(CXX) $(CXXFLAGS_ALL) -MD -MP -c -o $@ $<

$(B)/libweir.a: $(OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(B)/weir: $(B)/weir.o $(B)/libweir.a
	@echo '  LINK $@'
	@$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL)

# the simulator's story is built in; its parts without main() are linked to their tests
SIM_OBJ := $(SIM_SRC:%.c=$(B)/%.o) $(B)/gen/story.o

$(B)/gen/story.S: $(wildcard tests/simulator/story/*.json*) deploy/embed
	@mkdir -p $(@D)
	@deploy/embed story $(wildcard tests/simulator/story/*.json*) > $@

$(B)/gen/story.o: $(B)/gen/story.S
	@$(CC) -c -o $@ $<

$(B)/weir-sim: $(SIM_OBJ) $(B)/libweir.a
	@echo '  LINK $@'
	@$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL)

$(B)/tests/unit/test_simulator_%: $(B)/tests/unit/test_simulator_%.o \
		$(filter-out %/main.o,$(SIM_OBJ)) $(B)/libweir.a
	@echo '  LINK $@'
	@$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL) -lcmocka

# an hour passes in no time
$(addprefix $(B)/,$(foreach t,test_ingest_token test_poll,tests/unit/$t planted/tests/unit/$t)): LDLIBS_ALL += -Wl,--wrap=clock_mono_ms

# how a record is sealed is the bench's choice
$(B)/tests/bench/bench_ingest: LDLIBS_ALL += -Wl,--wrap=seal_close

$(B)/tests/%: $(B)/tests/%.o $(B)/libweir.a
	@echo '  LINK $@'
	@$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL) -lcmocka

-include $(OBJ:.o=.d) $(B)/weir.d $(SIM_SRC:%.c=$(B)/%.d) $(UNIT:=.d) $(PROPERTY:=.d) $(INTEGRATION_C:=.d) $(BENCH:=.d) $(B)/tests/quality/churn.d
.SECONDARY:

# ---- the whole line on this machine: make run [ONCE=1] [DATA=folder | REPLAY=secrl]
# [KAFKA=host:port]

.PHONY: run
run: $(B)/installed-build $(B)/installed-run
	@$(MAKE) --no-print-directory -j2 all
	@deploy/run --build $(B) $(if $(ONCE),--once) $(if $(DATA),--data $(DATA)) $(if $(KAFKA),--kafka $(KAFKA)) \
		$(if $(SPEED),--speed $(SPEED)) $(if $(REPLAY),--replay $(REPLAY) --shared $(SHARED))

# ---- tests: `make test T=link` runs what matches

SHARED ?= ../shared
export SHARED
matching = $(if $(T),$(foreach p,$(1),$(if $(findstring $(T),$(p)),$(p))),$(1))
CHECKS := $(UNIT) $(PROPERTY)
CHECK_SCRIPTS := $(wildcard tests/property/test_*[!c] tests/simulator/check_*)
INTEGRATION_C := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/integration/test_*.c))
INTEGRATION_TOOLS := $(B)/tests/integration/raw_alerts
INTEGRATION_SCRIPTS := $(filter-out %.c,$(wildcard tests/integration/test_*))
FUZZ_RUNS = $(foreach f,$(FUZZ),"tests/fuzz/run $(f) $(S)" "tests/fuzz/run $(f).planted 60")

# last, when nothing was left out: did the tests of tests/checklists.md run, and does each find the
# fault that is planted for it?
CHECKLISTS = $(if $(T),,"tests/lint/checklists --ran $(B)/tests/ran" $(if $(SAN),,"tests/planted $(B)"))
PLANT_TOO = $(if $(SAN),,$(MAKE) --no-print-directory -j2 planted-programs)

# the part without servers
.PHONY: check
check: $(B)/installed-build $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 $(B)/weir $(B)/weir-sim $(call matching,$(CHECKS)) $(call matching,$(BENCH))
	@$(if $(T),,$(PLANT_TOO))
	@B=$(B) WEIR_TEST_RAN=$(B)/tests/ran tests/run-tests $(call matching,$(CHECKS) $(CHECK_SCRIPTS)) $(CHECKLISTS)

# everything, with a real Kafka and a private PostgreSQL
.PHONY: test
test: $(B)/installed-build $(B)/installed-run $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 $(B)/weir $(B)/weir-sim $(call matching,$(CHECKS) $(INTEGRATION_C) $(BENCH)) $(INTEGRATION_TOOLS)
	@$(if $(T),,$(PLANT_TOO))
	@$(if $(T),,$(MAKE) --no-print-directory -j2 fuzzers)
	@B=$(B) WEIR_TEST_RAN=$(B)/tests/ran tests/with-servers $(B) tests/run-tests \
		$(call matching,$(CHECKS) $(CHECK_SCRIPTS) $(INTEGRATION_C) $(INTEGRATION_SCRIPTS)) $(CHECKLISTS) \
		$(if $(T),,-- $(FUZZ_RUNS))

.PHONY: integration
integration: $(B)/installed-build $(B)/installed-run $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 $(B)/weir $(B)/weir-sim $(call matching,$(INTEGRATION_C)) $(INTEGRATION_TOOLS)
	@B=$(B) tests/with-servers $(B) tests/run-tests $(call matching,$(INTEGRATION_C) $(INTEGRATION_SCRIPTS))

# an hour with faults, memory and descriptors flat: make soak [SOAK_S=600]
.PHONY: soak
soak: $(B)/installed-build $(B)/installed-run $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 $(B)/weir $(B)/weir-sim $(INTEGRATION_TOOLS)
	@B=$(B) $(if $(SOAK_S),SOAK_S=$(SOAK_S)) tests/with-servers $(B) tests/fault/soak

# numbers, beside those of the last time; CPU time, so that a busy machine says nearly the same
.PHONY: bench
bench: $(B)/installed-build $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 $(call matching,$(BENCH))
	@tests/bench/run $(B) $(call matching,$(BENCH))

# how well alerts are grouped, beside the reference and simple rules: docs/correlation-quality.md
.PHONY: quality
quality: $(B)/installed-build
	@$(MAKE) --no-print-directory -j2 $(B)/weir $(B)/tests/quality/churn
	@B=$(B) tests/quality/quality.py --same '$(B)/weir correlate --profile reference' \
		--churn $(B)/tests/quality/churn --page docs/correlation-quality.md --json $(B)/quality.jsonl $(if $(T),--sets $(T))

# random scenarios with kills, many more of them than `make test` has
.PHONY: nightly
nightly: $(B)/installed-build $(B)/installed-run $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 $(B)/weir $(B)/weir-sim $(INTEGRATION_TOOLS)
	@B=$(B) STORM_SEEDS=$${STORM_SEEDS:-1000} TENANTS=1000 tests/with-servers $(B) \
		sh -c 'tests/integration/test_storm && tests/integration/test_thousand'

# the tests without servers once more, under sanitizers; and under valgrind
.PHONY: asan
asan: $(B)/installed-build $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 B=$(B)/asan OPT='-O1 -g' SAN='-fsanitize=address,undefined -fno-sanitize-recover=undefined' check

.PHONY: valgrind
valgrind: $(B)/installed-build $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 $(call matching,$(CHECKS))
	@WEIR_TEST_VALGRIND=1 tests/run-tests $(foreach p,$(call matching,$(CHECKS)),"valgrind -q --leak-check=full --errors-for-leak-kinds=definite,indirect --error-exitcode=9 $(p)")

# the library with the faults of common/plant.h, for the tests that have to find them
PLANTED = $(shell grep -l '"common/plant.h"' $(SRC))
PLANTED_TESTS = $(patsubst tests/%.c,$(B)/planted/tests/%,$(shell tests/planted --programs))

$(B)/planted/%.o: %.c $(GEN_H) | $(B)/installed-build
	@mkdir -p $(@D)
	@echo '  CC   $< (planted)'
	@$(CC) $(CFLAGS_ALL) -DPLANTED -MD -MP -c -o $@ $<

$(B)/planted/libweir.a: $(B)/libweir.a $(PLANTED:%.c=$(B)/planted/%.o)
	@cp $< $@
	@ar rs $@ $(filter %.o,$^)

$(B)/planted/tests/%: $(B)/tests/%.o $(B)/tests/unit/planted_only.o $(B)/planted/libweir.a
	@mkdir -p $(@D)
	@echo '  LINK $@'
	@$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL) -lcmocka

-include $(PLANTED:%.c=$(B)/planted/%.d)

.PHONY: planted planted-programs
planted-programs: $(PLANTED_TESTS)

planted: $(B)/installed-build $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 planted-programs
	@tests/planted $(B)

# warnings are errors with clang too
.PHONY: clang
clang: $(B)/installed-build $(B)/installed-test
	@$(MAKE) --no-print-directory -j2 B=$(B)/clang CC=$(CLANG) CXX=$(CLANG)++ all

# ---- fuzzers: the library once more, with clang and coverage; planted ones must be caught

# fuzzers are linked as C: what needs the C++ half of the sanitizer is left out there
SANITIZED = -fsanitize=address,undefined -fno-sanitize-recover=undefined
# the JSON reader is C++, and clang alone links the C runtime of the sanitizers only
FUZZ_LINK = -fsanitize-link-c++-runtime

.PHONY: fuzzers fuzz
fuzzers: $(B)/installed-build $(B)/installed-test
	@$(MAKE) --no-print-directory B=$(B)/fuzz/lib CC=$(CLANG) CXX=$(CLANG)++ OPT='-O1 -g' \
		CXXFLAGS='-fno-sanitize=vptr,function' \
		SAN='-fsanitize=fuzzer-no-link $(SANITIZED)' library
	@$(MAKE) --no-print-directory $(FUZZ) $(FUZZ:=.planted)

fuzz: fuzzers
	@SEED=0 tests/run-tests $(foreach f,$(FUZZ),"tests/fuzz/run $(f) $(S)")

.PHONY: library
library: $(B)/libweir.a

$(B)/fuzz/%.planted: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/fuzz/lib/libweir.a
	@echo '  FUZZ $@'
	@$(CLANG) $(CFLAGS_ALL) -O1 -DPLANTED -fsanitize=fuzzer $(SANITIZED) $(FUZZ_LINK) -o $@ $< $(B)/fuzz/lib/libweir.a $(LDLIBS_ALL)

$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/fuzz/lib/libweir.a
	@echo '  FUZZ $@'
	@$(CLANG) $(CFLAGS_ALL) -O1 -fsanitize=fuzzer $(SANITIZED) $(FUZZ_LINK) -o $@ $< $(B)/fuzz/lib/libweir.a $(LDLIBS_ALL)

# ---- pages made from the tables in the program

.PHONY: docs
docs: $(B)/weir
	@mkdir -p docs
	@for page in settings metrics exit-codes commands; do \
		$(B)/weir config document $$page > docs/$$page.md || exit 1; done
	@$(B)/weir config document man > docs/weir.1
	@$(B)/weir config document weir.yaml > deploy/weir.yaml
	@$(B)/weir params document markdown > docs/parameters.md
	@$(B)/weir params document yaml > deploy/correlation.yaml

.PHONY: sources
sources:
	@echo $(SOURCES)

# ---- the rest

FORMATTED = $(wildcard *.c $(foreach f,$(FOLDERS),$(f)/*.[ch]) tests/*/*.[ch])
.PHONY: format
format: $(B)/installed-lint
	@clang-format -i $(FORMATTED)

# what reading alone finds. clang-tidy takes 5 s a file, so it looks at what changed since it was
# content; `make lint TIDY=` leaves it out, TIDY='common/*.c' narrows it
TIDY ?= $(SRC) weir.c
.PHONY: lint
lint: $(B)/installed-build $(B)/installed-lint
	@$(MAKE) --no-print-directory -j2 $(B)/weir
	@bad=; for check in 'tests/lint/format $(FORMATTED)' tests/lint/includes tests/lint/length \
			tests/lint/words tests/lint/planted tests/lint/checklists tests/lint/docs 'tests/lint/pages $(B)/weir' \
			'tests/lint/cppcheck $(B) weir.c $(FOLDERS) tests/simulator' \
			$(if $(strip $(TIDY)),'$(MAKE) --no-print-directory -k -j2 $(patsubst %.c,$(B)/lint/%.tidy,$(wildcard $(TIDY)))'); do \
		$$check || bad="$$bad $${check%% *}"; done; \
	if [ -n "$$bad" ]; then echo "lint: see$$bad"; exit 1; else echo 'lint: nothing found'; fi

$(B)/lint/%.tidy: %.c $(B)/%.o tests/lint/tidy
	@mkdir -p $(@D)
	@echo '  TIDY $<'
	@tests/lint/tidy $(B) $<
	@touch $@

PREFIX ?= /usr/local
.PHONY: install
install: all
	install -D -m 755 $(B)/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -D -m 644 deploy/weir.yaml $(DESTDIR)$(PREFIX)/share/doc/weir/weir.yaml
	install -D -m 644 deploy/correlation.yaml $(DESTDIR)$(PREFIX)/share/doc/weir/correlation.yaml
	install -D -m 644 docs/weir.1 $(DESTDIR)$(PREFIX)/share/man/man1/weir.1

.PHONY: clean
clean:
	rm -rf $(B)

.PHONY: help
help:
	@echo 'make run [ONCE=1] [DATA=../shared/data] [KAFKA=host:port]   the whole pipeline on this machine'
	@echo 'make run ONCE=1 REPLAY=secrl [SHARED=folder]                 real incidents, and how they were grouped'
	@echo 'make test [T=word]    everything, real Kafka and PostgreSQL  make check    the part without servers'
	@echo 'make nightly          1,000 random scenarios with kills, 1,000 tenants'
	@echo 'make asan valgrind    the tests again, watched               make fuzz S=60  each fuzzer for 60 s'
	@echo 'make bench [T=word]   how much work costs, beside the last time it was measured'
	@echo 'make quality [T=std]  how well alerts are grouped: docs/correlation-quality.md'
	@echo 'make planted          faults built on purpose, and the tests that find them'
	@echo 'make lint format docs clang install clean'
