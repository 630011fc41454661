/* SPDX-License-Identifier: BSD-3-Clause */
/* Several queues, each driven by an lcore of its own. */
#include "conform.h"

#include <errno.h>
#include <pollux/lcore.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUES = 2, FLOWS = 64, RX_FRAMES = 6000, TX_FRAMES = 3000, UNDER_WAY = 64 };

/* ---- Receive ---- */

struct receiver {
	struct conform *c;
	const struct stream *s;
	unsigned queue;
	uint8_t *seen;	      /* of all queues, by frame; each is one receiver's */
	uint32_t last[FLOWS]; /* frame of each flow that came last, plus 1 */
	uint32_t nb;	      /* atomic, the receiver's */
	const bool *stop;     /* atomic */
};

static void receive_one(struct receiver *r, const struct plx_mbuf *m)
{
	static __thread uint8_t bytes[FRAME_BYTES_MAX];
	uint32_t len = packet_bytes(m, bytes), i, flow;
	char why[200];

	packet_is_sound(r->c, m);
	if (r->c->variant->endless)
		return;
	i = frame_index(r->s, bytes, len);
	check(i != UINT32_MAX, "queue %u: a frame of %u bytes that nobody sent", r->queue, len);
	check(frame_is(r->s, i, bytes, len, why, sizeof(why)), "queue %u: %s", r->queue, why);
	check(!__atomic_exchange_n(&r->seen[i], 1, __ATOMIC_RELAXED), "frame %u came twice", i);
	flow = i % FLOWS;
	check(i >= r->last[flow], "queue %u: frame %u of flow %u after %u", r->queue, i, flow,
	      r->last[flow] - 1);
	r->last[flow] = i + 1;
}

static int receive(void *arg)
{
	struct receiver *r = arg;

	while (!plx_load_relaxed(r->stop)) {
		struct plx_mbuf *pkts[32];
		uint32_t nb = plx_port_rx_burst(r->c->port, r->queue, pkts, 32);

		for (uint32_t i = 0; i < nb; i++)
			receive_one(r, pkts[i]);
		plx_mbuf_free_bulk(pkts, nb);
		if (nb > 0)
			plx_store_release(&r->nb, r->nb + nb);
		else
			sleep_us(20);
	}
	return 0;
}

static uint32_t received(const struct receiver *receivers)
{
	uint32_t nb = 0;

	for (unsigned i = 0; i < QUEUES; i++)
		nb += plx_load_acquire(&receivers[i].nb);
	return nb;
}

static void rx_all(struct conform *c, const struct stream *s, struct receiver *receivers)
{
	uint32_t sent = 0;

	while (!c->variant->endless && sent < s->nb) {
		uint32_t to = sent + UNDER_WAY < s->nb ? sent + UNDER_WAY : s->nb;

		sent = peer_give(c, s, sent, to);
		wait_until(received(receivers) >= sent);
		want(received(receivers), sent, "packets of all queues, %u of %u are sent", sent,
		     s->nb);
	}
	wait_until(received(receivers) >= s->nb);
}

/* A port that can spread flows by itself does. */
static void rss_setup(struct conform *c)
{
	const struct plx_port_conf conf = {
		.nb_rx_queues = QUEUES, .nb_tx_queues = 1, .rss.types = c->info.rss_types};

	port_setup_conf(c, &conf, NULL, NULL);
}

static void rx_queues(struct conform *c)
{
	static struct receiver receivers[QUEUES];
	struct plx_port_rx_stats rx;
	uint32_t nb[QUEUES] = {0};
	bool stop = false;
	struct stream s;
	uint8_t *seen;

	port_attach(c);
	if (c->info.max_rx_queues < QUEUES) {
		note("has one");
		return;
	}
	rss_setup(c);
	port_start(c);
	s = stream_to_port(c, 1, RX_FRAMES);
	s.max_bytes = 600;
	s.nb_flows = FLOWS;
	seen = calloc(s.nb, 1);
	check(seen, "no memory");
	for (unsigned i = 0; i < QUEUES; i++) {
		receivers[i] =
			(struct receiver){.c = c, .s = &s, .queue = i, .seen = seen, .stop = &stop};
		want_ret(plx_lcore_launch(i + 1, receive, &receivers[i]), 0);
	}
	rx_all(c, &s, receivers);
	plx_store_relaxed(&stop, true);
	want_ret(plx_lcore_wait_all(), 0);
	if (!c->variant->endless)
		want(received(receivers), s.nb, "packets of all queues");
	for (unsigned i = 0; i < QUEUES; i++) {
		nb[i] = receivers[i].nb;
		want_ret(plx_port_rxq_stats(c->port, i, &rx), 0);
		want(rx.packets, nb[i], "rx_packets of queue %u", i);
		if (c->peer->ops->can & PEER_SPREADS || c->info.rss_types)
			check(nb[i] > 0, "nothing of %u flows came by queue %u", FLOWS, i);
	}
	want(port_stats(c).rx.packets, received(receivers), "rx_packets");
	free(seen);
	port_down(c);
	note("%u and %u packets", nb[0], nb[1]);
}

/* ---- Send ---- */

struct sender {
	struct conform *c;
	struct stream s;
	unsigned queue;
	const uint32_t *seen; /* atomic: how many of it the peer saw */
};

static int send_stream(void *arg)
{
	struct sender *t = arg;
	static __thread uint8_t frame[FRAME_BYTES_MAX];
	uint64_t end = now_ms() + 4 * CONFORM_WAIT_MS;

	for (uint32_t i = 0; i < t->s.nb && now_ms() < end;) {
		struct plx_mbuf *pkts[16];
		uint32_t nb = t->s.nb - i < 16 ? t->s.nb - i : 16;

		if (t->c->peer->ops->can & PEER_SEES && i - plx_load_relaxed(t->seen) > UNDER_WAY) {
			sleep_us(20);
			continue;
		}
		for (uint32_t j = 0; j < nb; j++) {
			uint32_t len = frame_make(&t->s, i + j, frame);

			pkts[j] = packet_plain(t->c, frame, len, i + j);
			check(pkts[j], "no mbuf");
		}
		port_give(t->c, t->queue, pkts, nb, nb);
		i += nb;
	}
	return 0;
}

/* Frames of both streams come mixed, those of each in order. */
static void see_all(struct conform *c, struct sender *senders, uint32_t *seen)
{
	uint8_t frame[FRAME_BYTES_MAX];
	uint64_t end = now_ms() + 4 * CONFORM_WAIT_MS;

	while (seen[0] + seen[1] < 2 * TX_FRAMES && now_ms() < end) {
		uint32_t len = c->peer->ops->recv(c->peer, frame, sizeof(frame)), at = UINT32_MAX;
		unsigned i;
		char why[200];

		if (len == PEER_NONE) {
			sleep_us(20);
			continue;
		}
		for (i = 0; i < QUEUES && at == UINT32_MAX; i++)
			at = frame_index(&senders[i].s, frame, len);
		check(at != UINT32_MAX, "the peer saw a frame of %u bytes that nobody sent", len);
		i--;
		want(at, seen[i], "frame that the peer saw from queue %u", i);
		check(frame_is(&senders[i].s, at, frame, len, why, sizeof(why)), "queue %u: %s", i,
		      why);
		plx_store_relaxed(&seen[i], at + 1);
	}
	want(seen[0], TX_FRAMES, "frames of queue 0 that the peer saw");
	want(seen[1], TX_FRAMES, "frames of queue 1 that the peer saw");
}

static void tx_queues(struct conform *c)
{
	static struct sender senders[QUEUES];
	static uint32_t seen[QUEUES];
	struct plx_port_tx_stats tx;

	port_attach(c);
	if (c->info.max_tx_queues < QUEUES) {
		note("has one");
		return;
	}
	port_setup(c, 1, QUEUES);
	port_start(c);
	for (unsigned i = 0; i < QUEUES; i++) {
		senders[i] = (struct sender){.c = c, .queue = i, .seen = &seen[i]};
		senders[i].s = stream_to_peer(c, 1 + i * 100000, TX_FRAMES);
		senders[i].s.max_bytes = 600;
		want_ret(plx_lcore_launch(i + 1, send_stream, &senders[i]), 0);
	}
	if (c->peer->ops->can & PEER_SEES)
		see_all(c, senders, seen);
	want_ret(plx_lcore_wait_all(), 0);
	for (unsigned i = 0; i < QUEUES; i++) {
		want_ret(plx_port_txq_stats(c->port, i, &tx), 0);
		want(tx.packets, TX_FRAMES, "tx_packets of queue %u", i);
		want(tx.bytes, stream_bytes(&senders[i].s, 0, TX_FRAMES), "tx_bytes of queue %u",
		     i);
	}
	want(port_stats(c).tx.packets, 2 * TX_FRAMES, "tx_packets");
	port_down(c);
}

/* A second thread sends while the first receives: two directions of one queue. */
struct echo_sender {
	struct conform *c;
	struct stream s;
};

static int send_slowly(void *arg)
{
	struct echo_sender *e = arg;
	static uint8_t frame[FRAME_BYTES_MAX];

	for (uint32_t i = 0; i < e->s.nb; i++) {
		struct plx_mbuf *m = packet_plain(e->c, frame, frame_make(&e->s, i, frame), i);

		check(m, "no mbuf");
		port_give(e->c, 0, &m, 1, 1);
		if (i % 32 == 31)
			sleep_us(200);
	}
	return 0;
}

static void rx_and_tx_threads(struct conform *c)
{
	enum { NB = 2000 };
	struct echo_sender sender = {.c = c};
	struct stream in;

	port_up(c);
	in = stream_to_port(c, 1, NB);
	in.step_bytes = 17;
	sender.s = stream_to_peer(
		c, 100001,
		c->peer->nb_seen_max && c->peer->nb_seen_max < NB ? c->peer->nb_seen_max : NB);
	sender.s.max_bytes = 300;
	/* The ring of a cable holds a few hundred; the kernel's peer holds all. */
	if (c->peer->ops->can & PEER_FILLS)
		sender.s.nb = 500;
	want_ret(plx_lcore_launch(1, send_slowly, &sender), 0);
	stream_in(c, &in, 16, 32);
	want_ret(plx_lcore_wait_all(), 0);
	peer_take(c, &sender.s, 0, sender.s.nb);
	want(port_stats(c).tx.packets, sender.s.nb, "tx_packets");
	port_down(c);
}

const struct conform_case cases_queues[] = {
	{.name = "rx_queues", .run = rx_queues},
	{.name = "tx_queues", .run = tx_queues},
	{.name = "rx_and_tx_threads", .run = rx_and_tx_threads},
	{.name = NULL},
};
