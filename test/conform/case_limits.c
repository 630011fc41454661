/* SPDX-License-Identifier: BSD-3-Clause */
/* Each limit that info states: what lies at it works, what lies beyond is refused, in one line. */
#include "conform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int configure(const struct conform *c, unsigned nb_rx, unsigned nb_tx)
{
	const struct plx_port_conf conf = {.nb_rx_queues = nb_rx, .nb_tx_queues = nb_tx};

	return plx_port_configure(c->port, &conf);
}

static void queue_counts(struct conform *c)
{
	unsigned max_rx, max_tx;

	port_attach(c);
	max_rx = c->info.max_rx_queues;
	max_tx = c->info.max_tx_queues;
	refused(configure(c, 0, 0), -EINVAL);
	refused(configure(c, max_rx + 1, 1), -EINVAL);
	refused(configure(c, 1, max_tx + 1), -EINVAL);
	port_info(c);
	want(c->info.state, PLX_PORT_ATTACHED, "state after what was refused");

	port_setup(c, max_rx, max_tx);
	refused(plx_port_txq_setup(c->port, max_tx, NULL), -EINVAL);
	port_start(c);
	port_stop(c);
	port_setup(c, 1, 0);
	port_start(c);
	traffic(c, 1);
	port_stop(c);
	port_setup(c, 0, 1);
	port_start(c);
	traffic(c, 1000);
	port_down(c);
	note("%u rx, %u tx", max_rx, max_tx);
}

static int setup_rx(struct conform *c, struct plx_mempool *pool, uint32_t nb_desc)
{
	const struct plx_port_rxq_conf conf = {
		.pool = pool, .nb_desc = nb_desc, .node = PLX_NODE_ANY};

	return plx_port_rxq_setup(c->port, 0, &conf);
}

static int setup_tx(struct conform *c, uint32_t nb_desc)
{
	const struct plx_port_txq_conf conf = {.nb_desc = nb_desc, .node = PLX_NODE_ANY};

	return plx_port_txq_setup(c->port, 0, &conf);
}

static void ring_sizes(struct conform *c)
{
	struct plx_mempool *first = c->pool;
	struct plx_port_limits rx, tx;
	uint32_t sizes[2][3];

	port_attach(c);
	rx = c->info.rx_ring;
	tx = c->info.tx_ring;
	/* The largest ring full of packets, those of the other direction, and some on the way. */
	c->pool = pool_new("large", rx.max + tx.max + 4096, 0);
	port_setup(c, 1, 1);
	if (rx.min > 1)
		refused(setup_rx(c, c->pool, rx.min - 1), -EINVAL);
	refused(setup_rx(c, c->pool, rx.max + rx.step), -EINVAL);
	refused(setup_rx(c, c->pool, UINT32_MAX - rx.step + 1), -EINVAL);
	if (rx.step > 1)
		refused(setup_rx(c, c->pool, rx.min + 1), -EINVAL);
	if (tx.min > 1)
		refused(setup_tx(c, tx.min - 1), -EINVAL);
	refused(setup_tx(c, tx.max + tx.step), -EINVAL);
	if (tx.step > 1)
		refused(setup_tx(c, tx.min + 1), -EINVAL);

	sizes[0][0] = rx.min;
	sizes[0][1] = rx.min + rx.step <= rx.max ? rx.min + rx.step : rx.max;
	sizes[0][2] = rx.max;
	sizes[1][0] = tx.min;
	sizes[1][1] = tx.min + tx.step <= tx.max ? tx.min + tx.step : tx.max;
	sizes[1][2] = tx.max;
	for (unsigned i = 0; i < 3; i++) {
		want_ret(setup_rx(c, c->pool, sizes[0][i]), 0);
		want_ret(setup_tx(c, sizes[1][i]), 0);
		port_start(c);
		/* One at a time: this has to do for a ring of one. */
		{
			struct stream in = stream_to_port(c, 1 + i * 1000, 100);
			struct stream out = stream_to_peer(c, 501 + i * 1000, 100);

			stream_in(c, &in, 1, 1);
			stream_out(c, &out, 1, packet_plain);
		}
		port_stop(c);
	}
	want_ret(plx_port_close(c->port), 0);
	pool_is_home(c->pool);
	plx_mbuf_pool_destroy(c->pool);
	c->pool = first;
	port_detach(c);
	note("rx [%u, %u], tx [%u, %u]", rx.min, rx.max, tx.min, tx.max);
}

/* And it stays: what the interface tells of an earlier one must not come after it. */
static void mtu_becomes(struct conform *c, uint32_t want_mtu)
{
	uint32_t mtu;

	want_ret(plx_port_mtu_set(c->port, want_mtu), 0);
	for (unsigned i = 0; i < 20; i++) {
		want_ret(plx_port_mtu(c->port, &mtu), 0);
		want(mtu, want_mtu, "MTU");
		sleep_us(20);
	}
}

static void mtu_limits(struct conform *c)
{
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	uint32_t min, max, mtu, first;

	port_attach(c);
	min = c->info.min_mtu;
	max = c->info.max_mtu;
	want_ret(plx_port_mtu(c->port, &first), 0);
	if (!(c->info.can & PLX_PORT_CAN_MTU_SET)) {
		refused(plx_port_mtu_set(c->port, first), -ENOTSUP);
		port_detach(c);
		return;
	}
	refused(plx_port_mtu_set(c->port, min - 1), -EINVAL);
	refused(plx_port_mtu_set(c->port, max + 1), -EINVAL);
	refused(plx_port_mtu_set(c->port, UINT32_MAX), -EINVAL);
	conf.mtu = max + 1;
	refused(plx_port_configure(c->port, &conf), -EINVAL);
	want_ret(plx_port_mtu(c->port, &mtu), 0);
	want(mtu, first, "MTU after what was refused");

	for (unsigned i = 0; i < 20; i++) {
		mtu_becomes(c, min);
		mtu_becomes(c, max);
	}
	port_info(c);
	check(c->info.max_frame_bytes >= FRAME_HEADER_BYTES + max, "max_frame_bytes %u, MTU %u",
	      c->info.max_frame_bytes, max);
	want_ret(plx_port_mtu_set(c->port, first), 0);
	port_setup(c, 1, 1);
	want_ret(plx_port_mtu(c->port, &mtu), 0);
	want(mtu, first, "MTU after a configuration with 0");
	port_start(c);
	traffic(c, 1);
	port_down(c);
	note("[%u, %u]", min, max);
}

static void offloads(struct conform *c)
{
	enum { RX_ALL = PLX_PORT_RX_TIMESTAMP * 2 - 1, TX_ALL = PLX_PORT_TX_MULTI_SEGS * 2 - 1 };
	unsigned nb = 0;

	port_attach(c);
	for (uint32_t bit = 1; bit <= RX_ALL; bit <<= 1) {
		struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};

		conf.rx_offloads = bit;
		if (c->info.rx_offloads & bit) {
			want_ret(plx_port_configure(c->port, &conf), 0);
			nb++;
		} else {
			refused(plx_port_configure(c->port, &conf), -ENOTSUP);
		}
	}
	for (uint32_t bit = 1; bit <= TX_ALL; bit <<= 1) {
		struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};

		conf.tx_offloads = bit;
		if (c->info.tx_offloads & bit) {
			want_ret(plx_port_configure(c->port, &conf), 0);
			nb++;
		} else {
			refused(plx_port_configure(c->port, &conf), -ENOTSUP);
		}
	}
	port_setup(c, 1, 1);
	port_start(c);
	traffic(c, 1);
	port_down(c);
	note("%u offered", nb);
}

/* Without scattered receive an mbuf has to hold a whole frame. */
static void small_room(struct conform *c)
{
	struct plx_mempool *small = pool_new("small", 1024, 256);

	port_attach(c);
	want_ret(configure(c, 1, 1), 0);
	if (!c->variant->endless)
		refused(setup_rx(c, small, 0), -EINVAL);
	want_ret(setup_rx(c, c->pool, 0), 0);
	port_detach(c);
	pool_is_home(small);
	plx_mbuf_pool_destroy(small);
}

static void rss(struct conform *c)
{
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	struct plx_port_rss now;

	port_attach(c);
	conf.rss.types = c->info.rss_types ? ~c->info.rss_types & 0x3f : PLX_PORT_RSS_IPV4;
	if (conf.rss.types)
		refused(plx_port_configure(c->port, &conf), -ENOTSUP);
	port_setup(c, 1, 1);
	memset(&now, 0, sizeof(now));
	if (!(c->info.can & PLX_PORT_CAN_RSS)) {
		refused(plx_port_rss(c->port, &now), -ENOTSUP);
		refused(plx_port_rss_set(c->port, &now), -ENOTSUP);
		port_detach(c);
		return;
	}
	now.types = c->info.rss_types;
	want_ret(plx_port_rss_set(c->port, &now), 0);
	want_ret(plx_port_rss(c->port, &now), 0);
	want(now.types, c->info.rss_types, "RSS types");
	want(now.key_bytes, c->info.rss_key_bytes, "RSS key's bytes");
	want(now.reta_size, c->info.reta_size, "RSS table's entries");
	for (unsigned i = 0; i < now.reta_size; i++)
		want(now.reta[i], 0, "queue of RSS table entry %u", i);
	now.reta[0] = 1;
	refused(plx_port_rss_set(c->port, &now), -EINVAL);
	port_detach(c);
}

const struct conform_case cases_limits[] = {
	{.name = "queue_counts", .run = queue_counts},
	{.name = "ring_sizes", .run = ring_sizes},
	{.name = "mtu_limits", .run = mtu_limits},
	{.name = "offloads", .run = offloads},
	{.name = "small_room", .run = small_room},
	{.name = "rss", .run = rss},
	{.name = NULL},
};
