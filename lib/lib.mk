# SPDX-License-Identifier: LGPL-2.1-or-later
#
# libmsgslot, shared and static, and libkevents.a over it, into build/. Part of
# the Makefile, whose variables it uses; LIBDIR says where libraries go.

LIBDIR	?= $(PREFIX)/lib

LIBRARY	:= libmsgslot.so.0
LIBCODE	:= $(wildcard lib/*.c)
LIBHEAD	:= $(wildcard lib/*.h lib/kevents/*.h src/uapi/linux/*.h)
LIBPIC	:= $(LIBCODE:%.c=$(BUILD)/%.o)
KEVENTS	:= $(patsubst %.c,$(BUILD)/%.o,$(wildcard lib/kevents/*.c))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))

.PHONY: lib examples install-lib

lib: $(BUILD)/libmsgslot.so $(BUILD)/libmsgslot.a $(BUILD)/libkevents.a $(BUILD)/libmsgslot.pc ## the libraries, into build/

$(LIBPIC) $(KEVENTS): $(BUILD)/%.o: %.c $(LIBHEAD) Makefile lib/lib.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -fPIC -fvisibility=hidden $(CFLAGS) $(WARN) $(CPPFLAGS) -Isrc/uapi \
		-Ilib -DMSGSLOT_VERSION='"$(VERSION)"' -c -o $@ $<

# Bound to itself, so that loading it looks up no name of its own.
$(BUILD)/$(LIBRARY): $(LIBPIC) lib/libmsgslot.map
	$(CC) -shared $(CFLAGS) $(LDFLAGS) -Wl,-soname,$(LIBRARY) -Wl,--no-undefined \
		-Wl,-Bsymbolic -Wl,--version-script,lib/libmsgslot.map -o $@ $(LIBPIC)

$(BUILD)/libmsgslot.so: $(BUILD)/$(LIBRARY)
	ln -sf $(LIBRARY) $@

$(BUILD)/libmsgslot.a: $(LIBPIC)
# With what it needs of the other, so that it links alone, and beside that one.
$(BUILD)/libkevents.a: $(KEVENTS) $(LIBPIC)
$(BUILD)/libmsgslot.a $(BUILD)/libkevents.a:
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/libmsgslot.pc: lib/libmsgslot.pc.in Makefile lib/lib.mk
	@mkdir -p $(@D)
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< >$@

examples: $(EXAMPLES) ## the programs of examples/, into build/examples/

$(EXAMPLES): $(BUILD)/%: %.c $(BUILD)/libmsgslot.so $(LIBHEAD)
	@mkdir -p $(@D)
	$(CC) -std=c99 -pedantic $(CFLAGS) $(WARN) $(CPPFLAGS) -Isrc/uapi -Ilib $(LDFLAGS) \
		-o $@ $< -L$(BUILD) -lmsgslot

# A page that describes several functions is found by all their names.
install-lib: lib
	$(INSTALL) -m 644 $(BUILD)/$(LIBRARY) $(BUILD)/libmsgslot.a $(BUILD)/libkevents.a \
		$(DESTDIR)$(LIBDIR)
	ln -sf $(LIBRARY) $(DESTDIR)$(LIBDIR)/libmsgslot.so
	$(INSTALL) -m 644 $(BUILD)/libmsgslot.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	$(INSTALL) -m 644 lib/msgslot.h lib/kevents/kevents_lib.h lib/kevents/kevents_usr.h \
		$(DESTDIR)$(PREFIX)/include
	for page in $(patsubst man/man3/%.3.scd,%,$(wildcard man/man3/*.scd)); do \
		[ -e $(BUILD)/man/man3/$$page.3 ] || continue; \
		for name in $$(sed -n '/^# NAME/,/ - /s/ - .*//p' man/man3/$$page.3.scd | tr -d ','); do \
			[ $$name = $$page ] || ln -sf $$page.3 \
				$(DESTDIR)$(PREFIX)/share/man/man3/$$name.3 || exit 1; \
		done; done
