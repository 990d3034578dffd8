# weir. `make run` shows it, `make test` proves it; `make help` lists the rest.

B ?= build
CC ?= gcc
CXX ?= g++
CLANG ?= clang
VERSION := 0.1.0
T ?=
S ?= 10

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	-Wno-gnu-zero-variadic-macro-arguments -Werror
OPT ?= -O2 -g
LIBS := libuv rdkafka avro-c jansson libpq libcurl libmicrohttpd libssl libcrypto libjwt yaml-0.1 liblz4 simdjson
SAN ?=
CFLAGS_ALL = -std=gnu11 $(OPT) $(SAN) $(WARN) -D_GNU_SOURCE -DWEIR_VERSION='"$(VERSION)"' -I. -I$(B)/gen \
	-fno-omit-frame-pointer $(CFLAGS)
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
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all
all: $(B)/weir $(B)/weir-sim

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

$(B)/gen/embed.o: $(B)/gen/embed.S
	$(CC) -c -o $@ $<

# the table of sources and the tables of migrations: one line a file, no list to keep by hand
$(B)/gen/tables.c: $(MIGRATIONS) $(SOURCES:%=ingest/source_%.c) deploy/tables
	@mkdir -p $(@D)
	@deploy/tables '$(sort $(SOURCES))' $(MIGRATIONS) > $@

$(B)/gen/tables.o: $(B)/gen/tables.c
	$(CC) $(CFLAGS_ALL) -c -o $@ $<

# ---- objects and programs

$(B)/%.o: %.c $(GEN_H)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/libweir.a: $(OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(B)/weir: $(B)/weir.o $(B)/libweir.a
	$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL)

# the simulator's story is built in; its parts without main() are linked to their tests
SIM_OBJ := $(SIM_SRC:%.c=$(B)/%.o) $(B)/gen/story.o

$(B)/gen/story.S: $(wildcard tests/simulator/story/*.json*) deploy/embed
	@mkdir -p $(@D)
	@deploy/embed story $(wildcard tests/simulator/story/*.json*) > $@

$(B)/gen/story.o: $(B)/gen/story.S
	$(CC) -c -o $@ $<

$(B)/weir-sim: $(SIM_OBJ) $(B)/libweir.a
	$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL)

$(B)/tests/unit/test_simulator_%: $(B)/tests/unit/test_simulator_%.o \
		$(filter-out %/main.o,$(SIM_OBJ)) $(B)/libweir.a
	$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL) -lcmocka

$(B)/tests/%: $(B)/tests/%.o $(B)/libweir.a
	$(CC) $(SAN) -o $@ $^ $(LDLIBS_ALL) -lcmocka

-include $(OBJ:.o=.d) $(B)/weir.d $(SIM_SRC:%.c=$(B)/%.d) $(UNIT:=.d) $(PROPERTY:=.d)
.SECONDARY:

# ---- pages made from the tables in the program

.PHONY: docs
docs: $(B)/weir
	@mkdir -p docs
	@for page in settings metrics exit-codes commands; do \
		$(B)/weir config document $$page > docs/$$page.md || exit 1; done
	@$(B)/weir config document weir.yaml > deploy/weir.yaml

# ---- tests: `make test T=link` runs what matches

PROGRAMS = $(foreach p,$(UNIT) $(PROPERTY),$(if $(findstring $(T),$(p)),$(p)))

.PHONY: check
check: $(B)/weir $(PROGRAMS)
	@tests/run-tests $(PROGRAMS)

# ---- fuzzers: the library once more, with clang and coverage; planted ones must be caught

$(B)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/san/libweir.a
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS_ALL) -fsanitize=fuzzer,address,undefined -o $@ $< $(B)/san/libweir.a $(LDLIBS_ALL)

$(B)/fuzz/%.planted: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/san/libweir.a
	@mkdir -p $(@D)
	$(CLANG) $(CFLAGS_ALL) -DPLANTED -fsanitize=fuzzer,address,undefined -o $@ $< $(B)/san/libweir.a $(LDLIBS_ALL)

$(B)/san/libweir.a: $(SRC) common/json_reader.cc $(wildcard */*.h)
	@$(MAKE) --no-print-directory B=$(B)/san CC=$(CLANG) CXX=$(CLANG)++ OPT='-O1 -g' \
		SAN='-fsanitize=fuzzer-no-link,address,undefined' $(B)/san/libweir.a.inner

.PHONY: $(B)/libweir.a.inner
$(B)/libweir.a.inner: $(B)/libweir.a
