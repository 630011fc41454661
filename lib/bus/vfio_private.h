/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the VFIO back end share. A container is an IOMMU domain: one for all devices,
 * unless the IOMMU of one can't join. A group is what the IOMMU can tell apart, and is open as long
 * as a device of it is.
 *
 * Locks: lists and counts are under plx_pci_lock(); the space of a container under its own lock,
 * since memory comes and goes in any thread.
 */
#ifndef VFIO_PRIVATE_H
#define VFIO_PRIVATE_H

#include "bus_private.h"

#include <linux/vfio.h>
#include <pthread.h>

struct plx_vfio_container {
	struct plx_vfio_container *next;
	int fd;
	bool has_iommu;
	unsigned nb_groups;
	bool is_watching;
	struct plx_mem_watch watch;
	pthread_mutex_t lock;
	struct plx_iova_space space; /* under lock */
};

struct plx_vfio_group {
	struct plx_vfio_group *next;
	struct plx_vfio_container *container;
	int fd;
	int number;
	bool has_iommu;
	unsigned nb_devs;
};

struct plx_vfio_bar {
	uint64_t offset; /* in the device's descriptor */
	uint64_t len_bytes;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_ */
};

struct plx_vfio_dev {
	struct plx_vfio_group *group;
	int fd;
	bool has_reset;
	struct plx_vfio_bar bars[PLX_PCI_BARS];
	uint64_t cfg_offset, cfg_bytes;
};

static inline struct plx_vfio_dev *plx_vfio_of(const struct plx_pci_dev *dev)
{
	return dev->priv;
}

/* vfio_container.c: lock of the list held */
int plx_vfio_group_get(const struct plx_pci_info *info, unsigned flags,
		       struct plx_vfio_group **out);
void plx_vfio_group_put(struct plx_vfio_group *group);
void plx_vfio_forked(void);
/* Is the group one without an IOMMU? */
bool plx_vfio_is_noiommu(int group);

/* vfio_dma.c */
/* On failure, told at @level, the ranges are as before. */
int plx_vfio_read_ranges(struct plx_vfio_container *container, enum plx_log_level level);
int plx_vfio_watch_memory(struct plx_vfio_container *container);
void plx_vfio_unwatch_memory(struct plx_vfio_container *container);
int plx_vfio_dma_map(struct plx_pci_dev *dev, const struct plx_dma_want *want,
		     struct plx_dma_map *out);
void plx_vfio_dma_unmap(struct plx_pci_dev *dev, const struct plx_dma_map *map);
unsigned plx_vfio_dma_ranges(const struct plx_pci_dev *dev, struct plx_dma_range *ranges,
			     unsigned room);

/* vfio_intr.c */
unsigned plx_vfio_intr_vectors(struct plx_pci_dev *dev, enum plx_intr_kind kind);
int plx_vfio_intr_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb);
void plx_vfio_intr_disable(struct plx_pci_dev *dev);
int plx_vfio_intr_rearm(struct plx_pci_dev *dev);
int plx_vfio_intr_trigger(struct plx_pci_dev *dev, unsigned vector);
int plx_vfio_events(struct plx_pci_dev *dev, bool on);

#endif
