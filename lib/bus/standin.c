/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model in the place of a device, for tests: see struct plx_pci_standin.
 */
#include "bus_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct standin {
	struct plx_pci_standin is;
	uint8_t cfg[PLX_PCI_CFG_EXT_BYTES]; /* without a cfg_read() of the model's */
};

static struct standin *standin_of(const struct plx_pci_dev *dev)
{
	return dev->priv;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void make_header(struct standin *standin)
{
	const struct plx_pci_id *id = &standin->is.id;

	put16(standin->cfg + PCI_VENDOR_ID, id->vendor);
	put16(standin->cfg + PCI_DEVICE_ID, id->device);
	standin->cfg[PCI_REVISION_ID] = standin->is.revision;
	standin->cfg[PCI_CLASS_PROG] = (uint8_t)id->class_code;
	put16(standin->cfg + PCI_CLASS_DEVICE, (uint16_t)(id->class_code >> 8));
	put16(standin->cfg + PCI_SUBSYSTEM_VENDOR_ID, id->subsystem_vendor);
	put16(standin->cfg + PCI_SUBSYSTEM_ID, id->subsystem_device);
}

static int standin_open(struct plx_pci_dev *dev, unsigned flags)
{
	struct standin *standin = calloc(1, sizeof(*standin));

	(void)flags;
	if (!standin)
		return -ENOMEM;
	standin->is = *(const struct plx_pci_standin *)dev->what;
	make_header(standin);
	dev->priv = standin;
	return 0;
}

static void standin_close(struct plx_pci_dev *dev)
{
	struct standin *standin = standin_of(dev);

	if (standin->is.closed)
		standin->is.closed(standin->is.arg);
	free(standin);
}

static void standin_forked(struct plx_pci_dev *dev)
{
	free(dev->priv);
}

static ssize_t standin_cfg_read(struct plx_pci_dev *dev, unsigned offset, void *buf, size_t len)
{
	struct standin *standin = standin_of(dev);

	if (plx_load_relaxed(&dev->is_gone))
		memset(buf, 0xff, len);
	else if (standin->is.cfg_read)
		return standin->is.cfg_read(standin->is.arg, offset, buf, len);
	else
		memcpy(buf, standin->cfg + offset, len);
	return (ssize_t)len;
}

static ssize_t standin_cfg_write(struct plx_pci_dev *dev, unsigned offset, const void *buf,
				 size_t len)
{
	struct standin *standin = standin_of(dev);

	if (plx_load_relaxed(&dev->is_gone))
		return (ssize_t)len;
	if (standin->is.cfg_write)
		return standin->is.cfg_write(standin->is.arg, offset, buf, len);
	if (offset >= PCI_COMMAND) /* ids stay */
		memcpy(standin->cfg + offset, buf, len);
	return (ssize_t)len;
}

static int standin_bar_map(struct plx_pci_dev *dev, unsigned bar, void *at, struct plx_pci_bar *out)
{
	(void)at;
	*out = standin_of(dev)->is.bars[bar];
	return 0;
}

static ssize_t standin_io(struct plx_pci_dev *dev, unsigned bar, unsigned offset, void *buf,
			  unsigned bytes, bool is_write)
{
	struct standin *standin = standin_of(dev);

	if (!standin->is.io || plx_load_relaxed(&dev->is_gone))
		return -EIO;
	return standin->is.io(standin->is.arg, bar, offset, buf, bytes, is_write);
}

static int standin_reset(struct plx_pci_dev *dev)
{
	struct standin *standin = standin_of(dev);

	return standin->is.reset ? standin->is.reset(standin->is.arg) : 0;
}

static unsigned standin_intr_vectors(struct plx_pci_dev *dev, enum plx_intr_kind kind)
{
	const struct plx_pci_standin *is = &standin_of(dev)->is;

	return kind == PLX_INTR_MSIX  ? is->nb_msix
	       : kind == PLX_INTR_MSI ? is->nb_msi
				      : is->has_intx;
}

static int standin_intr_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb)
{
	(void)dev;
	(void)kind;
	(void)nb;
	return 0;
}

static void standin_intr_disable(struct plx_pci_dev *dev)
{
	(void)dev;
}

static int standin_intr_rearm(struct plx_pci_dev *dev)
{
	struct standin *standin = standin_of(dev);

	return standin->is.intr_rearm ? standin->is.intr_rearm(standin->is.arg) : 0;
}

static int standin_intr_trigger(struct plx_pci_dev *dev, unsigned vector)
{
	plx_pci_standin_interrupt(dev, vector);
	return 0;
}

static int standin_dma_map(struct plx_pci_dev *dev, const struct plx_dma_want *want,
			   struct plx_dma_map *map)
{
	map->iova = (uintptr_t)want->addr;
	if (map->iova + want->len_bytes - 1 <= want->limit)
		return 0;
	dev_log(dev, PLX_LOG_ERR, "memory at %p is above the DMA mask %#jx", want->addr,
		(uintmax_t)want->limit);
	return -ENOSPC;
}

static void standin_dma_unmap(struct plx_pci_dev *dev, const struct plx_dma_map *map)
{
	(void)dev;
	(void)map;
}

const struct plx_pci_ops plx_standin_ops = {
	.backend = PLX_PCI_STANDIN,
	.open = standin_open,
	.close = standin_close,
	.forked = standin_forked,
	.cfg_read = standin_cfg_read,
	.cfg_write = standin_cfg_write,
	.bar_map = standin_bar_map,
	.io = standin_io,
	.reset = standin_reset,
	.intr_vectors = standin_intr_vectors,
	.intr_enable = standin_intr_enable,
	.intr_disable = standin_intr_disable,
	.intr_rearm = standin_intr_rearm,
	.intr_trigger = standin_intr_trigger,
	.dma_map = standin_dma_map,
	.dma_unmap = standin_dma_unmap,
};

static int describe(const struct plx_pci_standin *is, struct plx_pci_info *info)
{
	if (plx_pci_addr_parse(is->name, &info->addr, NULL)) {
		LOG_ERR("stand-in '%.40s': want a PCI address, as in 0000:01:00.0", is->name);
		return -EINVAL;
	}
	plx_pci_addr_format(&info->addr, info->name);
	info->id = is->id;
	info->revision = is->revision;
	info->node = PLX_NODE_ANY;
	info->iommu_group = -1;
	info->backend = PLX_PCI_STANDIN;
	for (unsigned i = 0; i < PLX_PCI_BARS; i++) {
		info->bars[i].len_bytes = is->bars[i].len_bytes;
		if (is->bars[i].addr)
			info->bars[i].kind = PLX_PCI_BAR_MEM;
		else if (is->bars[i].len_bytes)
			info->bars[i].kind = PLX_PCI_BAR_IO;
	}
	return 0;
}

int plx_pci_standin_open(const struct plx_pci_standin *is, struct plx_pci_dev **dev)
{
	struct plx_pci_info info = {0};
	int ret = describe(is, &info);

	return ret ? ret : plx_pci_open_as(&plx_standin_ops, &info, is, 0, dev);
}

void plx_pci_standin_interrupt(struct plx_pci_dev *dev, unsigned vector)
{
	uint64_t one = 1;

	if (vector < dev->intr.nb && dev->intr.vectors[vector].fd >= 0 &&
	    write(dev->intr.vectors[vector].fd, &one, sizeof(one)) != sizeof(one))
		dev_log(dev, PLX_LOG_DEBUG, "interrupt %u: the eventfd is full", vector);
}

void plx_pci_standin_event(struct plx_pci_dev *dev, enum plx_pci_event event)
{
	plx_pci_lock();
	plx_pci_event_signal(dev, event);
	plx_pci_unlock();
}
