/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two ports under everything at once: one goes through its life again and again, with an lcore that
 * polls it between start and stop; the other's link flaps while its callbacks come and go. Readers
 * of links and counters run beside both. What a callback works on, and what a queue is made of, is
 * freed as soon as the call that ends it returned: who uses it still is a use after free and a data
 * race.
 */
#include "eal_start.h"

#include <errno.h>
#include <pollux/log.h>
#include <pollux/mbuf_data.h>
#include <pollux/mem.h>
#include <pollux/port_driver.h>
#include <pthread.h>
#include <sched.h>

enum { LIVING, FLAPPING, PKT_BYTES = 60 };

static unsigned nb_rounds;
static struct plx_mempool *pool;
static struct plx_port *flapping;
static int working; /* atomic */
static int polling; /* atomic: set to have the lcore poll, cleared when it has */
static unsigned nb_told, nb_received;

/* ---- A driver whose packets come from nowhere and go there ---- */

static uint32_t rx(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct plx_port_rxq *q = queue;

	nb = plx_mbuf_alloc_bulk(q->pool, pkts, nb);
	for (uint32_t i = 0; i < nb; i++)
		plx_mbuf_append(pkts[i], PKT_BYTES);
	plx_count(&q->stats.packets, nb);
	plx_count(&q->stats.bytes, (uint64_t)nb * PKT_BYTES);
	return nb;
}

static uint32_t tx(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct plx_port_txq *q = queue;

	nb = nb > 1 ? nb - 1 : nb;
	plx_mbuf_free_bulk(pkts, nb);
	plx_count(&q->stats.packets, nb);
	plx_count(&q->stats.bytes, (uint64_t)nb * PKT_BYTES);
	return nb;
}

static int start(struct plx_port *port)
{
	port->rxqs[0]->burst = rx;
	port->txqs[0]->burst = tx;
	return 0;
}

static void stop(struct plx_port *port)
{
	(void)port;
}

static void info(struct plx_port *port, struct plx_port_info *of)
{
	(void)port;
	of->can = PLX_PORT_CAN_LINK;
}

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	(void)args;
	if (port->id == FLAPPING)
		flapping = port;
	return 0;
}

static void take_away(struct plx_port *port)
{
	(void)port;
}

static const struct plx_port_ops ops = {
	.info = info,
	.start = start,
	.stop = stop,
};

static const struct plx_port_driver driver = {
	.name = "net_race", .ops = &ops, .probe = probe, .remove = take_away};

static const struct plx_port_driver *const drivers[] = {&driver, NULL};

/* ---- Life ---- */

static int poll_lcore(void *arg)
{
	struct plx_mbuf *pkts[32];
	uint32_t nb;

	(void)arg;
	while (plx_load_acquire(&working)) {
		for (int i = 0; plx_load_acquire(&polling) && i < 8; i++) {
			nb = plx_port_rx_burst(LIVING, 0, pkts, 32);
			nb_received += nb;
			if (nb > 0)
				plx_port_tx_or_drop(LIVING, 0, pkts, nb);
		}
		plx_store_release(&polling, 0);
		sched_yield();
	}
	return 0;
}

static void poll_a_while(void)
{
	plx_store_release(&polling, 1);
	while (plx_load_acquire(&polling))
		sched_yield();
}

static void live(void)
{
	unsigned port;
	int err;

	for (unsigned i = 0; i < nb_rounds; i++) {
		err = plx_port_setup(LIVING, 1, 1, pool);
		CHECK(err == 0, "setup: %d", err);
		err = plx_port_start(LIVING);
		CHECK(err == 0, "start: %d", err);
		poll_a_while();
		plx_port_stop(LIVING);
		if (i % 3 == 0)
			plx_port_stats_reset(LIVING);
		if (i % 5 == 0) {
			err = plx_port_detach(LIVING);
			CHECK(err == 0, "detach: %d", err);
			err = plx_port_attach("net_race0", &port);
			CHECK(err == 0 && port == LIVING, "attach: %d, port %u", err, port);
		}
	}
}

/* ---- Readers ---- */

static void *read_counters(void *arg)
{
	struct plx_port_xstat xstats[64];
	struct plx_port_rx_stats rx_stats;
	struct plx_port_tx_stats tx_stats;
	struct plx_port_stats stats;
	struct plx_port_link link;
	const uint64_t limit = UINT64_C(1) << 48; /* below 0, if it is more */
	int nb;

	while (plx_load_acquire(&working)) {
		if (plx_port_rxq_stats(LIVING, 0, &rx_stats) == 0)
			CHECK(rx_stats.packets < limit && rx_stats.bytes < limit, "of a queue");
		if (plx_port_txq_stats(LIVING, 0, &tx_stats) == 0)
			CHECK(tx_stats.packets < limit && tx_stats.dropped < limit, "of a queue");
		if (plx_port_stats(LIVING, &stats) == 0)
			CHECK(stats.rx.packets < limit && stats.tx.dropped < limit, "of a port");
		nb = plx_port_xstats(LIVING, xstats, 64);
		for (int i = 0; i < nb; i++)
			CHECK(xstats[i].value < limit, "%s", xstats[i].name);
		plx_port_link(LIVING, &link);
		plx_port_link_wait(FLAPPING, 1, &link);
		plx_port_node(LIVING);
		sched_yield();
	}
	return arg;
}

/* ---- Events ---- */

static void count(unsigned port, enum plx_port_event event, void *arg)
{
	unsigned *calls = arg;

	CHECK(port == FLAPPING && event == PLX_PORT_EVENT_LINK, "port %u, event %d", port, event);
	++*calls; /* plain: callbacks run one at a time, and not after del */
	nb_told++;
}

static void *change_callbacks(void *arg)
{
	for (unsigned i = 0; i < nb_rounds; i++) {
		unsigned *calls = calloc(1, sizeof(*calls));
		int err = plx_port_event_add(FLAPPING, count, calls);

		CHECK(err == 0, "event_add: %d", err);
		for (unsigned spin = i % 4; spin > 0; spin--)
			sched_yield();
		err = plx_port_event_del(FLAPPING, count, calls);
		CHECK(err == 0, "event_del: %d", err);
		free(calls);
	}
	return arg;
}

static void *flap(void *arg)
{
	struct plx_port_link link = {.speed_mbps = 1000};

	while (plx_load_acquire(&working)) {
		link.up = !link.up;
		plx_port_link_set(flapping, &link);
		sched_yield();
	}
	return arg;
}

static void drop_line(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)level;
	(void)text;
}

int main(int argc, char **argv)
{
	static void *(*const plays[])(void *) = {read_counters, read_counters, flap};
	enum { NB_PLAYS = sizeof(plays) / sizeof(plays[0]) };
	struct plx_mbuf_pool_conf conf = {
		.name = "race", .nb_mbufs = 256, .cache_size = 32, .node = PLX_NODE_ANY};
	pthread_t threads[NB_PLAYS], changer;
	int err;

	nb_rounds = rounds(argc, argv, 5000);
	start_lcores(2);
	plx_log_set_sink(drop_line, NULL); /* readers that come too late are told so each time */
	CHECK(plx_port_drivers_set(drivers) == 0, "drivers_set");
	err = plx_port_attach("net_race0", NULL) || plx_port_attach("net_race1", NULL);
	CHECK(!err, "attach");
	CHECK(plx_mbuf_pool_create(&conf, &pool) == 0, "pool");
	err = plx_port_setup(FLAPPING, 1, 1, pool) || plx_port_start(FLAPPING);
	CHECK(!err, "port 1");
	working = 1;
	CHECK(plx_lcore_launch(1, poll_lcore, NULL) == 0, "launch");
	for (unsigned i = 0; i < NB_PLAYS; i++)
		pthread_create(&threads[i], NULL, plays[i], NULL);
	pthread_create(&changer, NULL, change_callbacks, NULL);
	live();
	pthread_join(changer, NULL);
	plx_store_release(&working, 0);
	for (unsigned i = 0; i < NB_PLAYS; i++)
		pthread_join(threads[i], NULL);
	plx_lcore_wait_all();
	plx_port_fini();
	CHECK(plx_mempool_avail(pool) == 256, "%u mbufs are missing",
	      256 - plx_mempool_avail(pool));
	plx_mbuf_pool_destroy(pool);
	plx_log_set_sink(NULL, NULL);
	plx_eal_fini();
	printf("%u packets received, %u events told\n", nb_received, nb_told);
	return 0;
}
