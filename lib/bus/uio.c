/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UIO back end: registers by the resource files of sysfs, configuration space by `config`,
 * interrupts by /dev/uioN. No IOMMU stands between the device and memory.
 *
 * /dev/uioN is opened once and kept: newer kernels take bus mastering away at any close of it.
 * Nothing stops a second process from opening it, so `config` is locked, which tells another of
 * ours, as long as both have the same sysfs: one mounted for another network namespace has locks of
 * its own.
 */
#include "bus_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pollux/bits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 20, LOCK_PAUSE_NS = 1000000 };

struct uio_dev {
	int cfg_fd;
	int uio_fd;
	unsigned minor;
	int port_fds[PLX_PCI_BARS]; /* of port BARs, opened at need; -1 */
};

static struct uio_dev *uio_of(const struct plx_pci_dev *dev)
{
	return dev->priv;
}

/* ---- Open and close ---- */

static int check_safety(struct plx_pci_dev *dev, unsigned flags)
{
	if (!(flags & PLX_PCI_UNSAFE_DMA)) {
		dev_log(dev, PLX_LOG_ERR,
			"no IOMMU confines a device of %s, a wrong address given to it overwrites "
			"any memory of the machine: bind it to vfio-pci, or accept that with "
			"--allow-unsafe-dma",
			dev->info.driver);
		return -EPERM;
	}
	if (plx_mem_iova_mode() == PLX_IOVA_VA) {
		dev_log(dev, PLX_LOG_ERR,
			"a device of %s needs physical addresses, the memory was set up for "
			"virtual ones: use --iova-mode pa (needs hugepages and root), or bind it "
			"to vfio-pci",
			dev->info.driver);
		return -EINVAL;
	}
	return 0;
}

/* plx_pci_quiet_stale() of a process that starts has it for a moment. */
static int lock_cfg(int fd)
{
	static const struct timespec short_while = {.tv_nsec = LOCK_PAUSE_NS};
	int ret = 0;

	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		ret = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
		if (ret != -EWOULDBLOCK)
			return ret;
		nanosleep(&short_while, NULL);
	}
	return -EBUSY;
}

static int open_cfg(struct plx_pci_dev *dev, struct uio_dev *uio)
{
	char path[BUS_PATH_MAX];
	int ret = 0;

	uio->cfg_fd = open(plx_pci_sys_path(&dev->info.addr, "config", path), O_RDWR | O_CLOEXEC);
	if (uio->cfg_fd < 0) {
		ret = -errno;
		dev_log(dev, PLX_LOG_ERR, "can't open %s: %s%s", path, strerror(-ret),
			ret == -EACCES ? ": UIO needs root" : "");
		return ret;
	}
	ret = lock_cfg(uio->cfg_fd);
	if (ret) {
		dev_log(dev, PLX_LOG_ERR, "%s",
			ret == -EBUSY ? "another process has it open" : strerror(-ret));
		close(uio->cfg_fd);
	}
	return ret;
}

static int open_uio(struct plx_pci_dev *dev, struct uio_dev *uio)
{
	struct plx_uio_info info;
	char path[BUS_PATH_MAX];
	int ret;

	if (plx_uio_of_pci(&dev->info.addr, &info)) {
		dev_log(dev, PLX_LOG_ERR, "driver %s has no /dev/uioN for it", dev->info.driver);
		return -ENODEV;
	}
	uio->minor = info.minor;
	snprintf(path, sizeof(path), "%s/uio%u", plx_bus_dev, uio->minor);
	uio->uio_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (uio->uio_fd >= 0)
		return 0;
	ret = -errno;
	dev_log(dev, PLX_LOG_ERR, "can't open %s: %s", path, strerror(-ret));
	return ret;
}

static int uio_open(struct plx_pci_dev *dev, unsigned flags)
{
	struct uio_dev *uio;
	int ret = check_safety(dev, flags);

	if (ret)
		return ret;
	uio = calloc(1, sizeof(*uio));
	if (!uio) {
		dev_log(dev, PLX_LOG_ERR, "out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < PLX_PCI_BARS; i++)
		uio->port_fds[i] = -1;
	ret = open_cfg(dev, uio);
	if (ret)
		goto free_uio;
	ret = open_uio(dev, uio);
	if (ret)
		goto close_cfg;
	dev_log(dev, PLX_LOG_WARN,
		"no IOMMU confines it (%s): a wrong address given to it overwrites any memory of "
		"the machine",
		dev->info.driver);
	dev->priv = uio;
	return 0;

close_cfg:
	close(uio->cfg_fd);
free_uio:
	free(uio);
	return ret;
}

static void uio_close(struct plx_pci_dev *dev)
{
	struct uio_dev *uio = uio_of(dev);

	for (unsigned i = 0; i < PLX_PCI_BARS; i++)
		if (uio->port_fds[i] >= 0)
			close(uio->port_fds[i]);
	close(uio->uio_fd);
	close(uio->cfg_fd);
	free(uio);
}

/* ---- Configuration space, BARs, ports ---- */

static ssize_t uio_cfg_read(struct plx_pci_dev *dev, unsigned offset, void *buf, size_t len)
{
	return pread(uio_of(dev)->cfg_fd, buf, len, (off_t)offset);
}

static ssize_t uio_cfg_write(struct plx_pci_dev *dev, unsigned offset, const void *buf, size_t len)
{
	return pwrite(uio_of(dev)->cfg_fd, buf, len, (off_t)offset);
}

static int open_resource(const struct plx_pci_dev *dev, unsigned bar)
{
	char path[BUS_PATH_MAX], file[16];

	snprintf(file, sizeof(file), "resource%u", bar);
	return open(plx_pci_sys_path(&dev->info.addr, file, path), O_RDWR | O_SYNC | O_CLOEXEC);
}

static int uio_bar_map(struct plx_pci_dev *dev, unsigned bar, void *at, struct plx_pci_bar *out)
{
	const struct plx_pci_bar_info *info = &dev->info.bars[bar];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = info->start & (page - 1);
	int fd = open_resource(dev, bar), ret = 0;
	char *base = MAP_FAILED;

	if (fd >= 0) {
		base = mmap(at, plx_align_up(skip + info->len_bytes, page), PROT_READ | PROT_WRITE,
			    MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0);
	}
	if (base == MAP_FAILED) {
		ret = -errno;
		dev_log(dev, PLX_LOG_ERR, "BAR %u: resource%u can't be mapped: %s", bar, bar,
			strerror(-ret));
	} else {
		*out = (struct plx_pci_bar){base + skip, info->len_bytes};
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static ssize_t uio_io(struct plx_pci_dev *dev, unsigned bar, unsigned offset, void *buf,
		      unsigned bytes, bool is_write)
{
	struct uio_dev *uio = uio_of(dev);
	int *fd = &uio->port_fds[bar];

	if (*fd < 0)
		*fd = open_resource(dev, bar);
	if (*fd < 0)
		return -errno;
	return is_write ? pwrite(*fd, buf, bytes, (off_t)offset)
			: pread(*fd, buf, bytes, (off_t)offset);
}

static int uio_reset(struct plx_pci_dev *dev)
{
	char path[BUS_PATH_MAX];
	int fd = open(plx_pci_sys_path(&dev->info.addr, "reset", path), O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		ret = errno == ENOENT ? -EOPNOTSUPP : -errno;
	else if (write(fd, "1", 1) != 1)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	if (ret)
		dev_log(dev, PLX_LOG_ERR, "reset: %s",
			ret == -EOPNOTSUPP ? "the device can't be reset alone" : strerror(-ret));
	return ret;
}

/* ---- Interrupts ---- */

static unsigned uio_intr_vectors(struct plx_pci_dev *dev, enum plx_intr_kind kind)
{
	char path[BUS_PATH_MAX];
	uint64_t irq = 0;
	uint8_t pin = 0;

	if (kind != PLX_INTR_INTX || plx_pci_cfg_read8(dev, PCI_INTERRUPT_PIN, &pin) || pin == 0)
		return 0;
	/* Without a line of the machine /dev/uioN has nothing to tell. */
	plx_bus_read_u64(plx_pci_sys_path(&dev->info.addr, "irq", path), &irq);
	return irq != 0;
}

static int uio_intr_fd(struct plx_pci_dev *dev, size_t *count_bytes)
{
	*count_bytes = sizeof(uint32_t);
	return uio_of(dev)->uio_fd;
}

/* Its byte alone: another thread may be changing the one of bus mastering. */
static int set_intx(struct plx_pci_dev *dev, bool on)
{
	const uint8_t disable = PCI_COMMAND_INTX_DISABLE >> 8;
	uint8_t high;

	if (plx_pci_cfg_read8(dev, PCI_COMMAND + 1, &high))
		return -EIO;
	return plx_pci_cfg_write8(dev, PCI_COMMAND + 1,
				  (uint8_t)(on ? high & ~disable : high | disable));
}

static int uio_intr_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb)
{
	uint32_t stale;
	int ret;

	(void)kind;
	(void)nb;
	/* What was told before it was enabled. */
	if (read(uio_of(dev)->uio_fd, &stale, sizeof(stale)) < 0 && errno != EAGAIN) {
		ret = -errno;
		dev_log(dev, PLX_LOG_ERR, "/dev/uio%u: no interrupt: %s", uio_of(dev)->minor,
			strerror(-ret));
		return ret;
	}
	return set_intx(dev, true);
}

static void uio_intr_disable(struct plx_pci_dev *dev)
{
	set_intx(dev, false);
}

/* The kernel's handler masked it. */
static int uio_intr_rearm(struct plx_pci_dev *dev)
{
	return set_intx(dev, true);
}

/* ---- Memory ---- */

static int uio_dma_map(struct plx_pci_dev *dev, const struct plx_dma_want *want,
		       struct plx_dma_map *map)
{
	(void)map;
	dev_log(dev, PLX_LOG_ERR,
		"memory at %p can't be used without an IOMMU: it is not of the EAL, not "
		"contiguous, or above the device's mask %#jx: plx_dma_alloc() has some",
		want->addr, (uintmax_t)want->limit);
	return -EFAULT;
}

static void uio_dma_unmap(struct plx_pci_dev *dev, const struct plx_dma_map *map)
{
	(void)dev;
	(void)map;
}

const struct plx_pci_ops plx_uio_ops = {
	.backend = PLX_PCI_UIO,
	.open = uio_open,
	.close = uio_close,
	.forked = uio_close,
	.cfg_read = uio_cfg_read,
	.cfg_write = uio_cfg_write,
	.bar_map = uio_bar_map,
	.io = uio_io,
	.reset = uio_reset,
	.intr_vectors = uio_intr_vectors,
	.intr_fd = uio_intr_fd,
	.intr_enable = uio_intr_enable,
	.intr_disable = uio_intr_disable,
	.intr_rearm = uio_intr_rearm,
	.dma_map = uio_dma_map,
	.dma_unmap = uio_dma_unmap,
};

/* ---- Cards that a dead process left running ---- */

static bool is_master(int fd, uint8_t *command)
{
	return pread(fd, command, 1, PCI_COMMAND) == 1 && (*command & PCI_COMMAND_MASTER);
}

/* It runs, the lock is ours, and nobody is seen to have it. True: it is quiet now. */
static bool quiet_one(const struct plx_pci_info *info, int fd, uint8_t command)
{
	const struct plx_eal_conf *conf = plx_eal_conf();

	if (conf && plx_pci_is_blocked(conf, &info->addr)) {
		LOG_NOTICE("%s: a process that ended left it running, and -b or --no-pci says to "
			   "leave it alone: hugepages that it may write to are kept",
			   info->name);
		return false;
	}
	command &= (uint8_t)~PCI_COMMAND_MASTER;
	if (pwrite(fd, &command, 1, PCI_COMMAND) != 1) {
		LOG_WARN("%s: a process that ended left it running, and it can't be stopped: %s",
			 info->name, strerror(errno));
		return false;
	}
	LOG_NOTICE("%s: a process that ended left it running: bus mastering is off now",
		   info->name);
	return true;
}

/* The bus's lock is held: this process opens nothing meanwhile. */
static int quiet(const struct plx_pci_info *info, void *arg)
{
	char path[BUS_PATH_MAX];
	bool *all = arg;
	uint8_t command;
	int fd;

	if (info->backend != PLX_PCI_UIO || plx_pci_opened(&info->addr))
		return 0;
	fd = open(plx_pci_sys_path(&info->addr, "config", path), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/* Twice: before, so that who opens it rarely meets the lock; then what counts. */
	if (is_master(fd, &command) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    is_master(fd, &command) && !plx_pci_in_use(info, NULL, 0))
		*all &= quiet_one(info, fd, command);
	close(fd);
	return 0;
}

bool plx_pci_quiet_stale(void)
{
	bool all = true;

	plx_pci_lock();
	plx_pci_walk(PLX_PCI_WALK_USABLE, quiet, &all);
	plx_pci_unlock();
	return all;
}
