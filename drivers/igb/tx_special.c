/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that ask for more than to be sent: chains, offloads, runts, buffers that the card can't
 * reach.
 *
 * Offloads. Lengths and options go to the card in a context descriptor, of which it keeps two for
 * each queue; one is written only when neither holds what the packet wants. The card expects the
 * sum of the pseudo header in the TCP, UDP or SCTP checksum field (SCTP: nothing), as DPDK does:
 * with its length for a checksum, without for TSO, whose segments have lengths of their own. That
 * is the application's to write: the packet's data are not the driver's.
 *
 * VLAN tags are inserted only while CTRL.VME is set, which makes the card strip those received,
 * too: rx_burst.c puts them back where that was not asked for.
 *
 * Copies. A packet in memory that has no IOVA, a runt without room behind it, or one of too many
 * pieces is copied into one of a few slots that the card can reach. When all are under way the
 * queue is full for it.
 */
#include <pollux/mbuf_data.h>
#include <string.h>

#include "queue.h"

enum {
	CSUM_L4 = PLX_MBUF_F_TX_UDP_CSUM | PLX_MBUF_F_TX_TCP_CSUM | PLX_MBUF_F_TX_SCTP_CSUM,
	WANTS_IP = CSUM_L4 | PLX_MBUF_F_TX_IP_CSUM | PLX_MBUF_F_TX_TCP_SEG,
	WANTS_CONTEXT = WANTS_IP | PLX_MBUF_F_TX_VLAN,

	HEADERS_MAX = 512, /* of TSO */
	MSS_MAX = 9216,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	UDP_HEADER = 8,
	SCTP_HEADER = 12,
	TCP_HEADER_MAX = 60,
	TAG_BYTES = 4,
	TSO_PAYLOAD_MAX = 65535,
};

/* What is to be written for a packet. */
struct plan {
	uint64_t options; /* of its data descriptors */
	struct igb_context context;
	bool has_context; /* wants one, and none of the card's will do */
	uint8_t context_index;
	bool bounce;
	bool is_in_pieces; /* more than the card takes */
	uint32_t len;	   /* of the frame, after padding; TSO: of all */
	uint32_t payload;  /* PAYLEN */
	uint32_t nb_descs; /* the context included */
};

/* ---- What the packet asks for ---- */

static uint32_t l4_header(uint32_t l4_flag)
{
	if (l4_flag == PLX_MBUF_F_TX_TCP_CSUM)
		return TCP_HEADER;
	if (l4_flag == PLX_MBUF_F_TX_SCTP_CSUM)
		return SCTP_HEADER;
	return l4_flag ? UDP_HEADER : 0;
}

/* The L4 checksum that is asked for; TSO is TCP's. */
static uint32_t l4_flag_of(const struct plx_mbuf *m)
{
	return (m->flags & CSUM_L4) |
	       (m->flags & PLX_MBUF_F_TX_TCP_SEG ? PLX_MBUF_F_TX_TCP_CSUM : 0);
}

static bool headers_are_good(const struct plx_mbuf *m)
{
	const uint32_t ip = m->flags & (PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_IPV6);
	const uint32_t l4 = l4_flag_of(m);
	uint32_t l3_min = ip == PLX_MBUF_F_TX_IPV6 ? IPV6_HEADER : IPV4_HEADER;

	if (ip != PLX_MBUF_F_TX_IPV4 && ip != PLX_MBUF_F_TX_IPV6)
		return false;
	if (ip == PLX_MBUF_F_TX_IPV6 && (m->flags & PLX_MBUF_F_TX_IP_CSUM))
		return false;
	if (l4 & (l4 - 1))
		return false;
	return m->tx.l2_len >= IGB_FRAME_MIN && m->tx.l3_len >= l3_min &&
	       m->pkt_len >= (uint32_t)m->tx.l2_len + m->tx.l3_len + l4_header(l4);
}

static uint32_t tso_headers(const struct plx_mbuf *m)
{
	return (uint32_t)m->tx.l2_len + m->tx.l3_len + m->tx.l4_len;
}

static bool tso_is_good(const struct igb_txq *q, const struct plx_mbuf *m)
{
	uint32_t headers = tso_headers(m);
	uint32_t tag = m->flags & PLX_MBUF_F_TX_VLAN ? TAG_BYTES : 0;

	return m->tx.l4_len >= TCP_HEADER && m->tx.l4_len <= TCP_HEADER_MAX &&
	       headers <= HEADERS_MAX && m->pkt_len > headers &&
	       m->pkt_len - headers <= TSO_PAYLOAD_MAX && m->tx.tso_segsz > 0 &&
	       m->tx.tso_segsz <= MSS_MAX && headers + m->tx.tso_segsz + tag <= q->frame_max;
}

/* Its segments hold what it says it has: the card hangs when they do not. */
static bool is_whole(const struct plx_mbuf *m)
{
	uint32_t left = m->pkt_len;

	for (; m && m->data_len <= left; m = m->next)
		left -= m->data_len;
	return !m && left == 0;
}

/* What is wrong with it, by its counter: an offset in the queue; 0: nothing is. */
static size_t fault_of(const struct igb_txq *q, const struct plx_mbuf *m)
{
	uint32_t tag = m->flags & PLX_MBUF_F_TX_VLAN ? TAG_BYTES : 0;

	if (!is_whole(m))
		return offsetof(struct igb_txq, bad_length);
	if (m->pkt_len < IGB_FRAME_MIN)
		return offsetof(struct igb_txq, too_short);
	if (m->nb_segs > 1 && !q->multi_segs)
		return offsetof(struct igb_txq, chained);
	if (m->flags & WANTS_CONTEXT & ~q->offloads)
		return offsetof(struct igb_txq, bad_offload);
	if ((m->flags & WANTS_IP) && !headers_are_good(m))
		return offsetof(struct igb_txq, bad_offload);
	if (m->flags & PLX_MBUF_F_TX_TCP_SEG)
		return tso_is_good(q, m) ? 0 : offsetof(struct igb_txq, bad_offload);
	return m->pkt_len + tag > q->frame_max ? offsetof(struct igb_txq, too_long) : 0;
}

/* ---- The context ---- */

static struct igb_context context_of(const struct plx_mbuf *m)
{
	const uint32_t l4 = l4_flag_of(m);
	uint64_t word0 = IGB_FRAME_MIN << IGB_TXC_MACLEN_SHIFT;
	uint64_t word1 = IGB_TXC_DTYP | IGB_TXD_DEXT, l4_len = l4_header(l4);

	if (m->flags & WANTS_IP)
		word0 = (uint64_t)m->tx.l2_len << IGB_TXC_MACLEN_SHIFT | m->tx.l3_len;
	if (m->flags & PLX_MBUF_F_TX_VLAN)
		word0 |= (uint64_t)m->vlan_tci << IGB_TXC_VLAN_SHIFT;
	if (m->flags & PLX_MBUF_F_TX_IPV4)
		word1 |= IGB_TXC_IPV4;
	if (l4 == PLX_MBUF_F_TX_TCP_CSUM)
		word1 |= IGB_TXC_L4T_TCP;
	else if (l4 == PLX_MBUF_F_TX_SCTP_CSUM)
		word1 |= IGB_TXC_L4T_SCTP;
	if (m->flags & PLX_MBUF_F_TX_TCP_SEG) {
		l4_len = m->tx.l4_len;
		word1 |= (uint64_t)m->tx.tso_segsz << IGB_TXC_MSS_SHIFT;
	}
	return (struct igb_context){{word0, word1 | l4_len << IGB_TXC_L4LEN_SHIFT}};
}

/* No packet wants a context of all zeros, so an empty place is never found. */
static void plan_context(const struct igb_txq *q, const struct plx_mbuf *m, struct plan *plan)
{
	plan->context = context_of(m);
	plan->has_context = true;
	plan->context_index = !q->context_last;
	for (unsigned i = 0; i < IGB_NB_CONTEXTS; i++) {
		if (q->contexts[i].word[0] != plan->context.word[0] ||
		    q->contexts[i].word[1] != plan->context.word[1])
			continue;
		plan->has_context = false;
		plan->context_index = (uint8_t)i;
	}
	plan->options |= (uint64_t)plan->context_index << IGB_TXD_IDX_SHIFT;
	if (m->flags & PLX_MBUF_F_TX_VLAN)
		plan->options |= IGB_TXD_VLE;
	if (l4_flag_of(m))
		plan->options |= IGB_TXD_TXSM;
	if (m->flags & PLX_MBUF_F_TX_IP_CSUM)
		plan->options |= IGB_TXD_IXSM;
	if (m->flags & PLX_MBUF_F_TX_TCP_SEG) {
		plan->options |= IGB_TXD_TSE;
		/* The length in each segment's header is another one. */
		if (m->flags & PLX_MBUF_F_TX_IPV4)
			plan->options |= IGB_TXD_IXSM;
		plan->payload = m->pkt_len - tso_headers(m);
	}
}

/* ---- The data ---- */

/* Data descriptors of the packet as it lies; 0: the card can't reach all of it. */
static uint32_t count_pieces(const struct plx_mbuf *m)
{
	uint32_t nb = 0;

	for (; m; m = m->next) {
		if (m->buf_iova == PLX_IOVA_BAD)
			return 0;
		nb += (m->data_len + IGB_TX_DATA_MAX - 1u) / IGB_TX_DATA_MAX;
	}
	return nb;
}

/* Zeros behind the data of a runt, if that room is the packet's alone. */
static bool pad_in_place(struct plx_mbuf *m)
{
	uint32_t pad = IGB_TX_FRAME_MIN - m->data_len;

	if (m->nb_segs > 1 || (m->flags & PLX_MBUF_F_ATTACHED) ||
	    plx_load_acquire(&m->refcnt) != 1 || plx_mbuf_tailroom(m) < pad)
		return false;
	memset(plx_mbuf_mtod(m, char *) + m->data_len, 0, pad);
	return true;
}

static void plan_data(const struct igb_txq *q, struct plx_mbuf *m, struct plan *plan)
{
	uint32_t nb = count_pieces(m);

	plan->len = m->pkt_len;
	/* Padding is no part of what has a checksum: the card pads behind that (TCTL.PSP). */
	if (m->pkt_len < IGB_TX_FRAME_MIN && !(m->flags & WANTS_IP)) {
		plan->len = IGB_TX_FRAME_MIN;
		if (nb > 0 && !pad_in_place(m))
			nb = 0;
	}
	plan->is_in_pieces = nb > q->data_max;
	plan->bounce = nb == 0 || plan->is_in_pieces;
	plan->nb_descs = (plan->bounce ? 1 : nb) + plan->has_context;
	if (!(m->flags & PLX_MBUF_F_TX_TCP_SEG))
		plan->payload = plan->len;
}

/* ---- Copies ---- */

static bool has_bounce(struct igb_txq *q)
{
	while (q->bounce_head != q->bounce_tail &&
	       (int32_t)(q->descs_done - q->bounce_ends[q->bounce_head % IGB_BOUNCES]) >= 0)
		q->bounce_head++;
	return q->bounce_tail - q->bounce_head < IGB_BOUNCES;
}

/* The offset of the copy in the slots' memory. */
static uint64_t copy_out(struct igb_txq *q, const struct plx_mbuf *m, uint32_t len)
{
	uint64_t off = (uint64_t)(q->bounce_tail % IGB_BOUNCES) * q->bounce_bytes;
	uint8_t *to = q->bounce + off, *end = to + len;

	for (; m && to < end; m = m->next) {
		size_t part = plx_min_size(m->data_len, (size_t)(end - to));

		memcpy(to, plx_mbuf_data(m), part);
		to += part;
	}
	memset(to, 0, (size_t)(end - to));
	return off;
}

/* ---- Descriptors ---- */

static struct igb_desc *next_desc(struct igb_txq *q)
{
	uint32_t at = q->tail;

	q->sw[at] = NULL;
	q->tail = at + 1 == q->nb_desc ? 0 : at + 1;
	return &q->ring[at];
}

static void write_context(struct igb_txq *q, const struct plan *plan)
{
	q->contexts[plan->context_index] = plan->context;
	igb_desc_write(next_desc(q), plan->context.word[0],
		       plan->context.word[1] | (uint64_t)plan->context_index << IGB_TXC_IDX_SHIFT);
}

/* As it lies. Returns the last descriptor. A padded runt is one buffer. */
static struct igb_desc *write_pieces(struct igb_txq *q, const struct plx_mbuf *m,
				     const struct plan *plan)
{
	uint64_t word1 =
		IGB_TXD_DATA | plan->options | (uint64_t)plan->payload << IGB_TXD_PAYLEN_SHIFT;
	uint32_t pad = plan->len - m->pkt_len;
	struct igb_desc *desc = NULL;

	for (; m; m = m->next) {
		uint64_t iova = plx_mbuf_iova(m);
		uint32_t left = m->data_len + pad;

		while (left > 0) {
			uint32_t len = plx_min_u32(left, IGB_TX_DATA_MAX);

			desc = next_desc(q);
			igb_desc_write(desc, iova, word1 | len);
			iova += len;
			left -= len;
		}
	}
	return desc;
}

static struct igb_desc *write_copy(struct igb_txq *q, const struct plx_mbuf *m,
				   const struct plan *plan)
{
	struct igb_desc *desc = next_desc(q);

	igb_desc_write(desc, q->bounce_iova + copy_out(q, m, plan->len),
		       IGB_TXD_DATA | plan->options |
			       (uint64_t)plan->payload << IGB_TXD_PAYLEN_SHIFT | plan->len);
	return desc;
}

static void write_packet(struct igb_txq *q, struct plx_mbuf *m, const struct plan *plan)
{
	struct igb_desc *last;

	if (plan->has_context)
		write_context(q, plan);
	if (plan->options)
		q->context_last = plan->context_index;
	last = plan->bounce ? write_copy(q, m, plan) : write_pieces(q, m, plan);
	last->word[1] |= PLX_MMIO_LE64(IGB_TXD_EOP);
	q->batch_pool = IGB_POOLS_MIXED;
	q->sw[last - q->ring] = m;
	q->room -= plan->nb_descs;
	q->until_rs -= plx_min_u32(q->until_rs, plan->nb_descs);
	if (plan->bounce) {
		q->bounce_ends[q->bounce_tail++ % IGB_BOUNCES] =
			q->descs_done + q->nb_desc - 1 - q->room;
		plx_count(&q->bounced, 1);
	}
	/* A slot for copies is wanted back soon. */
	if (q->until_rs == 0 || plan->bounce)
		plx_igb_tx_report(q, last);
}

static enum igb_tx_end refuse(struct igb_txq *q, struct plx_mbuf *m, size_t fault)
{
	uint64_t *counter = (uint64_t *)(void *)((char *)q + fault);

	plx_count(counter, 1);
	plx_mbuf_free(m);
	return IGB_TX_REFUSED;
}

enum igb_tx_end plx_igb_tx_special(struct igb_txq *q, struct plx_mbuf *m)
{
	struct plan plan = {0};
	size_t fault = fault_of(q, m);

	if (fault)
		return refuse(q, m, fault);
	if (m->flags & WANTS_CONTEXT)
		plan_context(q, m, &plan);
	plan_data(q, m, &plan);
	if (plan.bounce && plan.len > q->bounce_bytes)
		return refuse(q, m,
			      plan.is_in_pieces ? offsetof(struct igb_txq, in_pieces)
						: offsetof(struct igb_txq, unmapped));
	if (plan.nb_descs > q->room || (plan.bounce && !has_bounce(q)))
		return IGB_TX_FULL;
	write_packet(q, m, &plan);
	return IGB_TX_TAKEN;
}
