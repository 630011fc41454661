/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet to be sent may be made of: chains, clones, other pools, the caller's own memory. */
#include "conform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A chain of segments of the given lengths in turns; they may be 0. */
static struct plx_mbuf *chain_of(struct plx_mempool *pool, const uint8_t *frame, uint32_t len,
				 unsigned nb_segs, const uint32_t *cuts, unsigned nb_cuts)
{
	struct plx_mbuf *head = NULL;
	uint32_t done = 0;

	for (unsigned i = 0; i < nb_segs; i++) {
		struct plx_mbuf *m = plx_mbuf_alloc(pool);
		uint32_t part = cuts[i % nb_cuts], left = len - done;

		check(m, "no mbuf");
		if (part > left || i == nb_segs - 1)
			part = left;
		memcpy(plx_mbuf_append(m, (uint16_t)part), frame + done, part);
		done += part;
		if (!head)
			head = m;
		else
			want_ret(plx_mbuf_chain(head, m), 0);
	}
	return head;
}

static struct plx_mbuf *packet_chain(struct conform *c, const uint8_t *frame, uint32_t len,
				     uint32_t index)
{
	static const uint32_t cuts[] = {1, 13, 14, 3, 60, 7, 200, 33};
	unsigned at = index % PLX_ARRAY_SIZE(cuts);

	return chain_of(c->pool, frame, len, 2 + index % 7, cuts + at, 1 + (8 - at) / 2);
}

static struct plx_mbuf *packet_with_empty(struct conform *c, const uint8_t *frame, uint32_t len,
					  uint32_t index)
{
	static const uint32_t cuts[][3] = {{0, 60, 20}, {20, 0, 9}, {14, 0, 0}, {0, 0, 40}};

	return chain_of(c->pool, frame, len, 3 + index % 2, cuts[index % 4], 3);
}

/* Many segments: some drivers hand them to the kernel in a table of their own. */
static struct plx_mbuf *packet_long_chain(struct conform *c, const uint8_t *frame, uint32_t len,
					  uint32_t index)
{
	static const uint32_t cuts[] = {4, 5, 6, 7};

	return chain_of(c->pool, frame, len, 9 + index * 7 % 56, cuts, 4);
}

static void refuses_chains(struct conform *c)
{
	struct plx_port_stats before = port_stats(c), now;
	struct plx_mbuf *pkts[8];
	uint8_t frame[FRAME_BYTES_MAX];
	struct stream s = stream_to_peer(c, 1, 8);

	for (uint32_t i = 0; i < 8; i++)
		pkts[i] = packet_chain(c, frame, frame_make(&s, i, frame), i);
	port_give(c, 0, pkts, 8, 8);
	wait_until((now = port_stats(c), now.tx.errors - before.tx.errors == 8));
	want(now.tx.errors - before.tx.errors, 8, "tx_errors of chains that were not asked for");
	want(now.tx.packets, before.tx.packets, "tx_packets of chains that were not asked for");
	peer_is_quiet(c);
}

static void chains_by(struct conform *c, packet_fn make)
{
	struct stream s;

	port_up(c);
	if (!(c->info.tx_offloads & PLX_PORT_TX_MULTI_SEGS)) {
		refuses_chains(c);
		note("none");
	} else {
		s = stream_to_peer(c, 1, 336);
		s.step_bytes = 53;
		stream_out(c, &s, 16, make);
		want(port_stats(c).tx.packets, s.nb, "tx_packets");
		want(port_stats(c).tx.bytes, stream_bytes(&s, 0, s.nb), "tx_bytes");
	}
	traffic(c, 1000);
	port_down(c);
}

static void tx_chains(struct conform *c)
{
	chains_by(c, packet_chain);
}

static void tx_empty_segments(struct conform *c)
{
	chains_by(c, packet_with_empty);
}

static void tx_long_chains(struct conform *c)
{
	chains_by(c, packet_long_chain);
}

/* Offered, and not asked for. */
static void tx_chains_not_asked(struct conform *c)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	const struct plx_port_rxq_conf rxq = {.pool = c->pool, .node = PLX_NODE_ANY};

	port_attach(c);
	want_ret(plx_port_configure(c->port, &conf), 0);
	want_ret(plx_port_rxq_setup(c->port, 0, &rxq), 0);
	want_ret(plx_port_txq_setup(c->port, 0, NULL), 0);
	c->nb_rx = c->nb_tx = 1;
	port_start(c);
	refuses_chains(c);
	traffic(c, 1000);
	port_down(c);
}

/* ---- Shared and foreign buffers ---- */

/* The packet is sent while the test keeps a share: the data stay as they are. */
static void tx_shared(struct conform *c)
{
	enum { NB = 64 };
	struct plx_mbuf *kept[NB], *pkts[NB];
	uint8_t frame[FRAME_BYTES_MAX], bytes[FRAME_BYTES_MAX];
	struct stream s;

	port_up(c);
	s = stream_to_peer(c, 1, NB);
	for (uint32_t i = 0; i < NB; i++) {
		kept[i] = packet_plain(c, frame, frame_make(&s, i, frame), i);
		if (i % 2) {
			pkts[i] = plx_mbuf_clone(kept[i], c->pool);
		} else {
			plx_mbuf_share(kept[i], 1);
			pkts[i] = kept[i];
		}
		check(pkts[i], "no mbuf");
	}
	for (uint32_t i = 0; i < NB; i += 16) {
		port_give(c, 0, pkts + i, 16, 16);
		peer_take(c, &s, i, i + 16);
	}
	for (uint32_t i = 0; i < NB; i++) {
		uint32_t len = frame_make(&s, i, frame);

		want(packet_bytes(kept[i], bytes), len, "bytes of a packet that was sent");
		check(memcmp(frame, bytes, len) == 0, "the data of frame %u changed", i);
	}
	plx_mbuf_free_bulk(kept, NB);
	traffic(c, 1000);
	port_down(c);
}

struct own_memory {
	struct plx_mbuf_ext ext;
	uint8_t bytes[2048];
	bool is_free;
};

static void own_memory_free(void *addr, void *arg)
{
	(void)addr;
	((struct own_memory *)arg)->is_free = true;
}

static void tx_own_memory(struct conform *c)
{
	enum { NB = 32 };
	struct own_memory *memory = calloc(NB, sizeof(*memory));
	struct plx_mbuf *pkts[NB];
	struct stream s;

	check(memory, "no memory");
	port_up(c);
	s = stream_to_peer(c, 1, NB);
	s.step_bytes = 47;
	for (uint32_t i = 0; i < NB; i++) {
		struct own_memory *own = &memory[i];
		uint32_t len = frame_make(&s, i, own->bytes);

		pkts[i] = plx_mbuf_alloc(c->pool);
		check(pkts[i], "no mbuf");
		plx_mbuf_ext_init(&own->ext, own->bytes, own_memory_free, own);
		want_ret(plx_mbuf_attach_ext(pkts[i], own->bytes, PLX_IOVA_BAD, sizeof(own->bytes),
					     &own->ext),
			 0);
		check(plx_mbuf_append(pkts[i], (uint16_t)len), "no room");
		plx_mbuf_ext_release(&own->ext);
	}
	port_give(c, 0, pkts, NB, 16);
	peer_take(c, &s, 0, NB);
	port_stop(c);
	for (uint32_t i = 0; i < NB; i++)
		check(memory[i].is_free, "the memory of packet %u was not given back", i);
	port_start(c);
	traffic(c, 1000);
	port_down(c);
	free(memory);
}

static struct plx_mempool *foreign;

static struct plx_mbuf *packet_foreign(struct conform *c, const uint8_t *frame, uint32_t len,
				       uint32_t index)
{
	struct plx_mempool *own = c->pool;
	struct plx_mbuf *m;

	c->pool = index % 3 ? foreign : own;
	m = packet_plain(c, frame, len, index);
	c->pool = own;
	return m;
}

/* Packets of a pool that the port has never heard of, among those of its own. */
static void tx_foreign_pool(struct conform *c)
{
	struct stream s;

	foreign = pool_new("foreign", 512, 3000);
	port_up(c);
	s = stream_to_peer(c, 1, 1200);
	s.step_bytes = 41;
	stream_out(c, &s, 32, packet_foreign);
	want(port_stats(c).tx.packets, s.nb, "tx_packets");
	traffic(c, 10000);
	port_stop(c);
	pool_is_home(foreign);
	port_detach(c);
	plx_mbuf_pool_destroy(foreign);
}

/* A port that only sends has no pool of its own at all. */
static void tx_only_foreign(struct conform *c)
{
	struct stream s;

	foreign = pool_new("foreign", 512, 3000);
	port_attach(c);
	port_setup(c, 0, 1);
	port_start(c);
	s = stream_to_peer(c, 1, 300);
	stream_out(c, &s, 32, packet_foreign);
	want(port_stats(c).tx.packets, s.nb, "tx_packets");
	port_stop(c);
	pool_is_home(foreign);
	port_detach(c);
	plx_mbuf_pool_destroy(foreign);
}

const struct conform_case cases_chains[] = {
	{.name = "tx_chains", .run = tx_chains},
	{.name = "tx_empty_segments", .run = tx_empty_segments},
	{.name = "tx_long_chains", .run = tx_long_chains},
	{.name = "tx_chains_not_asked", .run = tx_chains_not_asked},
	{.name = "tx_shared", .run = tx_shared},
	{.name = "tx_own_memory", .run = tx_own_memory},
	{.name = "tx_foreign_pool", .run = tx_foreign_pool},
	{.name = "tx_only_foreign", .run = tx_only_foreign},
	{.name = NULL},
};
