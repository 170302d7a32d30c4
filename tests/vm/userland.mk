# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test programs of FOLDERS, built into $(BUILD)/tests/FOLDER/PROGRAM, and
# beside them the scripts. Runs inside the bookworm root, as the guest's
# libraries are bookworm's.

CFLAGS	?= -O1 -g
SOURCES	:= $(foreach folder,$(FOLDERS),$(wildcard $(folder)/*.c))
HEADERS	:= $(wildcard tests/common/*.h src/uapi/linux/*.h $(FOLDERS:%=%/*.h))
target	= $(BUILD)/tests/$(notdir $(patsubst %/,%,$(dir $(1))))/$(notdir $(1))

PROGRAMS :=
define program
PROGRAMS += $(call target,$(1:.c=))
$(call target,$(1:.c=)): $(1) $(HEADERS)
	@mkdir -p $$(@D)
	$(CC) -std=gnu11 $(CFLAGS) -Wall -Wextra -Isrc/uapi -Itests/common \
		-o $$@ $$< -lcmocka -lpthread
endef
$(foreach source,$(SOURCES),$(eval $(call program,$(source))))

all: $(PROGRAMS)
.DEFAULT_GOAL := all
