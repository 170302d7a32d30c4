# SPDX-License-Identifier: GPL-2.0-or-later
#
# Part of tests/vm/userland.mk. Each program is built twice: with the shared
# library, as it is installed, and with the library's sources, sanitized.

LIBCODE	:= $(wildcard lib/*.c lib/kevents/*.c)
LIBHEAD	:= $(wildcard lib/*.h lib/kevents/*.h)
LIBUSE	:= -Ilib -Ilib/kevents
SANITIZED := $(LIBCODE:%.c=$(BUILD)/sanitized/%.o)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -static-libasan -static-libubsan

$(SANITIZED): $(BUILD)/sanitized/%.o: %.c $(LIBHEAD) $(wildcard src/uapi/linux/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(CFLAGS) -Wall -Wextra -Isrc/uapi $(LIBUSE) -DMSGSLOT_VERSION='"sanitized"' \
		$(SANITIZE) -c -o $@ $<

define library_program
PROGRAMS += $(1).sanitized
$(1): $(LIBHEAD) $(BUILD)/libmsgslot.so $(BUILD)/libkevents.a
$(1): LIBRARIES := $(LIBUSE) -L$(BUILD) -lkevents -lmsgslot -lcmocka -lpthread
$(1).sanitized: $(2) $(HEADERS) $(LIBHEAD) $(SANITIZED)
	@mkdir -p $$(@D)
	$(CC) -std=gnu11 $(CFLAGS) -Wall -Wextra -Isrc/uapi -Itests/common $(LIBUSE) $(SANITIZE) \
		-o $$@ $$< $(SANITIZED) -lcmocka -lpthread
endef
$(foreach source,$(filter tests/lib/%,$(SOURCES)),\
	$(eval $(call library_program,$(call target,$(source:.c=)),$(source))))
