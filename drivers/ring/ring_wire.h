/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Into a wire and out of it.
 *
 * The receiver touches no packet. For the bytes of a burst the sender leaves, for each index where
 * one of its bursts ended, how many it has sent up to there. A receiver that takes packets up to
 * such an index subtracts; others look at each packet.
 */
#ifndef RING_WIRE_H
#define RING_WIRE_H

#include <pollux/mbuf.h>

#include "ring_private.h"

/* ---- Where bursts ended ---- */

/* What the sender has sent up to now ends here; before the packets are in the ring. */
static inline void mark_end(struct ring_wire *wire, uint64_t index, uint64_t bytes)
{
	struct ring_end *end = &wire->ends[index & wire->sent.mask];

	plx_store_relaxed(&end->index, index);
	/* Release: pairs with the acquire in find_end(): who sees these bytes sees no index that
	 * stood there before. */
	plx_store_release(&end->bytes, bytes);
}

/* The bytes sent up to @index, if a burst ended there. A sender that comes round to the same place
 * may write meanwhile. */
static inline bool find_end(const struct ring_wire *wire, uint64_t index, uint64_t *bytes)
{
	const struct ring_end *end = &wire->ends[index & wire->came.mask];

	*bytes = plx_load_acquire(&end->bytes);
	return plx_load_relaxed(&end->index) == index;
}

/* ---- Receive ---- */

static PLX_NOINLINE uint64_t sum_bytes(struct plx_mbuf *const *pkts, uint32_t nb)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < nb; i++)
		bytes += pkts[i]->pkt_len;
	return bytes;
}

/* Take up to @nb packets out of one wire. Adds their bytes to *@bytes. */
static inline uint32_t take(struct ring_wire *wire, struct plx_mbuf **pkts, uint32_t nb,
			    uint16_t port_id, uint64_t *bytes)
{
	uint64_t end;

	nb = plx_ring_sc_dequeue_burst(wire->came.ring, (void **)pkts, nb);
	plx_count(&wire->came.index, nb);
	if (plx_unlikely(!find_end(wire, wire->came.index, &end)))
		end = wire->came.bytes + sum_bytes(pkts, nb);
	*bytes += end - wire->came.bytes;
	plx_store_relaxed(&wire->came.bytes, end);
	/* Only a burst that was under way while another port took this end's place has that one's
	 * id, and none comes after one that has the right one. */
	for (uint32_t i = 0; i < nb && plx_unlikely(pkts[i]->port != port_id); i++)
		pkts[i]->port = port_id;
	return nb;
}

/* ---- Send ---- */

/* Put packets, for which there is room, into the wire. */
static inline uint32_t put(struct ring_wire *wire, struct plx_mbuf **pkts, uint32_t nb,
			   uint64_t bytes)
{
	uint64_t index = wire->sent.index + nb;

	bytes += wire->sent.bytes;
	plx_store_relaxed(&wire->sent.index, index);
	plx_store_relaxed(&wire->sent.bytes, bytes);
	mark_end(wire, index, bytes);
	return plx_ring_sp_enqueue_burst(wire->sent.ring, (void *const *)pkts, nb);
}

#endif
