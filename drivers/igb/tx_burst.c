/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transmit. A burst frees what the card has reported, writes descriptors and rings the doorbell
 * once. A packet is counted when the card has it.
 *
 * Reports. With WTHRESH = 0 the card writes back those descriptors alone that ask for it (RS), each
 * by a write of its own over PCIe, which takes the line out of the CPU's cache. So one packet in
 * rs_step descriptors asks; its DD tells that all before it are done, and they go home as one bulk.
 * Fewer than rs_step packets may stay in the ring until the next burst: that is the price. More
 * than a packet's worth of slots always lies behind a report, so a full ring gets room again.
 *
 * Frames of one buffer of the EAL's memory without offloads go the short way, all else is
 * tx_special.c.
 */
#include "queue.h"

/* Flags of packets that can't go the short way. */
enum {
	LONG_WAY = PLX_MBUF_F_TX_VLAN | PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IPV6 |
		   PLX_MBUF_F_TX_IP_CSUM | PLX_MBUF_F_TX_UDP_CSUM | PLX_MBUF_F_TX_TCP_CSUM |
		   PLX_MBUF_F_TX_SCTP_CSUM | PLX_MBUF_F_TX_TCP_SEG | PLX_MBUF_F_ATTACHED,
};

/* ---- What is done ---- */

/* Packets in slots [clean, @end), which do not wrap, go home. */
static inline void free_run(struct igb_txq *q, uint32_t end, uint16_t pool_id)
{
	struct plx_mbuf **sw = q->sw + q->clean;
	uint32_t nb = end - q->clean;

	/* Nobody else had these when they were given to us, so each of them is as an mbuf at home
	 * has to be. */
	if (!PLX_CHECK && plx_likely(pool_id != IGB_POOLS_MIXED))
		plx_mempool_put_bulk(plx_mbuf_pools[pool_id], (void *const *)sw, nb);
	else
		plx_mbuf_free_bulk(sw, nb);
	q->room += nb;
	q->descs_done += nb;
	q->clean = end == q->nb_desc ? 0 : end;
}

/* The same, wherever @end is. */
static inline void free_pkts(struct igb_txq *q, uint32_t end, uint16_t pool_id)
{
	if (plx_unlikely(end < q->clean))
		free_run(q, q->nb_desc, pool_id);
	free_run(q, end, pool_id);
}

static inline bool is_reported(const struct igb_txq *q)
{
	const struct igb_report *report = &q->reports[q->report_head % IGB_REPORTS];

	return q->report_head != q->report_tail &&
	       (igb_desc_status(&q->ring[report->at]) & IGB_TXD_DD) != 0;
}

static PLX_NOINLINE void reclaim(struct igb_txq *q)
{
	do {
		uint32_t head = q->report_head;
		struct igb_report report = q->reports[head % IGB_REPORTS];

		plx_store_relaxed(&q->report_head, head + 1);
		free_pkts(q, report.at + 1u, report.pool_id);
	} while (is_reported(q));
}

void plx_igb_tx_reclaim(struct igb_txq *q)
{
	if (is_reported(q))
		reclaim(q);
}

/* ---- The short way ---- */

void plx_igb_tx_report(struct igb_txq *q, struct igb_desc *last)
{
	uint32_t tail = q->report_tail;
	struct igb_report *report = &q->reports[tail % IGB_REPORTS];

	last->word[1] |= PLX_MMIO_LE64(IGB_TXD_RS);
	plx_store_relaxed(&report->at, (uint16_t)(last - q->ring));
	report->pool_id = q->batch_pool;
	plx_store_relaxed(&q->report_tail, tail + 1);
	q->until_rs = q->rs_step;
	q->batch_pool = (uint16_t)(q->home_word >> 24);
}

/* False: it has to go the long way. */
static inline __attribute__((always_inline)) bool write_one(const struct igb_txq *q,
							    struct igb_desc *desc,
							    struct plx_mbuf *m,
							    struct plx_mbuf **sw, uint64_t *bytes)
{
	uint64_t len = m->data_len;

	/* Acquire: pairs with the release of who gave up its share of the buffer. */
	if (plx_unlikely((m->flags & LONG_WAY) || plx_load_acquire(&m->home_word) != q->home_word ||
			 len - IGB_TX_FRAME_MIN > q->len_span))
		return false;
	igb_desc_write(desc, m->buf_iova + m->data_off,
		       len * (PLX_BIT64(IGB_TXD_PAYLEN_SHIFT) + 1) + IGB_TXD_FRAME);
	*sw = m;
	*bytes += len;
	return true;
}

/* Up to @nb packets into as many slots, which do not wrap. Ends at the first packet that has to go
 * the long way. */
static inline uint32_t write_run(const struct igb_txq *q, struct plx_mbuf **pkts, uint32_t nb,
				 uint64_t *bytes)
{
	struct igb_desc *desc = q->ring + q->tail;
	struct plx_mbuf **sw = q->sw + q->tail;
	size_t i = 0;

	for (; i + 4 <= nb; i += 4, desc += 4) {
		if (!write_one(q, &desc[0], pkts[i], &sw[i], bytes))
			return (uint32_t)i;
		if (!write_one(q, &desc[1], pkts[i + 1], &sw[i + 1], bytes))
			return (uint32_t)i + 1;
		if (!write_one(q, &desc[2], pkts[i + 2], &sw[i + 2], bytes))
			return (uint32_t)i + 2;
		if (!write_one(q, &desc[3], pkts[i + 3], &sw[i + 3], bytes))
			return (uint32_t)i + 3;
	}
	for (; i < nb; i++, desc++)
		if (!write_one(q, desc, pkts[i], &sw[i], bytes))
			break;
	return (uint32_t)i;
}

/* Where the next run ends. */
static inline void begin_run(struct igb_txq *q)
{
	q->run = plx_min_u32(q->until_rs, q->nb_desc - q->tail);
	q->run_whole = q->run;
}

static inline void end_run(struct igb_txq *q)
{
	q->until_rs -= q->run_whole;
	if (plx_likely(q->until_rs == 0))
		plx_igb_tx_report(q, q->ring + q->tail - 1);
	if (plx_unlikely(q->tail == q->nb_desc))
		q->tail = 0;
	begin_run(q);
}

/* The next packet is another pool's, and else as those before. */
static PLX_NOINLINE bool change_pool(struct igb_txq *q, const struct plx_mbuf *m)
{
	uint32_t word = plx_mbuf_home_word_(m->pool_id);

	if (word == q->home_word || !plx_mbuf_is_plain_(m, word))
		return false;
	q->home_word = word;
	q->batch_pool =
		q->until_rs == q->rs_step && q->run == q->run_whole ? m->pool_id : IGB_POOLS_MIXED;
	return true;
}

/* Packet @m goes the long way, which leaves the runs as they come. */
static PLX_NOINLINE enum igb_tx_end write_special(struct igb_txq *q, struct plx_mbuf *m)
{
	enum igb_tx_end end;

	q->until_rs -= q->run_whole - q->run;
	end = plx_igb_tx_special(q, m);
	begin_run(q);
	return end;
}

/* The queue is full when this returns less than @nb. Adds to *@refused and *@bytes. */
static inline __attribute__((always_inline)) uint32_t
send(struct igb_txq *q, struct plx_mbuf **pkts, uint32_t nb, uint32_t *refused, uint64_t *bytes)
{
	uint32_t done = 0, run, got, len;
	enum igb_tx_end end;

	while (done < nb && q->room > 0) {
		run = plx_min_u32(plx_min_u32(nb - done, q->room), q->run);
		got = write_run(q, pkts + done, run, bytes);
		q->room -= got;
		q->tail += got;
		q->run -= got;
		done += got;
		if (q->run == 0)
			end_run(q);
		if (plx_likely(got == run) || change_pool(q, pkts[done]))
			continue;
		len = pkts[done]->pkt_len;
		end = write_special(q, pkts[done]);
		if (end == IGB_TX_FULL)
			break;
		done++;
		if (end == IGB_TX_TAKEN)
			*bytes += len;
		else
			++*refused;
	}
	return done;
}

uint32_t plx_igb_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct igb_txq *q = queue;
	uint32_t done, refused = 0, tail = q->tail;
	uint64_t bytes = 0;

	if (plx_unlikely(plx_load_relaxed(&q->dead)))
		return 0;
	if (is_reported(q))
		reclaim(q);
	done = send(q, pkts, nb, &refused, &bytes);
	/* It never goes all the way round. */
	if (plx_likely(q->tail != tail))
		plx_mmio_write32(q->tail_reg, q->tail);
	plx_count(&q->base.stats.packets, done - refused);
	plx_count(&q->base.stats.bytes, bytes);
	if (plx_unlikely(refused > 0))
		plx_count(&q->base.stats.errors, refused);
	return done;
}

/* ---- Stop ---- */

/* How many slots lie from @from to @to. */
static uint32_t slots_between(const struct igb_txq *q, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + q->nb_desc - from;
}

uint32_t plx_igb_tx_flush(struct igb_txq *q, uint32_t head, uint64_t *bytes)
{
	uint32_t unsent = 0;

	plx_igb_tx_reclaim(q);
	/* All that a card may answer, and one that is gone. */
	if (head >= q->nb_desc ||
	    slots_between(q, q->clean, head) > slots_between(q, q->clean, q->tail))
		head = q->clean;
	*bytes = 0;
	for (; head != q->tail; head = head + 1 == q->nb_desc ? 0 : head + 1) {
		if (!q->sw[head])
			continue;
		unsent++;
		*bytes += q->sw[head]->pkt_len;
	}
	if (q->clean != q->tail)
		free_pkts(q, q->tail, IGB_POOLS_MIXED);
	plx_igb_tx_reset(q);
	return unsent;
}

void plx_igb_tx_reset(struct igb_txq *q)
{
	q->tail = 0;
	q->clean = 0;
	q->room = q->nb_desc - 1;
	q->until_rs = q->rs_step;
	begin_run(q);
	q->home_word = 0;
	q->batch_pool = IGB_POOLS_MIXED;
	q->report_head = 0;
	q->report_tail = 0;
	q->descs_done = 0;
	q->bounce_head = 0;
	q->bounce_tail = 0;
	q->context_last = 0;
	for (unsigned i = 0; i < IGB_NB_CONTEXTS; i++)
		q->contexts[i] = (struct igb_context){{0}};
}
