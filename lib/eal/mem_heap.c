/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The blocks of one node's address range. Every address of mapped memory is in exactly one block,
 * free or used, and two free neighbours are always one block.
 *
 * Blocks are the nodes of a treap ordered by address, where each node knows the longest free block
 * below it. So "which block is this address in" and "the lowest free block of at least n bytes"
 * are both O(log n), and first fit by address keeps the high pages free, which can then be given
 * back. Priorities come from a fixed seed: the same calls give the same addresses. Recursion is as
 * deep as the tree, about 2 log2 n.
 */
#include "mem_private.h"

#include <errno.h>
#include <pollux/bits.h>
#include <stdlib.h>

enum { CHUNK_BLOCKS = 64 };

struct plx_mem_block_chunk {
	struct plx_mem_block_chunk *next;
	struct plx_mem_block blocks[CHUNK_BLOCKS];
};

int plx_mem_block_ready(struct plx_mem_block_pool *pool, unsigned nb)
{
	struct plx_mem_block_chunk *chunk;

	if (pool->nb_free >= nb)
		return 0;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	for (unsigned i = CHUNK_BLOCKS; i-- > 0;) {
		chunk->blocks[i].left = pool->free;
		pool->free = &chunk->blocks[i];
	}
	pool->nb_free += CHUNK_BLOCKS;
	return 0;
}

void plx_mem_block_pool_fini(struct plx_mem_block_pool *pool)
{
	while (pool->chunks) {
		struct plx_mem_block_chunk *next = pool->chunks->next;

		free(pool->chunks);
		pool->chunks = next;
	}
	*pool = (struct plx_mem_block_pool){0};
}

static struct plx_mem_block *block_get(struct plx_mem_heap *heap, uintptr_t addr, size_t len)
{
	struct plx_mem_block_pool *pool = heap->pool;
	struct plx_mem_block *block = pool->free;

	pool->free = block->left;
	pool->nb_free--;
	pool->seed = pool->seed * 1664525u + 1013904223u;
	*block = (struct plx_mem_block){.addr = addr, .len = len, .prio = pool->seed};
	return block;
}

static void block_put(struct plx_mem_heap *heap, struct plx_mem_block *block)
{
	block->left = heap->pool->free;
	heap->pool->free = block;
	heap->pool->nb_free++;
}

/* The treap */

static void pull(struct plx_mem_block *n)
{
	size_t max = n->kind == PLX_MEM_FREE ? n->len : 0;

	if (n->left)
		max = plx_max_size(max, n->left->max_free);
	if (n->right)
		max = plx_max_size(max, n->right->max_free);
	n->max_free = max;
}

/* Cut into what lies below @addr and the rest. */
static void split(struct plx_mem_block *n, uintptr_t addr, struct plx_mem_block **low,
		  struct plx_mem_block **high)
{
	if (!n) {
		*low = *high = NULL;
		return;
	}
	if (n->addr < addr) {
		split(n->right, addr, &n->right, high);
		*low = n;
	} else {
		split(n->left, addr, low, &n->left);
		*high = n;
	}
	pull(n);
}

static struct plx_mem_block *merge(struct plx_mem_block *low, struct plx_mem_block *high)
{
	if (!low)
		return high;
	if (!high)
		return low;
	if (low->prio > high->prio) {
		low->right = merge(low->right, high);
		pull(low);
		return low;
	}
	high->left = merge(low, high->left);
	pull(high);
	return high;
}

static void insert(struct plx_mem_heap *heap, struct plx_mem_block *block)
{
	struct plx_mem_block *low, *high;

	block->left = block->right = NULL;
	pull(block);
	split(heap->root, block->addr, &low, &high);
	heap->root = merge(merge(low, block), high);
}

static void unlink_block(struct plx_mem_heap *heap, struct plx_mem_block *block)
{
	struct plx_mem_block *low, *self, *high;

	split(heap->root, block->addr, &low, &high);
	split(high, block->addr + 1, &self, &high);
	heap->root = merge(low, high);
}

struct plx_mem_block *plx_mem_heap_find(const struct plx_mem_heap *heap, uintptr_t addr)
{
	struct plx_mem_block *n = heap->root, *floor = NULL;

	while (n) {
		if (n->addr <= addr) {
			floor = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return floor && addr - floor->addr < floor->len ? floor : NULL;
}

static struct plx_mem_block *next_free(struct plx_mem_block *n, uintptr_t addr, size_t len)
{
	struct plx_mem_block *found;

	if (!n || n->max_free < len)
		return NULL;
	if (n->addr >= addr) {
		found = next_free(n->left, addr, len);
		if (found)
			return found;
		if (n->kind == PLX_MEM_FREE && n->len >= len)
			return n;
	}
	return next_free(n->right, addr, len);
}

struct plx_mem_block *plx_mem_heap_next_free(const struct plx_mem_heap *heap, uintptr_t addr,
					     size_t len)
{
	return next_free(heap->root, addr, len);
}

/* Placement */

static bool crosses(uint64_t addr, const struct plx_mem_fit *fit)
{
	return fit->bound && ((addr ^ (addr + fit->len - 1)) & ~((uint64_t)fit->bound - 1));
}

/*
 * 0 when the device sees [addr, addr + len) as one aligned run, else how far on to look: the
 * first address with another chance is at a grain's start.
 */
static size_t iova_misfit(const struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
			  uintptr_t addr)
{
	size_t to_grain = heap->grain_bytes - (addr & (heap->grain_bytes - 1));
	uint64_t iova = heap->iova(addr);

	if (iova & (fit->align - 1) || crosses(iova, fit))
		return to_grain;
	for (size_t done = to_grain; done < fit->len; done += heap->grain_bytes)
		if (heap->iova(addr + done) != iova + done)
			return done;
	return 0;
}

uintptr_t plx_mem_place(const struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
			uintptr_t start, uintptr_t end)
{
	uintptr_t addr = plx_align_up(start, fit->align);

	while (addr >= start && addr < end && end - addr >= fit->len) {
		size_t skip;

		if (crosses(addr, fit)) {
			addr = plx_align_up(plx_align_up(addr, fit->bound), fit->align);
			continue;
		}
		skip = fit->contig && heap->iova ? iova_misfit(heap, fit, addr) : 0;
		if (!skip)
			return addr;
		addr = plx_align_up(addr + skip, fit->align);
	}
	return 0;
}

/* Blocks change state */

/* The lowest free block that @fit has a place in. */
static struct plx_mem_block *first_fit(const struct plx_mem_heap *heap,
				       const struct plx_mem_fit *fit, uintptr_t *addr)
{
	struct plx_mem_block *block;
	uintptr_t from = 0;

	while ((block = plx_mem_heap_next_free(heap, from, fit->len)) != NULL) {
		*addr = plx_mem_place(heap, fit, block->addr, block->addr + block->len);
		if (*addr)
			return block;
		from = block->addr + 1;
	}
	return NULL;
}

bool plx_mem_heap_fits(const struct plx_mem_heap *heap, const struct plx_mem_fit *fit)
{
	uintptr_t addr;

	return first_fit(heap, fit, &addr) != NULL;
}

struct plx_mem_block *plx_mem_heap_take(struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
					enum plx_mem_kind kind)
{
	struct plx_mem_block *block, *rest;
	uintptr_t addr, end;

	block = first_fit(heap, fit, &addr);
	if (!block)
		return NULL;
	unlink_block(heap, block);
	end = block->addr + block->len;
	if (addr > block->addr) {
		rest = block_get(heap, block->addr, addr - block->addr);
		insert(heap, rest);
	}
	if (end > addr + fit->len) {
		rest = block_get(heap, addr + fit->len, end - addr - fit->len);
		insert(heap, rest);
	}
	block->addr = addr;
	block->len = fit->len;
	block->kind = kind;
	insert(heap, block);
	heap->used_bytes += block->len;
	heap->nb_used++;
	return block;
}

/* @block is in no tree; its free neighbours become part of it. */
static void insert_free(struct plx_mem_heap *heap, struct plx_mem_block *block)
{
	struct plx_mem_block *prev = plx_mem_heap_find(heap, block->addr - 1);
	struct plx_mem_block *next = plx_mem_heap_find(heap, block->addr + block->len);

	if (prev && prev->kind == PLX_MEM_FREE) {
		unlink_block(heap, prev);
		block->addr = prev->addr;
		block->len += prev->len;
		block_put(heap, prev);
	}
	if (next && next->kind == PLX_MEM_FREE) {
		unlink_block(heap, next);
		block->len += next->len;
		block_put(heap, next);
	}
	block->kind = PLX_MEM_FREE;
	insert(heap, block);
}

struct plx_mem_block *plx_mem_heap_release(struct plx_mem_heap *heap, struct plx_mem_block *block)
{
	heap->used_bytes -= block->len;
	heap->nb_used--;
	unlink_block(heap, block);
	insert_free(heap, block);
	return block;
}

void plx_mem_heap_add(struct plx_mem_heap *heap, uintptr_t addr, size_t len)
{
	insert_free(heap, block_get(heap, addr, len));
	heap->mapped_bytes += len;
}

void plx_mem_heap_cut(struct plx_mem_heap *heap, uintptr_t addr, size_t len)
{
	struct plx_mem_block *block = plx_mem_heap_find(heap, addr);
	uintptr_t start = block->addr, end = block->addr + block->len;

	unlink_block(heap, block);
	block_put(heap, block);
	if (addr > start)
		insert(heap, block_get(heap, start, addr - start));
	if (end > addr + len)
		insert(heap, block_get(heap, addr + len, end - addr - len));
	heap->mapped_bytes -= len;
}

/* Checking */

struct tally {
	const struct plx_mem_block *prev;
	size_t bytes, used_bytes, nb_used;
	const char *wrong;
};

static void check_block(const struct plx_mem_block *n, struct tally *tally)
{
	size_t max;

	if (!n || tally->wrong)
		return;
	check_block(n->left, tally);
	if (tally->prev) {
		uintptr_t end = tally->prev->addr + tally->prev->len;

		if (end > n->addr)
			tally->wrong = "blocks overlap";
		else if (end == n->addr && tally->prev->kind == PLX_MEM_FREE &&
			 n->kind == PLX_MEM_FREE)
			tally->wrong = "two free neighbours";
	}
	if (n->len == 0 || (n->addr | n->len) % PLX_MEM_UNIT_BYTES)
		tally->wrong = "a block is empty or crooked";
	if ((n->left && n->left->prio > n->prio) || (n->right && n->right->prio > n->prio))
		tally->wrong = "the heap order of priorities is broken";
	max = n->kind == PLX_MEM_FREE ? n->len : 0;
	max = plx_max_size(max, n->left ? n->left->max_free : 0);
	max = plx_max_size(max, n->right ? n->right->max_free : 0);
	if (max != n->max_free)
		tally->wrong = "max_free is wrong";
	tally->prev = n;
	tally->bytes += n->len;
	if (n->kind != PLX_MEM_FREE) {
		tally->used_bytes += n->len;
		tally->nb_used++;
	}
	check_block(n->right, tally);
}

const char *plx_mem_heap_check(const struct plx_mem_heap *heap)
{
	struct tally tally = {0};

	check_block(heap->root, &tally);
	if (tally.wrong)
		return tally.wrong;
	if (tally.bytes != heap->mapped_bytes)
		return "blocks do not add up to what is mapped";
	if (tally.used_bytes != heap->used_bytes || tally.nb_used != heap->nb_used)
		return "used bytes or blocks are counted wrong";
	return NULL;
}
