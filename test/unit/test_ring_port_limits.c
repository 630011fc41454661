/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_ring: packets that an end does not send or does not take. The receiver looks only when its
 * sender may send what it does not take, so each way to get there is tried.
 */
#include "soft_ports.h"

extern const struct plx_port_driver plx_net_ring_driver;

static unsigned a, b;

static void start_cable(void)
{
	soft_start(&plx_net_ring_driver);
	a = soft_attach("net_ring0");
	b = soft_attach("net_ring1,peer=net_ring0");
}

TestSuite(ring_port_limits, .init = start_cable, .fini = soft_end);

/* Send one from a to b. Returns its length there, 0: it did not come. */
static uint32_t pass(struct plx_mbuf *m)
{
	uint32_t len = 0;

	assert_count(plx_port_tx_burst(a, 0, &m, 1), 1);
	if (plx_port_rx_burst(b, 0, &m, 1) == 1) {
		assert_good(m);
		len = m->pkt_len;
		plx_mbuf_free(m);
	}
	return len;
}

static uint32_t pass_plain(uint16_t len)
{
	return pass(packet_new(soft_pool, len, 0));
}

Test(ring_port_limits, the_sender_refuses)
{
	struct plx_mbuf *pkts[7];

	soft_setup(a, 1, 1, false, 1000);
	soft_setup(b, 1, 1, true, 2000);
	done(plx_port_start(a));
	done(plx_port_start(b));
	packets_make(pkts, 7, 100);
	plx_mbuf_free(pkts[2]);
	pkts[2] = chain_new(2, 10);
	plx_mbuf_free(pkts[5]);
	pkts[5] = packet_new(soft_pool, 1019, 0);
	assert_count(plx_port_tx_burst(a, 0, pkts, 7), 7);
	assert_count(plx_port_rx_burst(b, 0, pkts, 7), 5);
	plx_mbuf_free_bulk(pkts, 5);
	assert_count(soft_stats(a).tx.packets, 5);
	assert_count(soft_stats(a).tx.bytes, 500);
	assert_count(soft_stats(a).tx.errors, 2);
	assert_count(soft_xstat(a, "tx_too_long"), 1);
	assert_count(soft_xstat(a, "tx_chains_refused"), 1);
	assert_count(pass_plain(1018), 1018);
	assert_count(soft_stats(b).rx.errors, 0);
}

/* Lengths that have more bits together than the limit, 1018, though none is above it. */
Test(ring_port_limits, lengths_are_looked_at_one_by_one)
{
	static const uint16_t lens[] = {512, 1018, 60, 1000, 767, 64, 1, 1017, 256, 1018, 513};
	enum { NB = sizeof(lens) / sizeof(lens[0]) };
	struct plx_mbuf *pkts[NB];

	soft_setup(a, 1, 1, false, 1000);
	soft_setup(b, 1, 1, true, 1000);
	done(plx_port_start(a));
	done(plx_port_start(b));
	for (unsigned refused = 0; refused <= 1; refused++) {
		uint64_t bytes = 0;

		for (unsigned i = 0; i < NB; i++) {
			pkts[i] =
				packet_new(soft_pool, (uint16_t)(lens[i] + (i == 9 && refused)), 0);
			bytes += i == 9 && refused ? 0 : lens[i];
		}
		pkts[3]->flags = refused ? 0 : PLX_MBUF_F_RX_RSS_HASH;
		done(plx_port_stats_reset(a));
		assert_count(plx_port_tx_burst(a, 0, pkts, NB), NB);
		assert_count(plx_port_rx_burst(b, 0, pkts, NB), NB - refused);
		assert_count(pkts[3]->flags, 0);
		plx_mbuf_free_bulk(pkts, NB - refused);
		assert_count(soft_stats(a).tx.packets, NB - refused);
		assert_count(soft_stats(a).tx.bytes, bytes);
		assert_count(soft_stats(a).tx.errors, refused);
	}
}

/* So do those that fit into the wire here: the burst goes as one, and ends with them. One by one
 * the last packet, which is too long, would be refused though there is no room for it. */
Test(ring_port_limits, lengths_that_are_fine_go_as_one_burst)
{
	static const uint16_t lens[] = {512, 1018, 60, 1000, 767, 64, 256, 513, 1019};
	enum { NB = sizeof(lens) / sizeof(lens[0]), ROOM = NB - 1 };
	struct plx_mbuf *pkts[NB];
	unsigned port = soft_attach("net_ring2,size=8");

	soft_setup(port, 1, 1, false, 1000);
	done(plx_port_start(port));
	for (unsigned i = 0; i < NB; i++)
		pkts[i] = packet_new(soft_pool, lens[i], 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, NB), ROOM);
	assert_count(soft_stats(port).tx.packets, ROOM);
	assert_count(soft_stats(port).tx.errors, 0);
	plx_mbuf_free(pkts[ROOM]);
	assert_count(plx_port_rx_burst(port, 0, pkts, NB), ROOM);
	plx_mbuf_free_bulk(pkts, ROOM);
}

/* Refused ones amid a burst that does not fit. */
Test(ring_port_limits, the_sender_refuses_and_is_full)
{
	struct plx_mbuf *pkts[20];
	unsigned port = soft_attach("net_ring2,size=8");

	soft_setup(port, 1, 1, false, 1000);
	done(plx_port_start(port));
	packets_make(pkts, 20, 100);
	for (unsigned i = 0; i < 20; i += 4) {
		plx_mbuf_free(pkts[i]);
		pkts[i] = chain_new(2, 10);
	}
	/* 0, 4 and 8 are refused, eight go, 11 does not. */
	assert_count(plx_port_tx_burst(port, 0, pkts, 20), 11);
	plx_mbuf_free_bulk(pkts + 11, 9);
	assert_count(soft_stats(port).tx.packets, 8);
	assert_count(soft_stats(port).tx.errors, 3);
	assert_count(soft_stats(port).tx.bytes, 800);
	assert_count(plx_port_rx_burst(port, 0, pkts, 20), 8);
	plx_mbuf_free_bulk(pkts, 8);
}

Test(ring_port_limits, the_receiver_refuses)
{
	struct plx_mbuf *pkts[9];

	soft_setup(a, 1, 1, true, 2000);
	soft_setup(b, 1, 1, false, 1000);
	done(plx_port_start(b));
	done(plx_port_start(a));
	packets_make(pkts, 9, 100);
	for (unsigned i = 0; i < 9; i += 4) {
		plx_mbuf_free(pkts[i]);
		pkts[i] = i == 4 ? chain_new(2, 10) : packet_new(soft_pool, 1019, 0);
	}
	assert_count(plx_port_tx_burst(a, 0, pkts, 9), 9);
	assert_count(plx_port_rx_burst(b, 0, pkts, 9), 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_good(pkts[i]);
		assert_count(pkts[i]->pkt_len, 100);
		assert_count(pkts[i]->port, b);
	}
	plx_mbuf_free_bulk(pkts, 6);
	assert_count(soft_stats(a).tx.errors, 0);
	assert_count(soft_stats(b).rx.packets, 6);
	assert_count(soft_stats(b).rx.bytes, 600);
	assert_count(soft_stats(b).rx.errors, 3);
	assert_count(soft_xstat(b, "rx_too_long"), 2);
	assert_count(soft_xstat(b, "rx_chains_refused"), 1);
	assert_count(pass_plain(1018), 1018);
}

Test(ring_port_limits, both_take_chains)
{
	soft_setup(a, 1, 1, true, 9000);
	soft_setup(b, 1, 1, true, 9000);
	done(plx_port_start(a));
	done(plx_port_start(b));
	assert_count(pass(chain_new(5, 1500)), 7500);
	assert_count(soft_stats(b).rx.bytes, 7500);
}

/* The sender's MTU grows while both run. */
Test(ring_port_limits, the_senders_mtu_grows)
{
	soft_setup(a, 1, 1, false, 1000);
	soft_setup(b, 1, 1, false, 1000);
	done(plx_port_start(a));
	done(plx_port_start(b));
	assert_count(pass_plain(1018), 1018);
	done(plx_port_mtu_set(a, 1500));
	assert_count(pass_plain(1019), 0);
	assert_count(soft_stats(b).rx.errors, 1);
	done(plx_port_mtu_set(b, 1500));
	assert_count(pass_plain(1518), 1518);
}

/* The receiver's MTU shrinks while both run. */
Test(ring_port_limits, the_receivers_mtu_shrinks)
{
	soft_setup(a, 1, 1, false, 1500);
	soft_setup(b, 1, 1, false, 1500);
	done(plx_port_start(a));
	done(plx_port_start(b));
	assert_count(pass_plain(1518), 1518);
	done(plx_port_mtu_set(b, 1000));
	assert_count(pass_plain(1018), 1018);
	assert_count(pass_plain(1019), 0);
	assert_count(soft_stats(b).rx.errors, 1);
}

/* The sender comes back with more than it could before. */
Test(ring_port_limits, the_sender_starts_again_with_more)
{
	soft_setup(a, 1, 1, false, 1000);
	soft_setup(b, 1, 1, false, 1000);
	done(plx_port_start(a));
	done(plx_port_start(b));
	done(plx_port_stop(a));
	soft_setup(a, 1, 1, true, 2000);
	done(plx_port_start(a));
	assert_count(pass(chain_new(3, 10)), 0);
	assert_count(pass_plain(1019), 0);
	assert_count(pass_plain(1018), 1018);
	assert_count(soft_stats(b).rx.errors, 2);
}

/* A frame that was sent under a larger MTU is still in the wire when the MTU is small. */
Test(ring_port_limits, sent_before_the_senders_mtu_shrank)
{
	struct plx_mbuf *m = packet_new(soft_pool, 1500, 0);

	soft_setup(a, 1, 1, false, 1500);
	soft_setup(b, 1, 1, false, 1000);
	done(plx_port_start(a));
	done(plx_port_start(b));
	assert_count(plx_port_tx_burst(a, 0, &m, 1), 1);
	done(plx_port_mtu_set(a, 1000));
	assert_count(plx_port_rx_burst(b, 0, &m, 1), 0);
	assert_count(soft_stats(b).rx.errors, 1);
}

/* Of a loop the two ways are one. */
Test(ring_port_limits, a_loop)
{
	unsigned port = soft_attach("net_ring2");
	struct plx_port_conf conf = {
		.nb_rx_queues = 1,
		.nb_tx_queues = 1,
		.tx_offloads = PLX_PORT_TX_MULTI_SEGS,
	};
	const struct plx_port_rxq_conf rxq = {.pool = soft_pool, .node = PLX_NODE_ANY};

	done(plx_port_configure(port, &conf));
	done(plx_port_rxq_setup(port, 0, &rxq));
	done(plx_port_txq_setup(port, 0, NULL));
	done(plx_port_start(port));
	a = b = port;
	assert_count(pass(chain_new(3, 10)), 0);
	assert_count(soft_stats(port).rx.errors, 1);
	assert_count(pass_plain(60), 60);
}
