/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path of net_tap: one system call a frame. The kernel has no call that takes several.
 *
 * Receive keeps the mbufs of the largest frame at hand, so that a poll that finds nothing costs no
 * allocation. The kernel says nothing of a frame that it cuts off: there is always room for one
 * byte more than a frame may have.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <pollux/mbuf_data.h>
#include <string.h>
#include <unistd.h>

#include "tap_private.h"

enum {
	TYPE_QINQ = 0x88a8,
	DRAIN_MAX = 1 << 20,
};

/* ---- Both ways ---- */

static bool has_tag(const void *frame)
{
	uint16_t type;

	memcpy(&type, (const char *)frame + offsetof(struct ether_header, ether_type),
	       sizeof(type));
	return type == htons(ETHERTYPE_VLAN) || type == htons(TYPE_QINQ);
}

static inline bool is_too_long(uint32_t frame_max, uint32_t len, const void *frame)
{
	return plx_unlikely(len > frame_max) &&
	       (len > frame_max + TAP_TAG_BYTES || !has_tag(frame));
}

/* ---- Receive ---- */

static bool fill_spare(struct tap_rxq *rxq, uint32_t nb_segs)
{
	while (rxq->nb_spare < nb_segs) {
		struct plx_mbuf *m = plx_mbuf_alloc(rxq->base.pool);

		if (plx_unlikely(!m))
			return false;
		rxq->spare[rxq->nb_spare] = m;
		rxq->iov[rxq->nb_spare++] = (struct iovec){plx_mbuf_data(m), rxq->room};
	}
	return true;
}

/* Read one frame into the spare mbufs. Returns its bytes, -1: there is none. */
static ssize_t read_frame(struct tap_rxq *rxq, uint32_t nb_segs, uint32_t frame_max)
{
	uint32_t room = nb_segs * rxq->room;
	struct iovec behind = rxq->iov[nb_segs];
	bool tight = room <= frame_max + TAP_TAG_BYTES;
	ssize_t len;

	if (plx_unlikely(tight))
		rxq->iov[nb_segs] = (struct iovec){&rxq->beyond, sizeof(rxq->beyond)};
	do
		len = readv(rxq->fd, rxq->iov, (int)(nb_segs + tight));
	while (len < 0 && errno == EINTR);
	if (plx_unlikely(tight))
		rxq->iov[nb_segs] = behind;
	return len;
}

/* A packet of the first @len bytes that are in the spare mbufs. */
static struct plx_mbuf *make_packet(struct tap_rxq *rxq, uint32_t len)
{
	struct plx_mbuf *head = rxq->spare[0], *last = head;
	uint32_t used = 1;

	head->pkt_len = len;
	head->port = rxq->base.port_id;
	for (; len > rxq->room; len -= rxq->room) {
		last->data_len = (uint16_t)rxq->room;
		last->next = rxq->spare[used++];
		last = last->next;
	}
	last->data_len = (uint16_t)len;
	head->nb_segs = (uint8_t)used;

	rxq->nb_spare -= used;
	for (uint32_t i = 0; i < rxq->nb_spare; i++) {
		rxq->spare[i] = rxq->spare[i + used];
		rxq->iov[i] = rxq->iov[i + used];
	}
	return head;
}

uint32_t plx_net_tap_rx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct tap_rxq *rxq = queue;
	uint32_t frame_max = plx_load_relaxed(&rxq->frame_max);
	uint32_t nb_segs = plx_load_relaxed(&rxq->nb_segs);
	uint32_t done = 0, too_long = 0;
	uint64_t bytes = 0;

	while (done < nb) {
		ssize_t len;

		if (plx_unlikely(!fill_spare(rxq, nb_segs))) {
			plx_count(&rxq->base.stats.nombuf, 1);
			break;
		}
		len = read_frame(rxq, nb_segs, frame_max);
		if (len <= 0)
			break;
		if (plx_unlikely((size_t)len > (size_t)nb_segs * rxq->room) ||
		    is_too_long(frame_max, (uint32_t)len, rxq->iov[0].iov_base)) {
			/* The burst ends some time, whatever comes. */
			if (++too_long == nb)
				break;
			continue;
		}
		pkts[done++] = make_packet(rxq, (uint32_t)len);
		bytes += (uint64_t)len;
	}
	if (plx_unlikely(too_long > 0)) {
		plx_count(&rxq->too_long, too_long);
		plx_count(&rxq->base.stats.errors, too_long);
	}
	plx_count(&rxq->base.stats.packets, done);
	plx_count(&rxq->base.stats.bytes, bytes);
	return done;
}

uint64_t plx_net_tap_drain(int fd)
{
	uint64_t nb = 0;
	char byte;

	/* The kernel may go on sending: it has to end. */
	while (nb < DRAIN_MAX && read(fd, &byte, sizeof(byte)) > 0)
		nb++;
	return nb;
}

/* ---- Send ---- */

static ssize_t write_chain(int fd, const struct plx_mbuf *m)
{
	struct iovec iov[PLX_MBUF_SEGS_MAX];
	int nb = 0;

	for (; m && nb < PLX_MBUF_SEGS_MAX; m = m->next)
		iov[nb++] = (struct iovec){plx_mbuf_data(m), m->data_len};
	return writev(fd, iov, nb);
}

/* Returns 0, EAGAIN (later), or why the packet is not sent. */
static int send_one(struct tap_txq *txq, const struct plx_mbuf *m, uint32_t frame_max)
{
	ssize_t len;

	if (is_too_long(frame_max, m->pkt_len, plx_mbuf_data(m))) {
		plx_count(&txq->too_long, 1);
		return EMSGSIZE;
	}
	if (plx_unlikely(m->nb_segs > 1 && !txq->multi_segs)) {
		plx_count(&txq->chained, 1);
		return ENOTSUP;
	}
	do
		len = plx_likely(m->nb_segs == 1) ? write(txq->fd, plx_mbuf_data(m), m->data_len)
						  : write_chain(txq->fd, m);
	while (len < 0 && errno == EINTR);
	if (plx_likely(len >= 0) || errno == EAGAIN)
		return len >= 0 ? 0 : EAGAIN;
	plx_count(&txq->refused, 1);
	return errno;
}

uint32_t plx_net_tap_tx_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct tap_txq *txq = queue;
	uint32_t frame_max = plx_load_relaxed(&txq->frame_max);
	uint32_t i, errors = 0;
	uint64_t bytes = 0;

	for (i = 0; i < nb; i++) {
		int error = send_one(txq, pkts[i], frame_max);

		if (error == EAGAIN)
			break;
		if (error)
			errors++;
		else
			bytes += pkts[i]->pkt_len;
	}
	plx_mbuf_free_bulk(pkts, i);
	plx_count(&txq->base.stats.packets, i - errors);
	plx_count(&txq->base.stats.bytes, bytes);
	plx_count(&txq->base.stats.errors, errors);
	return i;
}
