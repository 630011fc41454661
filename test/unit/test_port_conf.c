/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's life: configure, queues, start, stop, close; each refusal, and each call of the driver
 * failing in turn.
 */
#include "port_fake.h"

TestSuite(conf, .init = start_ports, .fini = end_ports);

static const struct plx_port_conf two_each = {.nb_rx_queues = 2, .nb_tx_queues = 2};

Test(conf, no_such_port)
{
	struct plx_port_rxq_conf rxq = {.pool = fake_pool};

	assert_refused(plx_port_configure(3, &two_each), -ENODEV, "no port 3");
	assert_refused(plx_port_rxq_setup(3, 0, &rxq), -ENODEV, "no port 3");
	assert_refused(plx_port_txq_setup(3, 0, NULL), -ENODEV, "no port 3");
	assert_refused(plx_port_setup(3, 1, 1, fake_pool), -ENODEV, "no port 3");
	assert_refused(plx_port_start(3), -ENODEV, "no port 3");
	assert_refused(plx_port_stop(3), -ENODEV, "no port 3");
	assert_refused(plx_port_close(3), -ENODEV, "no port 3");
}

Test(conf, values_out_of_range)
{
	static const struct {
		struct plx_port_conf conf;
		int ret;
		const char *word;
	} cases[] = {
		{{.nb_rx_queues = 5}, -EINVAL, "receive queues: 5 is not in [0, 4]"},
		{{.nb_tx_queues = 65}, -EINVAL, "transmit queues: 65 is not in [0, 64]"},
		{{.mtu = 1500}, -EINVAL, "at least one queue"},
		{{.nb_rx_queues = 1, .mtu = 67}, -EINVAL, "MTU: 67 is not in [68, 9000]"},
		{{.nb_rx_queues = 1, .mtu = 9001}, -EINVAL, "9001"},
		{{.nb_rx_queues = 1, .rx_offloads = PLX_PORT_RX_TIMESTAMP}, -ENOTSUP, "0x100"},
		{{.nb_rx_queues = 1, .tx_offloads = PLX_PORT_TX_TSO}, -ENOTSUP, "0x20"},
		{{.nb_rx_queues = 1, .rss = {.types = PLX_PORT_RSS_IPV4_TCP}}, -ENOTSUP, "types"},
		{{.nb_tx_queues = 1, .rss = {.types = PLX_PORT_RSS_IPV4}}, -EINVAL, "no receive"},
		{{.nb_rx_queues = 1, .rss = {.types = PLX_PORT_RSS_IPV4, .key_bytes = 39}},
		 -EINVAL,
		 "key bytes"},
		{{.nb_rx_queues = 1, .rss = {.types = PLX_PORT_RSS_IPV4, .reta_size = 64}},
		 -EINVAL,
		 "table entries"},
		{{.nb_rx_queues = 1,
		  .rss = {.types = PLX_PORT_RSS_IPV4, .reta_size = FAKE_RETA, .reta = {0, 1}}},
		 -EINVAL,
		 "table entry 1: queue 1"},
	};
	unsigned port = setup("net_fake0", 1);

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++)
		assert_refused(plx_port_configure(port, &cases[i].conf), cases[i].ret,
			       cases[i].word);
	assert_refused(plx_port_configure(port, NULL), -EINVAL, "NULL");
	cr_assert_eq(state_of(port), PLX_PORT_CONFIGURED, "a refusal changes nothing");
	assert_done(plx_port_start(port));
}

Test(conf, abilities_that_the_driver_lacks)
{
	static const struct {
		uint32_t can;
		struct plx_port_conf conf;
		const char *word;
	} cases[] = {
		{PLX_PORT_CAN_MTU_SET, {.nb_rx_queues = 1, .mtu = 1400}, "MTU"},
		{PLX_PORT_CAN_PROMISC, {.nb_rx_queues = 1, .promisc = true}, "promiscuous"},
		{PLX_PORT_CAN_ALLMULTI, {.nb_rx_queues = 1, .allmulti = true}, "multicast"},
		{PLX_PORT_CAN_RSS, {.nb_rx_queues = 1, .rss = {.types = 1}}, "RSS"},
	};
	unsigned port = attach("net_fake0");

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		fake.can = 0xff & ~cases[i].can;
		assert_refused(plx_port_configure(port, &cases[i].conf), -ENOTSUP, cases[i].word);
		fake.can = 0xff;
		assert_done(plx_port_configure(port, &cases[i].conf));
		assert_done(plx_port_close(port));
	}
	fake.can = 0;
	cr_assert_eq(plx_port_setup(port, 1, 1, fake_pool), 0, "the MTU it has is no change");
}

Test(conf, what_the_driver_gets)
{
	struct plx_port_conf conf = two_each;
	struct plx_port_rxq_conf rxq = {.pool = fake_pool, .nb_desc = 64, .node = 0};
	unsigned port = attach("net_fake0");

	conf.mtu = 1400;
	conf.promisc = true;
	conf.rx_offloads = PLX_PORT_RX_SCATTER;
	conf.rss.types = PLX_PORT_RSS_IPV4;
	assert_done(plx_port_configure(port, &conf));
	cr_assert_eq(fake.last->conf.nb_rx_queues, 2);
	cr_assert_eq(fake.last->conf.mtu, 1400);
	cr_assert_eq(fake.last->mtu, 1400);
	cr_assert(fake.last->promisc);
	cr_assert_not(fake.last->allmulti);
	cr_assert_eq(fake.last->conf.rss.reta_size, FAKE_RETA);
	for (unsigned i = 0; i < FAKE_RETA; i++)
		cr_assert_eq(fake.last->conf.rss.reta[i], i % 2, "%u", i);
	cr_assert_eq(fake.calls[FAKE_PROMISC_SET], 1);
	cr_assert_eq(fake.calls[FAKE_ALLMULTI_SET], 0);

	assert_done(plx_port_rxq_setup(port, 1, &rxq));
	cr_assert_eq(rxq_of(1)->base.pool, fake_pool);
	cr_assert_eq(rxq_of(1)->base.port, fake.last);
	cr_assert_eq(rxq_of(1)->base.port_id, port);
	cr_assert_eq(rxq_of(1)->base.queue, 1);
	cr_assert_eq(rxq_of(1)->base.nb_desc, 64);
	cr_assert_eq(rxq_of(1)->base.node, 0);
	cr_assert_eq(rxq_of(1)->base.stats.packets, 0);
	cr_assert_eq(rxq_of(1)->nb_truncated, 0);
	assert_done(plx_port_txq_setup(port, 0, NULL));
	cr_assert_eq(txq_of(0)->base.nb_desc, 512);
	cr_assert_eq(txq_of(0)->base.node, PLX_NODE_ANY);

	conf.mtu = 0;
	conf.promisc = false;
	assert_done(plx_port_configure(port, &conf));
	cr_assert_eq(fake.last->mtu, 1400, "0 leaves it");
	cr_assert_eq(plx_port_promisc(port), 1, "false leaves it");
	cr_assert_null(fake.last->rxqs[1], "queues of before are released");
	cr_assert_null(fake.last->txqs[0]);
}

Test(conf, queue_refusals)
{
	struct plx_mempool *small = packets_new("small", 16, 1513, 0);
	struct plx_mempool *fits = packets_new("fits", 16, 1514, 0);
	struct plx_mempool *other = pool_new("other", 16, 2048, 0);
	struct plx_port_rxq_conf good = {.pool = fake_pool}, rxq = good;
	struct plx_port_txq_conf txq = {.nb_desc = 32769};
	struct plx_port_conf conf = two_each;
	unsigned port = attach("net_fake0");

	assert_refused(plx_port_rxq_setup(port, 0, &good), -EBUSY, "not configured");
	assert_refused(plx_port_txq_setup(port, 0, NULL), -EBUSY, "not configured");
	assert_done(plx_port_configure(port, &conf));
	assert_refused(plx_port_rxq_setup(port, 2, &good), -EINVAL, "configured are 2");
	assert_refused(plx_port_txq_setup(port, 2, NULL), -EINVAL, "configured are 2");
	assert_refused(plx_port_rxq_setup(port, 0, NULL), -EINVAL, "NULL");
	rxq.pool = NULL;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "pool");
	rxq.pool = other;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "pool");
	rxq.pool = small;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "1513");
	rxq.pool = fits;
	assert_done(plx_port_rxq_setup(port, 0, &rxq));
	rxq = good;
	rxq.nb_desc = 24;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "24 descriptors");
	rxq.nb_desc = 1032;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "32 to 1024");
	rxq.nb_desc = 33;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "multiple of 8");
	rxq.nb_desc = 32;
	rxq.node = PLX_NODE_MAX;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "node 8");
	rxq.node = -2;
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EINVAL, "node -2");
	assert_refused(plx_port_txq_setup(port, 0, &txq), -EINVAL, "32769");
	cr_assert_not_null(fake.last->rxqs[0], "a refusal leaves the queue that is there");
	conf.rx_offloads = PLX_PORT_RX_SCATTER;
	assert_done(plx_port_configure(port, &conf));
	rxq = (struct plx_port_rxq_conf){.pool = small};
	assert_done(plx_port_rxq_setup(port, 0, &rxq));
	assert_done(plx_port_close(port));
	plx_mbuf_pool_destroy(small);
	plx_mbuf_pool_destroy(fits);
	plx_mempool_destroy(other);
}

Test(conf, states)
{
	struct plx_port_rxq_conf rxq = {.pool = fake_pool};
	unsigned port = attach("net_fake0");

	cr_assert_eq(state_of(port), PLX_PORT_ATTACHED);
	assert_refused(plx_port_start(port), -EBUSY, "not configured");
	assert_done(plx_port_stop(port));
	assert_done(plx_port_configure(port, &two_each));
	cr_assert_eq(state_of(port), PLX_PORT_CONFIGURED);
	assert_refused(plx_port_start(port), -EBUSY, "receive queue 0");
	assert_done(plx_port_rxq_setup(port, 0, &rxq));
	assert_done(plx_port_rxq_setup(port, 1, &rxq));
	assert_done(plx_port_txq_setup(port, 0, NULL));
	assert_refused(plx_port_start(port), -EBUSY, "transmit queue 1");
	assert_done(plx_port_txq_setup(port, 1, NULL));
	assert_done(plx_port_start(port));
	cr_assert_eq(state_of(port), PLX_PORT_STARTED);
	assert_refused(plx_port_start(port), -EBUSY, "started already");
	assert_refused(plx_port_configure(port, &two_each), -EBUSY, "stop it");
	assert_refused(plx_port_rxq_setup(port, 0, &rxq), -EBUSY, "stop it");
	assert_refused(plx_port_txq_setup(port, 0, NULL), -EBUSY, "stop it");
	cr_assert_eq(fake.nb_started, 1);
	assert_done(plx_port_stop(port));
	assert_done(plx_port_stop(port));
	cr_assert_eq(fake.nb_started, 0);
	cr_assert_eq(state_of(port), PLX_PORT_CONFIGURED);
	assert_done(plx_port_start(port));
	assert_done(plx_port_close(port));
	cr_assert_eq(state_of(port), PLX_PORT_ATTACHED);
	cr_assert_eq(fake.nb_started + fake.nb_rxqs + fake.nb_txqs, 0);
	cr_assert_eq(fake.last->conf.nb_rx_queues, 0);
	assert_done(plx_port_close(port));
}

Test(conf, queues_are_made_anew)
{
	struct plx_port_rxq_conf rxq = {.pool = fake_pool, .nb_desc = 1024};
	unsigned port = setup("net_fake0", 2);

	assert_done(plx_port_rxq_setup(port, 1, &rxq));
	cr_assert_eq(fake.nb_rxqs, 2, "%d", fake.nb_rxqs);
	cr_assert_eq(rxq_of(1)->base.nb_desc, 1024);
	fake.fail = FAKE_RXQ;
	assert_failed(plx_port_rxq_setup(port, 1, &rxq));
	cr_assert_eq(fake.nb_rxqs, 1, "the old one is gone");
	assert_refused(plx_port_start(port), -EBUSY, "receive queue 1 is not set up");
	fake.fail = FAKE_TXQ;
	assert_failed(plx_port_txq_setup(port, 0, NULL));
	cr_assert_eq(fake.nb_txqs, 1);
}

/* All that a driver without setups gets: structs with their base, zero beyond it. */
Test(conf, queues_of_a_driver_without_setups)
{
	unsigned port = attach("net_plain0");
	struct plx_mbuf *pkt;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(plx_port_setup(port, 1, 1, fake_pool), 0);
		cr_assert_eq((uintptr_t)rxq_of(0) % PLX_CACHE_LINE, 0);
		cr_assert_eq(rxq_of(0)->base.pool, fake_pool);
		cr_assert_eq(rxq_of(0)->base.port, fake.last);
		cr_assert_eq(rxq_of(0)->base.nb_desc, 512, "%u", rxq_of(0)->base.nb_desc);
		assert_zeros(rxq_of(0), sizeof(struct plx_port_rxq), sizeof(struct fake_rxq));
		assert_zeros(txq_of(0), sizeof(struct plx_port_txq), sizeof(struct fake_txq));
		assert_done(plx_port_start(port));
		rxq_of(0)->to_give = 1;
		cr_assert_eq(plx_port_rx_burst(port, 0, &pkt, 1), 1);
		cr_assert_eq(plx_port_tx_or_drop(port, 0, &pkt, 1), 0, "it has no room");
		assert_done(plx_port_stop(port));
		memset((char *)rxq_of(0) + sizeof(struct plx_port_rxq), 0x5a,
		       sizeof(struct fake_rxq) - sizeof(struct plx_port_rxq));
	}
}

Test(conf, one_way_only)
{
	unsigned rx = attach("net_fake0"), tx = attach("net_fake1");

	cr_assert_eq(plx_port_setup(rx, 4, 0, fake_pool), 0);
	assert_done(plx_port_start(rx));
	cr_assert_eq(plx_port_setup(tx, 0, PLX_PORT_QUEUES_MAX, NULL), 0);
	assert_done(plx_port_start(tx));
	assert_done(plx_port_stop(rx));
	assert_done(plx_port_stop(tx));
}

/* From configure to start, the driver's n-th call fails: what was there before is gone or as it
 * was, nothing is started, and the same calls work when they are made again. */
Test(conf, each_call_of_the_driver_fails_in_turn)
{
	static const struct {
		enum fake_op op;
		unsigned after;
		enum plx_port_state state;
	} cases[] = {
		{FAKE_MTU_SET, 0, PLX_PORT_ATTACHED},	  {FAKE_CONFIGURE, 0, PLX_PORT_ATTACHED},
		{FAKE_PROMISC_SET, 0, PLX_PORT_ATTACHED}, {FAKE_ALLMULTI_SET, 0, PLX_PORT_ATTACHED},
		{FAKE_RXQ, 0, PLX_PORT_CONFIGURED},	  {FAKE_RXQ, 1, PLX_PORT_CONFIGURED},
		{FAKE_TXQ, 0, PLX_PORT_CONFIGURED},	  {FAKE_TXQ, 1, PLX_PORT_CONFIGURED},
		{FAKE_START, 0, PLX_PORT_CONFIGURED},
	};
	struct plx_port_rxq_conf rxq = {.pool = fake_pool};
	struct plx_port_conf conf = two_each;

	conf.mtu = 1600;
	conf.promisc = true;
	conf.allmulti = true;
	for (size_t i = 0; i <= PLX_ARRAY_SIZE(cases); i++) {
		bool fails = i < PLX_ARRAY_SIZE(cases);
		unsigned port = attach("net_fake0");
		int ret;

		if (fails) {
			fake.fail = cases[i].op;
			fake.fail_after = cases[i].after;
		}
		ret = plx_port_configure(port, &conf);
		if (ret) {
			cr_assert_eq(fake.last->mtu, 1500, "case %zu: %u", i, fake.last->mtu);
			cr_assert_eq(plx_port_promisc(port), 0, "case %zu", i);
			cr_assert_eq(plx_port_allmulti(port), 0, "case %zu", i);
			cr_assert_not(fake.promisc, "case %zu", i);
		}
		for (unsigned q = 0; ret == 0 && q < 2; q++)
			ret = plx_port_rxq_setup(port, q, &rxq);
		for (unsigned q = 0; ret == 0 && q < 2; q++)
			ret = plx_port_txq_setup(port, q, NULL);
		if (ret == 0)
			ret = plx_port_start(port);
		cr_assert_eq(ret, fails ? -EIO : 0, "case %zu: %d", i, ret);
		if (fails) {
			cr_assert_eq(state_of(port), cases[i].state, "case %zu", i);
			cr_assert_eq(fake.nb_started, 0, "case %zu", i);
			cr_assert_eq(plx_port_rx_burst(port, 0, (struct plx_mbuf *[1]){0}, 1), 0);
			cr_assert_eq(plx_port_setup(port, 2, 2, fake_pool), 0, "again");
			assert_done(plx_port_start(port));
		}
		assert_done(plx_port_stop(port));
		assert_done(plx_port_detach(port));
		cr_assert_eq(fake.nb_ports + fake.nb_rxqs + fake.nb_txqs + fake.nb_started, 0,
			     "case %zu", i);
	}
}

Test(conf, a_driver_that_forgets_a_burst_does_not_start)
{
	unsigned port = setup("net_fake0", 1);

	fake.no_burst = true;
	assert_refused(plx_port_start(port), -ENOSYS, "without a burst");
	cr_assert_eq(state_of(port), PLX_PORT_CONFIGURED);
	cr_assert_eq(fake.nb_started, 0);
	fake.no_burst = false;
	assert_done(plx_port_start(port));
}
