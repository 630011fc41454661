/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory in a container: what the EAL has (by the watch of mem.h) and what plx_dma_map() asks for.
 * The space says which I/O addresses are taken, so that a map asked for does not meet the EAL's.
 */
#include "vfio_private.h"

#include <errno.h>
#include <pollux/bits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { INFO_BYTES_MAX = 65536 };

/* Where the kernel does not tell (before 5.4): past the interrupt window of x86, 39 bits. */
static const struct plx_dma_range usual[] = {{0, 0xfedfffff}, {0xfef00000, 0x7fffffffff}};

/* ---- Ranges ---- */

static int set_ranges(struct plx_vfio_container *container, const struct plx_dma_range *ranges,
		      unsigned nb)
{
	struct plx_dma_range *copy = calloc(nb, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, ranges, nb * sizeof(*copy));
	pthread_mutex_lock(&container->lock);
	free(container->space.ranges);
	container->space.ranges = copy;
	container->space.nb_ranges = nb;
	pthread_mutex_unlock(&container->lock);
	return 0;
}

/* The capability of the ranges within what VFIO_IOMMU_GET_INFO gave. NULL: it is not there. */
static const struct vfio_iommu_type1_info_cap_iova_range *
find_ranges(const struct vfio_iommu_type1_info *info)
{
	uint32_t at = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0;

	for (unsigned steps = 0; at && steps < 32; steps++) {
		const struct vfio_info_cap_header *header;

		if (at + sizeof(*header) > info->argsz)
			return NULL;
		header = (const void *)((const char *)info + at);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
			const struct vfio_iommu_type1_info_cap_iova_range *cap =
				(const void *)header;

			if (at + sizeof(*cap) > info->argsz ||
			    cap->nr_iovas >
				    (info->argsz - at - sizeof(*cap)) / sizeof(cap->iova_ranges[0]))
				return NULL;
			return cap;
		}
		at = header->next;
	}
	return NULL;
}

static int keep_ranges(struct plx_vfio_container *container,
		       const struct vfio_iommu_type1_info_cap_iova_range *cap)
{
	struct plx_dma_range *ranges = calloc(cap->nr_iovas, sizeof(*ranges));
	int ret;

	if (!ranges)
		return -ENOMEM;
	for (unsigned i = 0; i < cap->nr_iovas; i++)
		ranges[i] =
			(struct plx_dma_range){cap->iova_ranges[i].start, cap->iova_ranges[i].end};
	ret = set_ranges(container, ranges, cap->nr_iovas);
	free(ranges);
	return ret;
}

int plx_vfio_read_ranges(struct plx_vfio_container *container, enum plx_log_level level)
{
	const struct vfio_iommu_type1_info_cap_iova_range *cap;
	struct vfio_iommu_type1_info *info;
	int ret;

	if (!container->has_iommu)
		return 0;
	info = calloc(1, INFO_BYTES_MAX);
	if (!info) {
		plx_log(&plx_log_bus, level, "VFIO: out of memory");
		return -ENOMEM;
	}
	info->argsz = INFO_BYTES_MAX;
	if (ioctl(container->fd, VFIO_IOMMU_GET_INFO, info) != 0) {
		ret = -errno;
		plx_log(&plx_log_bus, level, "VFIO: the IOMMU does not tell its limits: %s",
			strerror(-ret));
		free(info);
		return ret;
	}
	info->argsz = (uint32_t)plx_min_u64(info->argsz, INFO_BYTES_MAX);
	cap = find_ranges(info);
	if (cap && cap->nr_iovas > 0)
		ret = keep_ranges(container, cap);
	else
		ret = set_ranges(container, usual, PLX_ARRAY_SIZE(usual));
	free(info);
	return ret;
}

unsigned plx_vfio_dma_ranges(const struct plx_pci_dev *dev, struct plx_dma_range *ranges,
			     unsigned room)
{
	struct plx_vfio_container *container = plx_vfio_of(dev)->group->container;
	unsigned nb;

	pthread_mutex_lock(&container->lock);
	nb = container->space.nb_ranges;
	for (unsigned i = 0; i < nb && i < room; i++)
		ranges[i] = container->space.ranges[i];
	pthread_mutex_unlock(&container->lock);
	return nb;
}

/* ---- Mapping: the container's lock held ---- */

/* All that is taken, the piece that is about to be mapped among it. */
static uint64_t sum_bytes(const struct plx_iova_space *space)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < space->nb_taken; i++)
		sum += space->taken[i].last - space->taken[i].first + 1;
	return sum;
}

static void tell_failure(const struct plx_vfio_container *container, const void *addr,
			 uint64_t iova, size_t len, int err)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (err == -ENOMEM && limit.rlim_cur != RLIM_INFINITY)
		LOG_ERR("VFIO: %zu KB at %p can't be mapped for the device: with them %ju KB are, "
			"and RLIMIT_MEMLOCK is %ju KB, of which other locked memory takes its "
			"part: raise it with `ulimit -l` or in /etc/security/limits.conf",
			len / 1024, addr, (uintmax_t)sum_bytes(&container->space) / 1024,
			(uintmax_t)limit.rlim_cur / 1024);
	else
		LOG_ERR("VFIO: %zu KB at %p can't be mapped for the device as %#jx: %s", len / 1024,
			addr, (uintmax_t)iova, strerror(-err));
}

static int map(struct plx_vfio_container *container, const void *addr, uint64_t iova, size_t len,
	       unsigned dir)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.vaddr = (uintptr_t)addr,
		.iova = iova,
		.size = len,
	};
	int err;

	if (dir & PLX_DMA_TO_DEVICE)
		arg.flags |= VFIO_DMA_MAP_FLAG_READ;
	if (dir & PLX_DMA_FROM_DEVICE)
		arg.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	if (ioctl(container->fd, VFIO_IOMMU_MAP_DMA, &arg) == 0)
		return 0;
	err = -errno;
	tell_failure(container, addr, iova, len, err);
	return err;
}

/* A device that is unplugged takes its group out of the container as soon as it is closed; with the
 * last group the kernel unmaps all. */
static bool is_empty(const struct plx_vfio_container *container)
{
	struct vfio_iommu_type1_info info = {.argsz = sizeof(info)};

	return ioctl(container->fd, VFIO_IOMMU_GET_INFO, &info) != 0;
}

static void unmap(struct plx_vfio_container *container, uint64_t iova, size_t len)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.iova = iova,
		.size = len,
	};

	int ret = ioctl(container->fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	if (ret || arg.size != len) {
		int err = errno;

		/* The device may reach them still: they stay taken. */
		if (!is_empty(container)) {
			LOG_ERR("VFIO: %zu KB at IOVA %#jx can't be unmapped: %s", len / 1024,
				(uintmax_t)iova, ret ? strerror(err) : "some of it was not mapped");
			return;
		}
	}
	plx_iova_space_give(&container->space, iova);
}

/* ---- The EAL's memory ---- */

static void tell_outside(const struct plx_vfio_container *container, uint64_t iova, size_t len)
{
	const struct plx_iova_space *space = &container->space;
	uint64_t first = space->nb_ranges ? space->ranges[0].first : 0;
	uint64_t last = space->nb_ranges ? space->ranges[space->nb_ranges - 1].last : UINT64_MAX;

	LOG_ERR("VFIO: memory at IOVA %#jx, %zu KB, is outside of what the IOMMU takes (%u ranges, "
		"%#jx to %#jx): use --iova-mode pa",
		(uintmax_t)iova, len / 1024, space->nb_ranges, (uintmax_t)first, (uintmax_t)last);
}

static int added(void *va, uint64_t iova, size_t len, void *arg)
{
	struct plx_vfio_container *container = arg;
	int ret;

	pthread_mutex_lock(&container->lock);
	ret = plx_iova_space_take(&container->space, iova, len);
	if (ret == -ERANGE)
		tell_outside(container, iova, len);
	else if (ret)
		LOG_ERR("VFIO: memory at IOVA %#jx, %zu KB: %s", (uintmax_t)iova, len / 1024,
			ret == -EEXIST ? "the address is taken" : strerror(-ret));
	if (ret)
		goto unlock;
	ret = map(container, va, iova, len, PLX_DMA_BOTH);
	if (ret)
		plx_iova_space_give(&container->space, iova);

unlock:
	pthread_mutex_unlock(&container->lock);
	return ret;
}

static void removed(void *va, uint64_t iova, size_t len, void *arg)
{
	struct plx_vfio_container *container = arg;

	(void)va;
	pthread_mutex_lock(&container->lock);
	unmap(container, iova, len);
	pthread_mutex_unlock(&container->lock);
}

int plx_vfio_watch_memory(struct plx_vfio_container *container)
{
	struct plx_iova_span *kept = &container->space.kept;
	int ret;

	/* Without the EAL there is no memory of it. */
	if (!container->has_iommu || !plx_eal_conf())
		return 0;
	/* Nothing else is put where it will grow. */
	if (plx_mem_iova_mode() == PLX_IOVA_VA)
		plx_mem_span(&kept->first, &kept->last);
	container->watch =
		(struct plx_mem_watch){.added = added, .removed = removed, .arg = container};
	ret = plx_mem_watch_add(&container->watch);
	container->is_watching = ret == 0;
	return ret == -ENODEV ? 0 : ret; /* the EAL is ending */
}

void plx_vfio_unwatch_memory(struct plx_vfio_container *container)
{
	if (container->is_watching)
		plx_mem_watch_del(&container->watch);
	container->is_watching = false;
}

/* ---- Other memory ---- */

/* IOVA = VA if that is free and within reach, else where there is room. */
static int choose_iova(struct plx_vfio_container *container, const struct plx_dma_want *want,
		       uint64_t start, uint64_t len, uint64_t *iova)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	*iova = start;
	if (!want->streaming && plx_mem_iova_mode() != PLX_IOVA_PA &&
	    start + len - 1 <= want->limit &&
	    plx_iova_space_take(&container->space, start, len) == 0)
		return 0;
	return plx_iova_space_find(&container->space, len, page, want->limit, iova);
}

int plx_vfio_dma_map(struct plx_pci_dev *dev, const struct plx_dma_want *want,
		     struct plx_dma_map *out)
{
	struct plx_vfio_container *container = plx_vfio_of(dev)->group->container;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), addr = (uintptr_t)want->addr;
	uint64_t start = plx_align_down(addr, page);
	uint64_t len = plx_align_up(addr + want->len_bytes, page) - start, iova;
	int ret;

	if (!container->has_iommu) {
		dev_log(dev, PLX_LOG_ERR,
			"memory at %p is not of the EAL (or not contiguous, or above the mask "
			"%#jx): without an IOMMU only that can be used",
			want->addr, (uintmax_t)want->limit);
		return -EFAULT;
	}
	pthread_mutex_lock(&container->lock);
	ret = choose_iova(container, want, start, len, &iova);
	if (ret == -ENOMEM)
		dev_log(dev, PLX_LOG_ERR, "DMA map of %p: out of memory", want->addr);
	else if (ret)
		dev_log(dev, PLX_LOG_ERR, "no room for %ju KB below %#jx within the IOMMU's ranges",
			(uintmax_t)len / 1024, (uintmax_t)want->limit);
	if (ret)
		goto unlock;
	ret = map(container, (const void *)(uintptr_t)start, iova, len, want->dir);
	if (ret) {
		plx_iova_space_give(&container->space, iova);
		goto unlock;
	}
	out->iova = iova + (addr - start);
	out->base_iova = iova;
	out->base_bytes = len;

unlock:
	pthread_mutex_unlock(&container->lock);
	return ret;
}

void plx_vfio_dma_unmap(struct plx_pci_dev *dev, const struct plx_dma_map *map)
{
	struct plx_vfio_container *container = plx_vfio_of(dev)->group->container;

	pthread_mutex_lock(&container->lock);
	unmap(container, map->base_iova, map->base_bytes);
	pthread_mutex_unlock(&container->lock);
}
