// SPDX-License-Identifier: GPL-2.0-only
/* Mapped channels.  Why it is safe is told in map.h. */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "file.h"
#include "map.h"
#include "slot.h"

/*
 * What cells are aligned to, in bytes: a cache line of most machines.  The same on all of them, so
 * that a slot which can be mapped on one can be mapped on every other.
 */
#define MAP_LINE 64

/* So often a writer copies what came to its cell after its own message. */
#define MAP_TRIES 3

/**
 * struct mapping - one mmap(), and what became of its area
 * @node: in the map's list; under the log's lock
 * @map: which
 * @holder: of the channel, for the user who opened the file, which each of the areas has open
 * @areas: how many there are
 */
struct mapping {
	struct hlist_node node;
	struct msgslot_map *map;
	struct msgslot_holder holder;
	refcount_t areas;
};

static size_t map_index(const struct msgslot_map *map, u64 sequence)
{
	return sequence & (map->head->cells - 1);
}

static struct msgslot_map_cell *map_cell(const struct msgslot_map *map, u64 sequence)
{
	const struct msgslot_map_head *head = map->head;

	return (void *)head + head->offset + map_index(map, sequence) * head->stride;
}

/* The write side of a sequence counter; the reader is in the uAPI header. */
static void map_claim_locked(struct msgslot_map *map, const struct msgslot_cell *cell)
{
	struct msgslot_map_cell *to = map_cell(map, cell->sequence);

	WRITE_ONCE(to->version, to->version | 1);
	smp_wmb();
	WRITE_ONCE(to->sequence, cell->sequence);
	WRITE_ONCE(to->time, cell->time);
	WRITE_ONCE(to->length, cell->length);
}

/* Readers are told of the message, whether they find it in its cell or the cell busy. */
static void map_show_locked(struct msgslot_map *map, struct msgslot_log *log, u64 sequence)
{
	struct msgslot_map_head *head = map->head;
	u64 first;

	if (head->next <= sequence)
		smp_store_release(&head->next, sequence + 1);
	/* While what the log keeps is still being copied, the one before it stays. */
	first = max(head->first, min(log->first, head->next - 1));
	/* Pairs with the uAPI's reader: whoever sees it sees next, set before, beyond it. */
	smp_store_release(&head->first, first);
}

/* The bytes are in the cell. */
static void map_publish_locked(struct msgslot_map *map, struct msgslot_log *log, u64 sequence)
{
	struct msgslot_map_cell *cell = map_cell(map, sequence);

	smp_store_release(&cell->version, cell->version + 1);
	map_show_locked(map, log, sequence);
}

/*
 * Brings a kept message into the map.  NULL, or its buffer with a reference: the long bytes are left to the
 * caller.
 */
static struct msgslot_buffer *map_bring_locked(struct msgslot_map *map, struct msgslot_log *log,
					       const struct msgslot_cell *cell)
{
	const size_t index = map_index(map, cell->sequence);
	struct msgslot_buffer *buffer;

	lockdep_assert_held(&log->lock);
	map_claim_locked(map, cell);
	if (test_bit(index, map->filling)) {
		map_show_locked(map, log, cell->sequence);
		return NULL;
	}
	buffer = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));
	if (buffer) {
		__set_bit(index, map->filling);
		refcount_inc(&buffer->refs);
		return buffer;
	}
	memcpy(map_cell(map, cell->sequence) + 1, cell->bytes, cell->length);
	map_publish_locked(map, log, cell->sequence);
	return NULL;
}

struct msgslot_map *msgslot_map_place_locked(struct msgslot_log *log,
					     const struct msgslot_cell *cell)
{
	struct msgslot_map *map = log->map;

	if (!map_bring_locked(map, log, cell))
		return NULL;
	refcount_inc(&map->refs);
	return map;
}

void msgslot_map_fill(struct msgslot_map *map, u64 sequence, u32 length,
		      struct msgslot_buffer *buffer)
{
	const size_t index = map_index(map, sequence);
	struct msgslot_map_cell *to = map_cell(map, sequence);
	struct msgslot_log *log = &map->channel->log;
	struct msgslot_buffer *done;
	struct msgslot_cell *cell;
	int tries;

	for (tries = 1; buffer; tries++) {
		memcpy(to + 1, buffer->bytes, length);
		done = buffer;
		buffer = NULL;
		spin_lock(&log->lock);
		__clear_bit(index, map->filling);
		if (to->sequence == sequence) {
			map_publish_locked(map, log, sequence);
		} else if (to->sequence >= log->first && log->map == map && tries < MAP_TRIES) {
			/* Claimed by another one, which is still kept. */
			sequence = to->sequence;
			cell = msgslot_log_cell_locked(log, sequence);
			length = cell->length;
			buffer = map_bring_locked(map, log, cell);
		}
		spin_unlock(&log->lock);
		msgslot_buffer_put(&map->slot->spares, done);
	}
}

void msgslot_map_tell_locked(struct msgslot_log *log, bool gone)
{
	struct msgslot_map *map = log->map;

	lockdep_assert_held(&log->lock);
	if (!map)
		return;
	/* All that is gone from the log is gone from the map, be it published or not. */
	if (map->head->next < log->first)
		smp_store_release(&map->head->next, log->first);
	smp_store_release(&map->head->first, log->first);
	if (gone)
		WRITE_ONCE(map->head->gone, 1);
}

static void map_free(struct msgslot_map *map)
{
	if (!map)
		return;
	vfree(map->head);
	kvfree(map->filling);
	kfree(map);
}

void msgslot_map_put(struct msgslot_map *map)
{
	if (!refcount_dec_and_test(&map->refs))
		return;
	msgslot_channel_unhold(map->slot, map->channel, &map->holder);
	msgslot_uncharge(map->share, map->size, 0);
	map_free(map);
}

static u32 map_stride(const struct msgslot_rules *rules)
{
	return ALIGN(sizeof(struct msgslot_map_cell) + rules->max_message, MAP_LINE);
}

/* A map that nobody has yet, or NULL. */
static struct msgslot_map *map_alloc(const struct msgslot_rules *rules, u32 cells, u32 offset,
				     u64 size)
{
	struct msgslot_map *map;

	map = kzalloc(sizeof(*map), MSGSLOT_GFP);
	if (!map)
		return NULL;
	/* As MSGSLOT_GFP; but 6.19 complains of vmalloc() where that is to try again. */
	map->head = __vmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN | __GFP_ZERO);
	map->filling = kvcalloc(BITS_TO_LONGS(cells), sizeof(long), MSGSLOT_GFP);
	if (!map->head || !map->filling) {
		map_free(map);
		return NULL;
	}
	refcount_set(&map->refs, 1);
	map->size = size;
	map->head->version = MSGSLOT_MAP_VERSION;
	map->head->cells = cells;
	map->head->stride = map_stride(rules);
	map->head->offset = offset;
	map->head->max_message = rules->max_message;
	map->head->size = size;
	return map;
}

/*
 * @mapping joins those of the log's map, or of @fresh, which the payer is charged for and which becomes
 * that: 0; -ENOENT, there is none; -ENODEV, -ENOSPC, -EDQUOT.
 */
static int mapping_join(struct mapping *mapping, struct msgslot_log *log, struct msgslot_map *fresh,
			const struct msgslot_payer *payer, bool privileged)
{
	int err = 0;

	spin_lock(&log->lock);
	if (!log->map) {
		err = fresh ? 0 : -ENOENT;
		if (msgslot_log_is_dead(log))
			err = -ENODEV;
		if (!err)
			err = msgslot_charge_as(payer, fresh->size, 0, privileged);
		if (!err) {
			/* Empty, until it is filled. */
			fresh->head->first = log->first;
			fresh->head->next = log->first;
			fresh->share = payer->share;
			log->map = fresh;
		}
	}
	if (!err) {
		mapping->map = log->map;
		hlist_add_head(&mapping->node, &log->map->mappings);
	}
	spin_unlock(&log->lock);
	return err;
}

/* Brings what the log kept into a map that is new; what comes meanwhile, its writers bring. */
static void map_fill_up(struct msgslot_map *map, struct msgslot_log *log)
{
	struct msgslot_buffer *buffer;
	struct msgslot_cell *cell;
	u64 sequence, end;
	u32 length = 0;

	spin_lock(&log->lock);
	sequence = log->first;
	end = log->next;
	spin_unlock(&log->lock);
	for (; sequence < end; sequence++) {
		spin_lock(&log->lock);
		sequence = max(sequence, log->first);
		if (sequence >= end) {
			spin_unlock(&log->lock);
			break;
		}
		buffer = NULL;
		if (map_cell(map, sequence)->sequence < sequence) {
			cell = msgslot_log_cell_locked(log, sequence);
			length = cell->length;
			buffer = map_bring_locked(map, log, cell);
		}
		spin_unlock(&log->lock);
		if (buffer)
			msgslot_map_fill(map, sequence, length, buffer);
		cond_resched();
	}
}

/* After -ENOENT: makes the map that there is not, and joins it or another one that came meanwhile. */
static int mapping_join_new(struct mapping *mapping, struct msgslot_file *f,
			    struct msgslot_channel *channel)
{
	const struct msgslot_rules *rules = &f->slot->rules;
	const u32 offset = ALIGN(sizeof(struct msgslot_map_head), 2 * MAP_LINE);
	const u32 cells = roundup_pow_of_two(rules->depth + 1);
	const u64 size = PAGE_ALIGN(offset + (u64)cells * map_stride(rules));
	struct msgslot_map *fresh;
	int err;

	if (size > MSGSLOT_MAP_MAX)
		return -ENOSPC;
	err = msgslot_growth_begin(&f->payer, size, MSGSLOT_GFP);
	if (err)
		return err;
	fresh = map_alloc(rules, cells, offset, size);
	err = -ENOMEM;
	if (fresh) {
		fresh->slot = f->slot;
		fresh->channel = channel;
		err = mapping_join(mapping, &channel->log, fresh, &f->payer, false);
	}
	if (err == -EDQUOT && msgslot_payer_is_privileged(&f->payer))
		err = mapping_join(mapping, &channel->log, fresh, &f->payer, true);
	if (err || mapping->map != fresh)
		map_free(fresh);
	msgslot_growth_end(&f->payer, size);
	if (!err && mapping->map == fresh)
		map_fill_up(fresh, &channel->log);
	return err;
}

/* A mapping of what @f has selected, with one area; or ERR_PTR. */
static struct mapping *mapping_new(struct msgslot_file *f)
{
	struct mapping *mapping = kzalloc(sizeof(*mapping), MSGSLOT_GFP);
	struct msgslot_channel *channel;
	int err;

	if (!mapping)
		return ERR_PTR(-ENOMEM);
	refcount_set(&mapping->areas, 1);
	channel = msgslot_file_hold_selected(f, &mapping->holder).channel;
	err = mapping_join(mapping, &channel->log, NULL, &f->payer, false);
	if (err == -ENOENT)
		err = mapping_join_new(mapping, f, channel);
	if (!err)
		return mapping;
	msgslot_channel_unhold(f->slot, channel, &mapping->holder);
	kfree(mapping);
	return ERR_PTR(err);
}

/* One area less; with the last one it leaves the map, and with the last mapping the map its log. */
static void mapping_put(struct mapping *mapping)
{
	struct msgslot_map *map = mapping->map;
	struct msgslot_channel *channel = map->channel;
	struct msgslot_slot *slot = map->slot;
	struct msgslot_log *log = &channel->log;
	struct msgslot_share *heir;
	bool last;

	if (!refcount_dec_and_test(&mapping->areas))
		return;
	spin_lock(&log->lock);
	hlist_del(&mapping->node);
	last = hlist_empty(&map->mappings);
	if (last) {
		log->map = NULL;
	} else if (map->share == mapping->holder.share) {
		heir = hlist_entry(map->mappings.first, struct mapping, node)->holder.share;
		if (heir != map->share)
			msgslot_charge_move(map->share, heir, map->size, 0);
		map->share = heir;
	}
	spin_unlock(&log->lock);
	if (last) {
		/* A writer may be at work still, who needs the channel; it is charged to the same user. */
		msgslot_channel_pass_hold(slot, &map->holder, NULL, channel, &mapping->holder);
		msgslot_map_put(map);
	} else {
		/* The others have the map, and may have freed it since. */
		msgslot_channel_unhold(slot, channel, &mapping->holder);
	}
	kfree(mapping);
}

static void area_open(struct vm_area_struct *area)
{
	struct mapping *mapping = area->vm_private_data;

	refcount_inc(&mapping->areas);
}

static void area_close(struct vm_area_struct *area)
{
	mapping_put(area->vm_private_data);
}

/* Pages are entered as mere frame numbers: nobody gets a reference that would outlive the area. */
static vm_fault_t area_fault(struct vm_fault *fault)
{
	const struct mapping *mapping = fault->vma->vm_private_data;
	const struct msgslot_map *map = mapping->map;
	u64 at = (u64)fault->pgoff << PAGE_SHIFT;

	if (at >= map->size)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(fault->vma, fault->address, vmalloc_to_pfn((void *)map->head + at));
}

static const struct vm_operations_struct area_operations = {
	.open = area_open,
	.close = area_close,
	.fault = area_fault,
};

int msgslot_mmap(struct file *file, struct vm_area_struct *area)
{
	struct msgslot_file *f = file->private_data;
	struct mapping *mapping;
	int err;

	if (READ_ONCE(f->slot->gone))
		return -ENODEV;
	if (area->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	/* A private mapping may be written to, later. */
	if (!(area->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (!msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_MAP))
		return -EOPNOTSUPP;
	if (!rcu_access_pointer(f->channel)) {
		err = msgslot_file_select_first(f);
		if (err)
			return err;
	}
	mapping = mapping_new(f);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	if (area->vm_pgoff + vma_pages(area) > mapping->map->size >> PAGE_SHIFT) {
		mapping_put(mapping);
		return -EINVAL;
	}
	msgslot_area_seal(area);
	area->vm_private_data = mapping;
	area->vm_ops = &area_operations;
	return 0;
}
