# SPDX-License-Identifier: GPL-2.0-or-later
#
# msgslot: "make help" lists the targets. Building the tools and the module, and
# installing them, need a compiler, make and kernel headers, and install no package.
# The demo and the checks install missing packages through "make deps".

VERSION	:= 0.1.0

# The project's addresses; packages do not name an empty one. After a change: "make addresses".
# A site; where git clones from; where bugs are reported; .../msgslot-$(VERSION).tar.gz; Name <address>.
HOMEPAGE :=
VCS	:=
BUGS	:=
ARCHIVE	:=
MAINTAINER :=

BUILD	?= build
PREFIX	?= /usr
DESTDIR	?=
ZSHDIR	?= $(PREFIX)/share/zsh/vendor-completions
KDIR	?= /lib/modules/$(shell uname -r)/build

CFLAGS	?= -O2 -g
WARN	:= -Wall -Wextra
INSTALL	:= install

# The harness reads these; the command line may set them.
export BUILD VERSION

.DELETE_ON_ERROR:
.PHONY: all tools man module install uninstall deps demo demo-here check try \
	check-kernels check-debug check-tools check-kcsan check-models check-faults check-all clean help

all: tools lib man ## the tools, libraries and manual pages, into build/

# ---- tools: the same objects, and a main() for each program --------------
# The library is linked in: finding and binding a shared one would be a tenth of
# the cost of sending a message.

PROGRAMS := msgslot message_sender message_reader
TOOLS	:= $(patsubst %.c,$(BUILD)/%.o,$(filter-out tools/main.c,$(wildcard tools/*.c)))
CCTOOLS	= $(CC) -std=gnu11 $(CFLAGS) $(WARN) $(CPPFLAGS) -Isrc/uapi -Ilib \
		-DMSGSLOT_VERSION='"$(VERSION)"'

tools: $(PROGRAMS:%=$(BUILD)/%)

$(BUILD)/tools/%.o: tools/%.c $(wildcard tools/*.h lib/*.h src/uapi/linux/*.h) Makefile
	@mkdir -p $(@D)
	$(CCTOOLS) -c -o $@ $<

$(PROGRAMS:%=$(BUILD)/%): tools/main.c $(TOOLS) $(BUILD)/libmsgslot.a
	$(CCTOOLS) $(if $(filter-out msgslot,$(@F)),-DMSGSLOT_PROGRAM='"$(@F)"') \
		$(LDFLAGS) -o $@ $^

# ---- the library -----------------------------------------------------------

include lib/lib.mk

# ---- packages --------------------------------------------------------------

include tests/package/packaging.mk

# ---- manual pages, where scdoc is there to make them ---------------------
# The first line tells man that a page has tables, which scdoc does not write. scdoc's .nh comes before
# groff's man macros, which turn hyphenation on again unless HY is 0. No line ends with a hyphen either, as
# names of pages and options are searched for and copied.

PAGES	:= $(wildcard man/man*/*.scd)

# By a make of its own: "make deps" may have installed scdoc after this one looked.
man:
	@if command -v scdoc >/dev/null; then \
		exec $(MAKE) --no-print-directory pages; \
	else \
		echo "notice: scdoc is missing, the manual pages are left out"; \
	fi

.PHONY: pages
pages: $(PAGES:%.scd=$(BUILD)/%)
	@:

$(BUILD)/man/%: man/%.scd Makefile
	@mkdir -p $(@D)
	{ printf "'\\\" t\n.nr HY 0\n.cflags 0 -\n" && scdoc <$<; } >$@

# ---- the module ----------------------------------------------------------
# Its sources are copied, because kernels before 6.13 have no output directory
# for a module outside their tree. Kbuild takes W=1 and C=2 from the command line, and NAME, the
# name of the module. SRC names another folder of sources.
# A kernel that clang built needs modules built by clang.

NAME	:= msgslot
MODULE	:= $(BUILD)/module
SRC	:= src
MODSRC	:= $(wildcard $(SRC)/Kbuild $(SRC)/*.[ch] $(SRC)/uapi/linux/*.h)
LLVM	?= $(if $(shell grep -sx CONFIG_CC_IS_CLANG=y $(KDIR)/include/config/auto.conf),1)

module: ## the module for the kernel of KDIR, into build/module/
	@[ -e $(KDIR)/Makefile ] || { \
		echo "There are no headers of a kernel in $(KDIR):" >&2; \
		echo "install them (linux-headers-$$(uname -r), kernel-devel), or say KDIR=FOLDER." >&2; \
		exit 1; }
	@mkdir -p $(MODULE)/uapi/linux
	@cd $(MODULE) && find . -name '*.[ch]' ! -name '*.mod.c' | while read -r file; do \
		[ -e "$(abspath $(SRC))/$$file" ] || rm -f "$$file"; done
	@for file in $(MODSRC:$(SRC)/%=%); do \
		cmp -s "$(SRC)/$$file" "$(MODULE)/$$file" || \
		cp "$(SRC)/$$file" "$(MODULE)/$$file" || exit 1; done
	$(MAKE) -C $(KDIR) M=$(abspath $(MODULE)) $(LLVM:%=LLVM=%) modules

# ---- install -------------------------------------------------------------
# Files are installed only into FOLDERS: uninstall removes those of these folders
# that did not exist before.

FOLDERS = $(PREFIX)/bin $(PREFIX)/share/bash-completion/completions $(ZSHDIR) \
	$(PREFIX)/share/fish/vendor_completions.d $(PREFIX)/include/linux $(PREFIX)/lib/udev/rules.d \
	$(PREFIX)/lib/sysusers.d $(PREFIX)/lib/modules-load.d $(LIBDIR)/pkgconfig \
	$(patsubst %/,$(PREFIX)/share/%,$(sort $(dir $(PAGES))))

# Makes folders, and lists those it made in a file, which may be root's from the last time.
define make-folders
@{ cat $(BUILD)/folders 2>/dev/null; for folder in $(1:%=$(DESTDIR)%); do \
	while [ ! -d $$folder ]; do echo $$folder; folder=$$(dirname $$folder); done; done; \
} >$(BUILD)/folders.new
@mv -f $(BUILD)/folders.new $(BUILD)/folders
$(INSTALL) -d $(1:%=$(DESTDIR)%)
endef

install: all ## what is built, below DESTDIR and PREFIX
	$(call make-folders,$(FOLDERS))
	$(INSTALL) -m 755 -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS:%=$(BUILD)/%)
	$(INSTALL) -m 644 tools/completion/msgslot.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/msgslot
	$(INSTALL) -m 644 -t $(DESTDIR)$(ZSHDIR) tools/completion/_msgslot
	$(INSTALL) -m 644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d \
		tools/completion/msgslot.fish
	$(INSTALL) -m 644 -t $(DESTDIR)$(PREFIX)/include src/uapi/message_slot.h
	$(INSTALL) -m 644 -t $(DESTDIR)$(PREFIX)/include/linux \
		src/uapi/linux/*.h
	$(INSTALL) -m 644 -t $(DESTDIR)$(PREFIX)/lib/udev/rules.d udev/*.rules
	$(INSTALL) -m 644 udev/msgslot.sysusers.conf \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/msgslot.conf
	$(INSTALL) -m 644 udev/msgslot.modules-load.conf \
		$(DESTDIR)$(PREFIX)/lib/modules-load.d/msgslot.conf
	for page in $(PAGES:man/%.scd=%); do \
		[ ! -e $(BUILD)/man/$$page ] || \
		$(INSTALL) -m 644 $(BUILD)/man/$$page \
			$(DESTDIR)$(PREFIX)/share/man/$$page || exit 1; done
	$(MAKE) --no-print-directory install-lib
	@if [ -e $(MODULE)/$(NAME).ko ]; then \
		$(MAKE) --no-print-directory install-module; \
	else \
		echo "Without the module, which has not been built: make module, then make install again."; \
	fi

# The kernel that the module was built for decides where it goes, not the one
# that runs.
.PHONY: install-module
install-module: RELEASE = $(firstword $(shell modinfo -F vermagic $(MODULE)/$(NAME).ko))
install-module:
	$(call make-folders,/lib/modules/$(RELEASE)/updates)
	$(INSTALL) -m 644 -t $(DESTDIR)/lib/modules/$(RELEASE)/updates \
		$(MODULE)/$(NAME).ko
	[ -n "$(DESTDIR)" ] || depmod $(RELEASE)

# The list of files to remove is made by an install into a folder of its own.
IMAGE	= $(abspath $(BUILD))/image

# Modules are also of kernels that were installed for before.
uninstall: ## what "make install" with the same variables put there
	@rm -rf $(IMAGE)
	@$(MAKE) --no-print-directory install DESTDIR=$(IMAGE) >/dev/null
	@for file in $(DESTDIR)/lib/modules/*/updates/$(NAME).ko; do \
		[ -e "$$file" ] || continue; \
		rm -fv "$$file" || exit 1; \
		release=$${file#$(DESTDIR)/lib/modules/}; \
		[ -n "$(DESTDIR)" ] || depmod $${release%%/*} || exit 1; done
	@find $(IMAGE) ! -type d -printf '/%P\n' | while read -r file; do \
		rm -fv "$(DESTDIR)$$file" || exit 1; done
	@rm -rf $(IMAGE)
	@LC_ALL=C sort -ru $(BUILD)/folders | while read -r folder; do \
		rmdir $$folder 2>/dev/null || [ ! -d $$folder ] || echo $$folder; done >$(BUILD)/folders.new
	@mv -f $(BUILD)/folders.new $(BUILD)/folders

# ---- demo and checks -----------------------------------------------------
# Each of them ends with a line "N passed, N failed". KERNEL chooses kernels of
# tests/vm/kernels; SIZE is quick or full; STRESS is how many seconds a stress or
# fuzz test runs, JOBS how many processors may be busy. check is quick.

RUN	= tests/vm/run $(if $(filter quick,$(SIZE)),--quick) $(STRESS:%=--seconds %)
STEPS	= tests/steps $(JOBS:%=-j %)
# Not by its name, or make -n would run it.
SELF	= $(MAKE) --no-print-directory
SUITE	:= uapi lib shell cli stress fuzz
KERNEL	?= $(shell awk '!/^(\#|$$)/ && $$3 !~ /source/ { print $$1 }' tests/vm/kernels)
# A kernel that is named on the command line is the only one.
ONE	= $(filter command line,$(origin KERNEL))
DEFAULT	= $(shell awk '$$4 == "default" { print $$1 }' tests/vm/kernels)
SIZE	?= full
STRESS	?= $(if $(filter quick,$(SIZE)),5)
JOBS	?=
ifneq ($(SIZE),$(filter quick full,$(SIZE)))
$(error SIZE is quick or full, not '$(SIZE)')
endif
ifneq ($(STRESS)$(JOBS),)
ifneq ($(shell printf '%s\n' $(STRESS) $(JOBS) | grep -vxE '[1-9][0-9]*|'),)
$(error STRESS and JOBS are numbers from 1 on, not '$(STRESS)' and '$(JOBS)')
endif
endif

deps: ## install what the demo and the checks need and is missing
	@tests/deps

demo: deps ## see it work, in a virtual machine
	@tests/vm/run --plain demo
	@echo "Next: tests/vm/run --shell    a shell in that machine: msgslot send 0 5 hello; msgslot recv 0 5"
	@echo "      README.md, Install      packages for a machine of yours"

check: SIZE := quick
check: deps all ## static checks, the quick suite in VMs, what a message costs: 8 minutes
	@exec $(STEPS) --name check-$(SIZE) --about 8 "$(BENCH_CHECK)" "$(RUN) $(SUITE) demo" tests/static/run

try: deps ## the tests whose path has T in it, quick, on KERNEL or 6.1: make try T=queue
	@exec $(RUN) --quick --test "$(or $(T),$(error T is missing: make try T=queue))" \
		$(if $(ONE),--kernel $(KERNEL)) $(SUITE)

# Full numbers on the default release, quick ones elsewhere, unless one kernel is named: in what others may differ
# does not depend on numbers. Other machines and flavours run only the module's tests, as the commands do the same
# there.
check-kernels: deps ## the suite on every kernel (KERNEL=NAME: on that one)
	@exec $(STEPS) --name "check-kernels-$(SIZE)" $(foreach kernel,$(KERNEL),"$(RUN) --kernel $(kernel) \
		$(if $(ONE)$(filter $(kernel),$(DEFAULT)),,--quick) \
		$(if $(findstring -,$(kernel)),$(filter-out cli,$(SUITE)),$(SUITE))")

check-debug: deps ## the suite but cli under KASAN, lockdep, UBSAN and kmemleak
	@exec $(STEPS) --name "check-debug-$(SIZE)" "$(RUN) --kernel debug $(filter-out cli,$(SUITE))" \
		"tests/static/run --kernel"

check-tools: deps ## the commands under AddressSanitizer and UBSan
	@exec $(STEPS) --name check-tools "BUILD=$(BUILD)/sanitize $(RUN) --sanitize cli"

check-kcsan: deps ## stress and fuzz where data races are detected
	@exec $(STEPS) --name check-kcsan "$(RUN) --kernel kcsan $(if $(STRESS),,--seconds 60) stress fuzz"

check-models: ## what is done without a lock, in every order that memory allows
	@exec $(STEPS) --name check-models tests/model/run

check-faults: deps ## faults in the sources, each of which a test has to find
	@exec $(STEPS) --name check-faults tests/faults/run

# The longest checks begin first, so that both lanes are busy to the end; the static ones fill what is left. The
# debug kernel is five times as slow, and its checkers look at what is done, not at how often: quick numbers, and no
# tests in shell, whose calls those in uapi make, too; but stress and fuzz tests of a minute each.
DEBUG_CHECK = $(SELF) check-debug SIZE=quick STRESS=$(or $(STRESS),60) SUITE='uapi lib stress fuzz'
check-all: deps all ## all of these checks, full size
	@exec $(STEPS) --name check-all --about 130 "$(DEBUG_CHECK)" "$(SELF) check-kernels" \
		"$(SELF) check-kcsan" "$(SELF) check-packages" "$(SELF) check-tools" \
		"$(BENCH_CHECK)" "$(RUN) demo" "$(SELF) check-models" tests/static/run

include bench/bench.mk

# It installs, as udev and modprobe find nothing else.
demo-here: all module ## the demo without a virtual machine; needs root
	$(MAKE) install
	systemd-sysusers msgslot.conf
	udevadm control --reload
	modprobe msgslot
	udevadm settle
	tests/demo/demo

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this text
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)
	@echo "Also: make KDIR=DIR NAME=NAME module, make DESTDIR=DIR PREFIX=DIR LIBDIR=DIR ZSHDIR=DIR install,"
	@echo "BUILD=DIR, CFLAGS=OPTIONS; for checks SIZE=quick or full, KERNEL=NAME, T=PART, STRESS=SECONDS,"
	@echo "JOBS=PROCESSORS, SUITES=RELEASES"
