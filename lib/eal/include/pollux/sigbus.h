/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guard against SIGBUS, opt-in: memory whose backing went away (a device that was pulled out, a
 * file that was cut short) raises it on the next access. For ranges that are registered here a
 * handler of the caller's is asked first; it may map something else in place, and the access is
 * then repeated. All other faults go to whatever handled SIGBUS before, or kill the process as
 * ever.
 *
 * Independent of plx_eal_init() and plx_eal_fini(). The EAL's threads do not block SIGBUS.
 */
#ifndef POLLUX_SIGBUS_H
#define POLLUX_SIGBUS_H

#include <pollux/compiler.h>
#include <stdbool.h>

PLX_BEGIN_DECLS

enum { PLX_SIGBUS_RANGES_MAX = 64 };

/**
 * Called in the faulting thread, in signal context: only async-signal-safe calls are allowed.
 * mmap(2) with MAP_FIXED is in practice what it does; plx_sigbus_* calls are not allowed.
 *
 * @addr   the address that was accessed, within the range
 *
 * Returns true when the access may be repeated, false to have it handled as if nobody had asked.
 */
typedef bool (*plx_sigbus_fn)(void *addr, void *arg);

/**
 * Install the SIGBUS handler. What was installed before is kept and called for faults that no range
 * takes.
 *
 * Returns 0, also when it is on already; -errno of sigaction(2).
 * Thread  any; one at a time with plx_sigbus_guard_off().
 */
PLX_API int plx_sigbus_guard_on(void);

/** Put back what plx_sigbus_guard_on() replaced. Ranges stay registered. Does nothing when off. */
PLX_API void plx_sigbus_guard_off(void);

/**
 * Register a range. Takes effect while the guard is on.
 *
 * @addr       start; not NULL
 * @len_bytes  > 0
 * @fn         not NULL
 *
 * Returns 0, -EINVAL, -EEXIST (it overlaps a registered one), -ENOSPC (PLX_SIGBUS_RANGES_MAX are
 *         registered).
 * Thread  any. Takes a lock.
 */
PLX_API int plx_sigbus_range_add(void *addr, size_t len_bytes, plx_sigbus_fn fn, void *arg);

/**
 * Forget the range that begins at @addr. When this returns its handler does not run in any thread.
 *
 * Returns 0, -ENOENT.
 * Thread  any. Takes a lock; waits for handlers that run.
 */
PLX_API int plx_sigbus_range_del(void *addr);

PLX_END_DECLS

#endif
