/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts on interfaces.
 *
 * Receive: pcap_dispatch() shows each frame where the kernel put it, so it is copied once, into
 * the mbuf (pcap_next_ex() would copy it twice). mbufs are reserved before, since what dispatch
 * has shown is taken: a frame that then finds too few for its chain is kept aside until the next
 * burst. Without mbufs nothing is asked for, and frames wait in the kernel's ring.
 *
 * Send: one pcap_inject() a frame; libpcap has no more than that.
 */
#include "pcap_private.h"

#include <poll.h>

enum { FAILURES_MAX = 64 };

/* ---- Receive ---- */

/* Keep the frame, and have pcap_dispatch() return. */
static PLX_COLD void hold(struct pcap_rxq *q, const struct pcap_pkthdr *header, const u_char *data)
{
	plx_count(&q->base.stats.nombuf, 1);
	q->held_header = *header;
	memcpy(q->held, data, header->caplen);
	q->is_held = true;
	pcap_breakloop(q->live->handle);
}

static void take(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
	struct pcap_rxq *q = (struct pcap_rxq *)(void *)user;

	if (plx_unlikely(!plx_pcap_take(q, header, data)))
		hold(q, header, data);
}

/* A frame waits in the kernel and finds no mbuf. */
static PLX_COLD void starve(struct pcap_rxq *q, pcap_t *handle)
{
	struct pollfd waits = {.fd = pcap_fileno(handle), .events = POLLIN};

	if (poll(&waits, 1, 0) == 1 && (waits.revents & POLLIN))
		plx_count(&q->base.stats.nombuf, 1);
}

/*
 * libpcap has failed: once, when the interface goes down and the sending thread takes the socket's
 * error before libpcap can look at it; again and again when its interface or its ring is lost.
 */
static PLX_COLD void fail(struct pcap_rxq *q, pcap_t *handle)
{
	struct pcap_live *live = q->live;
	struct pcap_port *pp = live->owner;
	struct plx_netif_info info;

	if (++q->nb_failures != FAILURES_MAX)
		return;
	/* The control thread tells that. */
	if (plx_netif_by_index(live->iface->index, &info) == -ENODEV)
		return;
	plx_port_log(pp->port, PLX_LOG_ERR, "%s=%s: receives no more: %s; stop and start the port",
		     live->key, live->iface->name, pcap_geterr(handle));
	plx_port_event_raise(pp->port, PLX_PORT_EVENT_ERROR);
}

/* False: it has to wait once more. */
static PLX_COLD bool take_held(struct pcap_rxq *q)
{
	if (!plx_pcap_take(q, &q->held_header, q->held)) {
		plx_count(&q->base.stats.nombuf, 1);
		return false;
	}
	q->is_held = false;
	return true;
}

uint32_t plx_pcap_live_rx(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct pcap_rxq *q = queue;
	/* Acquire: pairs with the release of plx_pcap_live_open(). */
	pcap_t *handle = plx_load_acquire(&q->live->handle);
	uint64_t nb_starved = q->base.stats.nombuf;
	int ret;

	if (plx_unlikely(!handle || q->nb_failures >= FAILURES_MAX))
		return 0;
	plx_pcap_reserve(q, pkts, nb);
	if (plx_unlikely(q->is_held) && !take_held(q))
		return plx_pcap_settle(q);
	/* To pcap_dispatch() 0 is no bound. */
	if (plx_likely(q->nb_reserved > q->nb_out)) {
		ret = pcap_dispatch(handle, (int)(q->nb_reserved - q->nb_out), take, (u_char *)q);
		if (plx_likely(ret >= 0))
			q->nb_failures = 0;
		else if (ret != PCAP_ERROR_BREAK)
			fail(q, handle);
	}
	if (plx_unlikely(q->nb_out == q->nb_reserved && q->nb_out < nb) &&
	    q->base.stats.nombuf == nb_starved)
		starve(q, handle);
	return plx_pcap_settle(q);
}

/* ---- Send ---- */

static PLX_COLD void refuse(struct pcap_txq *q, uint64_t *cause)
{
	plx_count(cause, 1);
	plx_count(&q->base.stats.errors, 1);
}

/* True: the frame was not taken and may be sent later. False: it was counted. */
static PLX_COLD bool is_full(struct pcap_txq *q)
{
	int err = errno;

	/* As with a card whose link is down: what is not sent stays with the caller. */
	if (err == ENOBUFS || err == EAGAIN || err == ENETDOWN || err == ENOMEM || err == EINTR) {
		plx_count(&q->full, 1);
		return true;
	}
	refuse(q, err == EMSGSIZE ? &q->too_long : &q->refused);
	return false;
}

uint32_t plx_pcap_live_tx(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct pcap_txq *q = queue;
	pcap_t *handle = plx_load_acquire(&q->live->handle);
	uint32_t nb_sent = 0, nb_done;
	uint64_t bytes = 0;

	if (plx_unlikely(!handle))
		return 0;
	for (nb_done = 0; nb_done < nb; nb_done++) {
		const struct plx_mbuf *m = pkts[nb_done];
		const void *data = plx_mbuf_data(m);

		if (plx_unlikely(m->nb_segs > 1)) {
			if (!q->multi_segs) {
				refuse(q, &q->refused);
				continue;
			}
			if (m->pkt_len > PCAP_FRAME_MAX) {
				refuse(q, &q->too_long);
				continue;
			}
			data = plx_mbuf_read(m, 0, m->pkt_len, q->scratch);
		}
		if (plx_unlikely(pcap_inject(handle, data, m->pkt_len) < 0)) {
			if (is_full(q))
				break;
			continue;
		}
		nb_sent++;
		bytes += m->pkt_len;
	}
	plx_mbuf_free_bulk(pkts, nb_done);
	plx_count(&q->base.stats.packets, nb_sent);
	plx_count(&q->base.stats.bytes, bytes);
	return nb_done;
}
