# SPDX-License-Identifier: GPL-2.0-only
#
# mqk: a message broker inside the Linux kernel.  `make help` lists what there
# is to make.  The work is done by scripts under tools/; this file names it.
#
# Sub-directories with a Makefile of their own (libmqk, tools/*, selftests/*)
# are built by tools/build/userspace, which hands down
#   BUILD             absolute build directory; results go to $(BUILD)/bin,
#                     $(BUILD)/lib, $(BUILD)/selftests, objects to
#                     $(BUILD)/obj/...
#   TOP               absolute path of the checkout; uapi is $(TOP)/uapi
#   LIBBPF_CFLAGS, LIBBPF_LIBS    libbpf 1.4 or newer
#   KSELFTEST_CFLAGS  where kselftest_harness.h is
#   VERSION           version of the project
# They build everything by default and know `clean`.  A directory without a
# Makefile is skipped.
#
# The module is built in a tree of its own per kernel: tools/build/module.

.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules
# The scripts run several makes at a time where that helps.
.NOTPARALLEL:

# HOST=1: the running kernel instead of a virtual machine.
# (Some shells export a HOST of their own: only 1 counts.)
host := $(filter 1,$(HOST))
export HOST := $(host)
setup := tools/setup/setup
vm := tools/vm/run $(if $(host),--host,--disk 1G --mem 3G)

all: module user

help:
	@cat tools/build/help

setup:
	@$(setup) build $(if $(host),host,vm)

module: setup
	@tools/build/module --quiet $(if $(host),host,stock) >/dev/null

user: setup
	@tools/build/userspace

demo: module user
	@$(vm) -- tools/demo/demo

check:
	@tools/check

check-unit: setup
	@tools/build/userspace --unit-tests

check-debug:
	@$(setup) build vm kernel
	@tools/vm/build-kernel --if-missing debug kcsan
	@tools/check --instrumented

bench: module user
	@tools/bench/run

lint: setup
	@$(setup) build lint
	@tools/build/lint

load:
	@$(setup) build host
	@tools/build/load

unload:
	@tools/build/load --remove

install: user
	@tools/build/install

uninstall:
	@tools/build/install --remove

clean:
	rm -rf build

.PHONY: all help setup module user demo check check-unit check-debug bench lint load unload install uninstall clean
