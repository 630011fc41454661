/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive. The kernel has nb_desc mbufs of the pool, in the fill ring or, filled, in the rx ring;
 * each one taken is replaced in the same burst. When the pool has none the kernel has fewer for a
 * while: packets go on coming out until it has none, and each later poll tries to make it up.
 */
#include "xdp_private.h"

#include <sys/socket.h>

static PLX_COLD uint32_t alloc_some(struct plx_mempool *pool, struct plx_mbuf **pkts, uint32_t nb)
{
	uint32_t done = 0;

	for (uint32_t step = nb / 2; step > 0; step /= 2)
		while (nb - done >= step && plx_mbuf_raw_alloc_bulk(pool, pkts + done, step) > 0)
			done += step;
	return done;
}

/* Zero-copy: chunks across a page's end are refused by the kernel. Returns how many are left. */
static PLX_COLD uint32_t put_aside(struct plx_xdp_rxq *rxq, struct plx_mbuf **pkts, uint32_t nb)
{
	uint32_t chunk = rxq->headroom + pkts[0]->buf_len, kept = 0;

	for (uint32_t i = 0; i < nb; i++) {
		if (plx_xdp_crosses(rxq->page_bytes, pkts[i], chunk)) {
			pkts[i]->next = rxq->aside;
			rxq->aside = pkts[i];
		} else {
			pkts[kept++] = pkts[i];
		}
	}
	return kept;
}

void plx_xdp_rx_fill(struct plx_xdp_rxq *rxq)
{
	struct plx_mempool *pool = rxq->base.pool;
	struct plx_mbuf *pkts[PLX_XDP_BULK];

	while (rxq->lacking > 0) {
		uint32_t want = rxq->lacking < PLX_XDP_BULK ? rxq->lacking : PLX_XDP_BULK;
		uint32_t got = plx_mbuf_raw_alloc_bulk(pool, pkts, want), nb;

		if (plx_unlikely(got == 0))
			got = alloc_some(pool, pkts, want);
		nb = got;
		if (plx_unlikely(rxq->page_bytes != 0) && nb > 0)
			nb = put_aside(rxq, pkts, nb);
		for (uint32_t i = 0; i < nb; i++) {
			pkts[i]->next = (struct plx_mbuf *)(void *)rxq;
			*xsk_ring_prod__fill_addr(&rxq->fill, rxq->fill.cached_prod + i) =
				(uint64_t)((char *)pkts[i] - rxq->area);
		}
		/* There is room: the ring has nb_desc places and no more mbufs are out. */
		rxq->fill.cached_prod += nb;
		xsk_ring_prod__submit(&rxq->fill, nb);
		rxq->lacking -= nb;
		if (plx_unlikely(got < want))
			break;
	}
}

/* Nothing came: the driver may wait for a call. */
static void poll_kernel(struct plx_xdp_rxq *rxq)
{
	if (plx_unlikely(rxq->lacking > 0))
		plx_xdp_rx_fill(rxq);
	if (plx_unlikely(rxq->busy_poll || xsk_ring_prod__needs_wakeup(&rxq->fill)))
		(void)recvfrom(rxq->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/* The mbufs in the ring, at most @nb; asks the kernel's index only when the last answer is
 * short. */
static inline uint32_t available(struct xsk_ring_cons *ring, uint32_t nb)
{
	uint32_t avail = ring->cached_prod - ring->cached_cons;

	if (avail < nb) {
		/* Acquire: pairs with the kernel's release after the descriptors. */
		ring->cached_prod = plx_load_acquire(ring->producer);
		avail = ring->cached_prod - ring->cached_cons;
	}
	return avail < nb ? avail : nb;
}

uint32_t plx_xdp_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct plx_xdp_rxq *rxq = queue;
	uint32_t first = rxq->rx.cached_cons;
	uint64_t bytes = 0;

	nb = available(&rxq->rx, nb);
	if (nb == 0) {
		poll_kernel(rxq);
		return 0;
	}
	for (uint32_t i = 0; i < nb; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&rxq->rx, first + i);
		uint64_t offset = xsk_umem__extract_offset(desc->addr);
		char *chunk = rxq->area + xsk_umem__extract_addr(desc->addr);
		struct plx_mbuf *m = (struct plx_mbuf *)(void *)chunk;

		m->next = NULL;
		m->data_off = (uint16_t)(offset - rxq->headroom);
		m->data_len = (uint16_t)desc->len;
		m->pkt_len = desc->len;
		m->flags = 0;
		m->port = rxq->base.port_id;
		m->vlan_tci = 0;
		m->offload = 0;
		bytes += desc->len;
		plx_mbuf_pass(m);
		pkts[i] = m;
	}
	rxq->rx.cached_cons = first + nb;
	xsk_ring_cons__release(&rxq->rx, nb);

	rxq->lacking += nb;
	plx_xdp_rx_fill(rxq);
	plx_count(&rxq->base.stats.nombuf, rxq->lacking < nb ? rxq->lacking : nb);
	plx_count(&rxq->base.stats.packets, nb);
	plx_count(&rxq->base.stats.bytes, bytes);
	return nb;
}
