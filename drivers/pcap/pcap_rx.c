/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that are not plain: cut, damaged, longer than an mbuf; and a pool that runs short.
 */
#include "pcap_private.h"

PLX_COLD uint32_t plx_pcap_reserve_some(struct plx_mempool *pool, struct plx_mbuf **pkts,
					uint32_t nb)
{
	uint32_t done = 0;

	for (uint32_t step = nb; step > 0; step /= 2)
		while (nb - done >= step &&
		       plx_mbuf_raw_alloc_bulk(pool, pkts + done, step) == step)
			done += step;
	return done;
}

static void drop(struct pcap_rxq *q, uint64_t *cause)
{
	plx_count(cause, 1);
	plx_count(&q->base.stats.errors, 1);
}

/* False: the pool has not so many. */
static bool take_chain(struct pcap_rxq *q, const struct pcap_pkthdr *header, const u_char *data,
		       uint32_t len)
{
	uint32_t room = q->room + PLX_MBUF_HEADROOM; /* of those behind the first */
	uint32_t nb_more = (len - q->room + room - 1) / room;
	struct plx_mbuf *more[PLX_MBUF_SEGS_MAX];
	struct plx_mbuf *m;
	uint32_t nb = plx_pcap_reserve_some(q->base.pool, more, nb_more);

	/* The burst may have reserved all that there are: take those at its end. */
	while (nb < nb_more && q->nb_reserved > q->nb_out + 1)
		more[nb++] = q->pkts[--q->nb_reserved];
	if (nb < nb_more) {
		plx_mbuf_free_bulk(more, nb);
		return false;
	}
	m = plx_pcap_fill(q, header, len, q->room);
	m->nb_segs = (uint8_t)(nb_more + 1);
	memcpy((char *)m->buf_addr + PLX_MBUF_HEADROOM, data, q->room);
	data += q->room;
	len -= q->room;
	for (uint32_t i = 0; i < nb_more; i++) {
		uint32_t part = plx_min_u32(len, room);

		m->next = more[i];
		m = more[i];
		plx_mbuf_reset(m);
		m->data_off = 0;
		m->data_len = (uint16_t)part;
		m->pkt_len = part;
		memcpy(m->buf_addr, data, part);
		data += part;
		len -= part;
	}
	return true;
}

/* More mbufs than a chain may have, or than the pool will ever have. */
static bool is_too_long(const struct pcap_rxq *q, uint32_t len)
{
	uint32_t room = q->room + PLX_MBUF_HEADROOM;
	uint32_t nb_segs = 1 + (len - q->room + room - 1) / room;

	return !q->scatter || nb_segs > PLX_MBUF_SEGS_MAX || nb_segs > q->base.pool->nb_objs;
}

PLX_COLD bool plx_pcap_take_odd(struct pcap_rxq *q, const struct pcap_pkthdr *header,
				const u_char *data)
{
	uint32_t len = header->caplen;
	bool is_cut = len < header->len;

	if (len > header->len || header->len < PCAP_SNAPLEN_MIN) {
		drop(q, &q->damaged);
		return true;
	}
	if (q->snaplen && len > q->snaplen) {
		len = q->snaplen;
		is_cut = true;
	}
	if (len < PCAP_SNAPLEN_MIN || (is_cut && !q->snaplen)) {
		drop(q, &q->truncated);
		return true;
	}
	if (len > q->room && is_too_long(q, len)) {
		drop(q, &q->too_long);
		return true;
	}
	if (q->nb_out == q->nb_reserved)
		return false;
	if (len > q->room) {
		if (!take_chain(q, header, data, len))
			return false;
	} else {
		struct plx_mbuf *m = plx_pcap_fill(q, header, len, len);

		memcpy((char *)m->buf_addr + PLX_MBUF_HEADROOM, data, len);
	}
	if (is_cut)
		plx_count(&q->cut, 1);
	return true;
}
