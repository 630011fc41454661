/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transmit queues: memory, what the bursts need to know, the card's registers of a ring.
 *
 * TXDCTL.WTHRESH is 0 with each part: the card then reports the descriptors that ask for it and no
 * others (see tx_burst.c). With another value it writes all of them back.
 */
#include "igb_private.h"

enum { DRAIN_LOOK_US = 50 };

int plx_igb_txq_open(struct plx_port *port, struct igb_txq *q)
{
	const struct plx_port_txq *base = &q->base;
	int ret;

	q->nb_desc = base->nb_desc;
	q->rs_step = plx_min_u32(IGB_RS_STEP, q->nb_desc / 4);
	/* And a context: so many slots a queue always gets free. */
	q->data_max = plx_min_u32(IGB_TX_DATA_DESCS_MAX, q->nb_desc - q->rs_step - 1);
	q->sw = plx_mem_alloc(q->nb_desc * sizeof(void *), 0, base->node);
	if (!q->sw)
		return -ENOMEM;
	ret = plx_igb_ring_alloc(port, "tx", base->queue, q->nb_desc, base->node, &q->zone);
	if (ret)
		goto free_sw;
	q->ring = q->zone->addr;
	plx_igb_tx_reset(q);
	return 0;

free_sw:
	plx_mem_free(q->sw);
	q->sw = NULL;
	return ret;
}

void plx_igb_txq_close(struct igb_txq *q)
{
	plx_memzone_free(q->bounce_zone);
	plx_memzone_free(q->zone);
	plx_mem_free(q->sw);
}

/* Room for copies, of frames of the MTU as it is now. */
static int make_bounce(const struct plx_port *port, struct igb_txq *q, uint32_t frame_max)
{
	uint32_t bytes = (uint32_t)plx_align_up(frame_max, PLX_CACHE_LINE);
	char name[PLX_MEMZONE_NAME_MAX];
	int ret;

	if (q->bounce_zone && q->bounce_bytes == bytes)
		return 0;
	plx_memzone_free(q->bounce_zone);
	q->bounce_zone = NULL;
	q->bounce_bytes = 0;
	snprintf(name, sizeof(name), "igb_%u_copy_%u", port->id, q->base.queue);
	ret = plx_memzone_reserve(name, (size_t)bytes * IGB_BOUNCES, q->base.node,
				  PLX_MEMZONE_IOVA_CONTIG, PLX_CACHE_LINE, 0, &q->bounce_zone);
	if (ret)
		return ret;
	q->bounce = q->bounce_zone->addr;
	q->bounce_iova = q->bounce_zone->iova;
	q->bounce_bytes = bytes;
	return 0;
}

static uint32_t flags_of(uint32_t offloads)
{
	static const struct {
		uint32_t offload, flags;
	} table[] = {
		{PLX_PORT_TX_VLAN_INSERT, PLX_MBUF_F_TX_VLAN},
		{PLX_PORT_TX_IP_CSUM, PLX_MBUF_F_TX_IP_CSUM},
		{PLX_PORT_TX_TCP_CSUM, PLX_MBUF_F_TX_TCP_CSUM},
		{PLX_PORT_TX_UDP_CSUM, PLX_MBUF_F_TX_UDP_CSUM},
		{PLX_PORT_TX_SCTP_CSUM, PLX_MBUF_F_TX_SCTP_CSUM},
		/* Its segments' checksums are part of it. */
		{PLX_PORT_TX_TSO,
		 PLX_MBUF_F_TX_TCP_SEG | PLX_MBUF_F_TX_TCP_CSUM | PLX_MBUF_F_TX_IP_CSUM},
	};
	uint32_t flags = 0;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(table); i++)
		if (offloads & table[i].offload)
			flags |= table[i].flags;
	return flags;
}

int plx_igb_txq_prepare(const struct plx_port *port, struct igb_txq *q, uint32_t offloads,
			uint32_t frame_max)
{
	int ret = make_bounce(port, q, frame_max);

	if (ret)
		return ret;
	q->frame_max = frame_max;
	q->len_span = frame_max - IGB_TX_FRAME_MIN;
	q->offloads = flags_of(offloads);
	q->multi_segs = (offloads & PLX_PORT_TX_MULTI_SEGS) != 0;
	q->dead = 0;
	q->base.burst = plx_igb_tx_burst;
	plx_igb_tx_reset(q);
	return 0;
}

int plx_igb_txq_start(struct igb_hw *hw, struct igb_txq *q)
{
	const struct igb_thresholds *th = &hw->mac->tx;
	const unsigned n = q->base.queue;

	igb_write(hw, IGB_TDBAL(n), (uint32_t)q->zone->iova);
	igb_write(hw, IGB_TDBAH(n), (uint32_t)(q->zone->iova >> 32));
	igb_write(hw, IGB_TDLEN(n), q->nb_desc * (uint32_t)sizeof(struct igb_desc));
	igb_write(hw, IGB_TDWBAL(n), 0);
	igb_write(hw, IGB_TDH(n), 0);
	igb_write(hw, IGB_TDT(n), 0);
	q->tail_reg = hw->bar + IGB_TDT(n);
	return plx_igb_txq_enable(hw, n,
				  (uint32_t)th->prefetch << IGB_DCTL_PTHRESH_SHIFT |
					  (uint32_t)th->host << IGB_DCTL_HTHRESH_SHIFT |
					  (uint32_t)th->write_back << IGB_DCTL_WTHRESH_SHIFT);
}

static uint32_t queues_busy(struct igb_hw *hw, const struct plx_port *port)
{
	uint32_t left = 0;

	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		left += igb_read(hw, IGB_TDH(i)) != igb_read(hw, IGB_TDT(i));
	return left;
}

void plx_igb_tx_drain(struct igb_hw *hw, const struct plx_port *port, uint32_t timeout_us)
{
	for (uint32_t us = 0; us < timeout_us; us += DRAIN_LOOK_US) {
		if (queues_busy(hw, port) == 0)
			return;
		plx_igb_delay_us(DRAIN_LOOK_US);
	}
}
