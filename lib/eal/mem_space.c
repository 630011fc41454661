/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reservation of addresses, and the pages that come and go in it.
 *
 * The reservation costs nothing but page-table room for what is mapped: as large as the machine's
 * RAM for each node, so that memory that grows stays one run of addresses and the table of grains
 * gives the IOVA of an address in O(1).
 *
 * Growth takes the lowest bare grains with which the request fits, free memory beside them counted
 * in. The invariant that keeps pages from lying idle: no grain that was taken by need is wholly
 * free between two calls.
 */
#include "mem_private.h"

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/bits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

enum { HINT_TRIES = 8, CONTIG_TRIES = 5 };
#define HINT_STEP ((uintptr_t)64 << 30)
#define UNKNOWN_RAM_BYTES ((size_t)64 << 30) /* addresses alone cost nothing */

/* Addresses */

static void *reserve_at(uintptr_t hint, size_t len)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *addr =
		mmap((void *)hint, len, PROT_NONE, flags | (hint ? MAP_FIXED_NOREPLACE : 0), -1, 0);

	if (addr == MAP_FAILED)
		return NULL;
	/* Kernels before 4.17 do not know NOREPLACE and map elsewhere. */
	if (hint && addr != (void *)hint) {
		munmap(addr, len);
		errno = EEXIST;
		return NULL;
	}
	return addr;
}

/* At the hint or a step above; else wherever there is room, cut to alignment. */
static uintptr_t reserve(size_t len)
{
	uintptr_t start, addr;

	for (unsigned i = 0; i < HINT_TRIES; i++) {
		addr = PLX_MEM_BASE_HINT + i * HINT_STEP;
		if (reserve_at(addr, len))
			return addr;
		if (errno == ENOMEM)
			return 0;
	}
	start = (uintptr_t)reserve_at(0, len + PLX_MEM_BASE_ALIGN);
	if (!start)
		return 0;
	addr = plx_align_up(start, PLX_MEM_BASE_ALIGN);
	if (addr > start)
		munmap((void *)start, addr - start);
	munmap((void *)(addr + len), start + PLX_MEM_BASE_ALIGN - addr);
	return addr;
}

static uint64_t iova_of(uintptr_t addr)
{
	return ~plx_mem.grains[plx_mem_grain_of(addr)].not_iova +
	       (addr & (plx_mem_grain_bytes() - 1));
}

int plx_mem_space_init(size_t least)
{
	size_t span = UNKNOWN_RAM_BYTES, nb = plx_mem.nb_heaps;
	struct sysinfo info;

	if (sysinfo(&info) == 0)
		span = (size_t)info.totalram * info.mem_unit;
	span = plx_max_size(span, least);
	span = plx_align_up(span, PLX_MEM_BASE_ALIGN);
	/* A limit of addresses (ulimit -v) gets a smaller reservation while what is asked fits. */
	while (!(plx_mem.base = reserve(span * nb)) && span / 2 >= least &&
	       span / 2 >= PLX_MEM_BASE_ALIGN)
		span = plx_align_up(span / 2, PLX_MEM_BASE_ALIGN);
	if (!plx_mem.base) {
		int err = -errno;

		LOG_ERR("%zu MB of addresses can't be reserved: %s; raise `ulimit -v`",
			(span * nb) >> 20, strerror(-err));
		return err;
	}
	madvise((void *)plx_mem.base, span * nb, MADV_DONTDUMP);
	plx_mem.len_bytes = span * nb;
	plx_mem.nb_grains = plx_mem.len_bytes >> plx_mem.grain_shift;
	/* Untouched parts of the table cost nothing. */
	plx_mem.grains =
		mmap(NULL, plx_mem.nb_grains * sizeof(*plx_mem.grains), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (plx_mem.grains == MAP_FAILED) {
		int err = -errno;

		LOG_ERR("the table of pages can't be mapped: %s", strerror(-err));
		plx_mem.grains = NULL;
		plx_mem_space_fini();
		return err;
	}
	for (size_t i = 0; i < nb; i++) {
		struct plx_mem_heap *heap = &plx_mem.heaps[i];

		heap->pool = &plx_mem.blocks;
		heap->start = plx_mem.base + i * span;
		heap->nb_grains = span >> plx_mem.grain_shift;
		heap->first_grain = heap->top_grain = i * heap->nb_grains;
		heap->grain_bytes = plx_mem_grain_bytes();
		heap->iova = plx_mem.iova_mode == PLX_IOVA_PA ? iova_of : NULL;
	}
	return 0;
}

void plx_mem_space_fini(void)
{
	if (plx_mem.grains)
		munmap(plx_mem.grains, plx_mem.nb_grains * sizeof(*plx_mem.grains));
	if (plx_mem.base)
		munmap((void *)plx_mem.base, plx_mem.len_bytes);
	plx_mem.grains = NULL;
	plx_mem.base = 0;
	plx_mem.len_bytes = plx_mem.nb_grains = 0;
}

struct plx_mem_heap *plx_mem_heap_of(uintptr_t addr)
{
	size_t span = plx_mem.len_bytes / plx_mem.nb_heaps;

	return &plx_mem.heaps[(addr - plx_mem.base) / span];
}

/* Enter the grains into the table: IOVAs, and where segments start. */
static int publish(size_t first, size_t nb, bool keep, struct plx_mem_lack *lack)
{
	uint64_t *iovas = NULL;
	int err;

	if (plx_mem.iova_mode == PLX_IOVA_PA) {
		iovas = malloc(nb * sizeof(*iovas));
		err = iovas ? plx_mem_pages_sort(first, nb, iovas) : -ENOMEM;
		if (err) {
			lack->why = err == -EPERM ? PLX_MEM_LACK_ACCESS : PLX_MEM_LACK_OTHER;
			free(iovas);
			return err;
		}
	}
	for (size_t i = 0; i < nb; i++) {
		struct plx_mem_grain *grain = &plx_mem.grains[first + i];
		bool head = !keep || i == 0 ||
			    (iovas && iovas[i] != iovas[i - 1] + plx_mem_grain_bytes());

		grain->flags = (uint8_t)(PLX_MEM_MAPPED | (keep ? PLX_MEM_KEPT : 0) |
					 (head ? PLX_MEM_HEAD : 0));
		/* Pairs with plx_mem_virt2iova(). */
		plx_store_release(&grain->not_iova,
				  ~(iovas ? iovas[i] : plx_mem_grain_addr(first + i)));
	}
	free(iovas);
	return 0;
}

/* Growth */

static bool is_mapped(size_t grain)
{
	return plx_mem.grains[grain].flags & PLX_MEM_MAPPED;
}

/* The fewest bare grains, lowest first, with which @fit fits; with free memory beside them. */
static size_t find_grains(const struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
			  bool borrow, size_t *nb)
{
	size_t end = heap->first_grain + heap->nb_grains, grain = heap->first_grain, next;
	/* What the device will see of pages that are not there yet can't be asked. */
	struct plx_mem_fit virt = {fit->len, fit->align, fit->bound, false};

	for (; grain < end; grain = next) {
		const struct plx_mem_block *block;
		uintptr_t start, limit, addr;

		next = grain + 1;
		if (is_mapped(grain))
			continue;
		while (next < heap->top_grain && !is_mapped(next))
			next++;
		if (next >= heap->top_grain)
			next = end;
		start = plx_mem_grain_addr(grain);
		limit = plx_mem_grain_addr(next);
		if (borrow) {
			block = plx_mem_heap_find(heap, start - 1);
			start = block && block->kind == PLX_MEM_FREE ? block->addr : start;
			block = next < end ? plx_mem_heap_find(heap, limit) : NULL;
			limit += block && block->kind == PLX_MEM_FREE ? block->len : 0;
		}
		addr = plx_mem_place(heap, &virt, start, limit);
		if (addr) {
			size_t first = plx_max_size(grain, plx_mem_grain_of(addr));

			*nb = plx_min_size(next, plx_mem_grain_of(addr + fit->len - 1) + 1) - first;
			return first;
		}
	}
	return SIZE_MAX;
}

static int grow_once(struct plx_mem_heap *heap, const struct plx_mem_fit *fit, bool keep,
		     struct plx_mem_lack *lack)
{
	bool borrow = !keep && !(fit->contig && heap->iova);
	size_t nb = 0, first = find_grains(heap, fit, borrow, &nb);

	*lack = (struct plx_mem_lack){
		.why = PLX_MEM_LACK_SPACE, .err = -ENOMEM, .node = heap->node, .nb_grains = nb};
	if (first == SIZE_MAX)
		return -ENOMEM;
	lack->why = PLX_MEM_LACK_OTHER;
	lack->err = plx_mem_pages_map(heap->node, first, nb, lack);
	if (!lack->err)
		lack->err = publish(first, nb, keep, lack);
	if (!lack->err) {
		lack->err = plx_mem_watch_announce(heap, first, nb);
		if (lack->err)
			lack->why = PLX_MEM_LACK_WATCHER;
	}
	if (lack->err) {
		plx_mem_pages_unmap(first, nb);
		/* The kernel has more than one word for "no page left". */
		return lack->why == PLX_MEM_LACK_PAGES ? -ENOMEM : lack->err;
	}
	heap->top_grain = plx_max_size(heap->top_grain, first + nb);
	plx_mem_heap_add(heap, plx_mem_grain_addr(first), nb << plx_mem.grain_shift);
	return 0;
}

/*
 * Physical memory: what the device will see of pages is known only when they are there. Among more
 * pages it is likelier that some are neighbours; those not needed go back after the taking.
 */
static int grow_contig(struct plx_mem_heap *heap, const struct plx_mem_fit *fit,
		       struct plx_mem_lack *lack)
{
	struct plx_mem_fit more = *fit;
	size_t nb = plx_align_up(fit->len, plx_mem_grain_bytes()) >> plx_mem.grain_shift;
	int err;

	for (unsigned tries = 0; tries < CONTIG_TRIES; tries++) {
		struct plx_mem_lack why;

		err = grow_once(heap, &more, false, &why);
		if (err && (tries == 0 || why.why != PLX_MEM_LACK_PAGES)) {
			*lack = why;
			return err;
		}
		if (err)
			break;
		if (plx_mem_heap_fits(heap, fit))
			return 0;
		plx_mem_space_trim(heap, heap->start, heap->nb_grains << plx_mem.grain_shift);
		more.len *= 2;
		more.bound = 0;
	}
	*lack = (struct plx_mem_lack){
		.why = PLX_MEM_LACK_CONTIG, .err = -ENOMEM, .node = heap->node, .nb_grains = nb};
	return -ENOMEM;
}

int plx_mem_space_grow(struct plx_mem_heap *heap, const struct plx_mem_fit *fit, bool keep,
		       struct plx_mem_lack *lack)
{
	return fit->contig && heap->iova ? grow_contig(heap, fit, lack)
					 : grow_once(heap, fit, keep, lack);
}

static bool can_go(const struct plx_mem_heap *heap, size_t grain)
{
	uintptr_t addr = plx_mem_grain_addr(grain);
	const struct plx_mem_block *block;

	if ((plx_mem.grains[grain].flags & (PLX_MEM_MAPPED | PLX_MEM_KEPT)) != PLX_MEM_MAPPED)
		return false;
	block = plx_mem_heap_find(heap, addr);
	return block && block->kind == PLX_MEM_FREE &&
	       block->addr + block->len - addr >= plx_mem_grain_bytes();
}

void plx_mem_space_trim(struct plx_mem_heap *heap, uintptr_t start, size_t len)
{
	size_t grain = plx_mem_grain_of(plx_align_up(start, plx_mem_grain_bytes()));
	size_t end = plx_min_size(plx_mem_grain_of(start + len), heap->top_grain), nb;

	for (; grain < end; grain += nb) {
		for (nb = 0; grain + nb < end && can_go(heap, grain + nb); nb++)
			;
		if (nb == 0) {
			nb = 1;
			continue;
		}
		/* Without memory for the bookkeeping the pages stay, as free ones. */
		if (plx_mem_block_ready(heap->pool, 1) != 0)
			return;
		plx_mem_watch_withdraw(heap, grain, nb);
		plx_mem_heap_cut(heap, plx_mem_grain_addr(grain), nb << plx_mem.grain_shift);
		plx_mem_pages_unmap(grain, nb);
	}
	while (heap->top_grain > heap->first_grain && !is_mapped(heap->top_grain - 1))
		heap->top_grain--;
}
