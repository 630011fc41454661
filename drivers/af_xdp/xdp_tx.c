/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send. An mbuf of the UMEM's pool that is nobody else's goes out as it is; any other is copied
 * into one that is. In copy mode the kernel sends within the system call, 32 packets or so in each;
 * whatever it does not take waits in the ring for the next burst's call.
 *
 * A packet counts once the kernel took it. EBUSY of that call says that the interface refused the
 * last one taken: an error.
 */
#include "xdp_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	KICKS_SPARE = 4,   /* system calls beyond one for each packet that waits */
	COPY_TRIES = 4,	   /* mbufs looked at for one that lies in one page */
	DRAIN_LOOKS = 500, /* at DRAIN_NAP_NS each: 100 ms */
	DRAIN_NAP_NS = 200000,
};

/* ---- Completions ---- */

static void complete(struct plx_xdp_txq *txq)
{
	struct plx_mbuf *pkts[PLX_XDP_BULK];
	uint32_t first, nb;

	while (txq->outstanding > 0 &&
	       (nb = xsk_ring_cons__peek(&txq->comp, PLX_XDP_BULK, &first))) {
		for (uint32_t i = 0; i < nb; i++) {
			uint64_t addr = *xsk_ring_cons__comp_addr(&txq->comp, first + i);
			char *chunk = txq->area + xsk_umem__extract_addr(addr);

			pkts[i] = (struct plx_mbuf *)(void *)chunk;
			pkts[i]->next = NULL;
		}
		xsk_ring_cons__release(&txq->comp, nb);
		txq->outstanding -= nb;
		plx_mbuf_free_bulk(pkts, nb);
	}
}

/* ---- The kernel's side ---- */

/* True when place @a of a ring lies behind place @b. */
static inline bool is_behind(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* How far the kernel is. It may tell late what it refused, never what it sent. */
static void see_taken(struct plx_xdp_txq *txq)
{
	uint32_t consumer = plx_load_acquire(txq->tx.consumer);

	if (is_behind(consumer, txq->taken))
		txq->taken = consumer;
}

/* The interface refused the last packet that the kernel took. Its memory completes as others'. */
static PLX_COLD void refused(struct plx_xdp_txq *txq)
{
	uint32_t before = txq->taken;
	struct xdp_desc *desc;

	see_taken(txq);
	if (txq->taken == before && txq->taken != txq->tx.cached_prod)
		txq->taken++;
	if (txq->taken == before)
		return;
	desc = xsk_ring_prod__tx_desc(&txq->tx, txq->taken - 1);
	desc->len = 0; /* for count() */
}

static void count(struct plx_xdp_txq *txq, uint32_t upto)
{
	uint64_t bytes = 0, packets = 0, errors = 0;

	for (; txq->counted != upto; txq->counted++) {
		uint32_t len = xsk_ring_prod__tx_desc(&txq->tx, txq->counted)->len;

		bytes += len;
		if (plx_likely(len > 0))
			packets++;
		else
			errors++;
	}
	plx_count(&txq->base.stats.packets, packets);
	plx_count(&txq->base.stats.bytes, bytes);
	if (plx_unlikely(errors > 0))
		plx_count(&txq->base.stats.errors, errors);
}

/* Each call sends a share of what waits; one after which no more is taken is the last. */
static void kick_copy(struct plx_xdp_txq *txq)
{
	uint32_t tries = txq->tx.cached_prod - txq->taken + KICKS_SPARE;
	bool again = true;

	while (again && txq->taken != txq->tx.cached_prod && tries-- > 0) {
		uint32_t before = txq->taken;
		ssize_t ret = sendto(txq->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);

		if (plx_unlikely(ret < 0 && errno == EBUSY))
			refused(txq);
		else
			see_taken(txq);
		again = txq->taken != before || (ret < 0 && errno == EINTR);
	}
	count(txq, txq->taken);
}

static void kick(struct plx_xdp_txq *txq)
{
	if (!txq->zero_copy) {
		kick_copy(txq);
		return;
	}
	/* Sequentially consistent: the new producer is seen before the flag is read. Pairs with the
	 * barrier of the interface's driver, which sets NEED_WAKEUP and then looks at the producer
	 * again. */
	__sync_synchronize();
	if (xsk_ring_prod__needs_wakeup(&txq->tx))
		(void)sendto(txq->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
	txq->taken = txq->tx.cached_prod;
	count(txq, txq->taken);
}

/* ---- Packets that are not as the kernel wants them ---- */

/* A tag makes a frame longer than the MTU tells. */
static PLX_COLD bool fits_tagged(const struct plx_xdp_txq *txq, const struct plx_mbuf *m)
{
	const struct ether_header *eth = plx_mbuf_data(m);

	return m->pkt_len <= plx_load_relaxed(&txq->max_tagged) && m->data_len >= sizeof(*eth) &&
	       (eth->ether_type == htons(ETHERTYPE_VLAN) || eth->ether_type == htons(ETH_P_8021AD));
}

static inline bool fits(const struct plx_xdp_txq *txq, const struct plx_mbuf *m)
{
	return plx_likely(m->pkt_len <= plx_load_relaxed(&txq->max_frame)) || fits_tagged(txq, m);
}

/* An mbuf whose buffer holds @len bytes behind the headroom, in one page where that matters. */
static struct plx_mbuf *alloc_copy(struct plx_xdp_txq *txq, uint32_t len)
{
	for (unsigned i = 0; i < COPY_TRIES; i++) {
		struct plx_mbuf *m = plx_mbuf_alloc(txq->pool);

		if (!m || txq->page_bytes == 0 ||
		    !plx_xdp_crosses(txq->page_bytes, plx_mbuf_data(m), len))
			return m;
		/* Given back it would be the next one that comes. */
		m->next = txq->aside;
		txq->aside = m;
	}
	return NULL;
}

/*
 * Put an mbuf of the UMEM in the place of @m, which is freed. Returns it; NULL with *@refuse: the
 * packet can't be sent and is to be counted; NULL without: there is no mbuf now.
 */
static PLX_COLD struct plx_mbuf *replace(struct plx_xdp_txq *txq, struct plx_mbuf *m, bool *refuse)
{
	struct plx_mbuf *copy;
	char *to;

	*refuse = m->pkt_len == 0 || !fits(txq, m) || (m->nb_segs > 1 && !txq->multi_segs);
	if (*refuse)
		return NULL;
	copy = alloc_copy(txq, m->pkt_len);
	if (!copy) {
		plx_count(&txq->nombuf, 1);
		return NULL;
	}
	to = plx_mbuf_append(copy, (uint16_t)m->pkt_len);
	if (plx_unlikely(!to)) {
		plx_mbuf_free(copy);
		*refuse = true;
		return NULL;
	}
	for (const struct plx_mbuf *seg = m; seg; seg = seg->next) {
		memcpy(to, plx_mbuf_data(seg), seg->data_len);
		to += seg->data_len;
	}
	plx_mbuf_free(m);
	plx_count(&txq->copied, 1);
	return copy;
}

static inline bool goes_as_it_is(const struct plx_xdp_txq *txq, const struct plx_mbuf *m)
{
	return plx_mbuf_is_plain_(m, txq->home_word) && m->data_len > 0 && fits(txq, m) &&
	       (plx_likely(txq->page_bytes == 0) ||
		!plx_xdp_crosses(txq->page_bytes, plx_mbuf_data(m), m->data_len));
}

/* ---- The burst ---- */

uint32_t plx_xdp_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct plx_xdp_txq *txq = queue;
	uint32_t at = txq->tx.cached_prod, first = at, room, done;

	complete(txq);
	room = txq->base.nb_desc - txq->outstanding;
	for (done = 0; done < nb && at - first < room; done++) {
		struct plx_mbuf *m = pkts[done];
		struct xdp_desc *desc;

		if (plx_unlikely(!goes_as_it_is(txq, m))) {
			bool refuse;

			m = replace(txq, m, &refuse);
			if (!m && !refuse)
				break;
			if (!m) {
				plx_mbuf_free(pkts[done]);
				plx_count(&txq->base.stats.errors, 1);
				continue;
			}
		}
		plx_mbuf_pass(m);
		desc = xsk_ring_prod__tx_desc(&txq->tx, at++);
		desc->addr = (uint64_t)((char *)m - txq->area) |
			     (uint64_t)((char *)plx_mbuf_data(m) - (char *)m)
				     << XSK_UNALIGNED_BUF_OFFSET_SHIFT;
		desc->len = m->data_len;
		desc->options = 0;
		m->next = (struct plx_mbuf *)(void *)txq;
	}
	txq->tx.cached_prod = at;
	txq->outstanding += at - first;
	xsk_ring_prod__submit(&txq->tx, at - first);
	/* Zero-copy: what was given may still wait for a call, also when nothing more fits. */
	if (plx_likely(txq->taken != at || (txq->zero_copy && txq->outstanding > 0)))
		kick(txq);
	return done;
}

void plx_xdp_tx_drain(struct plx_xdp_txq *txq)
{
	static const struct timespec nap = {.tv_nsec = DRAIN_NAP_NS};

	complete(txq);
	for (int i = 0; i < DRAIN_LOOKS && txq->outstanding > 0; i++) {
		kick(txq);
		complete(txq);
		if (txq->outstanding > 0)
			nanosleep(&nap, NULL);
	}
	/* In zero-copy mode all were counted when they were given. */
	plx_count(&txq->base.stats.dropped, txq->tx.cached_prod - txq->counted);
}
