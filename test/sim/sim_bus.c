/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card as a plx_pci_dev: the stand-in back end of lib/bus, with interrupts and DMA of its own,
 * so that the card's thread never meets a descriptor that is being closed.
 */
#include "sim_bus.h"

#include <bus_private.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim_private.h"

/* One for each card that is open. */
struct card {
	struct card *next;
	struct igb_sim *sim;
	struct plx_pci_dev *dev;
	struct plx_mem_watch watch;
	int fds[IGB_SIM_VECTORS_MAX]; /* under the card's lock, by igb_sim_intr_mode() */
	unsigned nb_fds;
};

static pthread_mutex_t cards_lock = PTHREAD_MUTEX_INITIALIZER;
static struct card *cards;

static struct card *card_find(const struct plx_pci_dev *dev, const struct igb_sim *sim)
{
	struct card *card;

	pthread_mutex_lock(&cards_lock);
	for (card = cards; card; card = card->next)
		if ((dev && card->dev == dev) || card->sim == sim)
			break;
	pthread_mutex_unlock(&cards_lock);
	return card;
}

/* ---- Interrupts ---- */

static void on_interrupt(void *arg, unsigned vector)
{
	struct card *card = arg;
	uint64_t one = 1;

	if (vector < card->nb_fds && write(card->fds[vector], &one, sizeof(one)) != sizeof(one))
		return; /* it is readable already */
}

static int intr_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb)
{
	static const enum igb_sim_intr modes[] = {
		[PLX_INTR_NONE] = IGB_SIM_INTR_NONE,
		[PLX_INTR_INTX] = IGB_SIM_INTX,
		[PLX_INTR_MSI] = IGB_SIM_MSI,
		[PLX_INTR_MSIX] = IGB_SIM_MSIX,
	};
	struct card *card = card_find(dev, NULL);

	for (unsigned i = 0; i < nb; i++)
		card->fds[i] = dev->intr.vectors[i].fd;
	card->nb_fds = nb;
	igb_sim_intr_mode(card->sim, modes[kind], on_interrupt, card);
	return 0;
}

static void intr_disable(struct plx_pci_dev *dev)
{
	struct card *card = card_find(dev, NULL);

	igb_sim_intr_mode(card->sim, IGB_SIM_INTR_NONE, NULL, NULL);
	card->nb_fds = 0;
}

static int intr_trigger(struct plx_pci_dev *dev, unsigned vector)
{
	on_interrupt(card_find(dev, NULL), vector);
	return 0;
}

static int intr_rearm(void *arg)
{
	struct card *card = arg;

	igb_sim_intx_unmask(card->sim);
	return 0;
}

/* ---- Memory ---- */

static int dma_map(struct plx_pci_dev *dev, const struct plx_dma_want *want,
		   struct plx_dma_map *map)
{
	int ret = igb_sim_dma_map(card_find(dev, NULL)->sim, want->addr, want->len_bytes);

	if (ret)
		return ret;
	map->iova = (uintptr_t)want->addr;
	map->base_iova = map->iova;
	map->base_bytes = want->len_bytes;
	return 0;
}

static void dma_unmap(struct plx_pci_dev *dev, const struct plx_dma_map *map)
{
	(void)igb_sim_dma_unmap(card_find(dev, NULL)->sim, map->addr, map->base_bytes);
}

static int memory_added(void *va, uint64_t iova, size_t len_bytes, void *arg)
{
	(void)iova;
	return igb_sim_dma_map(arg, va, len_bytes);
}

static void memory_removed(void *va, uint64_t iova, size_t len_bytes, void *arg)
{
	(void)iova;
	(void)igb_sim_dma_unmap(arg, va, len_bytes);
}

/* ---- Configuration space, reset ---- */

static ssize_t cfg_read(void *arg, unsigned offset, void *buf, size_t len)
{
	struct card *card = arg;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] =
			(uint8_t)igb_sim_config_read(card->sim, offset + (unsigned)i, 1);
	return (ssize_t)len;
}

static ssize_t cfg_write(void *arg, unsigned offset, const void *buf, size_t len)
{
	struct card *card = arg;
	uint32_t value = 0;

	if (len > sizeof(value))
		return -EINVAL;
	memcpy(&value, buf, len);
	igb_sim_config_write(card->sim, offset, (unsigned)len, value);
	return (ssize_t)len;
}

/* The kernel restores what it found, be it good or not. */
static int reset(void *arg)
{
	struct card *card = arg;
	uint32_t command = igb_sim_config_read(card->sim, PCI_COMMAND, 2);

	igb_sim_flr(card->sim);
	igb_sim_config_write(card->sim, PCI_COMMAND, 2, command);
	return 0;
}

/* ---- Life ---- */

static void closed(void *arg)
{
	struct card *card = arg, **at = &cards;

	igb_sim_intr_mode(card->sim, IGB_SIM_INTR_NONE, NULL, NULL);
	igb_sim_config_write(card->sim, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	plx_mem_watch_del(&card->watch);
	pthread_mutex_lock(&cards_lock);
	while (*at != card)
		at = &(*at)->next;
	*at = card->next;
	pthread_mutex_unlock(&cards_lock);
	free(card);
}

static struct plx_pci_ops bus_ops(void)
{
	struct plx_pci_ops ops = plx_standin_ops;

	ops.intr_enable = intr_enable;
	ops.intr_disable = intr_disable;
	ops.intr_trigger = intr_trigger;
	ops.dma_map = dma_map;
	ops.dma_unmap = dma_unmap;
	return ops;
}

static int info_of(const struct plx_pci_standin *is, struct plx_pci_info *info)
{
	int ret = plx_pci_addr_parse(is->name, &info->addr, NULL);

	if (ret)
		return ret;
	plx_pci_addr_format(&info->addr, info->name);
	info->id = is->id;
	info->revision = is->revision;
	info->node = PLX_NODE_ANY;
	info->iommu_group = -1;
	info->backend = PLX_PCI_STANDIN;
	info->bars[0].kind = PLX_PCI_BAR_MEM;
	info->bars[0].len_bytes = IGB_SIM_BAR_BYTES;
	return 0;
}

int igb_sim_open(struct igb_sim *sim, const char *name, struct plx_pci_dev **dev)
{
	static struct plx_pci_ops ops;
	struct card *card = calloc(1, sizeof(*card));
	struct plx_pci_standin is = {
		.name = name,
		.id = {.vendor = (uint16_t)igb_sim_config_read(sim, PCI_VENDOR_ID, 2),
		       .device = (uint16_t)igb_sim_config_read(sim, PCI_DEVICE_ID, 2),
		       .subsystem_vendor = 0x8086,
		       .class_code = 0x020000},
		.revision = 1,
		.bars[0] = {.addr = igb_sim_bar(sim), .len_bytes = IGB_SIM_BAR_BYTES},
		.nb_msix = igb_sim_has_messages(sim) ? igb_sim_nb_vectors(sim) : 0,
		.nb_msi = igb_sim_has_messages(sim),
		.has_intx = true,
		.cfg_read = cfg_read,
		.cfg_write = cfg_write,
		.reset = reset,
		.intr_rearm = intr_rearm,
		.closed = closed,
		.arg = card,
	};
	struct plx_pci_info info = {0};
	int ret;

	if (!card)
		return -ENOMEM;
	card->sim = sim;
	card->watch = (struct plx_mem_watch){memory_added, memory_removed, sim, NULL};
	ret = info_of(&is, &info);
	if (ret)
		goto free_card;
	ret = plx_mem_watch_add(&card->watch);
	if (ret)
		goto free_card;
	pthread_mutex_lock(&cards_lock);
	if (!ops.open)
		ops = bus_ops();
	card->next = cards;
	cards = card;
	pthread_mutex_unlock(&cards_lock);
	ret = plx_pci_open_as(&ops, &info, &is, 0, dev);
	if (ret) {
		closed(card);
		return ret;
	}
	card->dev = *dev;
	return 0;

free_card:
	free(card);
	return ret;
}

void igb_sim_event(struct igb_sim *sim, enum plx_pci_event event)
{
	struct card *card = card_find(NULL, sim);

	if (card && card->dev)
		plx_pci_standin_event(card->dev, event);
}

void igb_sim_remove(struct igb_sim *sim)
{
	igb_sim_fault(sim, IGB_SIM_F_GONE_ONES, 1);
	igb_sim_event(sim, PLX_PCI_EVENT_REMOVED);
}
