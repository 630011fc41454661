/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters: sums, names, resets, what they are after queues were made anew, and readers that run
 * beside all that.
 */
#include "port_fake.h"

TestSuite(port_stats, .init = start_ports, .fini = end_ports);

static struct plx_mbuf *pkts[64];

/* @nb packets in and out through one queue. */
static void pass(unsigned port, unsigned queue, uint32_t nb)
{
	rxq_of(queue)->to_give += nb;
	cr_assert_eq(plx_port_rx_burst(port, queue, pkts, nb), nb);
	cr_assert_eq(plx_port_tx_burst(port, queue, pkts, nb), nb);
	fake_send(txq_of(queue));
}

static uint64_t xstat(unsigned port, const char *name)
{
	uint64_t value = ~0ull;
	int ret = plx_port_xstat(port, name, &value);

	cr_assert_eq(ret, 0, "%s: %d", name, ret);
	return value;
}

static struct plx_port_stats stats_of(unsigned port)
{
	struct plx_port_stats stats;

	cr_assert_eq(plx_port_stats(port, &stats), 0);
	return stats;
}

Test(port_stats, refusals)
{
	struct plx_port_stats stats;
	struct plx_port_rx_stats rx;
	struct plx_port_tx_stats tx;
	uint64_t value;
	unsigned port = attach("net_fake0");

	assert_refused(plx_port_stats(5, &stats), -ENODEV, "no port 5");
	assert_refused(plx_port_stats(port, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_rxq_stats(5, 0, &rx), -ENODEV, "no port 5");
	assert_refused(plx_port_rxq_stats(PLX_PORT_NONE, 0, &rx), -ENODEV, "no port");
	assert_refused(plx_port_rxq_stats(port, 0, &rx), -EINVAL, "no such queue");
	assert_refused(plx_port_rxq_stats(port, PLX_PORT_QUEUES_MAX, &rx), -EINVAL, "no such");
	assert_refused(plx_port_txq_stats(port, 0, &tx), -EINVAL, "no such queue");
	assert_refused(plx_port_txq_stats(port, 0, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_txq_stats(5, 99, NULL), -ENODEV, "no port 5");
	assert_refused(plx_port_xstats(5, NULL, 0), -ENODEV, "no port 5");
	assert_refused(plx_port_xstats(port, NULL, 1), -EINVAL, "no room");
	assert_refused(plx_port_xstat(5, "rx_packets", &value), -ENODEV, "no port 5");
	assert_refused(plx_port_xstat(port, NULL, &value), -EINVAL, "NULL");
	assert_refused(plx_port_xstat(port, "rx_packets", NULL), -EINVAL, "NULL");
	assert_refused(plx_port_stats_reset(5), -ENODEV, "no port 5");
	cr_assert_eq(plx_port_xstat(port, "rx_nonsense", &value), -ENOENT);
	cr_assert_eq(plx_port_xstat(port, "rx_q0_packets", &value), -ENOENT, "not configured");
	assert_no_line();
}

Test(port_stats, sums_of_the_queues_and_what_is_outside)
{
	struct plx_port_stats stats;
	struct plx_port_rx_stats rx;
	unsigned port = started("net_fake0", 2);

	pass(port, 0, 10);
	pass(port, 1, 5);
	((struct fake_priv *)fake.last->priv)->nb_lost = 7;
	rxq_of(1)->to_give = 3;
	cr_assert_eq(plx_port_stop(port), 0);
	stats = stats_of(port);
	cr_assert_eq(stats.rx.packets, 15, "%ju", stats.rx.packets);
	cr_assert_eq(stats.rx.bytes, 15 * FAKE_PKT_BYTES, "%ju", stats.rx.bytes);
	cr_assert_eq(stats.rx.missed, 10, "%ju", stats.rx.missed);
	cr_assert_eq(stats.tx.packets, 15, "%ju", stats.tx.packets);
	assert_done(plx_port_rxq_stats(port, 1, &rx));
	cr_assert_eq(rx.packets, 5, "%ju", rx.packets);
	cr_assert_eq(rx.missed, 3, "%ju", rx.missed);
}

Test(port_stats, names)
{
	static const struct {
		const char *name;
		uint64_t value;
		bool is_drop;
	} want[] = {
		{"rx_packets", 3, false},    {"rx_bytes", 180, false},
		{"rx_missed", 0, true},	     {"rx_errors", 0, true},
		{"rx_nombuf", 0, false},     {"tx_packets", 3, false},
		{"tx_bytes", 180, false},    {"tx_errors", 0, true},
		{"tx_dropped", 1, true},     {"rx_truncated", 1, true},
		{"tx_refused", 1, false},    {"rx_seen", 100, false},
		{"rx_q0_packets", 0, false}, {"rx_q0_truncated", 0, true},
		{"rx_q1_packets", 3, false}, {"rx_q1_truncated", 1, true},
		{"tx_q0_refused", 1, false}, {"tx_q0_dropped", 1, true},
	};
	struct plx_port_xstat xstats[64];
	unsigned port = started("net_fake0", 2);
	int nb;

	pass(port, 1, 3);
	txq_of(0)->room = 0;
	pkts[0] = packet_new(fake_pool, 60, 0);
	cr_assert_eq(plx_port_tx_or_drop(port, 0, pkts, 1), 0);
	nb = plx_port_xstats(port, xstats, 64);
	cr_assert_eq(nb, 9 + 3 + 2 * 6 + 2 * 5, "%d", nb);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(want); i++) {
		int at = 0;

		while (at < nb && strcmp(xstats[at].name, want[i].name) != 0)
			at++;
		cr_assert_lt(at, nb, "no %s", want[i].name);
		cr_expect_eq(xstats[at].value, want[i].value, "%s: %ju", want[i].name,
			     xstats[at].value);
		cr_expect_eq(xstats[at].is_drop, want[i].is_drop, "%s", want[i].name);
		for (int other = 0; other < at; other++)
			cr_assert_str_neq(xstats[other].name, xstats[at].name);
	}
	memset(xstats, 0x5a, sizeof(xstats));
	cr_assert_eq(plx_port_xstats(port, xstats, 2), nb);
	cr_assert_str_eq(xstats[1].name, "rx_bytes");
	cr_assert_eq(xstats[2].name[0], 0x5a, "beyond the room");
	cr_assert_eq(plx_port_xstats(port, NULL, 0), nb);
	cr_assert_eq(xstat(port, "tx_q0_refused"), 1);
}

/* An application may ask for one each millisecond, and each look may be a system call. */
Test(port_stats, one_by_its_name_asks_the_driver_once)
{
	unsigned port = started("net_fake0", 2);
	uint64_t value = 77;

	pass(port, 0, 3);
	fake.nb_updates = 0;
	assert_done(plx_port_xstat(port, "rx_q0_packets", &value));
	cr_assert_eq(value, 3, "%ju", value);
	cr_assert_eq(fake.nb_updates, 1, "%u", fake.nb_updates);
	cr_assert_eq(plx_port_xstat(port, "rx_q0_packet", &value), -ENOENT);
	cr_assert_eq(fake.nb_updates, 2, "%u", fake.nb_updates);
	cr_assert_eq(value, 3, "%ju", value);
	assert_done(plx_port_xstat(port, "tx_q1_refused", &value));
	cr_assert_eq(value, 0, "%ju", value);
}

Test(port_stats, counters_stay)
{
	struct plx_port_rxq_conf rxq = {.pool = fake_pool};
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	struct plx_port_rx_stats rx;
	unsigned port = started("net_fake0", 2);

	pass(port, 0, 10);
	pass(port, 1, 5);
	cr_assert_eq(plx_port_stop(port), 0);
	assert_done(plx_port_rxq_setup(port, 0, &rxq));
	cr_assert_eq(plx_port_start(port), 0);
	pass(port, 0, 1);
	assert_done(plx_port_rxq_stats(port, 0, &rx));
	cr_assert_eq(rx.packets, 11, "%ju", rx.packets);
	cr_assert_eq(xstat(port, "rx_q0_truncated"), 2);
	cr_assert_eq(plx_port_stop(port), 0);
	assert_done(plx_port_configure(port, &conf));
	cr_assert_eq(stats_of(port).rx.packets, 16);
	cr_assert_eq(xstat(port, "rx_truncated"), 3);
	cr_assert_eq(xstat(port, "rx_q0_packets"), 11);
	cr_assert_eq(plx_port_close(port), 0);
	cr_assert_eq(stats_of(port).tx.bytes, 16 * FAKE_PKT_BYTES);
	cr_assert_eq(plx_port_setup(port, 2, 2, fake_pool), 0);
	cr_assert_eq(plx_port_start(port), 0);
	pass(port, 1, 4);
	cr_assert_eq(stats_of(port).rx.packets, 20);
	cr_assert_eq(xstat(port, "rx_q1_packets"), 9);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_detach(port), 0);
	port = attach("net_fake0");
	cr_assert_eq(stats_of(port).rx.packets, 0, "another port");
}

Test(port_stats, reset)
{
	struct plx_port_xstat xstats[64];
	struct plx_port_rx_stats rx;
	struct plx_port_stats stats;
	unsigned port = started("net_fake0", 2);
	int nb;

	pass(port, 0, 10);
	pass(port, 1, 5);
	((struct fake_priv *)fake.last->priv)->nb_lost = 7;
	assert_done(plx_port_stats_reset(port));
	nb = plx_port_xstats(port, xstats, 64);
	for (int i = 0; i < nb; i++)
		cr_expect_eq(xstats[i].value, strcmp(xstats[i].name, "rx_seen") == 0 ? 100 : 0,
			     "%s: %ju", xstats[i].name, xstats[i].value);
	assert_done(plx_port_rxq_stats(port, 0, &rx));
	cr_assert_eq(rx.packets, 0, "%ju", rx.packets);
	pass(port, 1, 2);
	((struct fake_priv *)fake.last->priv)->nb_lost = 8;
	stats = stats_of(port);
	cr_assert_eq(stats.rx.packets, 2, "%ju", stats.rx.packets);
	cr_assert_eq(stats.rx.missed, 1, "%ju", stats.rx.missed);
	cr_assert_eq(xstat(port, "rx_q1_truncated"), 1);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_setup(port, 2, 2, fake_pool), 0);
	cr_assert_eq(xstat(port, "rx_packets"), 2, "also when the queues are others");
	assert_done(plx_port_stats_reset(port));
	cr_assert_eq(plx_port_close(port), 0);
	assert_done(plx_port_stats_reset(port));
	cr_assert_eq(stats_of(port).rx.packets, 0);
}

static int done; /* atomic */

/* Counters of a port that is made, released and reset all the time never go below 0, and between
 * resets never back. */
static void *read_all_the_time(void *arg)
{
	unsigned port = *(unsigned *)arg;
	uintptr_t nb_wrong = 0;

	while (!plx_load_acquire(&done)) {
		struct plx_port_rx_stats rx;
		struct plx_port_stats stats;

		if (plx_port_rxq_stats(port, 0, &rx) == 0)
			nb_wrong += rx.packets > 1000000 || rx.bytes > 100000000;
		if (plx_port_stats(port, &stats) == 0)
			nb_wrong += stats.rx.packets > 1000000;
	}
	return (void *)nb_wrong;
}

Test(port_stats, a_reader_beside_everything)
{
	unsigned port = attach("net_fake0");
	void *nb_wrong = NULL;
	pthread_t thread;

	pthread_create(&thread, NULL, read_all_the_time, &port);
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(plx_port_setup(port, 1, 1, fake_pool), 0);
		cr_assert_eq(plx_port_start(port), 0);
		pass(port, 0, 8);
		cr_assert_eq(plx_port_stop(port), 0);
		if (i % 8 == 0)
			cr_assert_eq(plx_port_stats_reset(port), 0);
		if (i % 16 == 0)
			cr_assert_eq(plx_port_close(port), 0);
		if (i % 32 == 0) {
			cr_assert_eq(plx_port_detach(port), 0);
			cr_assert_eq(attach("net_fake0"), port);
		}
	}
	plx_store_release(&done, 1);
	pthread_join(thread, &nb_wrong);
	cr_assert_null(nb_wrong, "%ju readings were wrong", (uintmax_t)(uintptr_t)nb_wrong);
}

static unsigned nb_given; /* atomic */

/* To a port that never runs: all of it is given up. */
static void *give_all_the_time(void *arg)
{
	unsigned port = *(unsigned *)arg;

	while (!plx_load_acquire(&done)) {
		struct plx_mbuf *none = NULL;

		plx_port_tx_give_up_(port, 0, &none, 1);
		plx_fetch_add_relaxed(&nb_given, 1);
	}
	return NULL;
}

Test(port_stats, what_is_given_up_while_queues_come_and_go_is_counted)
{
	unsigned port = attach("net_fake0");
	struct plx_port_stats stats;
	pthread_t thread;

	pthread_create(&thread, NULL, give_all_the_time, &port);
	for (int i = 0; i < 20000; i++)
		cr_assert_eq(plx_port_setup(port, 0, 1, NULL), 0);
	plx_store_release(&done, 1);
	pthread_join(thread, NULL);
	stats = stats_of(port);
	cr_assert_eq(stats.tx.dropped, nb_given, "%ju of %u", (uintmax_t)stats.tx.dropped,
		     nb_given);
}
