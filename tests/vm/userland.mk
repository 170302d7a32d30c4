# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test programs of FOLDERS, built into $(BUILD)/tests/FOLDER/PROGRAM, and
# beside them the scripts. Runs inside the bookworm root, as the guest's
# libraries are bookworm's. A program whose name ends in 32 is a 32-bit one, and
# uses no library: there is none for it.

CFLAGS	?= -O1 -g
# Only x86 has 64-bit programs that make 32-bit calls, and compat32.c has no 32-bit calls
# for s390x.
MACHINE := $(shell $(CC) -dumpmachine)
NOT_HERE := $(if $(filter x86_64%,$(MACHINE)),,tests/uapi/compat.c) \
	$(if $(filter s390x%,$(MACHINE)),tests/uapi/compat32.c)
SOURCES	:= $(filter-out $(NOT_HERE),$(foreach folder,$(FOLDERS),$(wildcard $(folder)/*.c)))
HEADERS	:= $(wildcard tests/common/*.h src/uapi/linux/*.h $(FOLDERS:%=%/*.h))
target	= $(BUILD)/tests/$(notdir $(patsubst %/,%,$(dir $(1))))/$(notdir $(1))

LIBRARIES = -lcmocka -lpthread
# CC_32 makes 32-bit programs if the machine's own compiler does not.
CC_32	?= $(CC) -m32 -isystem /usr/include/$(shell $(CC) -print-multiarch)
FLAGS_32 = -ffreestanding \
	-fno-stack-protector -fno-pie -no-pie -static -nostdlib

PROGRAMS :=
define program
PROGRAMS += $(call target,$(1:.c=))
$(call target,$(1:.c=)): $(1) $(HEADERS)
	@mkdir -p $$(@D)
	$(if $(filter %32.c,$(1)),$$(CC_32),$$(CC)) -std=gnu11 $(CFLAGS) -Wall -Wextra -Isrc/uapi \
		-Itests/common -o $$@ $$< $(if $(filter %32.c,$(1)),$$(FLAGS_32),$$(LIBRARIES))
endef
$(foreach source,$(SOURCES),$(eval $(call program,$(source))))

# A folder within a folder is one program of several files.
PARTS	:= $(sort $(dir $(foreach folder,$(FOLDERS),$(wildcard $(folder)/*/*.c))))
define program_of_parts
PROGRAMS += $(call target,$(patsubst %/,%,$(1)))
$(call target,$(patsubst %/,%,$(1))): $(wildcard $(1)*.[ch]) $(HEADERS)
	@mkdir -p $$(@D)
	$(CC) -std=gnu11 $(CFLAGS) -O2 -Wall -Wextra -Isrc/uapi -Itests/common \
		-o $$@ $$(filter %.c,$$^) $$(LIBRARIES)
endef
$(foreach parts,$(PARTS),$(eval $(call program_of_parts,$(parts))))

# What only the programs of one folder need.
-include $(FOLDERS:%=%/build.mk)

all: $(PROGRAMS)
.DEFAULT_GOAL := all
