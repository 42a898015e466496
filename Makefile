# SPDX-License-Identifier: PostgreSQL
# The product build, by PGXS: make, make install, make installcheck for the server that PG_CONFIG names.
#
#   make check            everything on a bare Debian machine: packages, builds, throw-away clusters, all tests
#   make check-crash      the whole kill matrix, at least a thousand kills; make check has a short form of it
#   make check-versions   the same for PostgreSQL 17 and 18, in Debian roots of their own (root only)
#   make demo             a guided run against the bundled stand-in of the provider; KEEP=1 leaves the cluster running
#   make bench            the measurements
#   make lint             the rules of the tree, without a server
#
# Variables: PG_CONFIG, DESTDIR, CXX; WERROR=1 makes warnings errors; FAULTS=1 is the build for the tests: with fault points,
# and with undefined behaviour ending the process.

top := $(or $(VPATH),.)
machine_goals := check check-crash check-versions demo bench lint

ifneq (,$(filter $(machine_goals),$(MAKECMDGOALS)))
# Goals that must work before a server is installed.

other_goals := $(filter-out $(machine_goals),$(MAKECMDGOALS))
.PHONY: $(MAKECMDGOALS)

check:
	@$(top)/test/lib/check.sh

check-crash:
	@SUITES=crash ATELIER_CRASH=full $(top)/test/lib/check.sh

check-versions:
	@$(top)/test/lib/check-versions.sh

demo:
	@$(top)/test/demo/run.sh

bench:
	@$(top)/test/bench/run.sh

lint:
	@$(top)/test/lib/run-tap.pl $(top)/test/lint/*.pl

$(other_goals):
	@$(MAKE) -f $(firstword $(MAKEFILE_LIST)) $@

else

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifeq (,$(and $(PGXS),$(wildcard $(PGXS))))

.PHONY: all install installcheck uninstall clean
all install installcheck uninstall:
	@echo 'No PostgreSQL server headers: "$(PG_CONFIG) --pgxs" names no file.' >&2
	@echo 'Install them (Debian: apt-get install postgresql-server-dev-all) or set PG_CONFIG,' >&2
	@echo 'or run "make demo" or "make check", which install what is missing.' >&2
	@exit 1

clean:
	rm -rf build atelier.control atelier.so

else

version := $(shell sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" $(top)/extension.control)
script := build/atelier--$(version).sql
objects := build/obj$(if $(FAULTS),-faults)
sources := $(sort $(wildcard $(top)/src/*.cpp $(top)/src/*/*.cpp))
schema := $(sort $(wildcard $(top)/sql/schema/*.sql))
tables := $(shell sed -n 's/.* kTableVersion = \([0-9]*\);.*/\1/p' $(top)/src/store/dispatch.hpp)
# From each released version straight to this one; and, where a build for the tests was made, the scripts of those versions.
updates := $(patsubst $(top)/sql/upgrade/%.sql,build/atelier--%.sql,$(wildcard $(top)/sql/upgrade/*--$(version).sql))
released := $(patsubst $(top)/sql/upgrade/released/%.gz,build/%,$(wildcard $(top)/sql/upgrade/released/*.sql.gz))

MODULE_big = atelier
OBJS = $(patsubst $(top)/src/%.cpp,$(objects)/%.o,$(sources))
MODULEDIR = extension
DATA_built = atelier.control $(script) $(updates) $(if $(FAULTS)$(wildcard build/obj-faults),$(released))
EXTRA_CLEAN = build

# The server's headers are system headers to us: their warnings are not ours. 15 has no default for PGDLLEXPORT, so
# hidden visibility would hide the module's entry points too.
PG_CPPFLAGS = -I$(top)/src -isystem $(shell $(PG_CONFIG) --includedir-server) \
  -DATELIER_VERSION='"$(version)"' -DPGDLLEXPORT='__attribute__((visibility("default")))' \
  $(if $(FAULTS),-DATELIER_FAULT_POINTS)
sanitizer := $(if $(FAULTS),-fsanitize=undefined -fno-sanitize-recover=undefined)
PG_CXXFLAGS = -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden \
  -Wall -Wextra -Wshadow -Wno-unknown-warning-option $(if $(WERROR),-Werror) $(sanitizer)
SHLIB_LINK = -Wl,--version-script=$(top)/src/atelier.map $(sanitizer) -lcurl -larchive -lstdc++ -lm

REGRESS = $(sort $(patsubst $(top)/sql/%.sql,%,$(wildcard $(top)/sql/*.sql)))
REGRESS_OPTS = --outputdir=build/regress
ISOLATION = $(sort $(patsubst $(top)/test/specs/%.spec,%,$(wildcard $(top)/test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(top)/test --outputdir=build/isolation
REGRESS_PREP = build/regress build/isolation

# The bitcode step ignores PG_CXXFLAGS, and nothing here would be inlined into a query anyway.
override with_llvm := no
include $(PGXS)
override with_llvm := no

# A static pattern: an implicit one would make the objects intermediate files, whose absence does not count.
$(OBJS): $(objects)/%.o: $(top)/src/%.cpp $(top)/extension.control $(top)/Makefile
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(OBJS:.o=.d): ;
-include $(OBJS:.o=.d)

atelier.so: $(top)/src/atelier.map

atelier.control: $(top)/extension.control
	sed '/^#/d' $< >$@

$(script): $(schema) $(top)/extension.control
	@mkdir -p $(@D)
	{ printf '%s\n' '\echo Use "CREATE EXTENSION atelier" to load this file. \quit'; cat $(schema) </dev/null; } \
	  | sed 's/@VERSION@/$(version)/g' >$@.new
	mv $@.new $@

$(updates): build/atelier--%.sql: $(top)/sql/upgrade/%.sql $(top)/sql/upgrade/begin.sql $(top)/sql/upgrade/end.sql \
  $(schema) $(top)/extension.control $(top)/src/store/dispatch.hpp
	@mkdir -p $(@D)
	{ printf '%s\n' '\echo Use "ALTER EXTENSION atelier UPDATE" to load this file. \quit'; \
	  sed 's/@TABLES@/$(tables)/g' $(top)/sql/upgrade/begin.sql; cat $<; \
	  cat $(filter-out %/99_end.sql,$(schema)) | sed -e 's/^CREATE FUNCTION /CREATE OR REPLACE FUNCTION /' \
	    -e 's/^CREATE PROCEDURE /CREATE OR REPLACE PROCEDURE /'; \
	  cat $(top)/sql/upgrade/end.sql; } | sed 's/@VERSION@/$(version)/g' >$@.new
	mv $@.new $@

$(released): build/%: $(top)/sql/upgrade/released/%.gz
	@mkdir -p $(@D)
	gzip -dc $< >$@

$(REGRESS_PREP):
	mkdir -p $@

# pgTAP and TAP come before pg_regress and isolation. TAP makes clusters of its own from this server's programs.
.PHONY: installcheck-more
installcheck: installcheck-more
installcheck-more: $(REGRESS_PREP)
	PG_CONFIG='$(PG_CONFIG)' $(top)/test/lib/installcheck.sh

endif
endif
