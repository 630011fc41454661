/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions about memory: addresses for devices, segments, numbers, a table for a human reader.
 */
#include "mem_private.h"

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/bits.h>
#include <string.h>

uint64_t plx_mem_virt2iova(const void *addr)
{
	uintptr_t offset = (uintptr_t)addr - plx_mem.base;
	uint64_t not_iova;

	if (offset >= plx_mem.len_bytes)
		return PLX_IOVA_BAD;
	/* Pairs with the release of the grain's entry, when its pages are there. */
	not_iova = plx_load_acquire(&plx_mem.grains[offset >> plx_mem.grain_shift].not_iova);
	return not_iova ? ~not_iova + (offset & (plx_mem_grain_bytes() - 1)) : PLX_IOVA_BAD;
}

enum plx_iova_mode plx_mem_iova_mode(void)
{
	return plx_load_relaxed(&plx_mem.iova_mode);
}

int plx_mem_span(uint64_t *first, uint64_t *last)
{
	if (!first || !last)
		return -EINVAL;
	if (!plx_mem.len_bytes)
		return -ENODEV;
	*first = plx_mem.base;
	*last = plx_mem.base + plx_mem.len_bytes - 1;
	return 0;
}

int plx_mem_walk(plx_mem_segment_fn fn, void *arg)
{
	int err;

	if (!fn)
		return -EINVAL;
	err = plx_mem_lock("plx_mem_walk");
	if (err)
		return err;
	err = plx_mem_space_walk(fn, arg);
	plx_mem_unlock();
	return err;
}

static void fill_stats(struct plx_mem_stats *stats)
{
	*stats = (struct plx_mem_stats){
		.page_bytes = plx_mem.page_bytes,
		.huge = plx_mem.file.fd >= 0,
		.all.node = PLX_NODE_ANY,
		.nb_zones = plx_mem.nb_zones,
		.nb_nodes = plx_mem.nb_heaps,
	};
	for (unsigned i = 0; i < plx_mem.nb_heaps; i++) {
		const struct plx_mem_heap *heap = &plx_mem.heaps[i];
		struct plx_mem_node_stats *all = &stats->all, *node = &stats->nodes[i];

		*node = (struct plx_mem_node_stats){
			.node = heap->node,
			.nb_pages = heap->mapped_bytes / plx_mem.page_bytes,
			.total_bytes = heap->mapped_bytes,
			.used_bytes = heap->used_bytes,
			.free_bytes = heap->mapped_bytes - heap->used_bytes,
			.biggest_free_bytes = heap->root ? heap->root->max_free : 0,
			.nb_blocks = heap->nb_used,
		};
		all->nb_pages += node->nb_pages;
		all->total_bytes += node->total_bytes;
		all->used_bytes += node->used_bytes;
		all->free_bytes += node->free_bytes;
		all->biggest_free_bytes =
			plx_max_size(all->biggest_free_bytes, node->biggest_free_bytes);
		all->nb_blocks += node->nb_blocks;
	}
}

int plx_mem_stats(struct plx_mem_stats *stats)
{
	int err;

	if (!stats)
		return -EINVAL;
	err = plx_mem_lock("plx_mem_stats");
	if (err)
		return err;
	fill_stats(stats);
	plx_mem_unlock();
	return 0;
}

static int dump_segment(const struct plx_mem_segment *segment, void *arg)
{
	fprintf(arg, "  %p  iova 0x%llx  %zu kB  node %d\n", segment->addr,
		(unsigned long long)segment->iova, segment->len_bytes >> 10, segment->node);
	return 0;
}

void plx_mem_dump(FILE *out)
{
	char name[PLX_MEM_NAME_BYTES];
	struct plx_mem_stats stats;

	if (!out || plx_mem_lock("plx_mem_dump") != 0)
		return;
	fill_stats(&stats);
	fprintf(out, "memory: %spages of %s, IOVA as %s, %s\n", stats.huge ? "huge" : "ordinary ",
		plx_hugepage_name(stats.page_bytes, name),
		plx_mem.iova_mode == PLX_IOVA_PA ? "PA" : "VA",
		plx_mem.file.path ? plx_mem.file.path
		: stats.huge	  ? "memfd"
				  : "anonymous");
	for (unsigned i = 0; i < stats.nb_nodes; i++) {
		const struct plx_mem_node_stats *node = &stats.nodes[i];

		fprintf(out,
			"node %d: %zu pages, %zu kB; used %zu kB in %zu blocks; free %zu kB, the "
			"longest run %zu kB\n",
			node->node, node->nb_pages, node->total_bytes >> 10, node->used_bytes >> 10,
			node->nb_blocks, node->free_bytes >> 10, node->biggest_free_bytes >> 10);
	}
	fprintf(out, "segments:\n");
	plx_mem_space_walk(dump_segment, out);
	fprintf(out, "zones: %zu\n", stats.nb_zones);
	plx_memzone_dump(out);
	plx_mem_unlock();
}
