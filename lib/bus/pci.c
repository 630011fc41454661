/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An open function: what all back ends have in common. plx_pci_open() is the table of contents.
 *
 * SIGBUS: each mapped BAR is a range of the guard (which the application turns on or not). When its
 * device does not answer any more, the handler maps a page of all ones in place of the one that was
 * touched, so that the access goes on and reads what silicon that is gone would read. The page is
 * filled beforehand: no thread ever sees it without its ones.
 *
 * The two bytes of the command register have an owner each, so that none undoes what the other
 * does: the lower one is set_command()'s here, the upper one (INTx) the back end's.
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
static int ones_fd = -1;	 /* a page of ones, as long as a device is open; under lock */
static bool is_mapping;		 /* a spin lock: the handler, and who maps a BAR again */
static unsigned nb_mapped_again; /* atomic; grows under it */

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

static int set_command(struct plx_pci_dev *dev, uint8_t clear, uint8_t set)
{
	uint8_t command;

	if (plx_pci_cfg_read8(dev, PCI_COMMAND, &command))
		return -EIO;
	if ((command & (clear | set)) == set)
		return 0;
	return plx_pci_cfg_write8(dev, PCI_COMMAND, (uint8_t)((command & ~clear) | set));
}

int plx_pci_bus_master(struct plx_pci_dev *dev, bool on)
{
	int ret = set_command(dev, on ? 0 : PCI_COMMAND_MASTER, on ? PCI_COMMAND_MASTER : 0);

	if (ret)
		dev_log(dev, PLX_LOG_ERR, "bus mastering can't be turned %s: %s", on ? "on" : "off",
			plx_pci_is_gone(dev) ? "the device is gone" : strerror(-ret));
	return ret;
}

static void read_header(struct plx_pci_dev *dev, uint32_t header[16])
{
	for (unsigned i = 0; i < 16; i++)
		plx_pci_cfg_read32(dev, 4 * i, &header[i]);
}

/* A function that forgets its header when it leaves D3hot, or is reset, gets it back. */
static void restore_header(struct plx_pci_dev *dev, const uint32_t header[16])
{
	static const uint8_t words[] = {3, 4, 5, 6, 7, 8, 9, 12, 15, 1};
	bool is_lost = false;

	for (size_t i = 0; i < sizeof(words) - 1; i++) {
		uint32_t now;

		if (plx_pci_cfg_read32(dev, 4U * words[i], &now))
			return;
		is_lost |= now != header[words[i]];
	}
	if (!is_lost)
		return;
	for (size_t i = 0; i < sizeof(words); i++)
		plx_pci_cfg_write32(dev, 4U * words[i],
				    words[i] == 1 ? header[1] & 0xffff : header[words[i]]);
}

static int power_on(struct plx_pci_dev *dev)
{
	struct timespec delay = {.tv_nsec = D0_DELAY_NS};
	uint32_t header[16];
	uint16_t control;
	unsigned offset;

	if (plx_pci_cap_find(dev, PCI_CAP_ID_PM, &offset) ||
	    plx_pci_cfg_read16(dev, offset + PCI_PM_CTRL, &control) ||
	    !(control & PCI_PM_CTRL_STATE_MASK))
		return 0;
	dev_log(dev, PLX_LOG_INFO, "was asleep (D%u)", control & PCI_PM_CTRL_STATE_MASK);
	read_header(dev, header);
	plx_pci_cfg_write16(dev, offset + PCI_PM_CTRL,
			    (uint16_t)(control & ~PCI_PM_CTRL_STATE_MASK));
	while (nanosleep(&delay, &delay) != 0 && errno == EINTR)
		; /* a signal came */
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
static uint8_t decode_bits(const struct plx_pci_info *info)
{
	uint8_t bits = 0;

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
	dev->pid = getpid();
	for (unsigned i = 0; i < EVENTS; i++)
		dev->events[i] = (struct plx_pci_event_slot){.dev = dev, .fd = -1};
	for (unsigned i = 0; i < PLX_INTR_VECTORS_MAX; i++) {
		dev->intr.vectors[i].fd = -1;
		dev->intr.vectors[i].dev = dev;
	}
}

/* Quiet, awake, decoding. */
static int bring_up(struct plx_pci_dev *dev)
{
	int ret;

	if (plx_pci_is_gone(dev)) {
		dev_log(dev, PLX_LOG_ERR,
			"it does not answer, its configuration space reads all ones: it was pulled "
			"out or has lost its power; look for it by `echo 1 >/sys/bus/pci/rescan`");
		return -ENODEV;
	}
	/* Off before anything else: it may still be writing for a process that died. */
	ret = plx_pci_bus_master(dev, false);
	if (ret == 0)
		ret = power_on(dev);
	if (ret == 0)
		ret = set_command(dev, PCI_COMMAND_MASTER, decode_bits(&dev->info));
	return ret;
}

static int check_flags(const struct plx_pci_info *info, unsigned flags)
{
	if ((flags & ~(unsigned)PLX_PCI_UNSAFE_DMA) == 0)
		return 0;
	LOG_ERR("%s: opening it: flags %#x: want PLX_PCI_UNSAFE_DMA or 0", info->name, flags);
	return -EINVAL;
}

int plx_pci_open_as(const struct plx_pci_ops *ops, const struct plx_pci_info *info,
		    const void *what, unsigned flags, struct plx_pci_dev **out)
{
	struct plx_pci_dev *dev;
	int ret = check_flags(info, flags);

	if (ret)
		return ret;
	dev = calloc(1, sizeof(*dev));
	if (!dev) {
		LOG_ERR("%s: opening it: out of memory", info->name);
		return -ENOMEM;
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
	ret = bring_up(dev);
	if (ret)
		goto close_dev;
	read_header(dev, dev->header);
	dev->folder = plx_pci_folder(&info->addr);
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

static void close_ones(void)
{
	if (ones_fd >= 0)
		close(ones_fd);
	ones_fd = -1;
}

void plx_pci_close(struct plx_pci_dev *dev)
{
	struct plx_pci_dev **at = &opened;

	if (!dev)
		return;
	if (dev->pid != getpid()) {
		dev_log(dev, PLX_LOG_ERR,
			"plx_pci_close: it is the parent's, of whom this is a child of fork(): "
			"plx_pci_forked() closes what was inherited");
		return;
	}
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
	if (!opened)
		close_ones();
	plx_pci_unlock();
	free(dev);
}

void plx_pci_forked(void)
{
	struct plx_pci_dev *dev, *next;

	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	/* A thread of the parent may have held its lock, or been in a handler. */
	plx_sigbus_forked();
	plx_store_relaxed(&is_mapping, false);
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
	close_ones();
}

/* By the class, since vfio-pci answers for the ids itself. */
bool plx_pci_is_gone(struct plx_pci_dev *dev)
{
	uint32_t class_revision;

	if (plx_load_relaxed(&dev->is_gone))
		return true;
	if (dev->ops->is_gone)
		return dev->ops->is_gone(dev);
	return plx_pci_cfg_read32(dev, PCI_CLASS_REVISION, &class_revision) != 0 ||
	       class_revision == UINT32_MAX;
}

/* ---- BARs ---- */

static void mapping_lock(void)
{
	while (plx_exchange_acquire(&is_mapping, true))
		plx_pause();
}

static void mapping_unlock(void)
{
	plx_store_release(&is_mapping, false);
}

/*
 * In signal context. Of the page that was touched alone: a BAR may have gigabytes. A thread that
 * faulted before a BAR was mapped again, and comes here after it, must not put ones over what is
 * there now: it tries its access once more first.
 */
static bool put_all_ones(void *addr, void *arg)
{
	static __thread unsigned nb_seen __attribute__((tls_model("initial-exec")));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at = (void *)((uintptr_t)addr & ~(page - 1));
	struct plx_pci_mapped *mapped = arg;
	bool done = true;

	mapping_lock();
	if (nb_seen != plx_load_relaxed(&nb_mapped_again)) {
		nb_seen = plx_load_relaxed(&nb_mapped_again);
	} else {
		done = mmap(at, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, ones_fd,
			    0) != MAP_FAILED;
		if (done)
			plx_store_release(&mapped->is_lost, true);
	}
	mapping_unlock();
	if (done)
		madvise(at, page, MADV_DONTFORK);
	return done;
}

static int make_ones(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("pollux-ones", MFD_CLOEXEC), ret;
	unsigned char ones[64];

	if (fd < 0)
		return -errno;
	memset(ones, 0xff, sizeof(ones));
	for (size_t at = 0; at < page; at += sizeof(ones)) {
		if (pwrite(fd, ones, sizeof(ones), (off_t)at) == sizeof(ones))
			continue;
		ret = errno ? -errno : -ENOSPC;
		close(fd);
		return ret;
	}
	ones_fd = fd;
	return 0;
}

/* There for the handler before the range is. */
static int need_ones(void)
{
	int ret = 0;

	plx_pci_lock();
	if (ones_fd < 0)
		ret = make_ones();
	plx_pci_unlock();
	return ret;
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
	ret = need_ones();
	if (ret == 0)
		ret = plx_sigbus_range_add(start, len, put_all_ones, mapped);
	if (ret) {
		dev_log(dev, PLX_LOG_ERR,
			"BAR %u: it can't be guarded against SIGBUS: %s (at most %d BARs are)", bar,
			strerror(-ret), PLX_SIGBUS_RANGES_MAX);
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
	mapping_lock();
	plx_store_release(&mapped->is_lost, false);
	ret = dev->ops->bar_map(dev, bar, start, &same);
	plx_store_relaxed(&nb_mapped_again, nb_mapped_again + 1);
	mapping_unlock();
	if (ret == 0)
		madvise(start, len, MADV_DONTFORK);
	else /* ones, or the device that raises SIGBUS once more */
		plx_store_release(&mapped->is_lost, true);
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
	return offset < dev->info.bars[bar].len_bytes &&
			       bytes <= dev->info.bars[bar].len_bytes - offset
		       ? 0
		       : -EINVAL;
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
	/* The kernel puts back the header that it found, so it has to be right before: its
	 * addresses, if somebody else's reset wiped them (VFIO has them back when decoding is
	 * turned on), and decoding, without bus mastering. A reset also wakes it. */
	restore_header(dev, dev->header);
	ret = set_command(dev, PCI_COMMAND_MASTER, decode_bits(&dev->info));
	if (ret == 0)
		ret = dev->ops->reset(dev);
	for (unsigned i = 0; i < PLX_PCI_BARS && ret == 0; i++)
		if (dev->bars[i].bar.addr && plx_load_acquire(&dev->bars[i].is_lost))
			ret = map_again(dev, i);
	return ret;
}
