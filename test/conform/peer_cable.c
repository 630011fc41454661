/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers inside of the process: nobody at all, and a second port of the library at the other end of
 * the cable, which the test polls.
 */
#include "conform.h"

#include <stdlib.h>
#include <string.h>

enum { CABLE_MBUFS = 4096, CABLE_ROOM_BYTES = 10240, CABLE_QUEUES_MAX = 4 };

/* ---- Nobody ---- */

static struct peer *none_create(const struct variant *variant)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	(void)variant;
	check(peer, "no memory");
	return peer;
}

static void none_destroy(struct peer *peer)
{
	free(peer);
}

const struct peer_ops peer_none = {
	.name = "nobody",
	.create = none_create,
	.destroy = none_destroy,
};

/* ---- A port ---- */

struct cable_peer {
	struct peer base;
	const char *device;
	struct plx_mempool *pool;
	unsigned port;
	unsigned nb_queues;	    /* 0: not started */
	unsigned next;		    /* queue to look at first */
	struct plx_port_stats seen; /* packets and bytes that passed, as the peer knows them */
};

static struct cable_peer *of(struct peer *peer)
{
	return (struct cable_peer *)peer;
}

static struct peer *cable_create(const struct variant *variant)
{
	struct cable_peer *cable = calloc(1, sizeof(*cable));

	check(cable, "no memory");
	cable->device = variant->cable;
	cable->port = PLX_PORT_NONE;
	return &cable->base;
}

static void cable_destroy(struct peer *peer)
{
	free(peer);
}

/* It takes all that the port may send, and sends no more than the port takes by itself: a driver
 * may look more closely at what comes by a cable that lets more through. */
static void setup_all(struct cable_peer *cable, const struct plx_port_info *info)
{
	const struct plx_port_conf conf = {
		.nb_rx_queues = cable->nb_queues,
		.nb_tx_queues = cable->nb_queues,
		.rx_offloads = info->rx_offloads & PLX_PORT_RX_SCATTER,
	};
	const struct plx_port_rxq_conf rxq = {.pool = cable->pool, .node = PLX_NODE_ANY};

	want_ret(plx_port_configure(cable->port, &conf), 0);
	for (unsigned i = 0; i < cable->nb_queues; i++) {
		want_ret(plx_port_rxq_setup(cable->port, i, &rxq), 0);
		want_ret(plx_port_txq_setup(cable->port, i, NULL), 0);
	}
}

/* As many queues as the port may get, so that none is without its other end. */
static void cable_plug(struct peer *peer, unsigned port)
{
	struct cable_peer *cable = of(peer);
	struct plx_port_info info;
	unsigned nb;

	(void)port;
	cable->pool = pool_new("peer", CABLE_MBUFS, CABLE_ROOM_BYTES);
	want_ret(plx_port_attach(cable->device, &cable->port), 0);
	want_ret(plx_port_info(cable->port, &info), 0);
	nb = info.max_rx_queues < info.max_tx_queues ? info.max_rx_queues : info.max_tx_queues;
	cable->nb_queues = nb < CABLE_QUEUES_MAX ? nb : CABLE_QUEUES_MAX;
	want_ret(plx_port_mac(cable->port, &peer->mac), 0);
	setup_all(cable, &info);
	peer->nb_seen_max = UINT32_MAX;
	want_ret(plx_port_start(cable->port), 0);
}

/* This port's counters, too: it polls one by one what the other sent in bursts. */
static void counters_are_right(const struct cable_peer *cable)
{
	struct plx_port_stats stats;

	want_ret(plx_port_stats(cable->port, &stats), 0);
	want(stats.rx.packets, cable->seen.rx.packets, "rx_packets of the peer's port");
	want(stats.rx.bytes, cable->seen.rx.bytes, "rx_bytes of the peer's port");
	want(stats.tx.packets + stats.tx.errors, cable->seen.tx.packets,
	     "tx_packets + tx_errors of the peer's port");
	if (stats.tx.errors == 0)
		want(stats.tx.bytes, cable->seen.tx.bytes, "tx_bytes of the peer's port");
}

static void cable_unplug(struct peer *peer)
{
	struct cable_peer *cable = of(peer);

	counters_are_right(cable);
	memset(&cable->seen, 0, sizeof(cable->seen));
	want_ret(plx_port_stop(cable->port), 0);
	want_ret(plx_port_detach(cable->port), 0);
	pool_is_home(cable->pool);
	plx_mbuf_pool_destroy(cable->pool);
	cable->port = PLX_PORT_NONE;
}

static bool cable_send(struct peer *peer, uint32_t flow, const uint8_t *frame, uint32_t len)
{
	struct cable_peer *cable = of(peer);
	struct plx_mbuf *m = plx_mbuf_alloc(cable->pool);

	if (!m)
		return false;
	memcpy(plx_mbuf_append(m, (uint16_t)len), frame, len);
	if (plx_port_tx_burst(cable->port, flow % cable->nb_queues, &m, 1) == 0) {
		plx_mbuf_free(m);
		return false;
	}
	cable->seen.tx.packets++;
	cable->seen.tx.bytes += len;
	return true;
}

static uint32_t cable_recv(struct peer *peer, uint8_t *frame, uint32_t room)
{
	struct cable_peer *cable = of(peer);

	(void)room;
	for (unsigned i = 0; i < cable->nb_queues; i++) {
		unsigned queue = (cable->next + i) % cable->nb_queues;
		struct plx_mbuf *m;
		uint32_t len;

		if (plx_port_rx_burst(cable->port, queue, &m, 1) == 0)
			continue;
		len = packet_bytes(m, frame);
		plx_mbuf_free(m);
		cable->seen.rx.packets++;
		cable->seen.rx.bytes += len;
		cable->next = queue;
		return len;
	}
	return PEER_NONE;
}

/* What the other end refuses to take is no loss on the cable: it is counted there. */
static uint64_t cable_refused(struct peer *peer)
{
	struct plx_port_stats stats;

	if (of(peer)->port == PLX_PORT_NONE)
		return 0;
	want_ret(plx_port_stats(of(peer)->port, &stats), 0);
	return stats.tx.errors + stats.rx.errors;
}

static void cable_link(struct peer *peer, bool up)
{
	if (up)
		want_ret(plx_port_start(of(peer)->port), 0);
	else
		want_ret(plx_port_stop(of(peer)->port), 0);
}

static uint32_t cable_mtu(struct peer *peer, uint32_t mtu)
{
	want_ret(plx_port_mtu_set(of(peer)->port, mtu), 0);
	return mtu;
}

const struct peer_ops peer_cable = {
	.name = "cable",
	.can = PEER_SENDS | PEER_SEES | PEER_SPREADS | PEER_FILLS | PEER_LINK | PEER_FORGETS,
	.create = cable_create,
	.destroy = cable_destroy,
	.plug = cable_plug,
	.unplug = cable_unplug,
	.send = cable_send,
	.recv = cable_recv,
	.lost = cable_refused,
	.link = cable_link,
	.mtu = cable_mtu,
};
