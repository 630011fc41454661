/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames at the edges: runts, tiny ones, the MTU, VLAN tags, jumbo. */
#include "conform.h"
#include "netns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Frames that are too long or too short may be sent or refused; each of them is counted once. */
static struct plx_port_stats tx_counted(struct conform *c, const struct plx_port_stats *before,
					uint32_t nb)
{
	struct plx_port_stats now;

	wait_until((now = port_stats(c), stats_given(&now) - stats_given(before) == nb));
	want(stats_given(&now) - stats_given(before), nb,
	     "tx_packets + tx_errors + tx_dropped of %u frames", nb);
	return now;
}

static void rx_runts(struct conform *c)
{
	struct stream s;

	port_up(c);
	s = stream_to_port(c, 1, 60 - FRAME_HEADER_BYTES);
	s.min_bytes = FRAME_HEADER_BYTES;
	s.max_bytes = 59;
	stream_in(c, &s, 1, 32);
	want(port_stats(c).rx.packets, s.nb, "rx_packets");
	traffic(c, 1000);
	port_down(c);
}

static void tx_runts(struct conform *c)
{
	struct stream s;

	port_up(c);
	s = stream_to_peer(c, 1, 60 - FRAME_HEADER_BYTES);
	s.min_bytes = FRAME_HEADER_BYTES;
	s.max_bytes = 59;
	stream_out(c, &s, 1, packet_plain);
	want(port_stats(c).tx.packets, s.nb, "tx_packets");
	traffic(c, 1000);
	port_down(c);
}

/* Shorter than an Ethernet header, down to nothing: no frame, but no harm either. */
static void tx_tiny(struct conform *c)
{
	struct plx_port_stats before, now;
	uint8_t frame[FRAME_BYTES_MAX];
	struct plx_mbuf *m;
	uint32_t nb_seen = 0;

	port_up(c);
	before = port_stats(c);
	for (uint32_t len = 0; len < FRAME_HEADER_BYTES; len++) {
		m = plx_mbuf_alloc(c->pool);
		check(m, "no mbuf");
		memset(plx_mbuf_append(m, (uint16_t)len), 0xff, len);
		port_give(c, 0, &m, 1, 1);
	}
	now = tx_counted(c, &before, FRAME_HEADER_BYTES);
	sleep_us(CONFORM_QUIET_MS * 1000);
	if (c->peer->ops->can & PEER_SEES) {
		while (c->peer->ops->recv(c->peer, frame, sizeof(frame)) != PEER_NONE)
			nb_seen++;
		want(nb_seen, now.tx.packets - before.tx.packets,
		     "tiny frames that the peer saw, against tx_packets");
	}
	traffic(c, 1000);
	port_down(c);
	note("%llu of %u are errors", (unsigned long long)(now.tx.errors - before.tx.errors),
	     FRAME_HEADER_BYTES);
}

/* ---- The MTU's edge ---- */

/* Some ports have to be stopped for it. */
static void set_mtu(struct conform *c, uint32_t mtu)
{
	int ret = plx_port_mtu_set(c->port, mtu);

	if (ret == -EBUSY) {
		port_stop(c);
		ret = plx_port_mtu_set(c->port, mtu);
		port_start(c);
	}
	want(ret, c->info.can & PLX_PORT_CAN_MTU_SET ? 0 : -ENOTSUP, "MTU of %u", mtu);
}

static void mtu_edge_at(struct conform *c, uint32_t mtu, uint32_t seq)
{
	struct plx_port_stats before = port_stats(c), now;
	struct stream s = stream_to_peer(c, seq, 8), over;

	set_mtu(c, mtu);
	port_info(c);
	check(c->info.max_frame_bytes >= mtu + FRAME_HEADER_BYTES, "max_frame_bytes %u, MTU %u",
	      c->info.max_frame_bytes, mtu);

	s.min_bytes = s.max_bytes = mtu + FRAME_HEADER_BYTES;
	stream_out(c, &s, 4, packet_plain);
	s.tagged = true;
	s.tci = 0x2abc;
	s.first_seq += s.nb;
	stream_out(c, &s, 4, packet_plain);
	now = port_stats(c);
	want(now.tx.packets - before.tx.packets, 16, "tx_packets at the MTU's edge");
	want(now.tx.errors, before.tx.errors, "tx_errors at the MTU's edge");

	/* One byte over what info calls the largest, and over what a tag could explain. */
	over = stream_to_peer(c, seq + 16, 1);
	over.min_bytes = over.max_bytes = c->info.max_frame_bytes + 1;
	if (over.max_bytes < mtu + FRAME_HEADER_BYTES + 5)
		over.min_bytes = over.max_bytes = mtu + FRAME_HEADER_BYTES + 5;
	before = now;
	{
		uint8_t frame[FRAME_BYTES_MAX];
		uint32_t len = frame_make(&over, 0, frame);
		struct plx_mbuf *m = packet_plain(c, frame, len, 0);

		port_give(c, 0, &m, 1, 1);
	}
	now = tx_counted(c, &before, 1);
	want(now.tx.errors - before.tx.errors, 1, "tx_errors of a frame of %u bytes, MTU %u",
	     over.max_bytes, mtu);
	peer_is_quiet(c);
}

static void tx_mtu_edge(struct conform *c)
{
	uint32_t mtu;

	port_up(c);
	want_ret(plx_port_mtu(c->port, &mtu), 0);
	mtu_edge_at(c, mtu, 1);
	if (c->info.can & PLX_PORT_CAN_MTU_SET) {
		if (mtu >= 1000 && c->info.min_mtu <= 1000)
			mtu_edge_at(c, 1000, 101);
		mtu_edge_at(c, mtu, 201);
	}
	traffic(c, 1000);
	port_down(c);
}

static void rx_mtu_edge(struct conform *c)
{
	struct plx_port_stats before, now;
	struct stream s;
	uint64_t lost, gone;
	uint32_t mtu, nb_sent = 0;

	port_up(c);
	want_ret(plx_port_mtu(c->port, &mtu), 0);
	s = stream_to_port(c, 1, 8);
	s.min_bytes = s.max_bytes = mtu + FRAME_HEADER_BYTES;
	stream_in(c, &s, 4, 8);
	s.first_seq += s.nb;
	s.tagged = true;
	s.tci = 0x2abc;
	stream_in(c, &s, 4, 8);
	want(port_stats(c).rx.packets, 16, "rx_packets at the MTU's edge");
	want(port_stats(c).rx.errors, 0, "rx_errors at the MTU's edge");

	/* Too long: refused to the peer, or never seen and in a counter, the port's own or the
	 * cable's. */
	if (c->peer->ops->mtu)
		c->peer->ops->mtu(c->peer, mtu + 100);
	before = port_stats(c);
	lost = cable_lost(c);
	s = stream_to_port(c, 101, 8);
	s.min_bytes = s.max_bytes = mtu + FRAME_HEADER_BYTES + 5;
	if (s.max_bytes <= c->info.max_frame_bytes)
		s.min_bytes = s.max_bytes = c->info.max_frame_bytes + 1;
	for (uint32_t i = 0; i < s.nb; i++)
		nb_sent += peer_give(c, &s, i, i + 1) == i + 1;
	port_is_quiet(c);
	wait_until(
		(now = port_stats(c), gone = cable_lost(c) - lost,
		 c->variant->emulated || stats_came(&now) - stats_came(&before) + gone >= nb_sent));
	want(now.rx.packets, before.rx.packets, "rx_packets after frames that are too long");
	check(c->variant->emulated || stats_came(&now) - stats_came(&before) + gone >= nb_sent,
	      "%u frames too long: %llu more in rx counters, %llu lost on the cable", nb_sent,
	      (unsigned long long)(stats_came(&now) - stats_came(&before)),
	      (unsigned long long)gone);
	traffic(c, 1000);
	port_down(c);
	note("%u of %u left the peer, the port counts %llu", nb_sent, s.nb,
	     (unsigned long long)(stats_came(&now) - stats_came(&before)));
}

/* ---- VLAN ---- */

static void vlan_tags(struct conform *c)
{
	static const uint16_t tcis[] = {0x0001, 0x0fff, 0x2abc, 0xefff, 0x0000, 0x1000};
	uint32_t seq = 1;

	port_up(c);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(tcis); i++) {
		struct stream in = stream_to_port(c, seq, 40),
			      out = stream_to_peer(c, seq + 40, 40);

		in.step_bytes = out.step_bytes = 37;
		in.tagged = out.tagged = true;
		in.tci = out.tci = tcis[i];
		if (c->peer->ops->can & PEER_SENDS)
			stream_in(c, &in, 20, 32);
		stream_out(c, &out, 20, packet_plain);
		seq += 80;
	}
	port_down(c);
}

/* ---- Jumbo ---- */

enum { JUMBO_MTU = 9000 };

/* The largest MTU to be tried: a common jumbo's, or what the port has. */
static uint32_t jumbo_mtu(const struct conform *c)
{
	return c->info.max_mtu < JUMBO_MTU ? c->info.max_mtu : JUMBO_MTU;
}

static void jumbo_through(struct conform *c, uint32_t mtu, uint32_t seq, bool in)
{
	struct stream s = in ? stream_to_port(c, seq, 64) : stream_to_peer(c, seq, 64);

	s.min_bytes = 1000;
	s.max_bytes = mtu + FRAME_HEADER_BYTES;
	s.step_bytes = (s.max_bytes - s.min_bytes) / 21;
	s.max_bytes -= (s.max_bytes - s.min_bytes) % s.step_bytes;
	s.min_bytes += mtu + FRAME_HEADER_BYTES - s.max_bytes;
	s.max_bytes = mtu + FRAME_HEADER_BYTES;
	if (in)
		stream_in(c, &s, 8, 32);
	else
		stream_out(c, &s, 8, packet_plain);
}

/* In mbufs that hold a whole frame; some ports need 128 bytes in front of it for themselves. */
static void jumbo_by(struct conform *c, struct plx_port_conf *conf)
{
	uint32_t bytes = conf->mtu + FRAME_HEADER_BYTES;
	struct plx_mempool *first = c->pool, *large;
	struct plx_port_rxq_conf rxq = {.node = PLX_NODE_ANY};

	if (c->variant->whole_kb)
		bytes = (bytes + 1023) / 1024 * 1024;
	large = pool_new("large", 4096, bytes + 128);
	rxq.pool = large;
	c->pool = large;
	port_setup_conf(c, conf, &rxq, NULL);
	port_start(c);
	if (c->peer->ops->can & PEER_SENDS)
		jumbo_through(c, conf->mtu, 1, true);
	jumbo_through(c, conf->mtu, 101, false);
	traffic(c, 1000);
	port_stop(c);
	want_ret(plx_port_close(c->port), 0);
	c->pool = first;
	pool_is_home(large);
	plx_mbuf_pool_destroy(large);
}

static void jumbo(struct conform *c)
{
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};

	port_attach(c);
	conf.mtu = jumbo_mtu(c);
	if (c->info.can & PLX_PORT_CAN_MTU_SET && c->peer->ops->mtu)
		conf.mtu = c->peer->ops->mtu(c->peer, conf.mtu);
	if (conf.mtu <= 1500 || !(c->info.can & PLX_PORT_CAN_MTU_SET)) {
		conf.mtu = JUMBO_MTU;
		refused(plx_port_configure(c->port, &conf),
			conf.mtu > c->info.max_mtu ? -EINVAL : -ENOTSUP);
		note("no MTU over %u", c->info.max_mtu);
	} else {
		jumbo_by(c, &conf);
		note("MTU %u", conf.mtu);
	}
	port_detach(c);
}

/* As chains of small mbufs. */
static void scatter(struct conform *c)
{
	struct plx_mempool *first = c->pool, *small = pool_new("small", 16384, 256);
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	const struct plx_port_rxq_conf rxq = {.pool = small, .node = PLX_NODE_ANY};

	port_attach(c);
	conf.rx_offloads = PLX_PORT_RX_SCATTER;
	if (!(c->info.rx_offloads & PLX_PORT_RX_SCATTER)) {
		refused(plx_port_configure(c->port, &conf), -ENOTSUP);
		note("none");
	} else {
		c->pool = small;
		port_setup_conf(c, &conf, &rxq, NULL);
		port_start(c);
		traffic(c, 1);
		{
			struct stream s = stream_to_port(c, 1000, 1514 - 60 + 1);

			stream_in(c, &s, 16, 32);
		}
		port_stop(c);
		want_ret(plx_port_close(c->port), 0);
		c->pool = first;
	}
	port_detach(c);
	pool_is_home(small);
	plx_mbuf_pool_destroy(small);
}

const struct conform_case cases_frames[] = {
	{.name = "rx_runts", .run = rx_runts, .needs = PEER_SENDS},
	{.name = "tx_runts", .run = tx_runts},
	{.name = "tx_tiny", .run = tx_tiny},
	{.name = "tx_mtu_edge", .run = tx_mtu_edge},
	{.name = "rx_mtu_edge", .run = rx_mtu_edge, .needs = PEER_SENDS},
	{.name = "vlan_tags", .run = vlan_tags},
	{.name = "jumbo", .run = jumbo},
	{.name = "scatter", .run = scatter},
	{.name = NULL},
};
