/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path: bursts of ports that run and of those that do not, tx buffers, packets that are
 * given up, the checks of checked builds.
 */
#include "port_fake.h"

TestSuite(path, .init = start_ports, .fini = end_ports);

static struct plx_mbuf *pkts[PLX_BURST_MAX];

/* Fill the table with @nb packets of its port. */
static void receive(unsigned port, uint32_t nb)
{
	rxq_of(0)->to_give = nb;
	cr_assert_eq(plx_port_rx_burst(port, 0, pkts, PLX_BURST_MAX), nb);
	cr_assert_eq(pkts[nb - 1]->port, port);
}

Test(path, packets_go_through)
{
	unsigned port = started("net_fake0", 2);

	rxq_of(1)->to_give = 5;
	cr_assert_eq(plx_port_rx_burst(port, 0, pkts, 32), 0);
	cr_assert_eq(plx_port_rx_burst(port, 1, pkts, 4), 4);
	cr_assert_eq(plx_port_rx_burst(port, 1, pkts + 4, 4), 1);
	cr_assert_eq(plx_port_tx_burst(port, 1, pkts, 5), 5);
	cr_assert_eq(txq_of(1)->nb_kept, 5);
	cr_assert_eq(txq_of(0)->nb_kept, 0);
	assert_pool(fake_pool, 512 - 5);
	assert_done(plx_port_stop(port));
	assert_pool(fake_pool, 512);
}

/* Returns 0 in builds without checks; in checked builds too, after a line. */
static void assert_dead(unsigned port, unsigned queue)
{
	struct plx_mbuf *pkt = packet_new(fake_pool, 60, 0);

	cr_assert_eq(plx_port_rx_burst(port, queue, pkts, 1), 0);
	cr_assert_eq(plx_port_tx_burst(port, queue, &pkt, 1), 0);
	cr_assert_eq(plx_port_tx_or_drop(port, queue, &pkt, 1), 0);
	assert_pool(fake_pool, 512);
}

Test(path, a_port_that_does_not_run_takes_and_gives_nothing)
{
	unsigned port;

	assert_dead(0, 0);
	assert_dead(PLX_PORT_MAX - 1, PLX_PORT_QUEUES_MAX - 1);
	port = attach("net_fake0");
	assert_dead(port, 0);
	cr_assert_eq(plx_port_setup(port, 2, 2, fake_pool), 0);
	assert_dead(port, 0);
	assert_done(plx_port_start(port));
	assert_dead(port, 2);
	assert_done(plx_port_stop(port));
	assert_dead(port, 1);
	assert_done(plx_port_start(port));
	assert_done(plx_port_close(port));
	assert_dead(port, 0);
	assert_done(plx_port_detach(port));
	assert_dead(port, 0);
}

Test(path, tx_or_drop_counts_what_it_frees)
{
	struct plx_port_tx_stats tx;
	struct plx_port_stats stats;
	unsigned port = started("net_fake0", 2);

	txq_of(0)->room = 3;
	receive(port, 5);
	cr_assert_eq(plx_port_tx_or_drop(port, 0, pkts, 5), 3);
	assert_pool(fake_pool, 512 - 3);
	assert_done(plx_port_txq_stats(port, 0, &tx));
	cr_assert_eq(tx.dropped, 2, "%ju", tx.dropped);
	assert_done(plx_port_stop(port));
	assert_done(plx_port_txq_stats(port, 0, &tx));
	cr_assert_eq(tx.dropped, 5, "%ju", tx.dropped);

	pkts[0] = packet_new(fake_pool, 60, 0);
	cr_assert_eq(plx_port_tx_or_drop(port, 1, pkts, 1), 0, "stopped");
	pkts[0] = packet_new(fake_pool, 60, 0);
	cr_assert_eq(plx_port_tx_or_drop(port, 9, pkts, 1), 0, "no such queue");
	assert_done(plx_port_txq_stats(port, 1, &tx));
	cr_assert_eq(tx.dropped, 1, "%ju", tx.dropped);
	assert_done(plx_port_stats(port, &stats));
	cr_assert_eq(stats.tx.dropped, 7, "no packet is lost silently: %ju", stats.tx.dropped);
	assert_done(plx_port_stats_reset(port));
	assert_done(plx_port_stats(port, &stats));
	cr_assert_eq(stats.tx.dropped, 0, "%ju", stats.tx.dropped);
}

static uint32_t nb_unsent;

static void keep_unsent(struct plx_mbuf **unsent, uint32_t nb, void *arg)
{
	cr_assert_eq(arg, &nb_unsent);
	nb_unsent += nb;
	plx_mbuf_free_bulk(unsent, nb);
}

Test(path, tx_buffer)
{
	struct plx_mbuf *table[4];
	struct plx_port_tx_buffer buffer;
	struct plx_port_tx_stats tx;
	unsigned port = started("net_fake0", 1);

	assert_done(plx_port_tx_buffer_init(&buffer, table, 4, NULL, NULL));
	cr_assert_eq(plx_port_tx_flush(port, 0, &buffer), 0, "empty");
	receive(port, 9);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(plx_port_tx_buffer(port, 0, &buffer, pkts[i]), 0);
	cr_assert_eq(txq_of(0)->nb_kept, 0);
	cr_assert_eq(plx_port_tx_buffer(port, 0, &buffer, pkts[3]), 4);
	cr_assert_eq(txq_of(0)->nb_kept, 4);
	plx_port_tx_buffer(port, 0, &buffer, pkts[4]);
	cr_assert_eq(plx_port_tx_flush(port, 0, &buffer), 1);
	cr_assert_eq(plx_port_tx_flush(port, 0, &buffer), 0);
	txq_of(0)->room = 6;
	for (int i = 5; i < 8; i++)
		plx_port_tx_buffer(port, 0, &buffer, pkts[i]);
	cr_assert_eq(plx_port_tx_buffer(port, 0, &buffer, pkts[8]), 1);
	cr_assert_eq(buffer.nb, 0);
	assert_done(plx_port_txq_stats(port, 0, &tx));
	cr_assert_eq(tx.dropped, 3, "%ju", tx.dropped);
	fake_send(txq_of(0));
	assert_pool(fake_pool, 512);

	assert_done(plx_port_tx_buffer_init(&buffer, table, 2, keep_unsent, &nb_unsent));
	txq_of(0)->room = 1;
	receive(port, 2);
	plx_port_tx_buffer(port, 0, &buffer, pkts[0]);
	cr_assert_eq(plx_port_tx_buffer(port, 0, &buffer, pkts[1]), 1);
	cr_assert_eq(nb_unsent, 1, "%u", nb_unsent);
	assert_done(plx_port_txq_stats(port, 0, &tx));
	cr_assert_eq(tx.dropped, 3, "the callback's packets are its own: %ju", tx.dropped);
}

Test(path, tx_buffer_refusals)
{
	struct plx_port_tx_buffer buffer;

	assert_refused(plx_port_tx_buffer_init(NULL, pkts, 1, NULL, NULL), -EINVAL, "buffer");
	assert_refused(plx_port_tx_buffer_init(&buffer, NULL, 1, NULL, NULL), -EINVAL, "buffer");
	assert_refused(plx_port_tx_buffer_init(&buffer, pkts, 0, NULL, NULL), -EINVAL, "not 0");
	assert_refused(plx_port_tx_buffer_init(&buffer, pkts, PLX_BURST_MAX + 1, NULL, NULL),
		       -EINVAL, "not 513");
	assert_done(plx_port_tx_buffer_init(&buffer, pkts, PLX_BURST_MAX, NULL, NULL));
}

/* The checks themselves are in each build; only checked ones call them. */
Test(path, what_a_checked_build_refuses)
{
	unsigned port = started("net_fake0", 1);
	struct plx_mbuf *pkt = packet_new(fake_pool, 60, 0);
	struct plx_mbuf *table[2] = {pkt, NULL};

	cr_assert(plx_port_check_rx_(port, 0, pkts, PLX_BURST_MAX));
	cr_assert(plx_port_check_tx_(port, 0, table, 1));
	assert_no_line();
	assert_refused(plx_port_check_rx_(7, 0, pkts, 1), false, "no such port");
	assert_refused(plx_port_check_rx_(PLX_PORT_NONE, 0, pkts, 1), false, "no such port");
	assert_refused(plx_port_check_rx_(port, 1, pkts, 1), false, "no such queue");
	assert_refused(plx_port_check_rx_(port, 0, NULL, 1), false, "no table");
	assert_refused(plx_port_check_rx_(port, 0, pkts, 0), false, "burst");
	assert_refused(plx_port_check_rx_(port, 0, pkts, PLX_BURST_MAX + 1), false, "burst");
	assert_refused(plx_port_check_tx_(port, 0, table, 2), false, "NULL");
	pkt->pkt_len++;
	assert_refused(plx_port_check_tx_(port, 0, table, 1), false, "plx_port_tx_burst");
	pkt->pkt_len--;
	assert_done(plx_port_stop(port));
	assert_refused(plx_port_check_tx_(port, 0, table, 1), false, "not started");
	plx_mbuf_free(pkt);
	for (int i = 0; i < 50; i++)
		plx_port_check_rx_(port, 0, pkts, 1);
	cr_assert_lt(log_lines.nb, 30, "%u lines: they are limited", log_lines.nb);
}

#if PLX_CHECK
Test(path, a_checked_burst_refuses_a_bad_packet)
{
	unsigned port = started("net_fake0", 1);
	struct plx_mbuf *pkt = packet_new(fake_pool, 60, 0);

	pkt->data_len--;
	assert_refused(plx_port_tx_burst(port, 0, &pkt, 1), 0, "tx_burst");
	pkt->data_len++;
	cr_assert_eq(plx_port_tx_burst(port, 0, &pkt, 1), 1);
	assert_refused(plx_port_rx_burst(port, 0, pkts, PLX_BURST_MAX + 1), 0, "rx_burst");
}

Test(path, a_checked_send_without_a_table_is_one_line)
{
	unsigned port = started("net_fake0", 1);
	struct plx_port_tx_stats tx;

	assert_refused(plx_port_tx_burst(port, 0, NULL, 5), 0, "no table");
	assert_refused(plx_port_tx_or_drop(port, 0, NULL, 5), 0, "no table");
	assert_done(plx_port_txq_stats(port, 0, &tx));
	cr_assert_eq(tx.dropped, 0, "%ju", tx.dropped);
}
#endif

#if PLX_BUSY
static int poll_a_while(void *arg)
{
	unsigned port = *(unsigned *)arg;
	uint64_t before = plx_busy_cycles(1), idle, busy;

	for (int i = 0; i < 100; i++)
		plx_port_rx_burst(port, 0, pkts, 4);
	idle = plx_busy_cycles(1) - before;
	rxq_of(0)->to_give = 4;
	plx_port_rx_burst(port, 0, pkts, 4);
	busy = plx_busy_cycles(1);
	while (plx_busy_cycles(1) == busy)
		;
	plx_port_tx_burst(port, 0, pkts, 4);
	return idle == 0 && busy >= before ? 0 : 1;
}

Test(path, receiving_makes_the_lcore_busy)
{
	unsigned port = started("net_fake0", 1);
	uint64_t after;

	cr_assert_eq(on_worker(poll_a_while, &port), 0);
	after = plx_busy_cycles(1);
	cr_assert_gt(after, 0);
	cr_assert_eq(plx_busy_cycles(1), after, "what returned is idle");
	cr_assert_eq(plx_busy_cycles(0), 0);
}
#endif
