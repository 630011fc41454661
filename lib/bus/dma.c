/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for a device. What is the EAL's has its address already and only has to be within reach;
 * the rest is the back end's work.
 */
#include "bus_private.h"

#include <errno.h>
#include <pollux/bits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	LOW_TRIES = 64, /* pages looked at for one that is low enough */
	RANGES_MAX = 64,
};

/* Consecutive addresses are so within a grain at least; see plx_mem_virt2iova(). */
#define GRAIN_BYTES ((uintptr_t)2 << 20)

/* ---- Mask and ranges ---- */

int plx_dma_mask_set(struct plx_pci_dev *dev, uint64_t mask)
{
	if ((mask & (mask + 1)) != 0 || mask < (uint64_t)sysconf(_SC_PAGESIZE)) {
		dev_log(dev, PLX_LOG_ERR, "DMA mask %#jx: want 2^n - 1, a page at least",
			(uintmax_t)mask);
		return -EINVAL;
	}
	plx_store_relaxed(&dev->dma_mask, mask);
	return 0;
}

uint64_t plx_dma_mask(const struct plx_pci_dev *dev)
{
	return plx_load_relaxed(&dev->dma_mask);
}

unsigned plx_dma_ranges(const struct plx_pci_dev *dev, struct plx_dma_range *ranges, unsigned room)
{
	return dev->ops->dma_ranges ? dev->ops->dma_ranges(dev, ranges, room) : 0;
}

bool plx_dma_reaches(const struct plx_pci_dev *dev, uint64_t iova, size_t len)
{
	struct plx_dma_range ranges[RANGES_MAX];
	unsigned nb = plx_dma_ranges(dev, ranges, RANGES_MAX);
	uint64_t last = iova + len - 1;

	if (len == 0 || last < iova || last > plx_dma_mask(dev))
		return false;
	for (unsigned i = 0; i < nb && i < RANGES_MAX; i++)
		if (iova >= ranges[i].first && last <= ranges[i].last)
			return true;
	return nb == 0;
}

/* ---- Mapping ---- */

/* Bytes from @addr on that are the EAL's and contiguous for a device, at most @len; 0: not the
 * EAL's. */
static size_t run_of(const void *addr, size_t len, uint64_t *iova)
{
	const uintptr_t start = (uintptr_t)addr;
	size_t run = 0;

	*iova = plx_mem_virt2iova(addr);
	while (*iova != PLX_IOVA_BAD && run < len) {
		uintptr_t next = plx_align_up(start + run + 1, GRAIN_BYTES);

		if (plx_mem_virt2iova((const void *)(start + run)) != *iova + run)
			break;
		run = plx_min_size(len, next - start);
	}
	return run;
}

static int check_map(struct plx_pci_dev *dev, const void *addr, size_t len, unsigned dir)
{
	if (addr && len && (uintptr_t)addr + len > (uintptr_t)addr && dir >= PLX_DMA_TO_DEVICE &&
	    dir <= PLX_DMA_BOTH)
		return 0;
	dev_log(dev, PLX_LOG_ERR,
		"DMA map of %p, %zu bytes, direction %u: want memory, and to or "
		"from the device or both",
		addr, len, dir);
	return -EINVAL;
}

static int map_other(struct plx_pci_dev *dev, const struct plx_dma_want *want,
		     struct plx_dma_map *map)
{
	*map = (struct plx_dma_map){.addr = want->addr, .len_bytes = want->len_bytes};
	return dev->ops->dma_map(dev, want, map);
}

/* As much of the piece as one map can hold. */
static int map_piece(struct plx_pci_dev *dev, const struct plx_dma_want *want, bool whole,
		     struct plx_dma_map *map)
{
	uint64_t iova;
	size_t run = run_of(want->addr, want->len_bytes, &iova);

	if (run > 0 && (!whole || run == want->len_bytes) && plx_dma_reaches(dev, iova, run)) {
		*map = (struct plx_dma_map){.addr = want->addr, .len_bytes = run, .iova = iova};
		return 0;
	}
	return map_other(dev, want, map);
}

int plx_dma_map(struct plx_pci_dev *dev, void *addr, size_t len, unsigned dir,
		struct plx_dma_map *map)
{
	struct plx_dma_want want = {
		.addr = addr, .len_bytes = len, .dir = dir, .limit = plx_dma_mask(dev)};
	int ret = check_map(dev, addr, len, dir);

	*map = (struct plx_dma_map){0};
	if (ret == 0)
		ret = map_piece(dev, &want, true, map);
	if (ret)
		*map = (struct plx_dma_map){0};
	return ret;
}

void plx_dma_unmap(struct plx_pci_dev *dev, struct plx_dma_map *map)
{
	if (map->base_bytes)
		dev->ops->dma_unmap(dev, map);
	*map = (struct plx_dma_map){0};
}

int plx_dma_map_sg(struct plx_pci_dev *dev, const struct iovec *iov, unsigned nb_iov, unsigned dir,
		   struct plx_dma_map *maps, unsigned room)
{
	unsigned nb = 0;
	int ret = 0;

	for (unsigned i = 0; i < nb_iov && ret == 0; i++) {
		struct plx_dma_want want = {.addr = iov[i].iov_base,
					    .len_bytes = iov[i].iov_len,
					    .dir = dir,
					    .limit = plx_dma_mask(dev),
					    .streaming = true};

		if (want.len_bytes == 0)
			continue;
		ret = check_map(dev, want.addr, want.len_bytes, dir);
		while (want.len_bytes > 0 && ret == 0) {
			ret = nb < room ? map_piece(dev, &want, false, &maps[nb]) : -E2BIG;
			if (ret)
				break;
			want.addr = (char *)want.addr + maps[nb].len_bytes;
			want.len_bytes -= maps[nb++].len_bytes;
		}
	}
	if (ret == -E2BIG)
		dev_log(dev, PLX_LOG_ERR, "DMA map of a list: more than %u pieces", room);
	if (ret == 0)
		return (int)nb;
	plx_dma_unmap_sg(dev, maps, nb);
	return ret;
}

void plx_dma_unmap_sg(struct plx_pci_dev *dev, struct plx_dma_map *maps, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++)
		plx_dma_unmap(dev, &maps[i]);
}

/* ---- Memory that it reaches ---- */

static const struct plx_memzone *reserve(struct plx_pci_dev *dev, size_t len, size_t align,
					 int *ret)
{
	static unsigned serial; /* atomic */
	const struct plx_memzone *zone = NULL;
	char name[PLX_MEMZONE_NAME_MAX];

	snprintf(name, sizeof(name), "dma_%u", plx_fetch_add_relaxed(&serial, 1));
	*ret = plx_memzone_reserve(name, len, dev->info.node, PLX_MEMZONE_IOVA_CONTIG, align, 0,
				   &zone);
	return zone;
}

/* Whole pages, one after the other, until one is low enough; for who can't choose an IOVA. */
static const struct plx_memzone *reserve_low(struct plx_pci_dev *dev, size_t len, int *ret)
{
	const struct plx_memzone *held[LOW_TRIES], *found = NULL;
	struct plx_mem_stats stats;
	unsigned nb = 0;

	*ret = plx_mem_stats(&stats);
	while (*ret == 0 && !found && nb < LOW_TRIES) {
		held[nb] = reserve(dev, plx_align_up(len, stats.page_bytes), stats.page_bytes, ret);
		if (held[nb] && plx_dma_reaches(dev, held[nb]->iova, len))
			found = held[nb];
		else if (held[nb])
			nb++;
	}
	while (nb > 0)
		plx_memzone_free(held[--nb]);
	/* Else plx_memzone_reserve() has said why. */
	if (!found && *ret == 0) {
		*ret = -ENOSPC;
		dev_log(dev, PLX_LOG_ERR,
			"no memory below %#jx, which is all that the device can "
			"address: bind it to vfio-pci, whose IOMMU translates",
			(uintmax_t)plx_dma_mask(dev));
	}
	return found;
}

/* Memory of the EAL at an address that the device reaches: its own, or another that is mapped. */
static int map_zone(struct plx_pci_dev *dev, const struct plx_memzone *zone,
		    struct plx_dma_map *map)
{
	*map = (struct plx_dma_map){
		.addr = zone->addr, .len_bytes = zone->len_bytes, .iova = zone->iova};
	if (plx_dma_reaches(dev, zone->iova, zone->len_bytes))
		return 0;
	if (dev->ops->backend == PLX_PCI_VFIO && plx_pci_iova_mode(&dev->info) == PLX_IOVA_VA)
		return plx_dma_map(dev, zone->addr, zone->len_bytes, PLX_DMA_BOTH, map);
	if (dev->ops->backend != PLX_PCI_UIO) /* for which others are looked for */
		dev_log(dev, PLX_LOG_ERR,
			"%zu bytes of memory at IOVA %#jx are above the DMA mask %#jx, and no "
			"IOMMU translates",
			zone->len_bytes, (uintmax_t)zone->iova, (uintmax_t)plx_dma_mask(dev));
	return -ENOSPC;
}

int plx_dma_alloc(struct plx_pci_dev *dev, size_t len, size_t align, struct plx_dma_map *map)
{
	const struct plx_memzone *zone;
	int ret;

	*map = (struct plx_dma_map){0};
	if (align > (size_t)sysconf(_SC_PAGESIZE)) {
		dev_log(dev, PLX_LOG_ERR, "DMA memory aligned to %zu: want a page at most", align);
		return -EINVAL;
	}
	zone = reserve(dev, len, align, &ret);
	if (!zone)
		return ret;
	ret = map_zone(dev, zone, map);
	if (ret == 0)
		return 0;
	plx_memzone_free(zone);
	*map = (struct plx_dma_map){0};
	if (dev->ops->backend != PLX_PCI_UIO)
		return ret;
	zone = reserve_low(dev, len, &ret);
	if (zone)
		*map = (struct plx_dma_map){
			.addr = zone->addr, .len_bytes = len, .iova = zone->iova};
	return ret;
}

struct zone_search {
	const void *addr;
	const struct plx_memzone *found;
};

static int is_zone(const struct plx_memzone *zone, void *arg)
{
	struct zone_search *search = arg;

	if (zone->addr != search->addr)
		return 0;
	search->found = zone;
	return 1;
}

void plx_dma_free(struct plx_pci_dev *dev, struct plx_dma_map *map)
{
	struct zone_search search = {.addr = map->addr};

	if (!map->addr)
		return;
	plx_dma_unmap(dev, map);
	if (plx_memzone_walk(is_zone, &search) == 1)
		plx_memzone_free(search.found);
}
