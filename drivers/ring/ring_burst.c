/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path of net_ring: packets pass by pointer. The sender, who has their descriptors at
 * hand, makes of each a packet that has just come in at the other end.
 *
 * The receiver touches none of them. For the bytes of a burst the sender leaves, for each index
 * where one of its bursts ended, how many it has sent up to there. A receiver that takes packets up
 * to such an index subtracts; others look at each packet.
 *
 * A packet that is shared (plx_mbuf_share()) has one descriptor for all its owners, and that one is
 * written.
 */
#include <pollux/mbuf.h>
#include <string.h>

#include "ring_private.h"

enum { DRAIN_BULK = 64, UNROLL = 8 };

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
	wire->came.index += nb;
	if (plx_unlikely(!find_end(wire, wire->came.index, &end)))
		end = wire->came.bytes + sum_bytes(pkts, nb);
	*bytes += end - wire->came.bytes;
	wire->came.bytes = end;
	/* Only a burst that was under way while another port took this end's place has that one's
	 * id, and none comes after one that has the right one. */
	for (uint32_t i = 0; i < nb && plx_unlikely(pkts[i]->port != port_id); i++)
		pkts[i]->port = port_id;
	return nb;
}

static PLX_NOINLINE uint32_t take_from_many(struct ring_rxq *rxq, struct plx_mbuf **pkts,
					    uint32_t nb, uint64_t *bytes)
{
	uint32_t nb_wires = plx_load_acquire(&rxq->nb_wires);
	uint32_t done = 0;

	for (uint32_t i = 0; i < nb_wires && done < nb; i++) {
		uint32_t at = rxq->next_wire < nb_wires ? rxq->next_wire : 0;

		done += take(rxq->wires[at], pkts + done, nb - done, rxq->base.port_id, bytes);
		rxq->next_wire = at + 1;
	}
	return done;
}

static inline struct ring_limits read_limits(const struct ring_limits *limits)
{
	return (struct ring_limits){plx_load_acquire(&limits->frame_max), limits->segs_max};
}

/* Packets of which one may be refused: the others move to the front. Returns how many they are. */
static PLX_COLD uint32_t refuse(struct ring_rxq *rxq, struct plx_mbuf **pkts, uint32_t nb,
				uint64_t *bytes)
{
	const struct ring_limits limits = read_limits(&rxq->limits);
	uint32_t done = 0, too_long = 0;

	for (uint32_t i = 0; i < nb; i++) {
		struct plx_mbuf *m = pkts[i];
		bool is_long = m->pkt_len > limits.frame_max;

		if (!is_long && m->nb_segs <= limits.segs_max) {
			pkts[done++] = m;
			continue;
		}
		too_long += is_long;
		*bytes -= m->pkt_len;
		plx_mbuf_free(m);
	}
	plx_count(&rxq->too_long, too_long);
	plx_count(&rxq->chained, nb - done - too_long);
	plx_count(&rxq->base.stats.errors, nb - done);
	return done;
}

uint32_t plx_net_ring_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct ring_rxq *rxq = queue;
	uint64_t bytes = 0;

	/* Acquire: pairs with the release in add_wire(): the wire is there. */
	if (plx_likely(plx_load_acquire(&rxq->nb_wires) == 1))
		nb = take(rxq->wires[0], pkts, nb, rxq->base.port_id, &bytes);
	else
		nb = take_from_many(rxq, pkts, nb, &bytes);
	if (plx_unlikely(plx_load_relaxed(&rxq->check)))
		nb = refuse(rxq, pkts, nb, &bytes);
	plx_count(&rxq->base.stats.packets, nb);
	plx_count(&rxq->base.stats.bytes, bytes);
	return nb;
}

uint64_t plx_net_ring_drain(struct ring_wire *wire)
{
	struct plx_mbuf *pkts[DRAIN_BULK];
	uint64_t total = 0, bytes = 0;
	uint32_t nb;

	while ((nb = take(wire, pkts, DRAIN_BULK, PLX_MBUF_PORT_NONE, &bytes)) > 0) {
		plx_mbuf_free_bulk(pkts, nb);
		total += nb;
	}
	return total;
}

/* ---- Send ---- */

/* How many of @nb packets there is room for. */
static inline uint32_t find_room(struct ring_wire *wire, uint32_t nb)
{
	uint64_t room = wire->sent.limit - wire->sent.index;

	if (plx_likely(nb <= room))
		return nb;
	room = plx_ring_free_count(wire->sent.ring);
	wire->sent.limit = wire->sent.index + room;
	return nb <= room ? nb : (uint32_t)room;
}

static inline bool may_pass(struct ring_limits limits, const struct plx_mbuf *m)
{
	return m->pkt_len <= limits.frame_max && m->nb_segs <= limits.segs_max;
}

/*
 * What is asked of each packet lies in 16 bytes: one load. Bits that no packet of a burst has, none
 * can have, so the burst as a whole is looked at.
 */
typedef uint32_t words __attribute__((vector_size(16), may_alias));

struct head {
	uint16_t refcnt;
	uint8_t nb_segs, pool_id;
	uint16_t data_off, data_len;
	uint32_t pkt_len;
	uint32_t flags;
};

_Static_assert(offsetof(struct plx_mbuf, refcnt) % sizeof(words) == 0, "the load is aligned");
#define SAME_PLACE(field)                                                                          \
	_Static_assert(offsetof(struct plx_mbuf, field) - offsetof(struct plx_mbuf, refcnt) ==     \
			       offsetof(struct head, field),                                       \
		       "struct head is a part of struct plx_mbuf")
SAME_PLACE(nb_segs);
SAME_PLACE(data_off);
SAME_PLACE(data_len);
SAME_PLACE(pkt_len);
SAME_PLACE(flags);
_Static_assert(sizeof(struct head) == sizeof(words), "struct head is one vector register");
_Static_assert((uint64_t)PLX_BURST_MAX *(RING_MTU_MAX + ETHER_HDR_LEN + RING_TAG_BYTES) <=
		       UINT32_MAX,
	       "the lengths of a burst have a 32-bit sum");

static inline words read_words(const struct plx_mbuf *m)
{
#ifdef PLX_TSAN /* the other owners of a shared packet write its refcnt */
	struct head head = {.nb_segs = m->nb_segs, .pkt_len = m->pkt_len, .flags = m->flags};
	words all;

	memcpy(&all, &head, sizeof(all));
	return all;
#else
	return *(const words *)(const void *)&m->refcnt;
#endif
}

/* What the sender knew of it, or asked for, is nothing to the receiver. */
static inline void forget_past(struct plx_mbuf *m)
{
	m->flags &= PLX_MBUF_F_ATTACHED;
	m->offload = 0;
}

/* Lengths of a burst can have more bits together than each alone. False: one is refused. */
static PLX_NOINLINE bool look_at_each(struct plx_mbuf **pkts, uint32_t nb,
				      struct ring_limits limits)
{
	for (uint32_t i = 0; i < nb; i++)
		if (!may_pass(limits, pkts[i]))
			return false;
	for (uint32_t i = 0; i < nb; i++)
		if (pkts[i]->flags)
			forget_past(pkts[i]);
	return true;
}

/* Put packets, for which there is room, into the wire. */
static inline uint32_t put(struct ring_wire *wire, struct plx_mbuf **pkts, uint32_t nb,
			   uint64_t bytes)
{
	mark_end(wire, wire->sent.index + nb, wire->sent.bytes + bytes);
	nb = plx_ring_sp_enqueue_burst(wire->sent.ring, (void *const *)pkts, nb);
	wire->sent.index += nb;
	wire->sent.bytes += bytes;
	return nb;
}

/* Packets of which one is refused, one by one. */
static PLX_COLD uint32_t send_each(struct ring_txq *txq, struct plx_mbuf **pkts, uint32_t nb,
				   uint16_t port_id)
{
	const struct ring_limits limits = read_limits(&txq->limits);
	uint32_t i, sent = 0, too_long = 0;
	uint64_t bytes = 0;

	for (i = 0; i < nb; i++) {
		struct plx_mbuf *m = pkts[i];
		uint32_t len;

		if (!may_pass(limits, m)) {
			too_long += m->pkt_len > limits.frame_max;
			plx_mbuf_free(m);
			continue;
		}
		if (find_room(txq->wire, 1) == 0)
			break;
		if (m->flags)
			forget_past(m);
		m->port = port_id;
		plx_mbuf_pass(m);
		len = m->pkt_len;
		sent += put(txq->wire, &m, 1, len);
		bytes += len;
	}
	plx_count(&txq->too_long, too_long);
	plx_count(&txq->chained, i - sent - too_long);
	plx_count(&txq->base.stats.errors, i - sent);
	plx_count(&txq->base.stats.packets, sent);
	plx_count(&txq->base.stats.bytes, bytes);
	return i;
}

static inline void pass(struct plx_mbuf *m, uint16_t port_id, words *any, words *sum)
{
	words all = read_words(m);

	*any |= all;
	*sum += all;
	m->port = port_id;
	plx_mbuf_pass(m);
}

uint32_t plx_net_ring_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct ring_txq *txq = queue;
	struct ring_wire *wire = txq->wire;
	const struct ring_limits limits = read_limits(&txq->limits);
	/* Acquire: pairs with the release in plx_net_ring_connect(). */
	uint32_t open = plx_load_acquire(txq->open);
	uint16_t port_id = (uint16_t)(open - 1);
	words any = {0}, sum = {0};
	struct head all;
	uint32_t fit, i;

	if (plx_unlikely(open == 0))
		return 0;
	/* More than a burst may be would not have a sum: the rest stays with the caller. */
	nb = plx_min_u32(nb, PLX_BURST_MAX);
	fit = find_room(wire, nb);
	for (i = 0; fit - i >= UNROLL; i += UNROLL)
		for (uint32_t j = i; j < i + UNROLL; j++)
			pass(pkts[j], port_id, &any, &sum);
	for (; i < fit; i++)
		pass(pkts[i], port_id, &any, &sum);
	memcpy(&all, &any, sizeof(all));
	if (plx_unlikely(all.flags || all.pkt_len > limits.frame_max ||
			 all.nb_segs > limits.segs_max) &&
	    !look_at_each(pkts, fit, limits))
		return send_each(txq, pkts, nb, port_id);
	memcpy(&all, &sum, sizeof(all));
	fit = put(wire, pkts, fit, all.pkt_len);
	plx_count(&txq->base.stats.packets, fit);
	plx_count(&txq->base.stats.bytes, all.pkt_len);
	return fit;
}
