/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a PCI device may reach.
 *
 * Memory of the EAL (packet pools, rings, plx_mem_alloc(), memzones) is mapped for each open device
 * by itself: plx_mem_virt2iova() is its address there, and nothing more is to be done, as long as
 * the device can address it (see the mask). All else is mapped by the calls below, and nothing that
 * was not asked for: VFIO maps whole pages, so what shares a page with it is reachable, too.
 *
 * With VFIO the IOVA is the virtual address (--iova-mode va) where the device's mask and the
 * IOMMU's ranges allow it; else a place that they do allow is found. With UIO it is the physical
 * address, and only memory of the EAL can be had, since the kernel moves ordinary pages at will.
 *
 * All devices of a process share one space of addresses (a VFIO container) where their IOMMUs allow
 * it: what is mapped for one is within the reach of all. Memory of the EAL is mapped both ways, to
 * be read and written, whatever it is used for.
 *
 * Transfers of x86-64 and of arm64's PCI are coherent: no call syncs caches.
 *
 * All calls: any thread.
 */
#ifndef POLLUX_DMA_H
#define POLLUX_DMA_H

#include <pollux/compiler.h>
#include <pollux/pci.h>
#include <sys/uio.h>

PLX_BEGIN_DECLS

enum plx_dma_dir {
	PLX_DMA_TO_DEVICE = 1,	 /* the device reads it */
	PLX_DMA_FROM_DEVICE = 2, /* the device writes it */
	PLX_DMA_BOTH = 3,
};

/* A piece of memory that the device can reach. The caller keeps it until plx_dma_unmap(). */
struct plx_dma_map {
	void *addr;
	size_t len_bytes;
	uint64_t iova; /* of addr, and on without a gap */
	/* the library's */
	uint64_t base_iova; /* what was mapped for it: whole pages */
	size_t base_bytes;  /* 0: nothing, it is memory of the EAL */
};

/* Addresses that the device may be given, both ends included. */
struct plx_dma_range {
	uint64_t first, last;
};

/**
 * Say how many address bits the device drives: a mask of low bits, all 64 at first. It changes what
 * later calls give, and no mapping that there is.
 *
 * Returns 0, -EINVAL (not of the form 2^n - 1, or below one page).
 */
PLX_API int plx_dma_mask_set(struct plx_pci_dev *dev, uint64_t mask);
PLX_API uint64_t plx_dma_mask(const struct plx_pci_dev *dev);

/**
 * The ranges that the IOMMU takes, ascending: reserved ones (the interrupt window of x86) are left
 * out, the mask is not looked at.
 *
 * @room    entries of @ranges
 * Returns how many there are, which may be more than @room; 0: no limits are known.
 */
PLX_API unsigned plx_dma_ranges(const struct plx_pci_dev *dev, struct plx_dma_range *ranges,
				unsigned room);

/** Can the device reach these addresses, by its mask and the ranges? */
PLX_API bool plx_dma_reaches(const struct plx_pci_dev *dev, uint64_t iova, size_t len);

/**
 * Map memory for as long as the caller likes: a ring, a pool.
 *
 * @addr   any memory; of the EAL: nothing is mapped when the device reaches it anyway
 * @len    bytes                                     [1, ..)
 * @dir    of enum plx_dma_dir
 * @map    out
 *
 * Returns 0.
 * Errors  -EINVAL, -ENOSPC (no room below the mask and within the ranges), -ENOMEM
 *         (RLIMIT_MEMLOCK), -EFAULT (no such memory; with UIO: memory that is not of the EAL, not
 *         contiguous, or beyond the mask).
 * Owner   the memory stays the caller's, and must stay mapped.
 */
PLX_API int plx_dma_map(struct plx_pci_dev *dev, void *addr, size_t len, unsigned dir,
			struct plx_dma_map *map);

/** Take it back: the device does not reach it any more. A @map of zeros is legal. */
PLX_API void plx_dma_unmap(struct plx_pci_dev *dev, struct plx_dma_map *map);

/**
 * Map a list of pieces for one transfer (streaming), to be unmapped when it is over. Pieces may
 * overlap, share pages, and be mapped already.
 *
 * @iov, @nb_iov  the pieces; one of no bytes is left out
 * @maps, @room   out: [0, ret), in order; one a piece, with UIO one a contiguous run
 *
 * Returns the number of maps.
 * Errors  as plx_dma_map(); -E2BIG (@room is too small). Then nothing is mapped.
 */
PLX_API int plx_dma_map_sg(struct plx_pci_dev *dev, const struct iovec *iov, unsigned nb_iov,
			   unsigned dir, struct plx_dma_map *maps, unsigned room);
PLX_API void plx_dma_unmap_sg(struct plx_pci_dev *dev, struct plx_dma_map *maps, unsigned nb);

/**
 * Zeroed memory of the EAL that the device reaches, contiguous for it: for who has a small mask, or
 * wants the whole thing in one call.
 *
 * @len    bytes                                     [1, ..)
 * @align  power of two, for both addresses; 0: one cache line; up to a page
 * @map    out: addr, iova
 *
 * Returns 0, -EINVAL, -ENOMEM, -ENOSPC; with UIO -ENOSPC when no memory that low could be had.
 * Owner   the caller, until plx_dma_free().
 */
PLX_API int plx_dma_alloc(struct plx_pci_dev *dev, size_t len, size_t align,
			  struct plx_dma_map *map);

/** Give it back. A @map of zeros is legal. */
PLX_API void plx_dma_free(struct plx_pci_dev *dev, struct plx_dma_map *map);

PLX_END_DECLS

#endif
