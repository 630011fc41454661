/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts of a PCI device as file descriptors: MSI-X, MSI and INTx with VFIO (an eventfd each),
 * INTx with UIO (/dev/uioN). To wait for one: plx_intr_wait(), poll or epoll on plx_intr_fd(), or a
 * handler in the control thread.
 *
 * INTx is a level, and the line may be shared with other functions. The kernel looks at the
 * function's status bit, masks it and tells; the driver quiets the device by its registers and lets
 * the next one come by plx_intr_rearm(). A handler need not: it is done when it returns.
 *
 * Calls for one device come from one thread at a time; plx_intr_wait(), plx_intr_rearm() and
 * plx_intr_stats() from any, but not while plx_intr_disable() or plx_pci_close() runs, which take
 * the descriptors away: end the threads that wait first.
 */
#ifndef POLLUX_INTR_H
#define POLLUX_INTR_H

#include <pollux/compiler.h>
#include <pollux/pci.h>

PLX_BEGIN_DECLS

enum plx_intr_kind {
	PLX_INTR_NONE,
	PLX_INTR_INTX,
	PLX_INTR_MSI,
	PLX_INTR_MSIX,
};

enum { PLX_INTR_VECTORS_MAX = 64 }; /* of one device */

/** Vectors of a kind that the device has and the back end offers, at most PLX_INTR_VECTORS_MAX; 0:
 *  none. */
PLX_API unsigned plx_intr_vectors(struct plx_pci_dev *dev, enum plx_intr_kind kind);

/**
 * Enable vectors [0, @nb) of a kind, all in one. They are told from now on.
 *
 * Returns 0, -EINVAL (@nb), -EOPNOTSUPP (it has none of that kind), -EBUSY (some are enabled),
 *         -ENOSPC (fewer are left in the machine: the line says how many), -EMFILE, or what a
 *         system call said.
 */
PLX_API int plx_intr_enable(struct plx_pci_dev *dev, enum plx_intr_kind kind, unsigned nb);

/** Disable all, take handlers back. When this returns no handler runs, unless it is the caller. */
PLX_API void plx_intr_disable(struct plx_pci_dev *dev);

/** What is enabled, PLX_INTR_NONE at first. */
PLX_API enum plx_intr_kind plx_intr_kind(const struct plx_pci_dev *dev);

/**
 * The descriptor of a vector, for poll, epoll: readable when the interrupt came. Reading the
 * counter (plx_intr_count_bytes()) makes it unreadable again; do not close it. It does not block:
 * who wants to sleep calls poll(2), read(2) answers EAGAIN when nothing came.
 *
 * Returns the descriptor, -EINVAL. Valid until plx_intr_disable().
 */
PLX_API int plx_intr_fd(const struct plx_pci_dev *dev, unsigned vector);

/** Bytes of the counter: 8 (eventfd), 4 (/dev/uioN). */
PLX_API size_t plx_intr_count_bytes(const struct plx_pci_dev *dev);

/**
 * Sleep until the interrupt comes, and take it.
 *
 * @timeout_ns  0: only look; UINT64_MAX: for ever
 *
 * Returns how many came since the last time, 1 and more (with UIO always 1, which may stand for
 *         several); 0: none in that time, or a signal came.
 * Errors  -EINVAL (vector, or it has a handler), -EIO (the device is gone).
 */
PLX_API int plx_intr_wait(struct plx_pci_dev *dev, unsigned vector, uint64_t timeout_ns);

/** Let the next INTx come; nothing to do for MSI and MSI-X. Returns 0, -EINVAL, -EIO. */
PLX_API int plx_intr_rearm(struct plx_pci_dev *dev);

/**
 * Have @fn called in the control thread for each interrupt of a vector.
 *
 * @fn  true: the device had asked; false: it had not (the line is shared, or the cause was gone),
 *      counted as spurious. NULL: take the handler back; when that returns it does not run and will
 *      not run, unless it is the caller.
 *
 * Returns 0, -EINVAL, -EEXIST (it has a handler), -ENODEV (no EAL), or plx_ctl_intr_add()'s.
 */
typedef bool (*plx_intr_fn)(void *arg);
PLX_API int plx_intr_handler_set(struct plx_pci_dev *dev, unsigned vector, plx_intr_fn fn,
				 void *arg);

/** Say that what plx_intr_wait() told was not the device's. */
PLX_API void plx_intr_spurious(struct plx_pci_dev *dev, unsigned vector);

/** Have a vector told as if the device had asked, to test the way. Returns 0, -EINVAL, -EOPNOTSUPP
 *  (UIO). */
PLX_API int plx_intr_trigger(struct plx_pci_dev *dev, unsigned vector);

struct plx_intr_stats {
	uint64_t interrupts; /* told: returns of plx_intr_wait(), calls of the handler */
	uint64_t spurious;   /* of those: not the device's */
};

/** Since it was enabled. Returns 0, -EINVAL. */
PLX_API int plx_intr_stats(const struct plx_pci_dev *dev, unsigned vector,
			   struct plx_intr_stats *stats);

PLX_END_DECLS

#endif
