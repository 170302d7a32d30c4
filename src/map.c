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
#include "peek.h"
#include "slot.h"

/*
 * Whether a channel has a map: guards msgslot_log.map besides the log's lock.  Held while a map is
 * made, for two of one channel would both be charged, and one fail of it for no reason.
 */
static DEFINE_MUTEX(maps_lock);

/*
 * What cells are aligned to, in bytes: a cache line of most machines.  The same on all of them, so
 * that a slot which can be mapped on one can be mapped on every other.
 */
#define MAP_LINE 64

static struct msgslot_map_cell *map_cell(const struct msgslot_map *map, u64 sequence)
{
	const struct msgslot_map_head *head = map->head;

	return (void *)head + head->offset + (sequence & (head->cells - 1)) * head->stride;
}

static void map_fill_cell(struct msgslot_map *map, u64 sequence, u64 time, u32 length,
			  const u8 *bytes)
{
	struct msgslot_map_cell *cell = map_cell(map, sequence);
	u32 version = cell->version;

	/* The write side of a sequence counter; the reader is in the uAPI header. */
	WRITE_ONCE(cell->version, version + 1);
	smp_wmb();
	WRITE_ONCE(cell->sequence, sequence);
	WRITE_ONCE(cell->time, time);
	WRITE_ONCE(cell->length, length);
	memcpy(cell + 1, bytes, length);
	smp_store_release(&cell->version, version + 2);
	smp_store_release(&map->head->next, sequence + 1);
}

void msgslot_map_put(struct msgslot_map *map, u64 sequence, u64 time, u32 length, const u8 *bytes)
{
	lockdep_assert_held(&map->lock);
	map_fill_cell(map, sequence, time, length, bytes);
	msgslot_log_tell_map(&map->channel->log);
}

void msgslot_map_put_locked(struct msgslot_log *log, const struct msgslot_cell *cell)
{
	map_fill_cell(log->map, cell->sequence, cell->time, cell->length, cell->bytes);
	msgslot_log_tell_map_locked(log);
}

static void map_put_ref(struct msgslot_map *map)
{
	if (!refcount_dec_and_test(&map->refs))
		return;
	msgslot_uncharge(map->share, map->size, 0);
	vfree(map->head);
	kfree(map);
}

struct msgslot_map *msgslot_map_lock(struct msgslot_log *log)
{
	struct msgslot_map *map;

	spin_lock(&log->lock);
	map = log->map;
	if (map)
		refcount_inc(&map->refs);
	spin_unlock(&log->lock);
	if (map)
		mutex_lock(&map->lock);
	return map;
}

void msgslot_map_unlock(struct msgslot_map *map)
{
	if (!map)
		return;
	mutex_unlock(&map->lock);
	map_put_ref(map);
}

static struct msgslot_map *map_alloc(const struct msgslot_payer *payer,
				     const struct msgslot_rules *rules)
{
	const u32 offset = ALIGN(sizeof(struct msgslot_map_head), 2 * MAP_LINE);
	u32 cells = roundup_pow_of_two(rules->depth + 1);
	u32 stride = ALIGN(sizeof(struct msgslot_map_cell) + rules->max_message, MAP_LINE);
	u64 size = PAGE_ALIGN(offset + (u64)cells * stride);
	struct msgslot_map *map;
	int err;

	if (size > MSGSLOT_MAP_MAX)
		return ERR_PTR(-ENOSPC);
	err = msgslot_charge(payer, size, 0);
	if (err)
		return ERR_PTR(err);
	err = -ENOMEM;
	map = kzalloc(sizeof(*map), MSGSLOT_GFP);
	if (!map)
		goto err_uncharge;
	map->head = __vmalloc(size, MSGSLOT_GFP | __GFP_ZERO);
	if (!map->head)
		goto err_free;
	mutex_init(&map->lock);
	refcount_set(&map->refs, 1);
	refcount_set(&map->mappings, 1);
	map->size = size;
	map->share = payer->share;
	map->head->version = MSGSLOT_MAP_VERSION;
	map->head->cells = cells;
	map->head->stride = stride;
	map->head->offset = offset;
	map->head->max_message = rules->max_message;
	map->head->size = size;
	return map;

err_free:
	kfree(map);
err_uncharge:
	msgslot_uncharge(payer->share, size, 0);
	return ERR_PTR(err);
}

/* Copies what the log kept when it got the map: nobody adds to it, as we have the map's lock. */
static void map_fill(struct msgslot_map *map, struct msgslot_log *log)
{
	u8 room[MSGSLOT_INLINE_BYTES];
	struct msgslot_peek peek = { .room = room };
	u64 cursor = 0;
	int err;

	for (;;) {
		rcu_read_lock();
		err = msgslot_log_peek(log, cursor, &peek, NULL, SIZE_MAX);
		rcu_read_unlock();
		if (err)
			break;
		msgslot_map_put(map, peek.sequence, peek.time, peek.length, peek.bytes);
		msgslot_buffer_put(peek.buffer);
		cursor = peek.sequence + 1;
		cond_resched();
	}
	/* Where it was cleared meanwhile, or never had any.  Then the log's lock, as map.h wants it. */
	smp_store_release(&map->head->next, msgslot_log_next(log));
	msgslot_log_tell_map(log);
}

static struct msgslot_map *map_new(struct msgslot_file *f, struct msgslot_channel *channel)
{
	struct msgslot_map *map = map_alloc(&f->payer, &f->slot->rules);

	if (IS_ERR(map))
		return map;
	map->slot = f->slot;
	map->channel = channel;
	mutex_lock(&map->lock);
	if (msgslot_log_set_map(&channel->log, map)) {
		map_fill(map, &channel->log);
		mutex_unlock(&map->lock);
		return map;
	}
	mutex_unlock(&map->lock);
	map_put_ref(map);
	return ERR_PTR(-ENODEV);
}

/* The map of what @f has selected, with a mapping for the caller; or ERR_PTR. */
static struct msgslot_map *map_get(struct msgslot_file *f)
{
	struct msgslot_channel *channel = msgslot_file_hold_selected(f, NULL, NULL);
	struct msgslot_map *map;

	if (!channel)
		return ERR_PTR(-EINVAL);
	if (mutex_lock_killable(&maps_lock)) {
		msgslot_channel_unhold(f->slot, channel);
		return ERR_PTR(-EINTR);
	}
	map = channel->log.map;
	if (map) {
		refcount_inc(&map->mappings);
	} else {
		map = map_new(f, channel);
		/* Its hold, as long as it is there. */
		if (!IS_ERR(map))
			channel = NULL;
	}
	mutex_unlock(&maps_lock);
	msgslot_channel_unhold(f->slot, channel);
	return map;
}

static void map_put(struct msgslot_map *map)
{
	struct msgslot_channel *channel = map->channel;
	struct msgslot_slot *slot = map->slot;

	if (!refcount_dec_and_mutex_lock(&map->mappings, &maps_lock))
		return;
	msgslot_log_set_map(&channel->log, NULL);
	mutex_unlock(&maps_lock);
	map_put_ref(map);
	msgslot_channel_unhold(slot, channel);
}

static void area_open(struct vm_area_struct *area)
{
	struct msgslot_map *map = area->vm_private_data;

	refcount_inc(&map->mappings);
}

static void area_close(struct vm_area_struct *area)
{
	map_put(area->vm_private_data);
}

/* Pages are entered as mere frame numbers: nobody gets a reference that would outlive the area. */
static vm_fault_t area_fault(struct vm_fault *fault)
{
	struct msgslot_map *map = fault->vma->vm_private_data;
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
	struct msgslot_map *map;
	int err;

	if (READ_ONCE(f->slot->gone))
		return -ENODEV;
	if (area->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	/* A private mapping may be written to, later. */
	if (!(area->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (f->slot->rules.reads == MSGSLOT_READS_HEAD)
		return -EOPNOTSUPP;
	if (!rcu_access_pointer(f->channel)) {
		err = msgslot_file_select_first(f);
		if (err)
			return err;
	}
	map = map_get(f);
	if (IS_ERR(map))
		return PTR_ERR(map);
	if (area->vm_pgoff + vma_pages(area) > map->size >> PAGE_SHIFT) {
		map_put(map);
		return -EINVAL;
	}
	msgslot_area_seal(area);
	area->vm_private_data = map;
	area->vm_ops = &area_operations;
	return 0;
}
