/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive. A frame of the ring is the kernel's, or the user's from the moment TP_STATUS_USER is set
 * until tp_status is cleared; the next one that is not the user's ends a burst. Kernel and user go
 * round in order.
 *
 * Tags: the kernel has taken the outer one out of the data; it goes back in, or into the mbuf.
 */
#include "af_packet.h"

#include <arpa/inet.h>

enum {
	MAC_BYTES = 2 * ETHER_ADDR_LEN, /* what stands before the tag */
};

static struct tpacket2_hdr *frame_at(const struct afp_rxq *q, uint32_t index)
{
	return (void *)(q->ring.at + (size_t)index * q->ring.frame_bytes);
}

/* Acquire: pairs with the kernel's barrier before it sets the bit; the frame is seen as written. */
static bool is_ours(const struct tpacket2_hdr *frame)
{
	return (plx_load_acquire(&frame->tp_status) & TP_STATUS_USER) != 0;
}

/* Release: the copy is done when the kernel sees it. */
static void give_back(struct tpacket2_hdr *frame)
{
	plx_store_release(&frame->tp_status, TP_STATUS_KERNEL);
}

static uint32_t after(const struct afp_rxq *q, uint32_t index)
{
	return index + 1 == q->ring.nb_frames ? 0 : index + 1;
}

/* ---- frames that want more than a copy ---- */

/* A place in a chain that was made long enough. */
struct cursor {
	struct plx_mbuf *m;
	uint32_t room;
};

static void append(struct cursor *to, const void *data, uint32_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		uint32_t n = to->room - to->m->data_len;

		if (n == 0) {
			to->m = to->m->next;
			continue;
		}
		if (n > len)
			n = len;
		memcpy((uint8_t *)plx_mbuf_data(to->m) + to->m->data_len, from, n);
		to->m->data_len = (uint16_t)(to->m->data_len + n);
		from += n;
		len -= n;
	}
}

/* Empty segments behind @m for what does not fit into it. */
static bool add_segments(struct afp_rxq *q, struct plx_mbuf *m, uint32_t len)
{
	uint32_t nb = (len + q->room - 1) / q->room - 1;
	struct plx_mbuf *segs[PLX_MBUF_SEGS_MAX];

	if (!plx_mbuf_raw_alloc_bulk(q->base.pool, segs, nb))
		return false;
	for (uint32_t i = 0; i < nb; i++) {
		plx_mbuf_reset(segs[i]);
		m->next = segs[i];
		m = segs[i];
	}
	return true;
}

static void set_flags(const struct afp_rxq *q, const struct afp_frame *frame, struct plx_mbuf *m)
{
	if ((frame->status & TP_STATUS_VLAN_VALID) != 0) {
		m->vlan_tci = frame->tci;
		m->flags |= PLX_MBUF_F_RX_VLAN | (q->strip ? PLX_MBUF_F_RX_VLAN_STRIPPED : 0);
	}
	if (q->csum && (frame->status & TP_STATUS_CSUM_VALID) != 0)
		m->flags |= PLX_MBUF_F_RX_L4_CSUM_GOOD;
	if (q->stamp) {
		m->timestamp = frame->sec * UINT64_C(1000000000) + frame->nsec;
		m->flags |= PLX_MBUF_F_RX_TIMESTAMP;
	}
}

enum afp_rx_end afp_rx_special(struct afp_rxq *q, const struct afp_frame *frame, struct plx_mbuf *m)
{
	bool has_tag =
		(frame->status & TP_STATUS_VLAN_VALID) != 0 && !q->strip && frame->len >= MAC_BYTES;
	uint32_t len = frame->len + (has_tag ? AFP_TAG_BYTES : 0);
	bool is_long = len > q->room;
	struct cursor to = {m, q->room};
	uint16_t tag[2];

	if (frame->full_len > frame->len) {
		plx_count(&q->truncated, 1);
		plx_count(&q->base.stats.errors, 1);
		return AFP_BAD;
	}
	if (is_long && (!q->scatter || len > q->room * PLX_MBUF_SEGS_MAX)) {
		plx_count(&q->no_room, 1);
		plx_count(&q->base.stats.errors, 1);
		return AFP_BAD;
	}
	if (is_long && !add_segments(q, m, len))
		return AFP_WAIT;
	plx_mbuf_reset(m);
	m->port = q->base.port_id;
	if (has_tag) {
		tag[0] = htons((frame->status & TP_STATUS_VLAN_TPID_VALID) != 0 ? frame->tpid
										: ETH_P_8021Q);
		tag[1] = htons(frame->tci);
		append(&to, frame->data, MAC_BYTES);
		append(&to, tag, sizeof(tag));
		append(&to, frame->data + MAC_BYTES, frame->len - MAC_BYTES);
	} else {
		append(&to, frame->data, frame->len);
	}
	m->pkt_len = len;
	m->nb_segs = (uint8_t)((len + q->room - 1) / q->room);
	set_flags(q, frame, m);
	if ((frame->status & TP_STATUS_CSUMNOTREADY) != 0)
		plx_count(&q->csum_partial, 1);
	return AFP_TAKEN;
}

static PLX_NOINLINE enum afp_rx_end take_special(struct afp_rxq *q, const struct tpacket2_hdr *hdr,
						 struct plx_mbuf *m)
{
	const struct afp_frame frame = {
		.data = (const uint8_t *)hdr + hdr->tp_mac,
		.len = hdr->tp_snaplen,
		.full_len = hdr->tp_len,
		.status = hdr->tp_status,
		.tci = hdr->tp_vlan_tci,
		.tpid = hdr->tp_vlan_tpid,
		.sec = hdr->tp_sec,
		.nsec = hdr->tp_nsec,
	};

	return afp_rx_special(q, &frame, m);
}

/* ---- mbufs ---- */

/* The next frame stays in the ring for want of mbufs. Counted once, however often it is polled. */
void afp_rx_wait(struct afp_rxq *q)
{
	if (q->waiting)
		return;
	q->waiting = true;
	plx_count(&q->base.stats.nombuf, 1);
}

static PLX_COLD uint32_t alloc_some(struct afp_rxq *q, struct plx_mbuf **pkts, uint32_t nb)
{
	uint32_t got = 0;

	while (got < nb) {
		pkts[got] = plx_mbuf_raw_alloc(q->base.pool);
		if (pkts[got] == NULL) {
			if (got == 0)
				afp_rx_wait(q);
			break;
		}
		got++;
	}
	return got;
}

/* As many as there are; the burst ends where they do. */
uint32_t afp_rx_alloc(struct afp_rxq *q, struct plx_mbuf **pkts, uint32_t nb)
{
	if (plx_likely(plx_mbuf_raw_alloc_bulk(q->base.pool, pkts, nb) == nb))
		return nb;
	return alloc_some(q, pkts, nb);
}

/* ---- bursts ---- */

static uint32_t count_ready(const struct afp_rxq *q, uint32_t nb)
{
	const struct tpacket2_hdr *frame;
	uint32_t ready = 0, at = q->head;

	for (; ready < nb; ready++, at = after(q, at)) {
		frame = frame_at(q, at);
		if (!is_ours(frame))
			break;
		/* The data begins in the line behind the header's. */
		plx_prefetch((const char *)frame + PLX_CACHE_LINE);
	}
	return ready;
}

uint32_t afp_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct afp_rxq *q = queue;
	uint32_t nb_ready, nb_pkts = 0, at = q->head;
	uint64_t bytes = 0;

	nb_ready = count_ready(q, nb);
	if (nb_ready == 0)
		return 0;
	nb_ready = afp_rx_alloc(q, pkts, nb_ready);
	for (uint32_t i = 0; i < nb_ready; i++, at = after(q, at)) {
		struct tpacket2_hdr *frame = frame_at(q, at);
		struct plx_mbuf *m = pkts[nb_pkts];
		uint32_t len = frame->tp_snaplen;
		enum afp_rx_end end = AFP_TAKEN;

		if (plx_likely(len == frame->tp_len && len <= q->room &&
			       (frame->tp_status & q->special) == 0))
			afp_rx_fill(q, m, (const uint8_t *)frame + frame->tp_mac, len);
		else
			end = take_special(q, frame, m);
		if (plx_unlikely(end == AFP_WAIT)) {
			afp_rx_wait(q);
			break;
		}
		q->waiting = false;
		give_back(frame);
		if (plx_likely(end == AFP_TAKEN)) {
			bytes += m->pkt_len;
			nb_pkts++;
		}
	}
	q->head = at;
	if (plx_unlikely(nb_pkts < nb_ready))
		plx_mbuf_free_bulk(pkts + nb_pkts, nb_ready - nb_pkts);
	plx_count(&q->base.stats.packets, nb_pkts);
	plx_count(&q->base.stats.bytes, bytes);
	return nb_pkts;
}

/* ---- start and stop: nobody is in a burst ---- */

void afp_rx_prepare(struct plx_port *port, struct afp_rxq *q)
{
	uint32_t offloads = port->conf.rx_offloads;

	q->room = plx_mbuf_pool_data_room(q->base.pool);
	q->strip = (offloads & PLX_PORT_RX_VLAN_STRIP) != 0;
	q->scatter = (offloads & PLX_PORT_RX_SCATTER) != 0;
	q->csum = (offloads & (PLX_PORT_RX_TCP_CSUM | PLX_PORT_RX_UDP_CSUM)) != 0;
	q->stamp = (offloads & PLX_PORT_RX_TIMESTAMP) != 0;
	q->special = TP_STATUS_VLAN_VALID | TP_STATUS_CSUMNOTREADY;
	if (q->csum)
		q->special |= TP_STATUS_CSUM_VALID;
	if (q->stamp)
		q->special |= TP_STATUS_USER;
	q->waiting = false;
}

/* Throw away what lies in the ring; returns how many that were. */
uint32_t afp_rx_flush(struct afp_rxq *q)
{
	uint32_t nb = 0;

	for (; is_ours(frame_at(q, q->head)); nb++) {
		give_back(frame_at(q, q->head));
		q->head = after(q, q->head);
	}
	return nb;
}
