// SPDX-License-Identifier: GPL-2.0-only
/* The pages of a map.  See map.h. */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "account.h"
#include "map.h"
#include "mode.h"

/*
 * Alignment of cells in bytes: a cache line of most machines.  It is the same on all of them, so
 * that a slot which can be mapped on one can be mapped on every other.
 */
#define MAP_LINE 64

static u32 map_stride(const struct msgslot_rules *rules)
{
	return ALIGN(sizeof(struct msgslot_map_cell) + rules->max_message, MAP_LINE);
}

static u32 map_cells(const struct msgslot_rules *rules)
{
	return roundup_pow_of_two(rules->depth + 1);
}

static u32 map_offset(void)
{
	return ALIGN(sizeof(struct msgslot_map_head), 2 * MAP_LINE);
}

u64 msgslot_map_size(const struct msgslot_rules *rules)
{
	return PAGE_ALIGN(map_offset() + (u64)map_cells(rules) * map_stride(rules));
}

void msgslot_map_free(struct msgslot_map_pages *map)
{
	vfree(map->head);
	kvfree(map->filling);
	map->head = NULL;
	map->filling = NULL;
}

int msgslot_map_alloc(struct msgslot_map_pages *map, const struct msgslot_rules *rules)
{
	const u64 size = msgslot_map_size(rules);

	/* As MSGSLOT_GFP; but 6.19 complains of vmalloc() where that is to try again. */
	map->head = __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN | __GFP_ZERO);
	map->filling = kvcalloc(BITS_TO_LONGS(map_cells(rules)), sizeof(long), MSGSLOT_GFP);
	if (!map->head || !map->filling) {
		msgslot_map_free(map);
		return -ENOMEM;
	}
	refcount_set(&map->refs, 1);
	map->size = size;
	map->head->version = MSGSLOT_MAP_VERSION;
	map->head->cells = map_cells(rules);
	map->head->stride = map_stride(rules);
	map->head->offset = map_offset();
	map->head->max_message = rules->max_message;
	map->head->size = size;
	return 0;
}

static size_t map_index(const struct msgslot_map_pages *map, u64 sequence)
{
	return sequence & (map->head->cells - 1);
}

static struct msgslot_map_cell *map_cell(const struct msgslot_map_pages *map, u64 sequence)
{
	const struct msgslot_map_head *head = map->head;

	return (void *)head + head->offset + map_index(map, sequence) * head->stride;
}

void msgslot_map_start_locked(struct msgslot_map_pages *map, u64 first, u64 next)
{
	map->head->first = first;
	map->head->next = next;
}

/* Readers are told of the message, whether its cell has it or is busy. */
static void map_show_locked(struct msgslot_map_pages *map, u64 sequence, u64 first)
{
	struct msgslot_map_head *head = map->head;

	if (head->next <= sequence)
		/* Pairs with the load of next in msgslot_map_try(): the reader finds the cell. */
		smp_store_release(&head->next, sequence + 1);
	/* While what the log keeps is still being copied, the message before it stays. */
	first = max(head->first, min(first, head->next - 1));
	/*
	 * Pairs with the load of first there: a reader that sees it sees next, set before, beyond
	 * it.
	 */
	smp_store_release(&head->first, first);
}

static void map_publish_locked(struct msgslot_map_pages *map, u64 sequence, u64 first)
{
	struct msgslot_map_cell *cell = map_cell(map, sequence);

	/* Pairs with the acquire of version in msgslot_map_try(). */
	smp_store_release(&cell->version, cell->version + 1);
	map_show_locked(map, sequence, first);
}

/* The write side of a sequence counter, whose read side is msgslot_map_try(). */
static void map_claim_locked(struct msgslot_map_pages *map, u64 sequence, u64 time, u32 length)
{
	struct msgslot_map_cell *cell = map_cell(map, sequence);

	WRITE_ONCE(cell->version, cell->version | 1);
	/* Pairs with the acquire fence in msgslot_map_try(). */
	smp_wmb();
	WRITE_ONCE(cell->sequence, sequence);
	WRITE_ONCE(cell->time, time);
	WRITE_ONCE(cell->length, length);
}

bool msgslot_map_has_locked(const struct msgslot_map_pages *map, u64 sequence)
{
	return map_cell(map, sequence)->sequence >= sequence;
}

bool msgslot_map_place_locked(struct msgslot_map_pages *map, u64 sequence, u64 time, u32 length,
			      const void *bytes, u64 first)
{
	const size_t index = map_index(map, sequence);

	map_claim_locked(map, sequence, time, length);
	if (unlikely(test_bit(index, map->filling))) {
		map_show_locked(map, sequence, first);
		return false;
	}
	if (!bytes) {
		__set_bit(index, map->filling);
		return true;
	}
	msgslot_map_copy(map, sequence, bytes, length);
	map_publish_locked(map, sequence, first);
	return false;
}

void msgslot_map_copy(struct msgslot_map_pages *map, u64 sequence, const void *bytes, u32 length)
{
	memcpy(map_cell(map, sequence) + 1, bytes, length);
}

u64 msgslot_map_filled_locked(struct msgslot_map_pages *map, u64 sequence, u64 first)
{
	const u64 claimed = map_cell(map, sequence)->sequence;

	__clear_bit(map_index(map, sequence), map->filling);
	if (claimed != sequence)
		return claimed;
	map_publish_locked(map, sequence, first);
	return 0;
}

void msgslot_map_advance_locked(struct msgslot_map_pages *map, u64 first, bool gone)
{
	struct msgslot_map_head *head = map->head;

	/* What is gone from the log is gone from the map, whether it was published or not. */
	if (head->next < first)
		/* Pairs with the load of next in msgslot_map_try(). */
		smp_store_release(&head->next, first);
	/* Pairs with the load of first in msgslot_map_try(). */
	smp_store_release(&head->first, first);
	if (gone)
		WRITE_ONCE(head->gone, 1);
}
