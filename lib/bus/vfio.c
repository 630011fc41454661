/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VFIO back end: a device and its regions. The kernel resets the function when it is opened and
 * when its last descriptor is closed, by whatever death the process dies.
 */
#include "vfio_private.h"

#include <errno.h>
#include <pollux/bits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REGION_INFO_BYTES = 4096 };

/* ---- Regions ---- */

static int region_info(int fd, unsigned index, struct vfio_region_info *info, uint32_t bytes)
{
	memset(info, 0, bytes);
	info->argsz = bytes;
	info->index = index;
	return ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info) == 0 ? 0 : -errno;
}

static int read_regions(struct plx_pci_dev *dev, struct plx_vfio_dev *vfio)
{
	struct vfio_region_info info;
	int ret;

	for (unsigned i = 0; i < PLX_PCI_BARS; i++) {
		ret = region_info(vfio->fd, VFIO_PCI_BAR0_REGION_INDEX + i, &info, sizeof(info));
		if (ret)
			return ret;
		vfio->bars[i] = (struct plx_vfio_bar){info.offset, info.size, info.flags};
		/* The kernel says 0 where it could not get hold of a BAR. */
		if (info.size == 0)
			dev->info.bars[i] = (struct plx_pci_bar_info){0};
	}
	ret = region_info(vfio->fd, VFIO_PCI_CONFIG_REGION_INDEX, &info, sizeof(info));
	vfio->cfg_offset = info.offset;
	vfio->cfg_bytes = info.size;
	return ret;
}

/* ---- Open and close ---- */

static int open_device(struct plx_pci_dev *dev, struct plx_vfio_dev *vfio)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int ret;

	vfio->fd = ioctl(vfio->group->fd, VFIO_GROUP_GET_DEVICE_FD, dev->info.name);
	if (vfio->fd < 0) {
		ret = -errno;
		dev_log(dev, PLX_LOG_ERR, "VFIO does not give it: %s", strerror(-ret));
		return ret;
	}
	if (ioctl(vfio->fd, VFIO_DEVICE_GET_INFO, &info) != 0)
		ret = -errno;
	else if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
		 info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
		ret = -ENODEV;
	else
		ret = read_regions(dev, vfio);
	if (ret) {
		dev_log(dev, PLX_LOG_ERR, "VFIO does not describe it: %s", strerror(-ret));
		close(vfio->fd);
		return ret;
	}
	vfio->has_reset = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	return 0;
}

static int vfio_open(struct plx_pci_dev *dev, unsigned flags)
{
	struct plx_vfio_dev *vfio = calloc(1, sizeof(*vfio));
	int ret = -ENOMEM;

	if (!vfio) {
		dev_log(dev, PLX_LOG_ERR, "out of memory");
		return ret;
	}
	ret = plx_vfio_group_get(&dev->info, flags, &vfio->group);
	if (ret)
		goto free_vfio;
	ret = open_device(dev, vfio);
	if (ret)
		goto put_group;
	if (!vfio->group->has_iommu)
		dev_log(dev, PLX_LOG_WARN,
			"no IOMMU confines it: a wrong address given to it "
			"overwrites any memory of the machine");
	dev->priv = vfio;
	return 0;

put_group:
	plx_vfio_group_put(vfio->group);
free_vfio:
	free(vfio);
	return ret;
}

static void vfio_close(struct plx_pci_dev *dev)
{
	struct plx_vfio_dev *vfio = plx_vfio_of(dev);

	close(vfio->fd);
	plx_vfio_group_put(vfio->group);
	free(vfio);
}

static void vfio_forked(struct plx_pci_dev *dev)
{
	close(plx_vfio_of(dev)->fd);
	plx_vfio_forked();
	free(dev->priv);
}

/* ---- Configuration space, ports ---- */

static ssize_t clamp_cfg(const struct plx_vfio_dev *vfio, unsigned offset, size_t len)
{
	if (offset >= vfio->cfg_bytes)
		return -EIO;
	return (ssize_t)plx_min_u64(len, vfio->cfg_bytes - offset);
}

static ssize_t vfio_cfg_read(struct plx_pci_dev *dev, unsigned offset, void *buf, size_t len)
{
	struct plx_vfio_dev *vfio = plx_vfio_of(dev);
	ssize_t bytes = clamp_cfg(vfio, offset, len);

	return bytes < 0 ? bytes
			 : pread(vfio->fd, buf, (size_t)bytes, (off_t)(vfio->cfg_offset + offset));
}

static ssize_t vfio_cfg_write(struct plx_pci_dev *dev, unsigned offset, const void *buf, size_t len)
{
	struct plx_vfio_dev *vfio = plx_vfio_of(dev);
	ssize_t bytes = clamp_cfg(vfio, offset, len);

	return bytes < 0 ? bytes
			 : pwrite(vfio->fd, buf, (size_t)bytes, (off_t)(vfio->cfg_offset + offset));
}

static ssize_t vfio_io(struct plx_pci_dev *dev, unsigned bar, unsigned offset, void *buf,
		       unsigned bytes, bool is_write)
{
	struct plx_vfio_dev *vfio = plx_vfio_of(dev);
	off_t at = (off_t)(vfio->bars[bar].offset + offset);

	return is_write ? pwrite(vfio->fd, buf, bytes, at) : pread(vfio->fd, buf, bytes, at);
}

/* ---- BARs ---- */

/* The parts of a region that may be mapped: all, but for the table of MSI-X on older kernels. */
static const struct vfio_region_info_cap_sparse_mmap *
find_sparse(const struct vfio_region_info *info)
{
	uint32_t at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	for (unsigned steps = 0; at && steps < 32; steps++) {
		const struct vfio_info_cap_header *header;

		if (at + sizeof(*header) > info->argsz)
			return NULL;
		header = (const void *)((const char *)info + at);
		if (header->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			const struct vfio_region_info_cap_sparse_mmap *cap = (const void *)header;

			if (at + sizeof(*cap) + cap->nr_areas * sizeof(cap->areas[0]) > info->argsz)
				return NULL;
			return cap;
		}
		at = header->next;
	}
	return NULL;
}

static int map_area(int fd, const struct vfio_region_info *info, char *base, uint64_t offset,
		    uint64_t len)
{
	if (len == 0)
		return 0;
	/* Beyond its end somebody else's memory would be replaced. */
	if (offset > info->size || len > info->size - offset)
		return -ERANGE;
	if (mmap(base + offset, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 (off_t)(info->offset + offset)) == MAP_FAILED)
		return -errno;
	return 0;
}

static int map_areas(int fd, const struct vfio_region_info *info, char *base)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse = find_sparse(info);
	int ret = 0;

	if (!sparse)
		return map_area(fd, info, base, 0, info->size);
	for (unsigned i = 0; i < sparse->nr_areas && ret == 0; i++)
		ret = map_area(fd, info, base, sparse->areas[i].offset, sparse->areas[i].size);
	return ret;
}

static int vfio_bar_map(struct plx_pci_dev *dev, unsigned bar, void *at, struct plx_pci_bar *out)
{
	char buf[REGION_INFO_BYTES] PLX_ALIGNED(8);
	struct vfio_region_info *info = (void *)buf;
	struct plx_vfio_dev *vfio = plx_vfio_of(dev);
	void *base = at;
	int ret = region_info(vfio->fd, VFIO_PCI_BAR0_REGION_INDEX + bar, info, sizeof(buf));

	if (ret == 0 && !(info->flags & VFIO_REGION_INFO_FLAG_MMAP))
		ret = -EOPNOTSUPP;
	if (ret)
		goto tell;
	/* Room for all of it; what can't be mapped stays without access. When it is mapped again it
	 * is there, and other threads may be reading the ones in it. */
	if (!at)
		base = mmap(NULL, info->size, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED) {
		ret = -errno;
		goto tell;
	}
	ret = map_areas(vfio->fd, info, base);
	if (ret && !at)
		munmap(base, info->size);
	if (ret)
		goto tell;
	*out = (struct plx_pci_bar){base, info->size};
	return 0;

tell:
	dev_log(dev, PLX_LOG_ERR, "BAR %u: VFIO does not let it be mapped: %s", bar,
		strerror(-ret));
	return ret;
}

/* ---- Reset ---- */

static int vfio_reset(struct plx_pci_dev *dev)
{
	struct plx_vfio_dev *vfio = plx_vfio_of(dev);
	int ret;

	if (vfio->has_reset && ioctl(vfio->fd, VFIO_DEVICE_RESET) == 0)
		return 0;
	ret = vfio->has_reset ? -errno : -EOPNOTSUPP;
	dev_log(dev, PLX_LOG_ERR, "reset: %s",
		vfio->has_reset ? strerror(-ret) : "the device can't be reset alone");
	return ret;
}

const struct plx_pci_ops plx_vfio_ops = {
	.backend = PLX_PCI_VFIO,
	.open = vfio_open,
	.close = vfio_close,
	.forked = vfio_forked,
	.cfg_read = vfio_cfg_read,
	.cfg_write = vfio_cfg_write,
	.bar_map = vfio_bar_map,
	.io = vfio_io,
	.reset = vfio_reset,
	.intr_vectors = plx_vfio_intr_vectors,
	.intr_enable = plx_vfio_intr_enable,
	.intr_disable = plx_vfio_intr_disable,
	.intr_rearm = plx_vfio_intr_rearm,
	.intr_trigger = plx_vfio_intr_trigger,
	.events = plx_vfio_events,
	.dma_map = plx_vfio_dma_map,
	.dma_unmap = plx_vfio_dma_unmap,
	.dma_ranges = plx_vfio_dma_ranges,
};

enum plx_iova_mode plx_pci_iova_mode(const struct plx_pci_info *info)
{
	switch (info->backend) {
	case PLX_PCI_VFIO:
		return plx_vfio_is_noiommu(info->iommu_group) ? PLX_IOVA_PA : PLX_IOVA_VA;
	case PLX_PCI_UIO:
		return PLX_IOVA_PA;
	case PLX_PCI_STANDIN:
		return PLX_IOVA_VA;
	default:
		return PLX_IOVA_AUTO;
	}
}
