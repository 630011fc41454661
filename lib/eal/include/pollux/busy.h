/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load of an lcore that polls: the share of its cycles between a poll that brought packets and
 * the next one that did not.
 *
 * The clock is read only when a poll's outcome differs from the one before it: an lcore that has
 * packets at each poll, and one that never has any, never read it.
 *
 * One word for each lcore, so that a reader never sees half of a change: bit 0 is "busy now", the
 * rest is the sum of busy cycles, from which the moment it became busy is already subtracted.
 */
#ifndef POLLUX_BUSY_H
#define POLLUX_BUSY_H

#include <pollux/atomic.h>
#include <pollux/clock.h>
#include <pollux/compiler.h>
#include <pollux/lcore.h>

PLX_BEGIN_DECLS

/* Written by the lcore of that id only; the last one is shared by threads that are no lcore. */
struct plx_busy {
	uint64_t word;
} PLX_CACHE_ALIGNED;

extern PLX_API struct plx_busy plx_busy_words[PLX_LCORE_MAX + 1];

/* From idle to busy, or back, now. */
PLX_API void plx_busy_flip_(struct plx_busy *entry);

/**
 * Tell the outcome of a poll. plx_port_rx_burst() does; so should a loop that polls something else,
 * a ring say. Nothing in builds without PLX_BUSY.
 * Thread  any.
 */
PLX_INLINE void plx_busy_note(bool busy)
{
#if PLX_BUSY
	struct plx_busy *entry = &plx_busy_words[plx_lcore_id()];

	if (plx_unlikely((plx_load_relaxed(&entry->word) & 1) != busy))
		plx_busy_flip_(entry);
#else
	(void)busy;
#endif
}

/**
 * Busy cycles of an lcore since it became one. The load over a while is the difference of two of
 * these, divided by the cycles between them.
 *
 * @id     [0, PLX_LCORE_MAX)
 * Returns the sum, up to now; 0 for an lcore whose polls never brought a packet.
 * Thread  any; takes no lock.
 */
PLX_API uint64_t plx_busy_cycles(unsigned id);

PLX_END_DECLS

#endif
