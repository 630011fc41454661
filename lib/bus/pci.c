/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An open function: what all back ends have in common. plx_pci_open() is the table of contents.
 *
 * SIGBUS: each mapped BAR is a range of the guard (which the application turns on or not). When its
 * device does not answer any more, the handler puts a page of all ones in its place, so that the
 * access goes on and reads what silicon that is gone would read.
 */
#include "bus_private.h"

#include <endian.h>
#include <errno.h>
#include <pollux/bits.h>
#include <pollux/sigbus.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { D0_DELAY_NS = 10000000 }; /* PCI Power Management 5.6.1: D3hot to D0 takes 10 ms */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plx_pci_dev *opened;

void plx_pci_lock(void)
{
	pthread_mutex_lock(&lock);
}

void plx_pci_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

struct plx_pci_dev *plx_pci_opened(const struct plx_pci_addr *addr)
{
	struct plx_pci_dev *dev = opened;

	while (dev && plx_pci_addr_compare(&dev->info.addr, addr) != 0)
		dev = dev->next;
	return dev;
}

const struct plx_pci_info *plx_pci_info(const struct plx_pci_dev *dev)
{
	return &dev->info;
}

enum plx_pci_backend plx_pci_backend(const struct plx_pci_dev *dev)
{
	return dev->ops->backend;
}

/* ---- Power, bus mastering ---- */

static int set_command(struct plx_pci_dev *dev, uint16_t clear, uint16_t set)
{
	uint16_t command;

	if (plx_pci_cfg_read16(dev, PCI_COMMAND, &command))
		return -EIO;
	if ((command & (clear | set)) == set)
		return 0;
	return plx_pci_cfg_write16(dev, PCI_COMMAND, (uint16_t)((command & ~clear) | set));
}

int plx_pci_bus_master(struct plx_pci_dev *dev, bool on)
{
	int ret = set_command(dev, on ? 0 : PCI_COMMAND_MASTER, on ? PCI_COMMAND_MASTER : 0);

	if (ret)
		dev_log(dev, PLX_LOG_ERR, "bus mastering can't be turned %s: %s", on ? "on" : "off",
			plx_pci_is_gone(dev) ? "the device is gone" : strerror(-ret));
	return ret;
}

/* A function that forgets its header when it leaves D3hot gets it back. */
static void restore_header(struct plx_pci_dev *dev, const uint32_t header[16])
{
	static const uint8_t words[] = {3, 4, 5, 6, 7, 8, 9, 12, 15, 1};
	uint32_t bar0;

	if (plx_pci_cfg_read32(dev, PCI_BASE_ADDRESS_0, &bar0) || bar0 == header[4])
		return;
	for (size_t i = 0; i < sizeof(words); i++)
		plx_pci_cfg_write32(dev, 4U * words[i],
				    words[i] == 1 ? header[1] & 0xffff : header[words[i]]);
}

static int power_on(struct plx_pci_dev *dev)
{
	static const struct timespec delay = {.tv_nsec = D0_DELAY_NS};
	uint32_t header[16];
	uint16_t control;
	unsigned offset;

	if (plx_pci_cap_find(dev, PCI_CAP_ID_PM, &offset) ||
	    plx_pci_cfg_read16(dev, offset + PCI_PM_CTRL, &control) ||
	    !(control & PCI_PM_CTRL_STATE_MASK))
		return 0;
	dev_log(dev, PLX_LOG_INFO, "was asleep (D%u)", control & PCI_PM_CTRL_STATE_MASK);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(header); i++)
		plx_pci_cfg_read32(dev, 4 * i, &header[i]);
	plx_pci_cfg_write16(dev, offset + PCI_PM_CTRL,
			    (uint16_t)(control & ~PCI_PM_CTRL_STATE_MASK));
	nanosleep(&delay, NULL);
	if (plx_pci_cfg_read16(dev, offset + PCI_PM_CTRL, &control) ||
	    (control & PCI_PM_CTRL_STATE_MASK)) {
		dev_log(dev, PLX_LOG_ERR, "stays asleep: PMCSR %#x, want D0", control);
		return -EIO;
	}
	restore_header(dev, header);
	return 0;
}

/* ---- Open and close ---- */

/* The decoding that its BARs need. */
static uint16_t decode_bits(const struct plx_pci_info *info)
{
	uint16_t bits = 0;

	for (unsigned i = 0; i < PLX_PCI_BARS; i++) {
		if (info->bars[i].kind == PLX_PCI_BAR_MEM)
			bits |= PCI_COMMAND_MEMORY;
		if (info->bars[i].kind == PLX_PCI_BAR_IO)
			bits |= PCI_COMMAND_IO;
	}
	return bits;
}

static void init_dev(struct plx_pci_dev *dev)
{
	dev->dma_mask = UINT64_MAX;
	for (unsigned i = 0; i < EVENTS; i++)
		dev->events[i] = (struct plx_pci_event_slot){.dev = dev, .fd = -1};
	for (unsigned i = 0; i < PLX_INTR_VECTORS_MAX; i++) {
		dev->intr.vectors[i].fd = -1;
		dev->intr.vectors[i].dev = dev;
	}
}

int plx_pci_open_as(const struct plx_pci_ops *ops, const struct plx_pci_info *info,
		    const void *what, unsigned flags, struct plx_pci_dev **out)
{
	struct plx_pci_dev *dev = calloc(1, sizeof(*dev));
	int ret = -ENOMEM;

	if (!dev) {
		LOG_ERR("%s: opening it: out of memory", info->name);
		return ret;
	}
	dev->ops = ops;
	dev->what = what;
	dev->info = *info;
	init_dev(dev);
	plx_pci_lock();
	if (plx_pci_opened(&info->addr)) {
		LOG_ERR("%s: this process has it open already", info->name);
		ret = -EBUSY;
		goto free_dev;
	}
	ret = ops->open(dev, flags);
	dev->what = NULL;
	if (ret)
		goto free_dev;
	/* Off before anything else: it may still be writing for a process that died. */
	ret = plx_pci_bus_master(dev, false);
	if (ret == 0)
		ret = power_on(dev);
	if (ret == 0)
		ret = set_command(dev, PCI_COMMAND_MASTER, decode_bits(info));
	if (ret)
		goto close_dev;
	dev->next = opened;
	opened = dev;
	plx_pci_unlock();
	*out = dev;
	return 0;

close_dev:
	ops->close(dev);
free_dev:
	plx_pci_unlock();
	free(dev);
	return ret;
}

static int refuse_driver(const struct plx_pci_info *info)
{
	if (info->backend == PLX_PCI_UNBOUND)
		LOG_ERR("%s: bound to no driver: `scripts/devbind.sh --bind vfio-pci %s`",
			info->name, info->name);
	else
		LOG_ERR("%s: the kernel's driver %s has it: `scripts/devbind.sh --bind vfio-pci "
			"%s`",
			info->name, info->driver, info->name);
	return -ENODEV;
}

int plx_pci_open(const struct plx_pci_addr *addr, unsigned flags, struct plx_pci_dev **dev)
{
	char name[PLX_PCI_NAME_MAX];
	struct plx_pci_info info;

	if (plx_pci_find(addr, &info)) {
		LOG_ERR("%s: there is no PCI device of that address (`lspci -D` lists them)",
			plx_pci_addr_format(addr, name));
		return -ENODEV;
	}
	if (info.backend == PLX_PCI_VFIO)
		return plx_pci_open_as(&plx_vfio_ops, &info, NULL, flags, dev);
	if (info.backend == PLX_PCI_UIO)
		return plx_pci_open_as(&plx_uio_ops, &info, NULL, flags, dev);
	return refuse_driver(&info);
}

/* Whole pages around a BAR that may be smaller than one. */
static void pages_of(const struct plx_pci_bar *bar, void **start, size_t *len)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)bar->addr;

	*start = (void *)(first & ~(page - 1));
	*len = plx_align_up(first + bar->len_bytes, page) - (first & ~(page - 1));
}

static void unmap_bar(struct plx_pci_mapped *mapped, bool is_fork)
{
	void *start;
	size_t len;

	if (!mapped->bar.addr)
		return;
	pages_of(&mapped->bar, &start, &len);
	if (mapped->is_guarded) {
		plx_sigbus_range_del(start);
		if (!is_fork)
			munmap(start, len);
	}
	*mapped = (struct plx_pci_mapped){0};
}

void plx_pci_close(struct plx_pci_dev *dev)
{
	struct plx_pci_dev **at = &opened;

	if (!dev)
		return;
	plx_pci_event_set(dev, NULL, NULL);
	plx_intr_disable(dev);
	plx_pci_lock();
	while (*at != dev)
		at = &(*at)->next;
	*at = dev->next;
	if (!plx_pci_is_gone(dev))
		set_command(dev, PCI_COMMAND_MASTER, 0);
	for (unsigned i = 0; i < PLX_PCI_BARS; i++)
		unmap_bar(&dev->bars[i], false);
	dev->ops->close(dev);
	plx_pci_unlock();
	free(dev);
}

void plx_pci_forked(void)
{
	struct plx_pci_dev *dev, *next;

	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	plx_uevent_forked();
	for (dev = opened; dev; dev = next) {
		next = dev->next;
		plx_pci_event_forked(dev);
		plx_intr_forked(dev);
		for (unsigned i = 0; i < PLX_PCI_BARS; i++)
			unmap_bar(&dev->bars[i], true);
		dev->ops->forked(dev);
		free(dev);
	}
	opened = NULL;
}

bool plx_pci_is_gone(struct plx_pci_dev *dev)
{
	uint16_t vendor;

	if (plx_load_relaxed(&dev->is_gone))
		return true;
	if (dev->ops->is_gone)
		return dev->ops->is_gone(dev);
	return plx_pci_cfg_read16(dev, PCI_VENDOR_ID, &vendor) != 0 || vendor == 0xffff;
}

/* ---- BARs ---- */

/* In signal context. */
static bool put_all_ones(void *addr, void *arg)
{
	struct plx_pci_mapped *mapped = arg;
	void *start;
	size_t len;

	(void)addr;
	pages_of(&mapped->bar, &start, &len);
	if (mmap(start, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return false;
	memset(start, 0xff, len);
	madvise(start, len, MADV_DONTFORK);
	plx_store_release(&mapped->is_lost, true);
	return true;
}

static int guard_bar(struct plx_pci_dev *dev, unsigned bar)
{
	struct plx_pci_mapped *mapped = &dev->bars[bar];
	void *start;
	size_t len;
	int ret;

	pages_of(&mapped->bar, &start, &len);
	/* A child must neither touch the device nor keep it alive. */
	madvise(start, len, MADV_DONTFORK);
	ret = plx_sigbus_range_add(start, len, put_all_ones, mapped);
	if (ret) {
		dev_log(dev, PLX_LOG_ERR, "BAR %u: no more than %d BARs can be guarded: %s", bar,
			PLX_SIGBUS_RANGES_MAX, strerror(-ret));
		munmap(start, len);
		mapped->bar = (struct plx_pci_bar){0};
		return ret;
	}
	mapped->is_guarded = true;
	return 0;
}

/* Put the device back in place of the ones. */
static int map_again(struct plx_pci_dev *dev, unsigned bar)
{
	struct plx_pci_mapped *mapped = &dev->bars[bar];
	struct plx_pci_bar same;
	void *start;
	size_t len;
	int ret;

	if (plx_pci_is_gone(dev))
		return 0;
	pages_of(&mapped->bar, &start, &len);
	plx_store_release(&mapped->is_lost, false);
	ret = dev->ops->bar_map(dev, bar, start, &same);
	if (ret == 0)
		madvise(start, len, MADV_DONTFORK);
	else
		put_all_ones(start, mapped);
	return ret;
}

int plx_pci_bar_map(struct plx_pci_dev *dev, unsigned bar, struct plx_pci_bar *out)
{
	struct plx_pci_mapped *mapped;
	int ret = 0;

	if (bar >= PLX_PCI_BARS || !out)
		return -EINVAL;
	mapped = &dev->bars[bar];
	if (dev->info.bars[bar].kind != PLX_PCI_BAR_MEM) {
		dev_log(dev, PLX_LOG_ERR, "BAR %u: %s", bar,
			dev->info.bars[bar].kind == PLX_PCI_BAR_IO
				? "of ports, it can't be mapped: plx_pci_io_read() reaches it"
				: "the device has none of that number");
		return dev->info.bars[bar].kind == PLX_PCI_BAR_IO ? -EOPNOTSUPP : -ENOENT;
	}
	if (!mapped->bar.addr) {
		ret = dev->ops->bar_map(dev, bar, NULL, &mapped->bar);
		if (ret == 0 && dev->ops->backend != PLX_PCI_STANDIN)
			ret = guard_bar(dev, bar);
	} else if (plx_load_acquire(&mapped->is_lost)) {
		ret = map_again(dev, bar);
	}
	if (ret == 0)
		*out = mapped->bar;
	return ret;
}

/* ---- Ports ---- */

static int check_io(struct plx_pci_dev *dev, unsigned bar, unsigned offset, unsigned bytes)
{
	if (bar >= PLX_PCI_BARS || (bytes != 1 && bytes != 2 && bytes != 4) || offset % bytes)
		return -EINVAL;
	if (dev->info.bars[bar].kind == PLX_PCI_BAR_NONE)
		return -ENOENT;
	if (dev->info.bars[bar].kind != PLX_PCI_BAR_IO)
		return -EOPNOTSUPP;
	return offset + bytes <= dev->info.bars[bar].len_bytes ? 0 : -EINVAL;
}

int plx_pci_io_read(struct plx_pci_dev *dev, unsigned bar, unsigned offset, unsigned bytes,
		    uint32_t *value)
{
	int ret = check_io(dev, bar, offset, bytes);
	uint32_t le = 0;

	*value = UINT32_MAX;
	if (ret)
		return ret;
	if (dev->ops->io(dev, bar, offset, &le, bytes, false) != (ssize_t)bytes)
		return -EIO;
	*value = le32toh(le);
	return 0;
}

int plx_pci_io_write(struct plx_pci_dev *dev, unsigned bar, unsigned offset, unsigned bytes,
		     uint32_t value)
{
	int ret = check_io(dev, bar, offset, bytes);
	uint32_t le = htole32(value);

	if (ret)
		return ret;
	return dev->ops->io(dev, bar, offset, &le, bytes, true) == (ssize_t)bytes ? 0 : -EIO;
}

/* ---- Reset ---- */

int plx_pci_reset(struct plx_pci_dev *dev)
{
	int ret;

	if (plx_pci_is_gone(dev)) {
		dev_log(dev, PLX_LOG_ERR, "reset: the device is gone");
		return -ENODEV;
	}
	/* First, since the kernel puts back the command register that it found. */
	ret = plx_pci_bus_master(dev, false);
	if (ret == 0)
		ret = dev->ops->reset(dev);
	for (unsigned i = 0; i < PLX_PCI_BARS && ret == 0; i++)
		if (dev->bars[i].bar.addr && plx_load_acquire(&dev->bars[i].is_lost))
			ret = map_again(dev, i);
	return ret;
}
