/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts of VFIO: eventfds handed to the kernel. All vectors of a device go in one call: adding
 * some later would make the kernel free and take them all again.
 */
#include "vfio_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static unsigned index_of(enum plx_intr_kind kind)
{
	switch (kind) {
	case PLX_INTR_MSIX:
		return VFIO_PCI_MSIX_IRQ_INDEX;
	case PLX_INTR_MSI:
		return VFIO_PCI_MSI_IRQ_INDEX;
	default:
		return VFIO_PCI_INTX_IRQ_INDEX;
	}
}

/* How many the kernel has of an index, 0 too when it does not know it. */
static unsigned count_irqs(const struct plx_pci_dev *dev, unsigned index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	if (ioctl(plx_vfio_of(dev)->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) != 0 ||
	    !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return 0;
	return info.count;
}

unsigned plx_vfio_intr_vectors(struct plx_pci_dev *dev, enum plx_intr_kind kind)
{
	return count_irqs(dev, index_of(kind));
}

/* Without data: @flags say what is done to vector @start. */
static int set_plain(const struct plx_pci_dev *dev, unsigned index, uint32_t flags, unsigned start,
		     unsigned count)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | flags,
		.index = index,
		.start = start,
		.count = count,
	};

	return ioctl(plx_vfio_of(dev)->fd, VFIO_DEVICE_SET_IRQS, &set) < 0 ? -errno : 0;
}

/* Returns 0, -errno, or, above 0, how many vectors there are for @nb: then none is enabled. */
static int set_fds(const struct plx_pci_dev *dev, unsigned index, const int32_t *fds, unsigned nb)
{
	char buf[sizeof(struct vfio_irq_set) + PLX_INTR_VECTORS_MAX * sizeof(*fds)] PLX_ALIGNED(8);
	struct vfio_irq_set *set = (void *)buf;
	int ret;

	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(*set) + nb * sizeof(*fds)),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.count = nb,
	};
	memcpy(set->data, fds, nb * sizeof(*fds));
	ret = ioctl(plx_vfio_of(dev)->fd, VFIO_DEVICE_SET_IRQS, set);
	return ret < 0 ? -errno : ret;
}

int plx_vfio_intr_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb)
{
	int32_t fds[PLX_INTR_VECTORS_MAX];
	int ret;

	for (unsigned i = 0; i < nb; i++)
		fds[i] = dev->intr.vectors[i].fd;
	ret = set_fds(dev, index_of(kind), fds, nb);
	if (ret > 0)
		dev_log(dev, PLX_LOG_ERR,
			"%u interrupt vectors can't be had: the machine has %d left", nb, ret);
	else if (ret)
		dev_log(dev, PLX_LOG_ERR, "%u interrupt vectors can't be enabled: %s", nb,
			ret == -ENOSPC ? "the machine has no more" : strerror(-ret));
	return ret > 0 ? -ENOSPC : ret;
}

void plx_vfio_intr_disable(struct plx_pci_dev *dev)
{
	int ret = set_plain(dev, index_of(dev->intr.kind), VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0);

	if (ret && !plx_pci_is_gone(dev))
		dev_log(dev, PLX_LOG_WARN, "interrupts can't be disabled: %s", strerror(-ret));
}

int plx_vfio_intr_rearm(struct plx_pci_dev *dev)
{
	return set_plain(dev, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK, 0, 1) ? -EIO : 0;
}

int plx_vfio_intr_trigger(struct plx_pci_dev *dev, unsigned vector)
{
	return set_plain(dev, index_of(dev->intr.kind), VFIO_IRQ_SET_ACTION_TRIGGER, vector, 1);
}

static int connect_event(struct plx_pci_dev *dev, unsigned index, enum plx_pci_event event, bool on)
{
	int32_t fd = dev->events[event].fd;
	int ret;

	/* A device without AER has no ERR. */
	if (count_irqs(dev, index) == 0)
		return 0;
	if (on)
		ret = set_fds(dev, index, &fd, 1);
	else
		ret = set_plain(dev, index, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0);
	return ret > 0 ? -ENOSPC : ret;
}

int plx_vfio_events(struct plx_pci_dev *dev, bool on)
{
	int err = connect_event(dev, VFIO_PCI_ERR_IRQ_INDEX, PLX_PCI_EVENT_ERROR, on);
	int req = connect_event(dev, VFIO_PCI_REQ_IRQ_INDEX, PLX_PCI_EVENT_REQUEST, on);

	return err ? err : req;
}
