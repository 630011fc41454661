/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets through the port: every burst size, every length, both ways, and the tx buffer. */
#include "conform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BURST_SIZES = 64 };

/* One packet more than a burst, so that what is left over shows. */
static void rx_bursts(struct conform *c)
{
	uint32_t seq = 1;

	port_up(c);
	for (uint32_t size = 1; size <= BURST_SIZES; size++) {
		struct stream s = stream_to_port(c, seq, size + (c->variant->endless ? 0 : 1));

		seq += s.nb;
		s.step_bytes = 13;
		stream_in(c, &s, s.nb, size);
	}
	port_is_quiet(c);
	port_down(c);
}

/* A burst of n when fewer, as many and more than n packets wait. */
static void rx_waiting(struct conform *c)
{
	static const uint32_t counts[] = {1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 128};
	uint32_t seq = 1;

	port_up(c);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(counts); i++) {
		struct stream s = stream_to_port(c, seq, counts[i]);

		seq += s.nb;
		stream_in(c, &s, s.nb, 4);
		s.first_seq = seq;
		seq += s.nb;
		stream_in(c, &s, s.nb, PLX_BURST_MAX);
	}
	port_is_quiet(c);
	port_down(c);
}

static void tx_bursts(struct conform *c)
{
	uint32_t seq = 1;

	port_up(c);
	for (uint32_t size = 1; size <= BURST_SIZES; size++) {
		struct stream s = stream_to_peer(c, seq, size);

		seq += s.nb;
		s.step_bytes = 13;
		stream_out(c, &s, size, packet_plain);
	}
	peer_is_quiet(c);
	port_down(c);
}

/* The largest burst that the API has; the queue may take less at a time. */
static void tx_largest_burst(struct conform *c)
{
	struct stream s;

	port_up(c);
	s = stream_to_peer(c, 1, PLX_BURST_MAX * 2);
	if (c->peer->nb_seen_max && s.nb > c->peer->nb_seen_max)
		s.nb = c->peer->nb_seen_max;
	s.max_bytes = 256;
	stream_out(c, &s, PLX_BURST_MAX, packet_plain);
	peer_is_quiet(c);
	port_down(c);
}

static void rx_lengths(struct conform *c)
{
	struct stream s;

	port_up(c);
	s = stream_to_port(c, 1, 1514 - 60 + 1);
	stream_in(c, &s, 16, 32);
	port_is_quiet(c);
	port_down(c);
}

static void tx_lengths(struct conform *c)
{
	struct stream s;

	port_up(c);
	s = stream_to_peer(c, 1, 1514 - 60 + 1);
	stream_out(c, &s, 32, packet_plain);
	peer_is_quiet(c);
	port_down(c);
}

/* A packet anywhere in its buffer: as far to the front as there is room, and as far back. */
static struct plx_mbuf *packet_elsewhere(struct conform *c, const uint8_t *frame, uint32_t len,
					 uint32_t index)
{
	static const uint16_t offsets[] = {0, 1, 2, 7, 63, 64, 65, 127, 128, 129, 200, 255, 511};
	struct plx_mbuf *m = plx_mbuf_alloc(c->pool);
	uint32_t last;

	if (!m)
		return NULL;
	last = m->buf_len - len;
	m->data_off = offsets[index % PLX_ARRAY_SIZE(offsets)];
	if (index % 16 == 15 || m->data_off > last)
		m->data_off = (uint16_t)last;
	memcpy(plx_mbuf_append(m, (uint16_t)len), frame, len);
	return m;
}

static void tx_anywhere(struct conform *c)
{
	struct stream s;

	port_up(c);
	s = stream_to_peer(c, 1, 400);
	s.step_bytes = 97;
	stream_out(c, &s, 16, packet_elsewhere);
	peer_is_quiet(c);
	port_down(c);
}

/* What came in goes out again, as a forwarder does it, the addresses changed. */
static void echo(struct conform *c)
{
	struct plx_mbuf *pkts[32];
	struct stream in, out;
	uint32_t done = 0, nb = 0;

	port_up(c);
	in = stream_to_port(c, 1, 1024);
	in.step_bytes = 31;
	out = in;
	out.to = c->peer->mac;
	want_ret(plx_port_mac(c->port, &out.from), 0);
	while (done < in.nb) {
		uint32_t to = done + 16;

		want(peer_give(c, &in, done, to), to, "the peer was to send up to frame");
		for (uint32_t at = done; at < to; at += nb) {
			wait_until((nb = plx_port_rx_burst(c->port, 0, pkts, 32)) > 0);
			check(nb > 0 && nb <= to - at, "%u packets came, want %u", nb, to - at);
			for (uint32_t i = 0; i < nb; i++) {
				struct ether_header *e =
					plx_mbuf_mtod(pkts[i], struct ether_header *);

				memcpy(e->ether_dhost, &out.to, ETHER_ADDR_LEN);
				memcpy(e->ether_shost, &out.from, ETHER_ADDR_LEN);
			}
			port_give(c, 0, pkts, nb, 32);
		}
		peer_take(c, &out, done, to);
		done = to;
	}
	port_down(c);
}

/* ---- The tx buffer, and giving up ---- */

struct unsent {
	uint32_t nb;
};

static void on_unsent(struct plx_mbuf **pkts, uint32_t nb, void *arg)
{
	struct unsent *unsent = arg;

	unsent->nb += nb;
	plx_mbuf_free_bulk(pkts, nb);
}

static struct plx_mbuf *frame_packet(struct conform *c, const struct stream *s, uint32_t i)
{
	uint8_t frame[FRAME_BYTES_MAX];
	uint32_t len = frame_make(s, i, frame);
	struct plx_mbuf *m = packet_plain(c, frame, len, i);

	check(m, "no mbuf for frame %u", i);
	return m;
}

static void tx_buffer(struct conform *c)
{
	struct plx_port_tx_buffer buffer;
	struct plx_mbuf *room[32];
	struct unsent unsent = {0};
	uint32_t taken = 0;
	struct stream s;

	want_ret(plx_port_tx_buffer_init(&buffer, room, 0, NULL, NULL), -EINVAL);
	want_ret(plx_port_tx_buffer_init(&buffer, room, PLX_BURST_MAX + 1, NULL, NULL), -EINVAL);
	want_ret(plx_port_tx_buffer_init(&buffer, room, 32, on_unsent, &unsent), 0);
	port_up(c);
	s = stream_to_peer(c, 1, 32 * 6 + 7);
	for (uint32_t i = 0; i < s.nb; i++) {
		uint32_t nb = plx_port_tx_buffer(c->port, 0, &buffer, frame_packet(c, &s, i));

		check(nb == 0 || i % 32 == 31, "flushed at packet %u", i);
		taken += nb;
	}
	want(buffer.nb, 7, "packets in the buffer");
	taken += plx_port_tx_flush(c->port, 0, &buffer);
	want(plx_port_tx_flush(c->port, 0, &buffer), 0, "packets of an empty buffer");
	want(taken + unsent.nb, s.nb, "packets taken and not taken");
	want(unsent.nb, 0, "packets not taken");
	peer_take(c, &s, 0, s.nb);
	want(port_stats(c).tx.packets, s.nb, "tx_packets");
	port_down(c);
}

/* A port that takes nothing, since it is stopped: the packets are given up and counted. */
static void tx_given_up(struct conform *c)
{
	struct plx_port_tx_buffer buffer;
	struct plx_mbuf *pkts[16], *room[16];
	struct unsent unsent = {0};
	struct plx_port_tx_stats tx;
	struct stream s;

	port_up(c);
	s = stream_to_peer(c, 1, 64);
	port_stop(c);
	for (uint32_t i = 0; i < 16; i++)
		pkts[i] = frame_packet(c, &s, i);
	want(plx_port_tx_or_drop(c->port, 0, pkts, 16), 0, "packets taken");
	want(port_stats(c).tx.dropped, 16, "tx_dropped after tx_or_drop()");

	want_ret(plx_port_tx_buffer_init(&buffer, room, 16, NULL, NULL), 0);
	for (uint32_t i = 0; i < 16; i++)
		want(plx_port_tx_buffer(c->port, 0, &buffer, frame_packet(c, &s, i)), 0, "taken");
	want(port_stats(c).tx.dropped, 32, "tx_dropped after a full buffer");

	want_ret(plx_port_tx_buffer_init(&buffer, room, 16, on_unsent, &unsent), 0);
	for (uint32_t i = 0; i < 16; i++)
		want(plx_port_tx_buffer(c->port, 0, &buffer, frame_packet(c, &s, i)), 0, "taken");
	want(unsent.nb, 16, "packets told as unsent");
	want(port_stats(c).tx.dropped, 32, "tx_dropped when the caller has the packets");
	want_ret(plx_port_txq_stats(c->port, 0, &tx), 0);
	want(tx.dropped, 32, "tx_dropped of the queue");
	pool_is_home(c->pool);
	port_start(c);
	traffic(c, 1000);
	want(port_stats(c).tx.dropped, 32, "tx_dropped in the end");
	port_down(c);
}

const struct conform_case cases_bursts[] = {
	{.name = "rx_bursts", .run = rx_bursts},
	{.name = "rx_waiting", .run = rx_waiting, .needs = PEER_SENDS},
	{.name = "tx_bursts", .run = tx_bursts},
	{.name = "tx_largest_burst", .run = tx_largest_burst},
	{.name = "rx_lengths", .run = rx_lengths, .needs = PEER_SENDS},
	{.name = "tx_lengths", .run = tx_lengths},
	{.name = "tx_anywhere", .run = tx_anywhere},
	{.name = "echo", .run = echo, .needs = PEER_SENDS | PEER_SEES},
	{.name = "tx_buffer", .run = tx_buffer},
	{.name = "tx_given_up", .run = tx_given_up},
	{.name = NULL},
};
