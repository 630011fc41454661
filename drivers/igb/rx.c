/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive queues: memory, what the bursts need to know, the card's registers of a ring.
 *
 * The card counts buffers in KB (SRRCTL.BSIZEPKT). Smaller ones than 1 KB have one size for all
 * queues that have such (RCTL.BSIZE); whole frames are scattered over them.
 */
#include <stdlib.h>

#include "igb_private.h"

enum {
	KB = 1024,
	BUF_BYTES_MAX = 16 * KB, /* more than the longest frame */
	SMALL_BYTES_MIN = 256,
};

/* ---- Memory ---- */

/* Bytes that the card may write into an mbuf of the pool, in the card's steps; 0: too few. */
static uint32_t buffer_bytes(uint32_t room)
{
	if (room >= KB)
		return plx_min_u32(room / KB * KB, BUF_BYTES_MAX);
	if (room >= 512)
		return 512;
	return room >= SMALL_BYTES_MIN ? SMALL_BYTES_MIN : 0;
}

static int check_room(const struct plx_port *port, uint32_t room)
{
	uint32_t bytes = buffer_bytes(room), frame = igb_frame_max(port);

	if (port->conf.rx_offloads & PLX_PORT_RX_TIMESTAMP)
		frame += IGB_STAMP_BYTES;
	if (bytes == 0) {
		plx_port_log(port, PLX_LOG_ERR,
			     "receive queue: its pool's data room is %u bytes: want %d or more",
			     room, SMALL_BYTES_MIN);
		return -EINVAL;
	}
	if ((port->conf.rx_offloads & PLX_PORT_RX_SCATTER) || bytes >= frame)
		return 0;
	plx_port_log(
		port, PLX_LOG_ERR,
		"receive queue: of its pool's data room of %u bytes the card can use %u (whole "
		"KB), a frame with its tag and stamp has %u: want a larger room, a smaller MTU, or "
		"PLX_PORT_RX_SCATTER",
		room, bytes, frame);
	return -EINVAL;
}

int plx_igb_ring_alloc(const struct plx_port *port, const char *what, unsigned queue,
		       uint32_t nb_desc, int node, const struct plx_memzone **zone)
{
	char name[PLX_MEMZONE_NAME_MAX];
	int ret;

	snprintf(name, sizeof(name), "igb_%u_%s_%u", port->id, what, queue);
	ret = plx_memzone_reserve(name, nb_desc * sizeof(struct igb_desc), node,
				  PLX_MEMZONE_IOVA_CONTIG, IGB_RING_ALIGN, 0, zone);
	if (ret)
		plx_port_log(port, PLX_LOG_ERR, "%s queue %u: no memory for %u descriptors", what,
			     queue, nb_desc);
	return ret;
}

int plx_igb_rxq_open(struct plx_port *port, struct igb_rxq *q)
{
	const struct plx_port_rxq *base = &q->base;
	int ret = check_room(port, plx_mbuf_pool_data_room(base->pool));

	if (ret)
		return ret;
	q->nb_desc = base->nb_desc;
	q->nb_free = base->nb_desc;
	q->sw = plx_mem_alloc(base->nb_desc * sizeof(void *), 0, base->node);
	if (!q->sw)
		return -ENOMEM;
	ret = plx_igb_ring_alloc(port, "rx", base->queue, base->nb_desc, base->node, &q->zone);
	if (ret)
		goto free_sw;
	q->ring = q->zone->addr;
	return 0;

free_sw:
	plx_mem_free(q->sw);
	q->sw = NULL;
	return ret;
}

void plx_igb_rxq_close(struct igb_rxq *q)
{
	plx_memzone_free(q->zone);
	plx_mem_free(q->sw);
}

/* ---- What a burst needs to know ---- */

static uint32_t meta_of(unsigned index, uint32_t offloads)
{
	const uint64_t status = (uint64_t)(index & 15) << 3 | (uint64_t)(index & 0x30) << 25;
	const uint64_t l4_checked = IGB_RXD_L4CS | IGB_RXD_UDPCS;
	uint32_t flags = 0;

	if ((offloads & PLX_PORT_RX_VLAN_STRIP) && (status & IGB_RXD_VP))
		flags |= PLX_MBUF_F_RX_VLAN | PLX_MBUF_F_RX_VLAN_STRIPPED;
	if ((offloads & PLX_PORT_RX_IP_CSUM) && (status & IGB_RXD_IPCS))
		flags |= status & IGB_RXD_IPE ? PLX_MBUF_F_RX_IP_CSUM_BAD
					      : PLX_MBUF_F_RX_IP_CSUM_GOOD;
	if ((offloads & IGB_RX_L4_CSUM) && (status & l4_checked))
		flags |= status & IGB_RXD_L4E ? PLX_MBUF_F_RX_L4_CSUM_BAD
					      : PLX_MBUF_F_RX_L4_CSUM_GOOD;
	return flags;
}

/* An mbuf's words from port on, while it has its own buffer. */
static uint64_t port_meta(const struct igb_rxq *q)
{
	const struct plx_mempool *pool = q->base.pool;
	const struct plx_mbuf *m = plx_mempool_obj(pool, 0);

	return q->base.port_id |
	       (uint64_t)(PLX_MBUF_HEADROOM + plx_mbuf_pool_data_room(pool)) << 32 |
	       (uint64_t)m->priv_bytes << 48;
}

int plx_igb_rxq_prepare(struct igb_rxq *q, const struct igb_rxq_conf *conf)
{
	const uint32_t offloads = conf->offloads;
	const struct igb_mac *mac = conf->hw->mac;

	/* The MTU may have changed since the queue was made. */
	if (check_room(q->base.port, plx_mbuf_pool_data_room(q->base.pool)) != 0)
		return -EINVAL;
	q->hw = conf->hw;
	q->put_tag_back = (conf->tx_offloads & PLX_PORT_TX_VLAN_INSERT) != 0 &&
			  !(offloads & PLX_PORT_RX_VLAN_STRIP);
	q->stamp = (offloads & PLX_PORT_RX_TIMESTAMP) != 0;
	q->scatter = (offloads & PLX_PORT_RX_SCATTER) != 0;
	q->lb_vlan_big_endian = mac->lb_vlan_big_endian;
	q->sctp_60_false_error = mac->sctp_60_false_error;
	q->refill_step = plx_min_u32(IGB_REFILL_STEP, q->nb_desc / 4);
	q->frame_max = conf->frame_max;
	/* The stamp goes where the frame of other packets has its headroom's end. */
	q->data_off = PLX_MBUF_HEADROOM - (q->stamp ? IGB_STAMP_BYTES : 0);
	q->buf_bytes = buffer_bytes(plx_mbuf_pool_data_room(q->base.pool));
	q->len_span = plx_min_u32(q->buf_bytes, q->frame_max) - IGB_FRAME_MIN;
	q->special = IGB_RXD_DD | IGB_RXD_EOP | (uint32_t)IGB_RXD_RXE;
	if (q->stamp)
		q->special |= IGB_RXD_TSIP;
	if (q->lb_vlan_big_endian && (offloads & PLX_PORT_RX_VLAN_STRIP))
		q->special |= IGB_RXD_LB;
	if (q->put_tag_back)
		q->special |= IGB_RXD_VP;
	if (q->sctp_60_false_error && (offloads & IGB_RX_L4_CSUM))
		q->special |= IGB_RXD_L4E;
	q->port_meta = port_meta(q);
	q->dead = 0;
	for (unsigned i = 0; i < IGB_RX_META; i++)
		q->meta[i] = meta_of(i, offloads);
	q->rss_meta[0] = 0;
	for (unsigned i = 1; i < PLX_ARRAY_SIZE(q->rss_meta); i++)
		q->rss_meta[i] = offloads & PLX_PORT_RX_RSS_HASH ? PLX_MBUF_F_RX_RSS_HASH : 0;
	q->base.burst = offloads & IGB_RX_META_OFFLOADS ? plx_igb_rx_burst_meta : plx_igb_rx_burst;
	return 0;
}

/* ---- The card's side ---- */

/* RCTL.BSIZE for queues of less than 1 KB: the smallest of them. */
static uint32_t small_bytes(const struct plx_port *port)
{
	uint32_t bytes = 0;

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		const struct igb_rxq *q = (const struct igb_rxq *)port->rxqs[i];

		if (q->buf_bytes < KB && (bytes == 0 || q->buf_bytes < bytes))
			bytes = q->buf_bytes;
	}
	return bytes;
}

void plx_igb_rx_small_buffers(struct igb_hw *hw, struct plx_port *port)
{
	uint32_t bytes = small_bytes(port);

	igb_clear(hw, IGB_RCTL, IGB_RCTL_BSIZE_MASK);
	if (bytes == 0)
		return;
	igb_set(hw, IGB_RCTL, (bytes == 512 ? 2u : 3u) << 16);
	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++) {
		struct igb_rxq *q = (struct igb_rxq *)port->rxqs[i];

		if (q->buf_bytes < KB) {
			q->buf_bytes = bytes;
			q->len_span = plx_min_u32(bytes, q->frame_max) - IGB_FRAME_MIN;
		}
	}
}

int plx_igb_rxq_start(struct igb_hw *hw, struct igb_rxq *q, bool drop)
{
	const struct igb_thresholds *th = &hw->mac->rx;
	const unsigned n = q->base.queue;
	uint32_t srrctl = IGB_SRRCTL_DESCTYPE_ADV | q->buf_bytes / KB;

	if (drop)
		srrctl |= IGB_SRRCTL_DROP_EN;
	if (q->stamp)
		srrctl |= IGB_SRRCTL_TIMESTAMP;
	igb_write(hw, IGB_RDBAL(n), (uint32_t)q->zone->iova);
	igb_write(hw, IGB_RDBAH(n), (uint32_t)(q->zone->iova >> 32));
	igb_write(hw, IGB_RDLEN(n), q->nb_desc * (uint32_t)sizeof(struct igb_desc));
	igb_write(hw, IGB_SRRCTL(n), srrctl);
	igb_write(hw, IGB_RDH(n), 0);
	igb_write(hw, IGB_RDT(n), 0);
	q->tail_reg = hw->bar + IGB_RDT(n);
	return plx_igb_rxq_enable(hw, n,
				  (uint32_t)th->prefetch << IGB_DCTL_PTHRESH_SHIFT |
					  (uint32_t)th->host << IGB_DCTL_HTHRESH_SHIFT |
					  (uint32_t)th->write_back << IGB_DCTL_WTHRESH_SHIFT);
}
