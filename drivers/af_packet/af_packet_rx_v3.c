/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive by TPACKET_V3: the kernel hands over whole blocks of frames, when they are full or
 * AFP_V3_RETIRE_MS have passed. A block is read over several bursts and goes back after its last
 * frame.
 */
#include "af_packet.h"

#include <unistd.h>

enum { FLUSH_MS_MAX = 100 };

static struct tpacket_block_desc *block_at(const struct afp_rxq *q, uint32_t index)
{
	return (void *)(q->ring.at + (size_t)index * q->ring.block_bytes);
}

/* Open the next block when none is open. False: it is the kernel's. */
static bool open_block(struct afp_rxq *q)
{
	const struct tpacket_block_desc *block = block_at(q, q->head);

	if (q->nb_left > 0)
		return true;
	/* Acquire: pairs with the kernel's barrier before it sets the bit. */
	if ((plx_load_acquire(&block->hdr.bh1.block_status) & TP_STATUS_USER) == 0)
		return false;
	q->nb_left = block->hdr.bh1.num_pkts;
	q->next = (const uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
	return true;
}

/* After its last frame. Release: the copies are done when the kernel sees it. */
static void close_block(struct afp_rxq *q)
{
	struct tpacket_block_desc *block = block_at(q, q->head);

	/* Until the kernel opens it anew: see afp_rx_flush_v3(). */
	block->hdr.bh1.num_pkts = 0;
	plx_store_release(&block->hdr.bh1.block_status, TP_STATUS_KERNEL);
	q->head = q->head + 1 == q->ring.nb_blocks ? 0 : q->head + 1;
}

static enum afp_rx_end take_frame(struct afp_rxq *q, const struct tpacket3_hdr *hdr,
				  struct plx_mbuf *m)
{
	const struct afp_frame frame = {
		.data = (const uint8_t *)hdr + hdr->tp_mac,
		.len = hdr->tp_snaplen,
		.full_len = hdr->tp_len,
		.status = hdr->tp_status,
		.tci = (uint16_t)hdr->hv1.tp_vlan_tci,
		.tpid = hdr->hv1.tp_vlan_tpid,
		.sec = hdr->tp_sec,
		.nsec = hdr->tp_nsec,
	};

	if (plx_unlikely(frame.len != frame.full_len || frame.len > q->room ||
			 (frame.status & q->special) != 0))
		return afp_rx_special(q, &frame, m);
	afp_rx_fill(q, m, frame.data, frame.len);
	return AFP_TAKEN;
}

/* Frames of the open block, at most @nb. Returns how many mbufs are filled. */
static uint32_t take_some(struct afp_rxq *q, struct plx_mbuf **pkts, uint32_t nb, bool *is_short)
{
	uint32_t nb_pkts = 0, nb_ready, want = nb < q->nb_left ? nb : q->nb_left;
	uint64_t bytes = 0;

	nb_ready = afp_rx_alloc(q, pkts, want);
	*is_short = nb_ready < want;
	for (uint32_t i = 0; i < nb_ready; i++) {
		const struct tpacket3_hdr *frame = (const void *)q->next;
		enum afp_rx_end end = take_frame(q, frame, pkts[nb_pkts]);

		if (plx_unlikely(end == AFP_WAIT)) {
			afp_rx_wait(q);
			*is_short = true;
			break;
		}
		q->waiting = false;
		if (plx_likely(end == AFP_TAKEN))
			bytes += pkts[nb_pkts++]->pkt_len;
		q->next += frame->tp_next_offset;
		q->nb_left--;
	}
	if (plx_unlikely(nb_pkts < nb_ready))
		plx_mbuf_free_bulk(pkts + nb_pkts, nb_ready - nb_pkts);
	plx_count(&q->base.stats.packets, nb_pkts);
	plx_count(&q->base.stats.bytes, bytes);
	return nb_pkts;
}

uint32_t afp_rx_burst_v3(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct afp_rxq *q = queue;
	bool is_short = false;
	uint32_t nb_pkts = 0, nb_seen = 0;

	/* Bad frames count here as good ones do: a flood of them does not keep the caller. */
	while (nb_seen < nb && !is_short && open_block(q)) {
		uint32_t nb_left = q->nb_left;

		/* A block that was retired empty has none. */
		if (nb_left > 0)
			nb_pkts += take_some(q, pkts + nb_pkts, nb - nb_seen, &is_short);
		nb_seen += nb_left - q->nb_left;
		if (q->nb_left == 0)
			close_block(q);
	}
	return nb_pkts;
}

static uint32_t flush_blocks(struct afp_rxq *q)
{
	uint32_t nb = 0;

	while (open_block(q)) {
		nb += q->nb_left;
		q->nb_left = 0;
		close_block(q);
	}
	return nb;
}

/* A block that the kernel is filling comes when its time has passed: waited for, but not for
 * ever. */
uint32_t afp_rx_flush_v3(struct afp_rxq *q)
{
	uint32_t nb = flush_blocks(q);

	for (unsigned ms = 0; ms < FLUSH_MS_MAX; ms++) {
		if (plx_load_relaxed(&block_at(q, q->head)->hdr.bh1.num_pkts) == 0)
			break;
		usleep(1000);
		nb += flush_blocks(q);
	}
	return nb;
}
