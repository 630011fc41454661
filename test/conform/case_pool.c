/* SPDX-License-Identifier: BSD-3-Clause */
/* What runs short: mbufs, the receive ring, the transmit queue. Everything is counted, and goes on
 * when there is room again. */
#include "conform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RING_SMALL = 64, POOL_SMALL = 320, HOLD_MAX = 4096 };

static uint32_t within(const struct plx_port_limits *l, uint32_t nb_desc)
{
	if (nb_desc < l->min)
		nb_desc = l->min;
	if (nb_desc > l->max)
		nb_desc = l->max;
	return (nb_desc + l->step - 1) & ~(l->step - 1);
}

/* A small ring on a pool of its own, which becomes the case's. Returns the pool before it. */
static struct plx_mempool *port_up_small(struct conform *c)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	struct plx_mempool *first = c->pool;
	struct plx_port_rxq_conf rxq = {.node = PLX_NODE_ANY};
	struct plx_port_txq_conf txq = {.node = PLX_NODE_ANY};

	port_attach(c);
	rxq.nb_desc = within(&c->info.rx_ring, RING_SMALL);
	txq.nb_desc = within(&c->info.tx_ring, RING_SMALL);
	c->pool = pool_new("small", POOL_SMALL + 4 * rxq.nb_desc, 0);
	rxq.pool = c->pool;
	port_setup_conf(c, &conf, &rxq, &txq);
	port_start(c);
	return first;
}

static void port_down_small(struct conform *c, struct plx_mempool *first)
{
	struct plx_mempool *small = c->pool;

	port_stop(c);
	want_ret(plx_port_close(c->port), 0);
	c->pool = first;
	port_detach(c);
	pool_is_home(small);
	plx_mbuf_pool_destroy(small);
}

/* Packets that came = those sent, but for those that the cable lost. */
static void sum_is(struct conform *c, const struct plx_port_stats *before, uint64_t sent,
		   uint64_t lost_before, uint32_t taken)
{
	struct plx_port_stats now = port_stats(c);
	uint64_t came = stats_came(&now) - stats_came(before);
	uint64_t lost = cable_lost(c) - lost_before;

	want(now.rx.packets - before->rx.packets, taken, "rx_packets");
	/* What a cable loses may be in a counter of the port's interface as well. */
	check(came <= sent && (came + lost >= sent || c->variant->emulated),
	      "%llu sent, %u received; rx_packets + rx_missed + rx_errors %llu, lost on the cable "
	      "%llu",
	      (unsigned long long)sent, taken, (unsigned long long)came, (unsigned long long)lost);
}

static bool all_came(struct conform *c, const struct plx_port_stats *before, uint64_t sent,
		     uint64_t lost_before)
{
	struct plx_port_stats now = port_stats(c);

	return stats_came(&now) - stats_came(before) + cable_lost(c) - lost_before >= sent;
}

/* Take what comes until it adds up, or until nothing came for a while. */
static void take_rest(struct conform *c, struct sieve *sieve, const struct plx_port_stats *before,
		      uint64_t sent, uint64_t lost_before)
{
	uint64_t quiet_since = now_ms();

	while (now_ms() - quiet_since < 300) {
		if (sieve_port(c, sieve) > 0)
			quiet_since = now_ms();
		else if (all_came(c, before, sent, lost_before))
			return;
		else
			sleep_us(200);
	}
}

/*
 * Nothing came for a while and, where packets are copied into mbufs, one had none: a driver may
 * have frames that it shows only after their time.
 */
static bool is_exhausted(struct conform *c, const struct plx_port_stats *before, uint32_t nb_idle)
{
	return nb_idle >= 50 &&
	       (c->variant->zero_copy || port_stats(c).rx.nombuf > before->rx.nombuf);
}

/* Hold each packet that comes until there are no mbufs; then give them back. */
static void mbufs_exhausted(struct conform *c)
{
	static struct plx_mbuf *held[HOLD_MAX];
	struct plx_mempool *first = port_up_small(c);
	struct plx_port_stats before = port_stats(c), now;
	uint32_t nb_held = 0, sent = 0, nb_idle = 0, nb_want = c->pool->nb_objs * 2;
	uint64_t lost = cable_lost(c);
	struct stream s = stream_to_port(c, 1, nb_want);
	struct sieve sieve = {.stream = &s};
	uint8_t bytes[FRAME_BYTES_MAX];

	check(nb_want <= HOLD_MAX, "a pool of %u", c->pool->nb_objs);
	s.max_bytes = 200;
	for (uint64_t end = now_ms() + CONFORM_WAIT_MS;
	     !is_exhausted(c, &before, nb_idle) && now_ms() < end;) {
		uint32_t nb;

		if (sent < nb_want && c->peer->ops->send) {
			uint32_t to = sent + 16 < nb_want ? sent + 16 : nb_want;

			sent = peer_give(c, &s, sent, to);
		}
		nb = plx_port_rx_burst(c->port, 0, held + nb_held, 16);
		nb_held += nb;
		nb_idle = nb > 0 ? 0 : nb_idle + 1;
		check(nb_held <= HOLD_MAX - 16, "%u packets of a pool of %u", nb_held,
		      c->pool->nb_objs);
	}
	now = port_stats(c);
	if (!c->variant->zero_copy) {
		check(nb_held <= c->pool->nb_objs, "%u packets of a pool of %u", nb_held,
		      c->pool->nb_objs);
		check(now.rx.nombuf > before.rx.nombuf,
		      "%u mbufs are held of %u, %u frames were sent, and rx_nombuf did not grow",
		      nb_held, c->pool->nb_objs, sent);
	}
	want(now.rx.packets - before.rx.packets, nb_held, "rx_packets");
	for (uint32_t i = 0; i < nb_held; i++) {
		uint32_t len = packet_bytes(held[i], bytes);
		uint32_t at = c->variant->endless ? 0 : frame_index(&s, bytes, len);
		char why[200];

		packet_is_sound(c, held[i]);
		if (c->variant->endless)
			continue;
		check(at >= sieve.next && frame_is(&s, at, bytes, len, why, sizeof(why)),
		      "packet %u of those held is frame %u; %s", i, at, why);
		sieve.next = at + 1;
		sieve.nb_seen++;
	}
	plx_mbuf_free_bulk(held, nb_held);
	if (!c->variant->endless) {
		take_rest(c, &sieve, &before, sent, lost);
		sum_is(c, &before, sent, lost, sieve.nb_seen);
	}
	traffic(c, 100000);
	port_down_small(c, first);
	note("%u held, %u of %u came", nb_held, sieve.nb_seen, sent);
}

/* Sending has to work while not one mbuf is left, and give those it has back in the end. */
static void tx_without_mbufs(struct conform *c)
{
	enum { NB = 128 };
	static struct plx_mbuf *rest[HOLD_MAX];
	struct plx_mempool *first = port_up_small(c);
	struct plx_mbuf *pkts[NB];
	uint8_t frame[FRAME_BYTES_MAX];
	struct stream s = stream_to_peer(c, 1, NB);
	uint32_t nb_rest = 0;

	for (uint32_t i = 0; i < NB; i++) {
		pkts[i] = packet_plain(c, frame, frame_make(&s, i, frame), i);
		check(pkts[i], "no mbuf for frame %u", i);
	}
	while (nb_rest < HOLD_MAX && (rest[nb_rest] = plx_mbuf_alloc(c->pool)) != NULL)
		nb_rest++;
	for (uint32_t i = 0; i < NB; i += 16) {
		port_give(c, 0, pkts + i, 16, 16);
		peer_take(c, &s, i, i + 16);
	}
	want(port_stats(c).tx.packets, NB, "tx_packets");
	plx_mbuf_free_bulk(rest, nb_rest);
	traffic(c, 1000);
	port_down_small(c, first);
}

/* ---- Rings that are full ---- */

/* Also what the kernel and the card have counted begins again from 0. */
static void reset_is_whole(struct conform *c)
{
	static struct plx_port_xstat xstats[512];
	int nb;

	want_ret(plx_port_stats_reset(c->port), 0);
	nb = plx_port_xstats(c->port, xstats, PLX_ARRAY_SIZE(xstats));
	check(nb > 0 && nb <= (int)PLX_ARRAY_SIZE(xstats), "plx_port_xstats(): %d", nb);
	for (int i = 0; i < nb; i++)
		want(xstats[i].value, 0, "%s after a reset", xstats[i].name);
}

/* The port does not poll; the peer sends much more than the ring holds. */
static void rx_overflow(struct conform *c)
{
	struct plx_mempool *first = port_up_small(c);

	for (unsigned round = 0; round < 3; round++) {
		struct plx_port_stats before = port_stats(c);
		uint64_t lost = cable_lost(c);
		struct stream s = stream_to_port(c, 1 + round * 100000, 8192);
		struct sieve sieve = {.stream = &s};
		uint32_t sent;

		s.max_bytes = 128;
		sent = peer_give(c, &s, 0, s.nb);
		take_rest(c, &sieve, &before, sent, lost);
		sum_is(c, &before, sent, lost, sieve.nb_seen);
		check(sieve.nb_seen > 0, "nothing came of %u frames", sent);
		traffic(c, 50000 + round * 100000);
		note("%u of %u came, %llu lost on the cable", sieve.nb_seen, sent,
		     (unsigned long long)(cable_lost(c) - lost));
	}
	reset_is_whole(c);
	port_down_small(c, first);
}

/* The peer takes nothing; what the queue accepted arrives once it does. */
static void tx_full(struct conform *c)
{
	struct plx_mempool *first = port_up_small(c), *small = c->pool;
	struct plx_port_stats before = port_stats(c), now;
	uint32_t nb_max = c->peer->nb_seen_max < 6000 ? c->peer->nb_seen_max : 6000;
	struct stream s = stream_to_peer(c, 1, nb_max);
	struct sieve sieve = {.stream = &s};
	uint32_t taken = 0, nb_refused = 0;
	uint64_t lost = cable_lost(c), quiet_since;
	uint8_t frame[FRAME_BYTES_MAX];

	/* So that the queue, not the pool, is what runs out. */
	c->pool = first;
	s.max_bytes = 128;
	while (taken < nb_max && nb_refused < 200) {
		struct plx_mbuf *pkts[16];
		uint32_t nb = nb_max - taken < 16 ? nb_max - taken : 16, sent;

		for (uint32_t i = 0; i < nb; i++) {
			pkts[i] = packet_plain(c, frame, frame_make(&s, taken + i, frame), i);
			check(pkts[i], "no mbuf for frame %u", taken + i);
		}
		sent = plx_port_tx_burst(c->port, 0, pkts, nb);
		check(sent <= nb, "tx_burst() of %u returned %u", nb, sent);
		plx_mbuf_free_bulk(pkts + sent, nb - sent);
		taken += sent;
		nb_refused = sent < nb ? nb_refused + 1 : 0;
	}
	if (c->peer->ops->can & PEER_FILLS)
		check(taken < nb_max, "%u frames and the queue is not full", taken);
	quiet_since = now_ms();
	while (sieve.nb_seen < taken && now_ms() - quiet_since < 300) {
		if (sieve_peer(c, &sieve) > 0)
			quiet_since = now_ms();
		else
			sleep_us(200);
	}
	now = port_stats(c);
	want(stats_given(&now) - stats_given(&before), taken,
	     "tx_packets + tx_errors + tx_dropped");
	check(sieve.nb_seen + (cable_lost(c) - lost) >= now.tx.packets - before.tx.packets &&
		      sieve.nb_seen <= now.tx.packets - before.tx.packets,
	      "tx_packets %llu, the peer saw %u, lost on the cable %llu",
	      (unsigned long long)(now.tx.packets - before.tx.packets), sieve.nb_seen,
	      (unsigned long long)(cable_lost(c) - lost));
	c->pool = small;
	traffic(c, 100000);
	port_down_small(c, first);
	note("%u taken, %u seen", taken, sieve.nb_seen);
}

const struct conform_case cases_pool[] = {
	{.name = "mbufs_exhausted", .run = mbufs_exhausted},
	{.name = "tx_without_mbufs", .run = tx_without_mbufs},
	{.name = "rx_overflow", .run = rx_overflow, .needs = PEER_SENDS},
	{.name = "tx_full", .run = tx_full, .needs = PEER_SEES},
	{.name = NULL},
};
