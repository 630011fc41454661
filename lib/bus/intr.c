/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts, what back ends have in common: descriptors, waiting, handlers, counts.
 */
#include "bus_private.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char *const kind_names[] = {"no interrupt", "INTx", "MSI", "MSI-X"};

static void close_fds(struct plx_pci_dev *dev)
{
	for (unsigned i = 0; i < PLX_INTR_VECTORS_MAX; i++) {
		struct plx_pci_vector *vector = &dev->intr.vectors[i];

		if (vector->fd >= 0 && !dev->ops->intr_fd)
			close(vector->fd);
		vector->fd = -1;
	}
}

static int open_fds(struct plx_pci_dev *dev, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++) {
		struct plx_pci_vector *vector = &dev->intr.vectors[i];

		vector->fd = dev->ops->intr_fd ? dev->ops->intr_fd(dev, &dev->intr.count_bytes)
					       : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vector->fd < 0) {
			int ret = dev->ops->intr_fd ? vector->fd : -errno;

			vector->fd = -1;
			return ret;
		}
		vector->stats = (struct plx_intr_stats){0};
	}
	return 0;
}

unsigned plx_intr_vectors(struct plx_pci_dev *dev, enum plx_intr_kind kind)
{
	unsigned nb = 0;

	if (kind == PLX_INTR_INTX || kind == PLX_INTR_MSI || kind == PLX_INTR_MSIX)
		nb = dev->ops->intr_vectors(dev, kind);
	return nb < PLX_INTR_VECTORS_MAX ? nb : PLX_INTR_VECTORS_MAX;
}

static int check_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb)
{
	unsigned most = plx_intr_vectors(dev, kind);

	if (dev->intr.kind != PLX_INTR_NONE) {
		dev_log(dev, PLX_LOG_ERR, "%s is enabled: plx_intr_disable() it first",
			kind_names[dev->intr.kind]);
		return -EBUSY;
	}
	if (most == 0) {
		dev_log(dev, PLX_LOG_ERR, "the device has no %s%s",
			kind <= PLX_INTR_MSIX ? kind_names[kind] : "interrupt of that kind",
			dev->ops->backend == PLX_PCI_UIO ? " that UIO can tell, only INTx" : "");
		return -EOPNOTSUPP;
	}
	if (nb == 0 || nb > most) {
		dev_log(dev, PLX_LOG_ERR, "%u vectors of %s: want 1 to %u", nb, kind_names[kind],
			most);
		return -EINVAL;
	}
	return 0;
}

int plx_intr_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb)
{
	int ret = check_enable(dev, kind, nb);

	if (ret)
		return ret;
	dev->intr.count_bytes = sizeof(uint64_t);
	ret = open_fds(dev, nb);
	if (ret) {
		dev_log(dev, PLX_LOG_ERR, "no descriptors for %u interrupts: %s%s", nb,
			strerror(-ret), ret == -EMFILE ? " (raise the limit with ulimit -n)" : "");
		goto close_fds;
	}
	ret = dev->ops->intr_enable(dev, kind, nb);
	if (ret)
		goto close_fds;
	dev->intr.nb = nb;
	dev->intr.kind = kind;
	return 0;

close_fds:
	close_fds(dev);
	return ret;
}

void plx_intr_disable(struct plx_pci_dev *dev)
{
	if (dev->intr.kind == PLX_INTR_NONE)
		return;
	for (unsigned i = 0; i < dev->intr.nb; i++)
		plx_intr_handler_set(dev, i, NULL, NULL);
	dev->ops->intr_disable(dev);
	close_fds(dev);
	dev->intr.nb = 0;
	dev->intr.kind = PLX_INTR_NONE;
}

void plx_intr_forked(struct plx_pci_dev *dev)
{
	close_fds(dev);
}

enum plx_intr_kind plx_intr_kind(const struct plx_pci_dev *dev)
{
	return dev->intr.kind;
}

int plx_intr_fd(const struct plx_pci_dev *dev, unsigned vector)
{
	return vector < dev->intr.nb ? dev->intr.vectors[vector].fd : -EINVAL;
}

size_t plx_intr_count_bytes(const struct plx_pci_dev *dev)
{
	return dev->intr.count_bytes;
}

/* ---- Waiting ---- */

/* A timeout of poll(2), rounded up: never early. */
static int timeout_ms(uint64_t ns)
{
	if (ns > (uint64_t)INT_MAX * 1000000)
		return ns == UINT64_MAX ? -1 : INT_MAX;
	return (int)((ns + 999999) / 1000000);
}

/* What the counter says since the last read. 0: nothing. */
static int take_count(struct plx_pci_dev *dev, struct plx_pci_vector *vector)
{
	uint64_t count = 0;
	ssize_t got = read(vector->fd, &count, dev->intr.count_bytes);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got != (ssize_t)dev->intr.count_bytes)
		return -EIO;
	/* /dev/uioN counts from when it was bound; one that was read is at least one. */
	if (dev->intr.count_bytes == sizeof(uint32_t))
		count = 1;
	plx_fetch_add_relaxed(&vector->stats.interrupts, count);
	return count < INT_MAX ? (int)count : INT_MAX;
}

int plx_intr_wait(struct plx_pci_dev *dev, unsigned vector, uint64_t timeout_ns)
{
	struct pollfd pfd = {.events = POLLIN};
	int ret;

	if (vector >= dev->intr.nb || dev->intr.vectors[vector].fn)
		return -EINVAL;
	pfd.fd = dev->intr.vectors[vector].fd;
	ret = poll(&pfd, 1, timeout_ms(timeout_ns));
	if (ret == 0 || (ret < 0 && errno == EINTR))
		return 0;
	if (ret < 0 || !(pfd.revents & POLLIN))
		return -EIO;
	return take_count(dev, &dev->intr.vectors[vector]);
}

int plx_intr_rearm(struct plx_pci_dev *dev)
{
	switch (dev->intr.kind) {
	case PLX_INTR_NONE:
		return -EINVAL;
	case PLX_INTR_INTX:
		return dev->ops->intr_rearm(dev);
	default:
		return 0;
	}
}

/* ---- Handlers ---- */

static void on_interrupt(void *arg)
{
	struct plx_pci_vector *vector = arg;
	struct plx_pci_dev *dev = vector->dev;
	plx_intr_fn fn = vector->fn;

	plx_fetch_add_relaxed(&vector->stats.interrupts, 1);
	if (!fn(vector->arg))
		plx_fetch_add_relaxed(&vector->stats.spurious, 1);
	/* Not if the handler disabled it. */
	if (dev->intr.kind == PLX_INTR_INTX)
		dev->ops->intr_rearm(dev);
}

int plx_intr_handler_set(struct plx_pci_dev *dev, unsigned vector, plx_intr_fn fn, void *arg)
{
	struct plx_pci_vector *at;
	int ret;

	if (vector >= dev->intr.nb)
		return -EINVAL;
	at = &dev->intr.vectors[vector];
	if (!fn) {
		if (at->fn)
			plx_ctl_fd_del(at->fd);
		at->fn = NULL;
		return 0;
	}
	if (at->fn)
		return -EEXIST;
	at->fn = fn;
	at->arg = arg;
	ret = plx_ctl_intr_add(at->fd, dev->intr.count_bytes, on_interrupt, at);
	if (ret) {
		at->fn = NULL;
		dev_log(dev, PLX_LOG_ERR, "no handler for interrupt %u: %s", vector,
			ret == -ENODEV ? "the EAL does not run" : strerror(-ret));
	}
	return ret;
}

void plx_intr_spurious(struct plx_pci_dev *dev, unsigned vector)
{
	if (vector < dev->intr.nb)
		plx_fetch_add_relaxed(&dev->intr.vectors[vector].stats.spurious, 1);
}

int plx_intr_trigger(struct plx_pci_dev *dev, unsigned vector)
{
	if (vector >= dev->intr.nb)
		return -EINVAL;
	return dev->ops->intr_trigger ? dev->ops->intr_trigger(dev, vector) : -EOPNOTSUPP;
}

int plx_intr_stats(const struct plx_pci_dev *dev, unsigned vector, struct plx_intr_stats *stats)
{
	const struct plx_pci_vector *at;

	if (vector >= dev->intr.nb || !stats)
		return -EINVAL;
	at = &dev->intr.vectors[vector];
	stats->interrupts = plx_load_relaxed(&at->stats.interrupts);
	stats->spurious = plx_load_relaxed(&at->stats.spurious);
	return 0;
}
