/* SPDX-License-Identifier: BSD-3-Clause */
/* Stop with packets under way: each of them is counted, goes home, and does not come back. */
#include "conform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT = 48 };

/* Packets wait to be received when the port stops. */
static void stop_rx(struct conform *c)
{
	port_up(c);
	for (uint32_t round = 0; round < 4; round++) {
		struct plx_port_stats before = port_stats(c), now;
		uint64_t lost = cable_lost(c);
		struct stream s = stream_to_port(c, 1 + round * 10000, IN_FLIGHT);

		want(peer_give(c, &s, 0, s.nb), s.nb, "the peer was to send up to frame");
		/* Some are taken, in half of the rounds: one by one, or it might be more. */
		if (round % 2)
			port_take(c, 0, &s, 0, 16, 1);
		port_stop(c);
		now = port_stats(c);
		want(now.rx.packets - before.rx.packets, round % 2 ? 16 : 0, "rx_packets");
		want(stats_came(&now) - stats_came(&before) + cable_lost(c) - lost, s.nb,
		     "rx_packets + rx_missed + rx_errors after the stop");
		port_start(c);
		port_is_quiet(c);
		traffic(c, 5000 + round * 10000);
		want(port_stats(c).rx.missed, now.rx.missed, "rx_missed after the next start");
	}
	port_down(c);
}

/* The port stops right after it was given packets. */
static void stop_tx(struct conform *c)
{
	port_up(c);
	for (uint32_t round = 0; round < 4; round++) {
		struct plx_port_stats before = port_stats(c), now;
		struct stream s = stream_to_peer(c, 1 + round * 10000, IN_FLIGHT);
		struct sieve sieve = {.stream = &s};
		struct plx_mbuf *pkts[IN_FLIGHT];
		uint8_t frame[FRAME_BYTES_MAX];
		uint32_t sent;

		for (uint32_t i = 0; i < IN_FLIGHT; i++) {
			pkts[i] = packet_plain(c, frame, frame_make(&s, i, frame), i);
			check(pkts[i], "no mbuf for frame %u", i);
		}
		sent = plx_port_tx_burst(c->port, 0, pkts, IN_FLIGHT);
		plx_mbuf_free_bulk(pkts + sent, IN_FLIGHT - sent);
		want_ret(plx_port_stop(c->port), 0);
		now = port_stats(c);
		want(stats_given(&now) - stats_given(&before), sent,
		     "tx_packets + tx_errors + tx_dropped after the stop");
		if (c->peer->ops->can & PEER_SEES) {
			wait_until((sieve_peer(c, &sieve),
				    sieve.nb_seen == now.tx.packets - before.tx.packets));
			want(sieve.nb_seen, now.tx.packets - before.tx.packets,
			     "frames at the peer, against tx_packets");
			peer_is_quiet(c);
		}
		/* On a cable without a copy what was sent was the peer's till now. */
		pool_is_home(c->pool);
		port_start(c);
		peer_is_quiet(c);
		traffic(c, 5000 + round * 10000);
	}
	port_down(c);
}

/* What is sent to a stopped port is not there after the start. */
static void stopped_hears_nothing(struct conform *c)
{
	struct stream s;

	port_up(c);
	traffic(c, 1);
	port_stop(c);
	s = stream_to_port(c, 1000, 16);
	/* An interface that is down takes nothing, and that is as good. */
	if (!c->peer->ops->plug || !(c->peer->ops->can & PEER_KERNEL))
		peer_give(c, &s, 0, s.nb);
	pool_is_home(c->pool);
	sleep_us(1000);
	port_start(c);
	port_is_quiet(c);
	traffic(c, 2000);
	port_down(c);
}

/* Both ways at once, stopped amid it, closed, configured anew. */
static void stop_both(struct conform *c)
{
	port_attach(c);
	for (uint32_t round = 0; round < 6; round++) {
		struct stream in, out;
		struct plx_mbuf *pkts[IN_FLIGHT];
		uint8_t frame[FRAME_BYTES_MAX];
		uint32_t sent;

		port_setup(c, 1, 1);
		port_start(c);
		in = stream_to_port(c, 1 + round * 10000, IN_FLIGHT);
		out = stream_to_peer(c, 1001 + round * 10000, IN_FLIGHT);
		for (uint32_t i = 0; i < IN_FLIGHT; i++) {
			pkts[i] = packet_plain(c, frame, frame_make(&out, i, frame), i);
			check(pkts[i], "no mbuf for frame %u", i);
		}
		if (c->peer->ops->can & PEER_SENDS)
			peer_give(c, &in, 0, in.nb);
		sent = plx_port_tx_burst(c->port, 0, pkts, IN_FLIGHT);
		plx_mbuf_free_bulk(pkts + sent, IN_FLIGHT - sent);
		if (round % 2)
			want_ret(plx_port_stop(c->port), 0);
		else
			want_ret(plx_port_close(c->port), 0);
		/* What has left the port is the peer's to throw away. */
		if (c->peer->ops->can & PEER_SEES) {
			struct sieve sieve = {.stream = &out};

			for (unsigned i = 0; i < 20; i++) {
				sieve_peer(c, &sieve);
				sleep_us(1000);
			}
		}
		pool_is_home(c->pool);
	}
	port_setup(c, 1, 1);
	port_start(c);
	port_is_quiet(c);
	traffic(c, 100000);
	port_down(c);
}

const struct conform_case cases_stop[] = {
	{.name = "stop_rx", .run = stop_rx, .needs = PEER_SENDS},
	{.name = "stop_tx", .run = stop_tx},
	{.name = "stopped_hears_nothing",
	 .run = stopped_hears_nothing,
	 .needs = PEER_SENDS | PEER_FORGETS},
	{.name = "stop_both", .run = stop_both},
	{.name = NULL},
};
