// SPDX-License-Identifier: GPL-2.0-only
/* mmap() of a channel.  See mmap.h. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/msgslot_map.h>

#include "compat.h"
#include "file.h"
#include "map.h"
#include "mmap.h"
#include "place.h"
#include "slot.h"

/**
 * struct mapped - a mapped channel
 * @pages: its map
 * @mappings: all of it; under the log's lock
 * @slot: of the channel; outlives the VMAs
 * @channel: held by each mapping, and by @holder after the last
 * @holder: holds the channel for writers that fill a cell
 */
struct mapped {
	struct msgslot_map_pages pages;
	struct hlist_head mappings;
	struct msgslot_slot *slot;
	struct msgslot_channel *channel;
	struct msgslot_holder holder;
};

/**
 * struct mapping - one mmap(), and what became of its VMA
 * @node: in the list of @mapped; under the log's lock
 * @mapped: what it maps
 * @holder: of the channel, for the user that opened the file
 * @vmas: number of VMAs
 */
struct mapping {
	struct hlist_node node;
	struct mapped *mapped;
	struct msgslot_holder holder;
	refcount_t vmas;
};

static struct mapped *mapped_of(struct msgslot_map_pages *pages)
{
	return container_of(pages, struct mapped, pages);
}

static void mapped_free(struct mapped *mapped)
{
	if (!mapped)
		return;
	msgslot_map_free(&mapped->pages);
	kfree(mapped);
}

static void mapped_put(struct mapped *mapped)
{
	if (!refcount_dec_and_test(&mapped->pages.refs))
		return;
	msgslot_channel_unhold(&mapped->slot->channels, mapped->channel, &mapped->holder);
	msgslot_uncharge(mapped->pages.share, mapped->pages.size, 0);
	mapped_free(mapped);
}

/* Without mappings yet; NULL where there is no memory. */
static struct mapped *mapped_alloc(struct msgslot_slot *slot, struct msgslot_channel *channel)
{
	struct mapped *mapped = kzalloc(sizeof(*mapped), MSGSLOT_GFP);

	if (!mapped)
		return NULL;
	if (msgslot_map_alloc(&mapped->pages, &slot->rules)) {
		kfree(mapped);
		return NULL;
	}
	mapped->slot = slot;
	mapped->channel = channel;
	return mapped;
}

void msgslot_mmap_fill(struct msgslot_map_pages *map, u64 sequence, u32 length,
		       struct msgslot_buffer *buffer)
{
	struct mapped *mapped = mapped_of(map);
	struct msgslot_channel *channel = mapped->channel;

	msgslot_place_fill_map(&channel->log, map, sequence, length, buffer, &mapped->slot->spares);
	msgslot_channel_wake_reader(channel);
	mapped_put(mapped);
}

/*
 * @mapping becomes one of those of the log's map.  If the log has none, @fresh becomes its map,
 * charged to
 * @payer: 0; -ENOENT: there is neither; -ENODEV, -ENOSPC, -EDQUOT.
 */
static int mapping_join(struct mapping *mapping, struct msgslot_log *log, struct mapped *fresh,
			const struct msgslot_payer *payer, bool privileged)
{
	int err = 0;

	spin_lock(&log->lock);
	if (!log->map) {
		err = fresh ? 0 : -ENOENT;
		if (msgslot_log_is_dead(log))
			err = -ENODEV;
		if (!err)
			err = msgslot_charge_as(payer, fresh->pages.size, 0, privileged);
		if (!err) {
			msgslot_map_start_locked(&fresh->pages, log->first, log->next);
			fresh->pages.share = payer->share;
			log->map = &fresh->pages;
		}
	}
	if (!err) {
		mapping->mapped = mapped_of(log->map);
		hlist_add_head(&mapping->node, &mapping->mapped->mappings);
	}
	spin_unlock(&log->lock);
	return err;
}

/* After -ENOENT: makes the map, and joins it, or another one that came meanwhile. */
static int mapping_join_new(struct mapping *mapping, struct msgslot_file *f,
			    struct msgslot_channel *channel)
{
	const u64 size = msgslot_map_size(&f->slot->rules);
	struct mapped *fresh;
	int err;

	if (size > MSGSLOT_MAP_MAX)
		return -ENOSPC;
	err = msgslot_growth_begin(&f->payer, size, 0, MSGSLOT_GFP);
	if (err)
		return err;
	fresh = mapped_alloc(f->slot, channel);
	err = -ENOMEM;
	if (fresh)
		err = mapping_join(mapping, &channel->log, fresh, &f->payer, false);
	if (err == -EDQUOT && msgslot_payer_is_privileged(&f->payer))
		err = mapping_join(mapping, &channel->log, fresh, &f->payer, true);
	if (err || mapping->mapped != fresh)
		mapped_free(fresh);
	msgslot_growth_end(&f->payer, size);
	if (!err && mapping->mapped == fresh)
		msgslot_place_fill_new_map(&channel->log, &fresh->pages, &f->slot->spares);
	return err;
}

/* A mapping of the channel that @f has selected, with one VMA; or ERR_PTR. */
static struct mapping *mapping_new(struct msgslot_file *f)
{
	struct mapping *mapping = kzalloc(sizeof(*mapping), MSGSLOT_GFP);
	struct msgslot_channel *channel;
	int err;

	if (!mapping)
		return ERR_PTR(-ENOMEM);
	refcount_set(&mapping->vmas, 1);
	channel = msgslot_file_hold_selected(f, &mapping->holder).channel;
	err = mapping_join(mapping, &channel->log, NULL, &f->payer, false);
	if (err == -ENOENT)
		err = mapping_join_new(mapping, f, channel);
	if (!err)
		return mapping;
	msgslot_channel_unhold(&f->slot->channels, channel, &mapping->holder);
	kfree(mapping);
	return ERR_PTR(err);
}

/* Whether it was the last mapping of its map, which is the log's no longer then. */
static bool mapping_leave(struct mapping *mapping)
{
	struct msgslot_map_pages *pages = &mapping->mapped->pages;
	struct hlist_head *mappings = &mapping->mapped->mappings;
	struct msgslot_log *log = &mapping->mapped->channel->log;
	struct msgslot_share *heir;
	bool last;

	spin_lock(&log->lock);
	hlist_del(&mapping->node);
	last = hlist_empty(mappings);
	if (last) {
		log->map = NULL;
	} else if (pages->share == mapping->holder.share) {
		heir = hlist_entry(mappings->first, struct mapping, node)->holder.share;
		if (heir != pages->share)
			msgslot_charge_move(pages->share, heir, pages->size, 0);
		pages->share = heir;
	}
	spin_unlock(&log->lock);
	return last;
}

/* One VMA less. */
static void mapping_put(struct mapping *mapping)
{
	struct mapped *mapped = mapping->mapped;
	struct msgslot_channel *channel = mapped->channel;
	struct msgslot_channels *channels = &mapped->slot->channels;

	if (!refcount_dec_and_test(&mapping->vmas))
		return;
	if (mapping_leave(mapping)) {
		/* A writer that fills a cell needs the channel; it is charged to the same user. */
		msgslot_channel_pass_hold(channels, &mapped->holder, NULL, channel,
					  &mapping->holder);
		mapped_put(mapped);
	} else {
		/* The other mappings have the map, and may have freed it since. */
		msgslot_channel_unhold(channels, channel, &mapping->holder);
	}
	kfree(mapping);
}

static void mmap_vma_open(struct vm_area_struct *vma)
{
	struct mapping *mapping = vma->vm_private_data;

	refcount_inc(&mapping->vmas);
}

static void mmap_vma_close(struct vm_area_struct *vma)
{
	mapping_put(vma->vm_private_data);
}

/* Pages are entered as mere frame numbers, so that no reference to them outlives the VMA. */
static vm_fault_t mmap_vma_fault(struct vm_fault *fault)
{
	const struct mapping *mapping = fault->vma->vm_private_data;
	const struct msgslot_map_pages *pages = &mapping->mapped->pages;
	u64 at = (u64)fault->pgoff << PAGE_SHIFT;

	if (at >= pages->size)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(fault->vma, fault->address, vmalloc_to_pfn((void *)pages->head + at));
}

static const struct vm_operations_struct mmap_vma_operations = {
	.open = mmap_vma_open,
	.close = mmap_vma_close,
	.fault = mmap_vma_fault,
};

int msgslot_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct msgslot_file *f = file->private_data;
	struct mapping *mapping;
	int err;

	if (msgslot_slot_is_gone(f->slot))
		return -ENODEV;
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	/* A private mapping may be written to, later. */
	if (!(vma->vm_flags & VM_MAYSHARE))
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
	if (vma->vm_pgoff + vma_pages(vma) > mapping->mapped->pages.size >> PAGE_SHIFT) {
		mapping_put(mapping);
		return -EINVAL;
	}
	msgslot_vma_seal(vma);
	vma->vm_private_data = mapping;
	vma->vm_ops = &mmap_vma_operations;
	return 0;
}
