/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive. A burst takes what the card has finished and gives buffers back, refill_step or more at
 * a time: one bulk of the pool's, straight into the table of mbufs, and one doorbell, which is all
 * the MMIO there is. When the pool has none, what has come is handed out all the same; the card has
 * fewer buffers until a later burst makes it up.
 *
 * Whole frames in one buffer without errors go the short way. All else is rx_special(): parts of a
 * frame, stamps, and what a card in its right mind does not write. Lengths are checked against the
 * buffer on both ways; a frame is handed out whole or not at all.
 *
 * The longest run of slots is what the card owns: a slot that was not refilled still has the DD of
 * its last frame.
 */
#include "queue.h"

#include <arpa/inet.h>
#include <pollux/mbuf_data.h>
#include <string.h>

_Static_assert(offsetof(struct plx_mbuf, flags) == offsetof(struct plx_mbuf, pkt_len) + 4,
	       "these two are stored as one word");
_Static_assert(offsetof(struct plx_mbuf, vlan_tci) == offsetof(struct plx_mbuf, port) + 2 &&
		       offsetof(struct plx_mbuf, buf_len) == offsetof(struct plx_mbuf, port) + 4 &&
		       offsetof(struct plx_mbuf, priv_bytes) ==
			       offsetof(struct plx_mbuf, port) + 6 &&
		       offsetof(struct plx_mbuf, offload) == offsetof(struct plx_mbuf, port) + 8,
	       "these five are stored as a pair of words");

/* ---- Buffers ---- */

/* The pool has not all of @nb: take what is there. */
static PLX_COLD uint32_t alloc_some(struct igb_rxq *q, struct plx_mbuf **pkts, uint32_t nb)
{
	uint32_t done = 0;

	for (uint32_t step = nb / 2; step > 0; step /= 2)
		while (nb - done >= step &&
		       plx_mbuf_raw_alloc_bulk(q->base.pool, pkts + done, step) > 0)
			done += step;
	plx_count(&q->base.stats.nombuf, nb - done);
	return done;
}

/* The packet's address, and 0 where DD will be. */
static inline void write_buffer(struct igb_desc *desc, const struct plx_mbuf *m, igb_pair off)
{
	*(igb_pair *)desc->word = (igb_pair){m->buf_iova, 0} + off;
}

/* Slots [tail, tail + @nb), which do not wrap, get buffers. Returns how many did. */
static inline __attribute__((always_inline)) uint32_t fill_run(struct igb_rxq *q, uint32_t tail,
							       uint32_t nb)
{
	struct igb_desc *ring = q->ring + tail;
	struct plx_mbuf **sw = q->sw + tail;
	const igb_pair off = {q->data_off, 0};
	size_t i;

	if (plx_unlikely(plx_mbuf_raw_alloc_bulk(q->base.pool, sw, nb) == 0))
		nb = alloc_some(q, sw, nb);
	for (i = 0; i + 4 <= nb; i += 4, ring += 4) {
		write_buffer(&ring[0], sw[i], off);
		write_buffer(&ring[1], sw[i + 1], off);
		write_buffer(&ring[2], sw[i + 2], off);
		write_buffer(&ring[3], sw[i + 3], off);
	}
	for (; i < nb; i++, ring++)
		write_buffer(ring, sw[i], off);
	q->nb_free -= nb;
	tail += nb;
	q->tail = tail == q->nb_desc ? 0 : tail;
	return nb;
}

uint32_t plx_igb_rx_fill(struct igb_rxq *q)
{
	uint32_t total = 0, end, got;

	do {
		end = plx_min_u32(q->tail + q->nb_free - 1, q->nb_desc);
		end &= ~(uint32_t)(IGB_RING_STEP - 1);
		got = end > q->tail ? fill_run(q, q->tail, end - q->tail) : 0;
		total += got;
	} while (got > 0 && q->nb_free > IGB_RING_STEP);
	return total;
}

/* Whole lines of descriptors, up to the ring's end: what wraps is for the next burst. */
static inline __attribute__((always_inline)) void refill(struct igb_rxq *q)
{
	uint32_t tail = q->tail, end = tail + q->nb_free - 1;

	end = plx_min_u32(end, q->nb_desc) & ~(uint32_t)(IGB_RING_STEP - 1);
	if (plx_likely(fill_run(q, tail, end - tail) > 0))
		plx_mmio_write32(q->tail_reg, q->tail);
}

/* ---- What the card says of a frame ---- */

/* VP, UDPCS, L4CS, IPCS, then L4E, IPE: an index into meta[]. */
static inline uint32_t meta_index(uint64_t status)
{
	return ((uint32_t)status >> 3 & 15) | ((uint32_t)status >> 25 & 0x30);
}

static inline uint64_t flags_of(const struct igb_rxq *q, uint64_t status, uint64_t word0)
{
	return q->meta[meta_index(status)] | q->rss_meta[word0 & IGB_RXD_RSS_TYPE_MASK];
}

/* rss_hash, packet_type */
static inline uint64_t offload_of(uint64_t word0)
{
	return word0 >> 32 | (word0 & IGB_RXD_TYPE_MASK) << 32;
}

/* pkt_len, flags */
static inline void store_len(struct plx_mbuf *m, uint64_t word)
{
	*(igb_word *)(void *)&m->pkt_len = word;
}

/* port, vlan_tci, buf_len, priv_bytes; offload */
static inline void store_meta(struct plx_mbuf *m, igb_pair meta)
{
	*(igb_pair *)(void *)&m->port = meta;
}

/* ---- The long way ---- */

static void count_error(struct igb_rxq *q, uint64_t *counter)
{
	plx_count(counter, 1);
	plx_count(&q->base.stats.errors, 1);
}

/* Drop the frame so far, and what is still to come of it. */
static void drop_frame(struct igb_rxq *q, uint64_t *counter, bool has_end)
{
	count_error(q, counter);
	plx_mbuf_free(q->first);
	q->first = NULL;
	q->last = NULL;
	q->nb_parts = 0;
	q->skipping = !has_end;
}

/* One more buffer of the frame; false: it grows beyond all bounds, or is none that was asked
 * for. */
static bool append(struct igb_rxq *q, struct plx_mbuf *m, uint32_t len)
{
	plx_mbuf_reset(m);
	m->data_off = (uint16_t)q->data_off;
	m->data_len = (uint16_t)len;
	m->port = q->base.port_id;
	if (!q->first) {
		m->pkt_len = len;
		q->first = m;
		q->last = m;
		return true;
	}
	if (len == 0) {
		/* Nothing but the FCS was in it, and that is gone. */
		plx_mbuf_free(m);
		plx_count(&q->empty_parts, 1);
		return true;
	}
	if (!q->scatter && q->first->pkt_len > 0) {
		plx_mbuf_free(m);
		return false;
	}
	q->last->next = m;
	q->last = m;
	q->first->pkt_len += len;
	q->first->nb_segs++;
	return true;
}

/* A first buffer that the card left empty. */
static void drop_empty_head(struct igb_rxq *q)
{
	struct plx_mbuf *m = q->first, *next = m->next;

	if (m->data_len > 0 || !next)
		return;
	next->pkt_len = m->pkt_len;
	next->nb_segs = (uint8_t)(m->nb_segs - 1);
	m->next = NULL;
	m->nb_segs = 1;
	plx_mbuf_free(m);
	q->first = next;
	plx_count(&q->empty_parts, 1);
}

/* The card's stamp is in front of the frame. */
static bool take_stamp(const struct igb_rxq *q, struct plx_mbuf *m)
{
	if (m->data_len <= IGB_STAMP_BYTES)
		return false;
	m->timestamp = plx_igb_stamp_ns(q->hw, plx_mbuf_mtod(m, const uint8_t *));
	m->flags |= PLX_MBUF_F_RX_TIMESTAMP;
	m->data_off = (uint16_t)(m->data_off + IGB_STAMP_BYTES);
	m->data_len = (uint16_t)(m->data_len - IGB_STAMP_BYTES);
	m->pkt_len -= IGB_STAMP_BYTES;
	return true;
}

/* Into the headroom, with the addresses in front of it. */
static void put_tag_back(struct plx_mbuf *m, uint16_t vlan)
{
	const uint16_t tag[2] = {htons(ETHERTYPE_VLAN), htons(vlan)};
	char *data = plx_mbuf_mtod(m, char *) - sizeof(tag);

	memmove(data, data + sizeof(tag), 2 * ETHER_ADDR_LEN);
	memcpy(data + 2 * ETHER_ADDR_LEN, tag, sizeof(tag));
	m->data_off = (uint16_t)(m->data_off - sizeof(tag));
	m->data_len = (uint16_t)(m->data_len + sizeof(tag));
	m->pkt_len += (uint32_t)sizeof(tag);
}

/* What the descriptor with the frame's end says of it. */
static void set_meta(const struct igb_rxq *q, struct plx_mbuf *m, uint64_t status, uint64_t word0)
{
	uint16_t vlan = (uint16_t)(status >> IGB_RXD_VLAN_SHIFT);

	if (plx_unlikely(q->sctp_60_false_error && (word0 & IGB_RXD_TYPE_SCTP) &&
			 m->pkt_len == IGB_TX_FRAME_MIN))
		status &= ~(IGB_RXD_L4E | IGB_RXD_L4CS | IGB_RXD_UDPCS);
	m->flags |= (uint32_t)flags_of(q, status, word0);
	m->offload = offload_of(word0);
	if (q->lb_vlan_big_endian && (status & IGB_RXD_LB))
		vlan = __builtin_bswap16(vlan);
	m->vlan_tci = m->flags & PLX_MBUF_F_RX_VLAN ? vlan : 0;
	if (plx_unlikely(q->put_tag_back && (status & IGB_RXD_VP)))
		put_tag_back(m, vlan);
}

static struct plx_mbuf *end_frame(struct igb_rxq *q, uint64_t status, uint64_t word0)
{
	struct plx_mbuf *m;

	drop_empty_head(q);
	m = q->first;
	if (q->stamp && (status & IGB_RXD_TSIP) && !take_stamp(q, m)) {
		drop_frame(q, &q->bad_length, true);
		return NULL;
	}
	if (status & IGB_RXD_RXE || m->pkt_len < IGB_FRAME_MIN || m->pkt_len > q->frame_max) {
		uint64_t *counter = &q->bad_frame;

		if (m->pkt_len > q->frame_max)
			counter = &q->too_long;
		else if (m->pkt_len < IGB_FRAME_MIN)
			counter = &q->too_short;
		drop_frame(q, counter, true);
		return NULL;
	}
	set_meta(q, m, status, word0);
	q->first = NULL;
	q->last = NULL;
	q->nb_parts = 0;
	return m;
}

/* One descriptor that is done, whatever is in it. Returns the frame that it ended, if any. */
static PLX_NOINLINE struct plx_mbuf *rx_special(struct igb_rxq *q, uint32_t slot, uint64_t status)
{
	uint64_t word0 = igb_desc_word0(&q->ring[slot]);
	uint32_t len = (uint16_t)(status >> IGB_RXD_LEN_SHIFT);
	bool has_end = (status & IGB_RXD_EOP) != 0;
	struct plx_mbuf *m = q->sw[slot];

	if (plx_unlikely(q->skipping)) {
		plx_mbuf_free(m);
		q->skipping = !has_end;
		return NULL;
	}
	q->nb_parts++;
	if (plx_unlikely(len > q->buf_bytes)) {
		plx_mbuf_free(m);
		drop_frame(q, &q->bad_length, has_end);
		return NULL;
	}
	if (!append(q, m, len)) {
		drop_frame(q, &q->too_long, has_end);
		return NULL;
	}
	if (has_end)
		return end_frame(q, status, word0);
	/* A frame that never ends would take all of the pool. */
	if (plx_unlikely(q->first->pkt_len > q->frame_max + IGB_STAMP_BYTES))
		drop_frame(q, &q->too_long, false);
	else if (plx_unlikely(q->nb_parts == PLX_MBUF_SEGS_MAX))
		drop_frame(q, &q->unended, false);
	return NULL;
}

/* ---- The burst ---- */

/* The frame of one slot, if it is done and goes the short way. */
static inline __attribute__((always_inline)) bool
take_one(const struct igb_rxq *q, const struct igb_desc *desc, struct plx_mbuf *const *sw,
	 struct plx_mbuf **pkt, uint64_t *bytes, igb_pair port_meta, bool has_meta)
{
	uint64_t status = igb_desc_status(desc);
	uint64_t len = has_meta ? (uint16_t)(status >> IGB_RXD_LEN_SHIFT) : igb_desc_len(desc);
	struct plx_mbuf *m = *sw;

	if (plx_unlikely(((uint32_t)status & q->special) != (IGB_RXD_DD | IGB_RXD_EOP)))
		return false;
	if (plx_unlikely(len - IGB_FRAME_MIN > q->len_span))
		return false;
	m->data_off = has_meta ? (uint16_t)q->data_off : PLX_MBUF_HEADROOM;
	m->data_len = (uint16_t)len;
	if (has_meta) {
		uint64_t word0 = igb_desc_word0(desc);

		store_len(m, len | flags_of(q, status, word0) << 32);
		store_meta(m, (igb_pair){port_meta[0] | status >> IGB_RXD_VLAN_SHIFT << 16,
					 offload_of(word0)});
	} else {
		store_len(m, len);
		store_meta(m, port_meta);
	}
	*pkt = m;
	*bytes += len;
	return true;
}

/* Frames of the slots from @head on, which do not wrap, up to the first that is not done or is
 * special. */
static inline __attribute__((always_inline)) uint32_t take_run(const struct igb_rxq *q,
							       uint32_t head,
							       struct plx_mbuf **pkts, uint32_t nb,
							       uint64_t *bytes, bool has_meta)
{
	const struct igb_desc *desc = q->ring + head;
	struct plx_mbuf *const *sw = q->sw + head;
	const igb_pair port_meta = {q->port_meta, 0};
	size_t i = 0;

	for (; i + 4 <= nb; i += 4, desc += 4) {
		if (!take_one(q, &desc[0], &sw[i], &pkts[i], bytes, port_meta, has_meta))
			return (uint32_t)i;
		if (!take_one(q, &desc[1], &sw[i + 1], &pkts[i + 1], bytes, port_meta, has_meta))
			return (uint32_t)i + 1;
		if (!take_one(q, &desc[2], &sw[i + 2], &pkts[i + 2], bytes, port_meta, has_meta))
			return (uint32_t)i + 2;
		if (!take_one(q, &desc[3], &sw[i + 3], &pkts[i + 3], bytes, port_meta, has_meta))
			return (uint32_t)i + 3;
	}
	for (; i < nb; i++, desc++)
		if (!take_one(q, desc, &sw[i], &pkts[i], bytes, port_meta, has_meta))
			break;
	return (uint32_t)i;
}

/* All that is not one run of good frames: what goes round the ring's end, the long way. */
static PLX_NOINLINE uint32_t take_rest(struct igb_rxq *q, struct plx_mbuf **pkts, uint32_t nb,
				       uint64_t *bytes)
{
	uint32_t left = q->nb_desc - q->nb_free, done = 0, slots = 0, head = q->head;

	while (done < nb && slots < left) {
		uint32_t run = plx_min_u32(nb - done, left - slots), got = 0;
		uint64_t status;

		run = plx_min_u32(run, q->nb_desc - head);
		if (!q->in_frame)
			got = take_run(q, head, pkts + done, run, bytes, true);
		done += got;
		slots += got;
		head += got;
		if (head == q->nb_desc)
			head = 0;
		if (got == run)
			continue;
		status = igb_desc_status(&q->ring[head]);
		if (!(status & IGB_RXD_DD))
			break;
		pkts[done] = rx_special(q, head, status);
		if (pkts[done])
			*bytes += pkts[done++]->pkt_len;
		q->in_frame = q->first || q->skipping;
		slots++;
		head = head + 1 == q->nb_desc ? 0 : head + 1;
	}
	q->head = head;
	q->nb_free += slots;
	return done;
}

static inline __attribute__((always_inline)) uint32_t
receive(struct igb_rxq *q, struct plx_mbuf **pkts, uint32_t nb, bool has_meta)
{
	uint32_t head = q->head, nb_free = q->nb_free, nb_desc = q->nb_desc, got = 0, run;
	uint64_t bytes = 0;

	if (plx_unlikely(plx_load_relaxed(&q->dead)))
		return 0;
	run = plx_min_u32(plx_min_u32(nb, nb_desc - nb_free), nb_desc - head);
	if (plx_likely(!q->in_frame))
		got = take_run(q, head, pkts, run, &bytes, has_meta);
	q->head = head + got;
	q->nb_free = nb_free + got;
	if (plx_unlikely(q->head == nb_desc))
		q->head = 0;
	if (plx_unlikely(got < nb && nb_desc - q->nb_free > 0 &&
			 igb_desc_status(&q->ring[q->head]) & IGB_RXD_DD))
		got += take_rest(q, pkts + got, nb - got, &bytes);
	if (q->nb_free > q->refill_step)
		refill(q);
	plx_count(&q->base.stats.packets, got);
	plx_count(&q->base.stats.bytes, bytes);
	return got;
}

uint32_t plx_igb_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	return receive(queue, pkts, nb, false);
}

uint32_t plx_igb_rx_burst_meta(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	return receive(queue, pkts, nb, true);
}

/* ---- Stop ---- */

uint32_t plx_igb_rx_flush(struct igb_rxq *q)
{
	uint32_t nb = q->first != NULL;

	plx_mbuf_free(q->first);
	for (uint32_t left = q->nb_desc - q->nb_free; left > 0; left--) {
		uint64_t status = igb_desc_status(&q->ring[q->head]);

		if ((status & (IGB_RXD_DD | IGB_RXD_EOP)) == (IGB_RXD_DD | IGB_RXD_EOP)) {
			/* The last part of a frame that was counted above, or as an error. */
			if (!q->first && !q->skipping)
				nb++;
			q->first = NULL;
			q->skipping = false;
		}
		plx_mbuf_free(q->sw[q->head]);
		q->head = q->head + 1 == q->nb_desc ? 0 : q->head + 1;
	}
	q->first = NULL;
	q->last = NULL;
	q->nb_parts = 0;
	q->skipping = false;
	q->in_frame = false;
	q->head = 0;
	q->tail = 0;
	q->nb_free = q->nb_desc;
	return nb;
}
