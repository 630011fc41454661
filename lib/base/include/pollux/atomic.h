/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * C11's memory model on plain types, usable from C++ as well. Order sits on the operations, not on
 * fences, because ThreadSanitizer understands operations only. A release names in a comment the
 * acquire that it pairs with.
 */
#ifndef POLLUX_ATOMIC_H
#define POLLUX_ATOMIC_H

#include <pollux/compiler.h>

#define plx_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define plx_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define plx_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define plx_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* Strong compare and swap. True: *p was *expected and is v now; else *expected is what *p is. */
#define plx_cas_relaxed(p, expected, v)                                                            \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define plx_cas_acquire(p, expected, v)                                                            \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define plx_cas_release(p, expected, v)                                                            \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define plx_cas_acq_rel(p, expected, v)                                                            \
	__atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)

/* The value before. */
#define plx_exchange_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define plx_exchange_acq_rel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define plx_fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define plx_fetch_add_acq_rel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define plx_fetch_or_relaxed(p, v) __atomic_fetch_or((p), (v), __ATOMIC_RELAXED)
#define plx_fetch_or_acq_rel(p, v) __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL)
#define plx_fetch_and_relaxed(p, v) __atomic_fetch_and((p), (v), __ATOMIC_RELAXED)
#define plx_fetch_and_acq_rel(p, v) __atomic_fetch_and((p), (v), __ATOMIC_ACQ_REL)

#endif
