/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kernel with VFIO, as far as the bus asks it: ioctl() of this program answers for it, and can be
 * told to fail at its n-th call. A device is a memfd: configuration space, then BAR 0, which is
 * lost when the file is cut short. It needs the files of /dev/vfio and of sysfs, see bus_tree.h.
 */
#ifndef TEST_VFIO_FAKE_H
#define TEST_VFIO_FAKE_H

#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	VFIO_FAKE_CFG_BYTES = 4096,
	VFIO_FAKE_BAR_AT = 1 << 20,
	VFIO_FAKE_BAR_BYTES = 128 << 10,
	VFIO_FAKE_PAGE_BYTES = 4096,
	VFIO_FAKE_AREAS_MAX = 64,
	VFIO_FAKE_MAPS_MAX = 256,
};

static struct vfio_fake {
	int nb_calls, fail_at, fail_errno; /* fail_at: -1 never */
	unsigned long failed;		   /* the request that did */
	unsigned long refuse;		   /* this one fails each time; 0: none */
	unsigned nb_irqs, irqs_left;	   /* of MSI and MSI-X: it has, the machine has */
	uint8_t cfg[VFIO_FAKE_CFG_BYTES];  /* of a device that is opened */
	int dev_fd;			   /* of the last one that was */
	unsigned nb_areas;		   /* that can be mapped of BAR 0; 0: all */
	struct vfio_region_sparse_mmap_area areas[VFIO_FAKE_AREAS_MAX];
	bool is_spoiled;		 /* groups are not viable */
	int event_fds[2];		 /* eventfds of errors, of requests; -1: none */
	unsigned nb_groups;		 /* in containers */
	struct vfio_iova_range reserved; /* by each group but the first; end 0: nothing is */
	struct {
		int fd;
		uint64_t iova, len;
	} maps[VFIO_FAKE_MAPS_MAX];
	unsigned nb_maps;
} vfio_fake;

static inline void vfio_fake_start(void)
{
	vfio_fake = (struct vfio_fake){
		.fail_at = -1, .nb_irqs = 4, .irqs_left = 4, .dev_fd = -1, .event_fds = {-1, -1}};
	memcpy(vfio_fake.cfg, "\x86\x80\xc9\x10\x06\x00\x00\x00\x01\x00\x00\x02", 12);
}

static inline int vfio_fake_fails(int err)
{
	errno = err;
	return -1;
}

/* The card is there, or its BAR answers no more. */
static inline void vfio_fake_bar(bool is_there)
{
	if (ftruncate(vfio_fake.dev_fd,
		      is_there ? VFIO_FAKE_BAR_AT + VFIO_FAKE_BAR_BYTES : VFIO_FAKE_CFG_BYTES))
		_exit(9);
}

static inline int vfio_fake_open_device(void)
{
	int fd = memfd_create("device", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, vfio_fake.cfg, VFIO_FAKE_CFG_BYTES, 0) != VFIO_FAKE_CFG_BYTES)
		_exit(9);
	vfio_fake.dev_fd = fd;
	vfio_fake_bar(true);
	return fd;
}

static inline int vfio_fake_region(struct vfio_region_info *info)
{
	struct vfio_region_info_cap_sparse_mmap *cap = (void *)(info + 1);
	uint32_t bytes = (uint32_t)(sizeof(*cap) + vfio_fake.nb_areas * sizeof(cap->areas[0]));

	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->offset = 0;
	info->size = info->index == VFIO_PCI_CONFIG_REGION_INDEX ? VFIO_FAKE_CFG_BYTES : 0;
	if (info->index != VFIO_PCI_BAR0_REGION_INDEX)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	info->offset = VFIO_FAKE_BAR_AT;
	info->size = VFIO_FAKE_BAR_BYTES;
	if (vfio_fake.nb_areas == 0 || info->argsz < sizeof(*info) + bytes)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = sizeof(*info);
	memset(cap, 0, sizeof(*cap));
	cap->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	cap->nr_areas = vfio_fake.nb_areas;
	memcpy(cap->areas, vfio_fake.areas, vfio_fake.nb_areas * sizeof(cap->areas[0]));
	return 0;
}

/* As pci_alloc_irq_vectors(): all, or how many there are. */
static inline int vfio_fake_irqs(const struct vfio_irq_set *set)
{
	bool is_msi = set->index == VFIO_PCI_MSI_IRQ_INDEX || set->index == VFIO_PCI_MSIX_IRQ_INDEX;

	if (set->index == VFIO_PCI_ERR_IRQ_INDEX || set->index == VFIO_PCI_REQ_IRQ_INDEX) {
		int *fd = &vfio_fake.event_fds[set->index == VFIO_PCI_REQ_IRQ_INDEX];

		*fd = -1;
		if (set->flags & VFIO_IRQ_SET_DATA_EVENTFD)
			memcpy(fd, set->data, sizeof(*fd));
	}
	return is_msi && set->count > vfio_fake.irqs_left ? (int)vfio_fake.irqs_left : 0;
}

static inline int vfio_fake_map(int fd, const struct vfio_iommu_type1_dma_map *map)
{
	for (unsigned i = 0; i < vfio_fake.nb_maps; i++)
		if (vfio_fake.maps[i].fd == fd &&
		    map->iova < vfio_fake.maps[i].iova + vfio_fake.maps[i].len &&
		    vfio_fake.maps[i].iova < map->iova + map->size)
			return vfio_fake_fails(EEXIST);
	if (vfio_fake.nb_maps == VFIO_FAKE_MAPS_MAX)
		return vfio_fake_fails(ENOSPC);
	vfio_fake.maps[vfio_fake.nb_maps].fd = fd;
	vfio_fake.maps[vfio_fake.nb_maps].iova = map->iova;
	vfio_fake.maps[vfio_fake.nb_maps++].len = map->size;
	return 0;
}

static inline int vfio_fake_unmap(int fd, struct vfio_iommu_type1_dma_unmap *unmap)
{
	uint64_t want = unmap->size;

	unmap->size = 0;
	for (unsigned i = 0; i < vfio_fake.nb_maps; i++) {
		if (vfio_fake.maps[i].fd != fd || vfio_fake.maps[i].iova != unmap->iova ||
		    vfio_fake.maps[i].len != want)
			continue;
		vfio_fake.maps[i] = vfio_fake.maps[--vfio_fake.nb_maps];
		unmap->size = want;
		break;
	}
	return 0;
}

/* 48 bits but for the interrupt window, so that any address of a process can be an IOVA. What is
 * reserved lies above that. */
static inline int vfio_fake_iommu(struct vfio_iommu_type1_info *info)
{
	bool is_narrow = vfio_fake.nb_groups > 1 && vfio_fake.reserved.end > 0;
	struct vfio_iova_range ranges[] = {{0, 0xfedfffff},
					   {0xfef00000, 0xffffffffffff},
					   {vfio_fake.reserved.end + 1, 0xffffffffffff}};
	struct vfio_iommu_type1_info_cap_iova_range *cap = (void *)(info + 1);

	info->flags = 0;
	if (info->argsz < sizeof(*info) + sizeof(*cap) + sizeof(ranges))
		return 0;
	info->flags = VFIO_IOMMU_INFO_CAPS;
	info->cap_offset = sizeof(*info);
	memset(cap, 0, sizeof(*cap));
	cap->header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	cap->nr_iovas = is_narrow ? 3 : 2;
	if (is_narrow)
		ranges[1].end = vfio_fake.reserved.start - 1;
	memcpy(cap->iova_ranges, ranges, sizeof(ranges));
	return 0;
}

static inline int vfio_fake_answer(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return 1;
	case VFIO_GROUP_GET_STATUS:
		((struct vfio_group_status *)arg)->flags =
			vfio_fake.is_spoiled ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		vfio_fake.nb_groups++;
		return 0;
	case VFIO_GROUP_UNSET_CONTAINER:
		vfio_fake.nb_groups--;
		return 0;
	case VFIO_IOMMU_GET_INFO:
		return vfio_fake_iommu(arg);
	case VFIO_IOMMU_MAP_DMA:
		return vfio_fake_map(fd, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return vfio_fake_unmap(fd, arg);
	case VFIO_GROUP_GET_DEVICE_FD:
		return vfio_fake_open_device();
	case VFIO_DEVICE_GET_INFO:
		((struct vfio_device_info *)arg)->flags =
			VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
		((struct vfio_device_info *)arg)->num_regions = VFIO_PCI_NUM_REGIONS;
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO:
		return vfio_fake_region(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		((struct vfio_irq_info *)arg)->flags = VFIO_IRQ_INFO_EVENTFD;
		((struct vfio_irq_info *)arg)->count = vfio_fake.nb_irqs;
		return 0;
	case VFIO_DEVICE_SET_IRQS:
		return vfio_fake_irqs(arg);
	default: /* VFIO_SET_IOMMU, VFIO_DEVICE_RESET */
		return 0;
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if ((request >> 8 & 0xff) != VFIO_TYPE)
		return (int)syscall(SYS_ioctl, fd, request, arg);
	if (vfio_fake.nb_calls++ == vfio_fake.fail_at) {
		vfio_fake.failed = request;
		return vfio_fake_fails(vfio_fake.fail_errno);
	}
	if (vfio_fake.refuse == request)
		return vfio_fake_fails(vfio_fake.fail_errno);
	return vfio_fake_answer(fd, request, arg);
}

#endif
