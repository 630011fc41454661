/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Samples taken as fast as can be, by an lcore, by a thread and by the main lcore, while ports
 * forward, are reset, stopped, set up with other queues, detached and attached again. No rate is
 * absurd, and the lcore that forwards is not in anybody's way.
 */
#include "race.h"

#include "eal_start.h"

#include <pollux/lcore.h>
#include <pollux/mbuf.h>
#include <pollux/mem.h>
#include <pollux/port_driver.h>
#include <pollux/stats.h>

extern const struct plx_port_driver plx_net_null_driver;

enum { QUEUES = 3, BURST = 16, MBUFS = 1023 };

static struct plx_mempool *pool;
static unsigned forwarded;    /* the port that one lcore has in hands all the time */
static uint64_t nb_forwarded; /* atomic */

static int forward(void *arg)
{
	struct plx_mbuf *pkts[BURST];

	(void)arg;
	while (!plx_stop_requested()) {
		uint32_t nb = plx_port_rx_burst(forwarded, 0, pkts, BURST);

		plx_port_tx_or_drop(forwarded, 0, pkts, nb);
		plx_store_relaxed(&nb_forwarded, nb_forwarded + nb);
	}
	return 0;
}

static unsigned attach(const char *device, unsigned nb_queues)
{
	unsigned port = PLX_PORT_NONE;

	race_check(plx_port_attach(device, &port) == 0, "%s: attach", device);
	race_check(plx_port_setup(port, nb_queues, nb_queues, pool) == 0, "%s: setup", device);
	race_check(plx_port_start(port) == 0, "%s: start", device);
	return port;
}

static void check_flow(const struct plx_stats_flow *flow, uint64_t interval_ns)
{
	double most = interval_ns ? (double)flow->packets * 1e9 / (double)interval_ns : 0;

	race_check(flow->packets_per_s >= 0 && flow->packets_per_s <= most * 1.000001,
		   "%g packets/s of %llu packets in %llu ns", flow->packets_per_s,
		   (unsigned long long)flow->packets, (unsigned long long)interval_ns);
}

static void check_sample(struct plx_stats *stats)
{
	const struct plx_stats_sample *sample;

	race_check(plx_stats_sample(stats, &sample) == 0, "no sample");
	if (race_is_over())
		return;
	for (unsigned i = 0; i < sample->nb_ports; i++) {
		const struct plx_stats_port *port = &sample->ports[i];

		check_flow(&port->rx, port->interval_ns);
		check_flow(&port->tx, port->interval_ns);
		for (unsigned queue = 0; queue < port->nb_rx_queues; queue++)
			check_flow(&port->rx_queues[queue], port->interval_ns);
	}
	for (unsigned i = 0; i < sample->nb_lcores; i++)
		race_check(sample->lcores[i].load <= 1, "load %g", sample->lcores[i].load);
}

/* The second port is in other hands all the time; the first one's counters start again. */
static void disturb(struct rng *rng, struct plx_stats *stats, uint64_t nb_rounds)
{
	unsigned port = attach("net_null1", 1);

	for (uint64_t i = 0; i < nb_rounds && !race_is_over(); i++) {
		unsigned nb_queues = rng_between(rng, 1, QUEUES);

		check_sample(stats);
		race_check(plx_port_stop(port) == 0, "stop");
		if (rng_below(rng, 3) == 0) {
			race_check(plx_port_detach(port) == 0, "detach");
			port = attach(rng_below(rng, 2) ? "net_null1" : "net_null2", nb_queues);
		} else {
			race_check(plx_port_setup(port, nb_queues, nb_queues, pool) == 0, "setup");
			race_check(plx_port_start(port) == 0, "start");
		}
		if (rng_below(rng, 4) == 0)
			race_check(plx_port_stats_reset(forwarded) == 0, "reset");
	}
	race_check(plx_port_stop(port) == 0, "stop");
}

int main(int argc, char **argv)
{
	static const struct plx_port_driver *const drivers[] = {&plx_net_null_driver, NULL};
	const struct plx_mbuf_pool_conf pool_conf = {
		.name = "race", .nb_mbufs = MBUFS, .cache_size = 64, .node = PLX_NODE_ANY};
	struct plx_stats_conf conf = {
		.period_ms = PLX_STATS_PERIOD_MIN_MS,
		.json_path = "/dev/null",
		.mode = PLX_STATS_TABLE,
	};
	uint64_t nb_rounds = race_ops(argc, argv, 4000, 200000);
	struct rng rng = rng_start("race_stats");
	struct plx_stats *stats, *thread;

	conf.out = fopen("/dev/null", "we");
	start_lcores(3);
	if (!conf.out || plx_port_drivers_set(drivers) || plx_mbuf_pool_create(&pool_conf, &pool))
		return RACE_FAIL;
	forwarded = attach("net_null0", 1);
	if (race_is_over() || plx_stats_create(NULL, &stats) || plx_stats_start(&conf, &thread))
		return RACE_FAIL;
	race_check(plx_lcore_launch(1, forward, NULL) == 0, "launch");
	race_check(plx_lcore_launch(2, plx_stats_run, &conf) == 0, "launch");
	disturb(&rng, stats, nb_rounds);
	plx_stop_request();
	race_check(plx_lcore_wait_all() == 0, "an lcore failed");
	race_check(nb_forwarded > 0, "nothing was forwarded");
	race_check(plx_port_stop(forwarded) == 0, "stop");
	plx_stats_stop(thread);
	plx_stats_destroy(stats);
	fprintf(stderr, "%llu packets\n", (unsigned long long)nb_forwarded);
	plx_port_fini();
	plx_mbuf_pool_destroy(pool);
	plx_eal_fini();
	fclose(conf.out);
	return race_end();
}
