/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path of net_ring: packets pass by pointer. The sender, who has their descriptors at
 * hand, makes of each a packet that has just come in at the other end.
 *
 * A packet that is shared (plx_mbuf_share()) has one descriptor for all its owners, and that one is
 * written.
 *
 * Compiled twice: as it is, and by ring_burst_avx2.c for CPUs with AVX2.
 */
#include <string.h>

#include "ring_wire.h"

#if defined(__AVX2__) && !defined(PLX_TSAN)
#include <immintrin.h>
#define TWO_AT_ONCE 1
#else
#define TWO_AT_ONCE 0
#endif

#ifndef RING_PATH
#define RING_PATH plx_net_ring_path_any
#endif

enum { UNROLL = 8 };

/* ---- Receive ---- */

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

static uint32_t rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
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

/* ---- Send ---- */

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

static inline void pass(struct plx_mbuf *m, uint16_t port_id)
{
	m->port = port_id;
	plx_mbuf_pass(m);
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
		if (plx_ring_sp_room(txq->wire->sent.ring, 1) == 0)
			break;
		if (m->flags)
			forget_past(m);
		pass(m, port_id);
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

#if TWO_AT_ONCE
typedef uint32_t wide __attribute__((vector_size(2 * sizeof(words)), may_alias));
enum { AT_ONCE = 2 };

static inline wide read_wide(struct plx_mbuf *const *pkts)
{
	__m256i first = _mm256_castsi128_si256((__m128i)read_words(pkts[0]));

	return (wide)_mm256_inserti128_si256(first, (__m128i)read_words(pkts[1]), 1);
}

static inline words half(wide both, bool second)
{
	return second ? (words)_mm256_extracti128_si256((__m256i)both, 1)
		      : (words)_mm256_castsi256_si128((__m256i)both);
}
#else
typedef words wide;
enum { AT_ONCE = 1 };

static inline wide read_wide(struct plx_mbuf *const *pkts)
{
	return read_words(pkts[0]);
}

static inline words half(wide both, bool second)
{
	return second ? (words){0} : both;
}
#endif

/* Pass packets to @port_id. @any: the bits that one has; @sum: by 32-bit words. */
static inline void pass_all(struct plx_mbuf **pkts, uint32_t nb, uint16_t port_id, words *any,
			    words *sum)
{
	struct plx_mbuf **end = pkts + nb;
	wide any_wide = {0}, sum_wide = {0};

	for (struct plx_mbuf **stop = pkts + (nb & ~(UNROLL - 1u)); pkts != stop; pkts += UNROLL) {
		for (unsigned i = 0; i < UNROLL; i += AT_ONCE) {
			wide all = read_wide(&pkts[i]);

			any_wide |= all;
			sum_wide += all;
			for (unsigned j = i; j < i + AT_ONCE; j++)
				pass(pkts[j], port_id);
		}
	}
	*any = half(any_wide, false) | half(any_wide, true);
	*sum = half(sum_wide, false) + half(sum_wide, true);
	for (; pkts != end; pkts++) {
		words all = read_words(*pkts);

		*any |= all;
		*sum += all;
		pass(*pkts, port_id);
	}
}

/*
 * Anything but a burst of plain packets that fits: nobody takes packets, there is no room for all,
 * one has flags, or one is refused or might be, since lengths together have more bits than each.
 */
static PLX_NOINLINE uint32_t send_some(struct ring_txq *txq, struct plx_mbuf **pkts, uint32_t nb,
				       uint32_t open)
{
	const struct ring_limits limits = read_limits(&txq->limits);
	uint16_t port_id = (uint16_t)(open - 1);
	uint64_t bytes = 0;
	uint32_t fit;

	if (open == 0)
		return 0;
	/* More than a burst may be would not have a sum: the rest stays with the caller. */
	nb = plx_min_u32(nb, PLX_BURST_MAX);
	fit = plx_min_u32(nb, plx_ring_sp_room(txq->wire->sent.ring, nb));
	for (uint32_t i = 0; i < fit; i++)
		if (!may_pass(limits, pkts[i]))
			return send_each(txq, pkts, nb, port_id);
	for (uint32_t i = 0; i < fit; i++) {
		if (pkts[i]->flags)
			forget_past(pkts[i]);
		pass(pkts[i], port_id);
		bytes += pkts[i]->pkt_len;
	}
	plx_count(&txq->base.stats.packets, fit);
	plx_count(&txq->base.stats.bytes, bytes);
	return put(txq->wire, pkts, fit, bytes);
}

static uint32_t tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct ring_txq *txq = queue;
	struct ring_wire *wire = txq->wire;
	/* Acquire: pairs with the release in plx_net_ring_connect(). */
	uint32_t open = plx_load_acquire(txq->open);
	struct ring_limits limits;
	words any, sum;
	struct head all;

	if (plx_unlikely(open == 0 || nb > PLX_BURST_MAX ||
			 plx_ring_sp_room(wire->sent.ring, nb) < nb))
		return send_some(txq, pkts, nb, open);
	pass_all(pkts, nb, (uint16_t)(open - 1), &any, &sum);
	limits = read_limits(&txq->limits);
	memcpy(&all, &any, sizeof(all));
	if (plx_unlikely(all.flags || all.pkt_len > limits.frame_max ||
			 all.nb_segs > limits.segs_max))
		return send_some(txq, pkts, nb, open);
	memcpy(&all, &sum, sizeof(all));
	plx_count(&txq->base.stats.packets, nb);
	plx_count(&txq->base.stats.bytes, all.pkt_len);
	return put(wire, pkts, nb, all.pkt_len);
}

const struct ring_path RING_PATH = {.rx = rx_burst, .tx = tx_burst};
