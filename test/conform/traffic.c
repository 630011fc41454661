/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of frames through the port, in and out, and what is asked of each packet. */
#include "conform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BURST_USUAL = 32 };

/* ---- Packets ---- */

struct plx_mbuf *packet_plain(struct conform *c, const uint8_t *frame, uint32_t len, uint32_t index)
{
	uint32_t room = plx_mbuf_pool_data_room(c->pool), done = 0;
	struct plx_mbuf *head = NULL;

	(void)index;
	do {
		uint32_t part = len - done < room ? len - done : room;
		struct plx_mbuf *m = plx_mbuf_alloc(c->pool);

		if (!m) {
			plx_mbuf_free(head);
			return NULL;
		}
		memcpy(plx_mbuf_append(m, (uint16_t)part), frame + done, part);
		if (!head)
			head = m;
		else
			want_ret(plx_mbuf_chain(head, m), 0);
		done += part;
	} while (done < len);
	return head;
}

uint32_t packet_bytes(const struct plx_mbuf *m, uint8_t *bytes)
{
	uint32_t len = 0;

	for (; m; m = m->next) {
		check(len + m->data_len <= FRAME_BYTES_MAX, "a packet of over %u bytes",
		      FRAME_BYTES_MAX);
		memcpy(bytes + len, plx_mbuf_data(m), m->data_len);
		len += m->data_len;
	}
	return len;
}

void packet_is_sound(const struct conform *c, const struct plx_mbuf *m)
{
	const char *reason = "?";

	check(plx_mbuf_check(m, true, &reason) == 0, "a received packet: %s", reason);
	want(m->port, c->port, "port of a received packet");
	want(m->refcnt, 1, "refcnt of a received packet");
	check(!(m->flags & ~(uint32_t)0xffff & ~(uint32_t)PLX_MBUF_F_ATTACHED),
	      "a received packet has flags %#x that are for sending", m->flags);
	if (!c->variant->zero_copy)
		check(plx_mbuf_pool(m) == c->pool, "a received packet is of pool %s, want %s",
		      plx_mbuf_pool(m)->name, c->pool->name);
}

struct stream stream_to_port(const struct conform *c, uint32_t first_seq, uint32_t nb)
{
	struct stream s = {
		.first_seq = first_seq,
		.nb = nb,
		.min_bytes = 60,
		.max_bytes = 1514,
		.step_bytes = 1,
		.pad_bytes = c->variant->min_frame_bytes,
		.from = c->peer->mac,
	};

	want_ret(plx_port_mac(c->port, &s.to), 0);
	return s;
}

struct stream stream_to_peer(const struct conform *c, uint32_t first_seq, uint32_t nb)
{
	struct stream s = stream_to_port(c, first_seq, nb);

	s.from = s.to;
	s.to = c->peer->mac;
	return s;
}

/* ---- In ---- */

uint32_t peer_give(struct conform *c, const struct stream *s, uint32_t from, uint32_t to)
{
	uint8_t frame[FRAME_BYTES_MAX];

	for (; from < to; from++) {
		uint32_t len = frame_make(s, from, frame);

		if (!c->peer->ops->send(c->peer, s->nb_flows ? from % s->nb_flows : 0, frame, len))
			break;
	}
	return from;
}

static void frame_is_next(const struct stream *s, uint32_t i, const uint8_t *frame, uint32_t len,
			  const char *where)
{
	char why[200];

	check(frame_is(s, i, frame, len, why, sizeof(why)), "%s: %s", where, why);
}

/* What there is at the moment, @burst at most. */
static uint32_t take_burst(struct conform *c, unsigned queue, const struct stream *s, uint32_t from,
			   uint32_t burst)
{
	struct plx_mbuf *pkts[PLX_BURST_MAX] = {NULL};
	uint8_t bytes[FRAME_BYTES_MAX];
	uint32_t nb = plx_port_rx_burst(c->port, queue, pkts, burst);

	check(nb <= burst, "rx_burst() of %u returned %u", burst, nb);
	for (uint32_t i = 0; i < nb; i++) {
		packet_is_sound(c, pkts[i]);
		frame_is_next(s, from + i, bytes, packet_bytes(pkts[i], bytes), "received");
	}
	plx_mbuf_free_bulk(pkts, nb);
	return nb;
}

void port_take(struct conform *c, unsigned queue, const struct stream *s, uint32_t from,
	       uint32_t to, uint32_t burst)
{
	uint32_t at = from;

	while (at < to) {
		uint32_t nb = 0;

		wait_until((nb = take_burst(c, queue, s, at, burst)) > 0);
		check(nb > 0, "frame %u of %u did not come in %u ms; lost on the cable: %llu", at,
		      to, CONFORM_WAIT_MS, (unsigned long long)cable_lost(c));
		at += nb;
	}
	check(at <= to, "%u frames came, want %u", at - from, to - from);
}

/* Packets that nobody sent: their number and their shape is all that can be known. */
static void endless_in(struct conform *c, unsigned queue, uint32_t nb, uint32_t burst)
{
	struct plx_mbuf *pkts[PLX_BURST_MAX];

	for (uint32_t done = 0; done < nb;) {
		uint32_t got = plx_port_rx_burst(c->port, queue, pkts, burst);

		want(got, burst, "packets of an endless port");
		for (uint32_t i = 0; i < got; i++)
			packet_is_sound(c, pkts[i]);
		plx_mbuf_free_bulk(pkts, got);
		done += got;
	}
}

void stream_in(struct conform *c, const struct stream *s, uint32_t chunk, uint32_t burst)
{
	uint32_t at = 0;

	if (c->variant->endless) {
		endless_in(c, 0, s->nb, burst);
		return;
	}
	if (!(c->peer->ops->can & PEER_SENDS))
		return;
	while (at < s->nb) {
		uint32_t to = at + chunk < s->nb ? at + chunk : s->nb, sent = at;

		wait_until((sent = peer_give(c, s, sent, to)) == to);
		want(sent, to, "the peer was to send up to frame");
		port_take(c, 0, s, at, to, burst);
		at = to;
	}
}

/* ---- Out ---- */

void port_give(struct conform *c, unsigned queue, struct plx_mbuf **pkts, uint32_t nb,
	       uint32_t burst)
{
	uint32_t done = 0;

	while (done < nb) {
		uint32_t n = nb - done < burst ? nb - done : burst, sent = 0;

		wait_until((sent = plx_port_tx_burst(c->port, queue, pkts + done, n)) > 0);
		check(sent > 0, "tx_burst() took nothing for %u ms; %u of %u were taken",
		      CONFORM_WAIT_MS, done, nb);
		check(sent <= n, "tx_burst() of %u returned %u", n, sent);
		done += sent;
	}
}

void peer_take(struct conform *c, const struct stream *s, uint32_t from, uint32_t to)
{
	uint8_t frame[FRAME_BYTES_MAX];

	if (!(c->peer->ops->can & PEER_SEES))
		return;
	for (uint32_t at = from; at < to; at++) {
		uint32_t len = PEER_NONE;

		wait_until((len = c->peer->ops->recv(c->peer, frame, sizeof(frame))) != PEER_NONE);
		check(len != PEER_NONE,
		      "the peer did not see frame %u of %u in %u ms; lost on the cable: %llu", at,
		      to, CONFORM_WAIT_MS, (unsigned long long)cable_lost(c));
		frame_is_next(s, at, frame, len, "peer saw");
	}
}

void stream_out(struct conform *c, const struct stream *s, uint32_t burst, packet_fn make)
{
	struct plx_mbuf *pkts[PLX_BURST_MAX];
	uint8_t frame[FRAME_BYTES_MAX];

	for (uint32_t at = 0; at < s->nb;) {
		uint32_t nb = s->nb - at < burst ? s->nb - at : burst;

		for (uint32_t i = 0; i < nb; i++) {
			uint32_t len = frame_make(s, at + i, frame);

			pkts[i] = make(c, frame, len, at + i);
			check(pkts[i], "no mbuf for frame %u", at + i);
		}
		port_give(c, 0, pkts, nb, burst);
		peer_take(c, s, at, at + nb);
		at += nb;
	}
}

/* ---- Both ---- */

void traffic(struct conform *c, uint32_t first_seq)
{
	struct stream in = stream_to_port(c, first_seq, TRAFFIC_FRAMES);
	struct stream out = stream_to_peer(c, first_seq + TRAFFIC_FRAMES, TRAFFIC_FRAMES);

	/* From the shortest to the longest in the few frames that there are. */
	in.step_bytes = out.step_bytes = 29;
	if (c->nb_rx > 0)
		stream_in(c, &in, BURST_USUAL, BURST_USUAL);
	if (c->nb_tx > 0)
		stream_out(c, &out, BURST_USUAL, packet_plain);
}

/* ---- Some may be lost ---- */

static void sieve_put(struct sieve *sieve, const uint8_t *frame, uint32_t len, const char *where)
{
	uint32_t i = frame_index(sieve->stream, frame, len);

	check(i != UINT32_MAX, "%s: a frame of %u bytes that nobody sent", where, len);
	check(i >= sieve->next, "%s: frame %u again or too late, after %u", where, i,
	      sieve->next - 1);
	frame_is_next(sieve->stream, i, frame, len, where);
	sieve->next = i + 1;
	sieve->nb_seen++;
	sieve->bytes += len;
}

uint32_t sieve_port(struct conform *c, struct sieve *sieve)
{
	struct plx_mbuf *pkts[BURST_USUAL];
	uint8_t bytes[FRAME_BYTES_MAX];
	uint32_t nb = plx_port_rx_burst(c->port, 0, pkts, BURST_USUAL);

	for (uint32_t i = 0; i < nb; i++) {
		packet_is_sound(c, pkts[i]);
		sieve_put(sieve, bytes, packet_bytes(pkts[i], bytes), "received");
	}
	plx_mbuf_free_bulk(pkts, nb);
	return nb;
}

uint32_t sieve_peer(struct conform *c, struct sieve *sieve)
{
	uint8_t frame[FRAME_BYTES_MAX];
	uint32_t nb = 0, len;

	for (; nb < BURST_USUAL; nb++) {
		len = c->peer->ops->recv(c->peer, frame, sizeof(frame));
		if (len == PEER_NONE)
			break;
		sieve_put(sieve, frame, len, "peer saw");
	}
	return nb;
}

uint64_t cable_lost(const struct conform *c)
{
	return c->peer->ops->lost ? c->peer->ops->lost(c->peer) : 0;
}

void port_is_quiet(struct conform *c)
{
	uint64_t end = now_ms() + CONFORM_QUIET_MS;
	struct plx_mbuf *pkt;

	if (c->variant->endless)
		return;
	while (now_ms() < end) {
		for (unsigned queue = 0; queue < c->nb_rx; queue++)
			want(plx_port_rx_burst(c->port, queue, &pkt, 1), 0,
			     "packets of queue %u that nobody sent", queue);
		sleep_us(100);
	}
}

void peer_is_quiet(struct conform *c)
{
	uint64_t end = now_ms() + CONFORM_QUIET_MS;
	uint8_t frame[FRAME_BYTES_MAX];

	if (!(c->peer->ops->can & PEER_SEES))
		return;
	while (now_ms() < end) {
		uint32_t len = c->peer->ops->recv(c->peer, frame, sizeof(frame));

		check(len == PEER_NONE, "the peer saw a frame of %u bytes that nobody sent", len);
		sleep_us(100);
	}
}
