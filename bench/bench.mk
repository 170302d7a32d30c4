# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a message costs. Part of Makefile.

# In the guest the folder bench is /tests/bench.
BENCH_CHECK = MSGSLOT_PEERS='--quick $(if $(filter quick,$(SIZE)),--few) --against /tests/bench/RESULTS.md' \
	$(RUN) --icount bench

.PHONY: bench
bench: deps ## what a message costs beside its peers; renews bench/RESULTS.md and its plots
	@tests/deps gnuplot-nox
	@bench/peers/record

.PHONY: peers
peers: $(BUILD)/peers ## its program for this machine, in nanoseconds: build/peers --help

$(BUILD)/peers: $(wildcard bench/peers/*.[ch] tests/common/slot.h src/uapi/linux/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(CFLAGS) $(WARN) $(CPPFLAGS) -Isrc/uapi -Itests/common $(LDFLAGS) \
		-o $@ $(filter %.c,$^)
