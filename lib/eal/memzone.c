/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memzones: blocks of a heap that have a name. Found by a hash of the name; kept in a list, oldest
 * first, that also tells a zone's pointer from one that is none any more. Reserve and lookup are
 * O(1) beside the heap; free and the list's check are O(n) for n zones.
 */
#include "mem_private.h"

#include <errno.h>
#include <pollux/bits.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, FLAGS_ALL = PLX_MEMZONE_IOVA_CONTIG };

struct plx_memzone_entry {
	struct plx_memzone zone;
	struct plx_mem_heap *heap;
	struct plx_mem_block *block;
	struct plx_memzone_entry *in_bucket;
	struct plx_memzone_entry *next;
};

int plx_memzone_init(void)
{
	plx_mem.zone_buckets = calloc(BUCKETS, sizeof(struct plx_memzone_entry *));
	plx_mem.zones = NULL;
	plx_mem.zones_end = &plx_mem.zones;
	plx_mem.nb_zones = 0;
	if (!plx_mem.zone_buckets)
		LOG_ERR("no memory for the table of memzones");
	return plx_mem.zone_buckets ? 0 : -ENOMEM;
}

void plx_memzone_fini(void)
{
	while (plx_mem.zones) {
		struct plx_memzone_entry *next = plx_mem.zones->next;

		free(plx_mem.zones);
		plx_mem.zones = next;
	}
	free(plx_mem.zone_buckets);
	plx_mem.zone_buckets = NULL;
	plx_mem.nb_zones = 0;
}

static struct plx_memzone_entry **bucket_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return &plx_mem.zone_buckets[hash % BUCKETS];
}

static struct plx_memzone_entry *lookup(const char *name)
{
	struct plx_memzone_entry *entry = *bucket_of(name);

	while (entry && strcmp(entry->zone.name, name) != 0)
		entry = entry->in_bucket;
	return entry;
}

static int check(const char *name, const struct plx_mem_fit *fit, unsigned flags)
{
	const char *wrong = NULL;

	if (fit->len == 0 || fit->len > (SIZE_MAX >> 4))
		wrong = "the length is at least 1, and within what can be addressed";
	else if (fit->align && !plx_is_pow2(fit->align))
		wrong = "the alignment is 0 or a power of two";
	else if (fit->bound && (!plx_is_pow2(fit->bound) || fit->bound < fit->len))
		wrong = "the bound is 0 or a power of two that is not below the length";
	else if (flags & ~(unsigned)FLAGS_ALL)
		wrong = "an unknown flag is set";
	if (wrong)
		LOG_ERR("memzone %s: length %zu, alignment %zu, bound %zu, flags 0x%x: %s", name,
			fit->len, fit->align, fit->bound, flags, wrong);
	return wrong ? -EINVAL : 0;
}

/* Is the zone one run for the device, too? */
static bool is_contiguous(const struct plx_mem_heap *heap, const struct plx_mem_block *block)
{
	size_t step = heap->grain_bytes;
	uintptr_t end = block->addr + block->len, at = plx_align_down(block->addr, step) + step;

	if (!heap->iova)
		return true;
	for (; at < end; at += step)
		if (heap->iova(at) != heap->iova(block->addr) + (at - block->addr))
			return false;
	return true;
}

static int reserve(const char *name, int node, unsigned flags, struct plx_mem_fit fit,
		   struct plx_memzone_entry **out)
{
	struct plx_memzone_entry *entry, **bucket;
	char what[PLX_MEMZONE_NAME_MAX + 48];
	size_t len = fit.len;
	int err = check(name, &fit, flags);

	if (err)
		return err;
	if (lookup(name)) {
		LOG_ERR("memzone %s: there is one of that name", name);
		return -EEXIST;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		LOG_ERR("memzone %s: no memory for its bookkeeping", name);
		return -ENOMEM;
	}
	fit.len = plx_align_up(fit.len, PLX_MEM_UNIT_BYTES);
	fit.align = plx_max_size(fit.align, PLX_MEM_UNIT_BYTES);
	/* A block is at least one unit, and a unit lies within any bound that is no smaller. */
	fit.bound = fit.bound ? plx_max_size(fit.bound, PLX_MEM_UNIT_BYTES) : 0;
	snprintf(what, sizeof(what), "memzone %s of %zu bytes", name, len);
	err = plx_mem_take(&fit, node, PLX_MEM_ZONE, what, &entry->block, &entry->heap);
	if (err) {
		free(entry);
		return err;
	}
	snprintf(entry->zone.name, sizeof(entry->zone.name), "%s", name);
	entry->zone.addr = (void *)entry->block->addr;
	entry->zone.iova = is_contiguous(entry->heap, entry->block)
				   ? plx_mem_virt2iova(entry->zone.addr)
				   : PLX_IOVA_BAD;
	entry->zone.len_bytes = len;
	entry->zone.page_bytes = plx_mem.page_bytes;
	entry->zone.node = entry->heap->node;
	entry->zone.flags = flags;
	bucket = bucket_of(name);
	entry->in_bucket = *bucket;
	*bucket = entry;
	*plx_mem.zones_end = entry;
	plx_mem.zones_end = &entry->next;
	plx_mem.nb_zones++;
	*out = entry;
	return 0;
}

int plx_memzone_reserve(const char *name, size_t len, int node, unsigned flags, size_t align,
			size_t bound, const struct plx_memzone **out)
{
	struct plx_mem_fit fit = {len, align, bound, flags & PLX_MEMZONE_IOVA_CONTIG};
	struct plx_memzone_entry *entry;
	int err;

	if (!name || !name[0] || !out) {
		LOG_ERR("plx_memzone_reserve(): a name and an out-pointer are needed");
		return -EINVAL;
	}
	if (strlen(name) >= PLX_MEMZONE_NAME_MAX) {
		LOG_ERR("memzone %s: names have up to %d bytes", name, PLX_MEMZONE_NAME_MAX - 1);
		return -ENAMETOOLONG;
	}
	err = plx_mem_lock("plx_memzone_reserve");
	if (err)
		return err;
	err = reserve(name, node, flags, fit, &entry);
	if (!err)
		*out = &entry->zone;
	plx_mem_unlock();
	return err;
}

const struct plx_memzone *plx_memzone_lookup(const char *name)
{
	struct plx_memzone_entry *entry = NULL;
	int err = name ? plx_mem_lock("plx_memzone_lookup") : -EINVAL;

	if (!err) {
		entry = lookup(name);
		err = entry ? 0 : -ENOENT;
		plx_mem_unlock();
	}
	if (err)
		errno = -err;
	return entry ? &entry->zone : NULL;
}

int plx_memzone_free(const struct plx_memzone *mz)
{
	struct plx_memzone_entry **at, **in_bucket, *entry;
	int err;

	if (!mz)
		return 0;
	err = plx_mem_lock("plx_memzone_free");
	if (err)
		return err;
	for (at = &plx_mem.zones; *at && &(*at)->zone != mz; at = &(*at)->next)
		;
	entry = *at;
	if (!entry) {
		LOG_ERR("plx_memzone_free(%p): no such memzone, or freed before", (const void *)mz);
		plx_mem_unlock();
		return -EINVAL;
	}
	*at = entry->next;
	if (plx_mem.zones_end == &entry->next)
		plx_mem.zones_end = at;
	in_bucket = bucket_of(entry->zone.name);
	while (*in_bucket != entry)
		in_bucket = &(*in_bucket)->in_bucket;
	*in_bucket = entry->in_bucket;
	plx_mem.nb_zones--;
	plx_mem_give(entry->heap, entry->block);
	plx_mem_unlock();
	free(entry);
	return 0;
}

int plx_memzone_walk(plx_memzone_fn fn, void *arg)
{
	int err;

	if (!fn)
		return -EINVAL;
	err = plx_mem_lock("plx_memzone_walk");
	if (err)
		return err;
	for (const struct plx_memzone_entry *entry = plx_mem.zones; entry && !err;
	     entry = entry->next)
		err = fn(&entry->zone, arg);
	plx_mem_unlock();
	return err;
}

void plx_memzone_dump(FILE *out)
{
	for (const struct plx_memzone_entry *entry = plx_mem.zones; entry; entry = entry->next)
		fprintf(out, "  %-31s %p  iova 0x%llx  %zu bytes  node %d\n", entry->zone.name,
			entry->zone.addr, (unsigned long long)entry->zone.iova,
			entry->zone.len_bytes, entry->zone.node);
}
