/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cable of net_ring of which one end sends and receives all the time, while the other one is
 * stopped, started, set up with other queues, detached and attached again. No packet is lost
 * without being counted, none comes twice, all go home.
 */
#include "race.h"

#include "eal_start.h"

#include <pollux/lcore.h>
#include <pollux/mbuf.h>
#include <pollux/mem.h>
#include <pollux/port_ctl.h>
#include <pollux/port_driver.h>
#include <pollux/port_stats.h>

extern const struct plx_port_driver plx_net_ring_driver;

enum { QUEUES = 3, BURST = 16, MBUFS = 8192, PKT_BYTES_MAX = 80 };

static struct plx_mempool *pool;

/* One end of the cable and the thread that works on it. */
struct end {
	unsigned port;	   /* atomic */
	unsigned nb_rx;	   /* atomic */
	unsigned nb_tx;	   /* atomic */
	uint32_t pause;	   /* atomic: leave the port alone; which pause it is, 0: none */
	uint32_t paused;   /* atomic: the last pause that it has seen */
	uint32_t nb_works; /* atomic: how often it sent and received */
	uint32_t nb_pauses;
	struct rng rng;

	/* the thread's until it has ended */
	uint64_t sent;
	uint64_t came;
	uint64_t bytes;

	/* counters of ports that are detached */
	uint64_t missed;
	uint64_t counted;
	uint64_t counted_bytes;
};

static struct end ends[2];
static uint32_t over;

static void work(struct end *end)
{
	unsigned port = plx_load_relaxed(&end->port);
	unsigned rx_queue = rng_below(&end->rng, plx_load_relaxed(&end->nb_rx));
	unsigned tx_queue = rng_below(&end->rng, plx_load_relaxed(&end->nb_tx));
	uint32_t nb = rng_between(&end->rng, 1, BURST), sent = 0;
	struct plx_mbuf *pkts[BURST];

	if (plx_mbuf_alloc_bulk(pool, pkts, nb) > 0) {
		for (uint32_t i = 0; i < nb; i++)
			pkts[i]->pkt_len = pkts[i]->data_len =
				(uint16_t)rng_between(&end->rng, 1, PKT_BYTES_MAX);
		sent = plx_port_tx_burst(port, tx_queue, pkts, nb);
		plx_mbuf_free_bulk(pkts + sent, nb - sent);
	}
	end->sent += sent;
	nb = plx_port_rx_burst(port, rx_queue, pkts, BURST);
	for (uint32_t i = 0; i < nb; i++) {
		race_check(pkts[i]->port == port, "a packet of port %u", pkts[i]->port);
		end->bytes += pkts[i]->pkt_len;
	}
	plx_mbuf_free_bulk(pkts, nb);
	end->came += nb;
	plx_store_relaxed(&end->nb_works, end->nb_works + 1);
}

static int run_end(void *arg)
{
	struct end *end = arg;

	while (!plx_load_acquire(&over)) {
		/* Acquire and release: pair with those of pause_end() and go_on(). */
		uint32_t pause = plx_load_acquire(&end->pause);

		if (pause) {
			plx_store_release(&end->paused, pause);
			sched_yield();
		} else {
			work(end);
		}
	}
	return 0;
}

static void pause_end(struct end *end)
{
	end->nb_pauses++;
	plx_store_release(&end->pause, end->nb_pauses);
	while (plx_load_acquire(&end->paused) != end->nb_pauses && !race_is_over())
		sched_yield();
}

static void go_on(struct end *end)
{
	plx_store_release(&end->pause, 0);
}

static void start_end(struct end *end, struct rng *rng)
{
	unsigned nb_rx = rng_between(rng, 1, QUEUES), nb_tx = rng_between(rng, 1, QUEUES);
	int ret = plx_port_setup(end->port, nb_rx, nb_tx, pool);

	race_check(ret == 0, "setup: %d", ret);
	ret = plx_port_start(end->port);
	race_check(ret == 0, "start: %d", ret);
	plx_store_relaxed(&end->nb_rx, nb_rx);
	plx_store_relaxed(&end->nb_tx, nb_tx);
}

static void attach_end(struct end *end, const char *device)
{
	unsigned port = PLX_PORT_NONE;
	int ret = plx_port_attach(device, &port);

	race_check(ret == 0, "%s: %d", device, ret);
	plx_store_relaxed(&end->port, port);
}

static struct plx_port_stats count(const struct end *end)
{
	struct plx_port_stats stats = {0};

	race_check(plx_port_stats(end->port, &stats) == 0, "no stats");
	return stats;
}

static void detach_end(struct end *end)
{
	struct plx_port_stats stats;

	race_check(plx_port_stop(end->port) == 0, "stop");
	stats = count(end);
	end->missed += stats.rx.missed;
	end->counted += stats.rx.packets;
	end->counted_bytes += stats.rx.bytes;
	race_check(plx_port_detach(end->port) == 0, "detach");
}

/* The second end is in other hands all the time. */
static void disturb(struct rng *rng, uint64_t nb_rounds)
{
	struct end *end = &ends[1];

	for (uint64_t i = 0; i < nb_rounds && !race_is_over(); i++) {
		uint32_t works = rng_below(rng, 20), first = plx_load_relaxed(&end->nb_works);

		while (plx_load_relaxed(&end->nb_works) - first < works && !race_is_over())
			sched_yield();
		if (rng_below(rng, 4) == 0)
			race_check(plx_port_mtu_set(ends[0].port, rng_between(rng, 68, 2000)) == 0,
				   "MTU");
		pause_end(end);
		if (rng_below(rng, 8) == 0) {
			detach_end(end);
			attach_end(end, "net_ring1,peer=net_ring0");
		} else {
			race_check(plx_port_stop(end->port) == 0, "stop");
		}
		start_end(end, rng);
		go_on(end);
	}
}

static void check_sums(void)
{
	struct plx_port_stats stats[2] = {count(&ends[0]), count(&ends[1])};
	uint64_t undelivered = 0;

	race_check(plx_port_xstat(ends[0].port, "tx_undelivered", &undelivered) == 0, "no xstat");
	for (unsigned i = 0; i < 2; i++) {
		uint64_t missed = ends[i].missed + stats[i].rx.missed;
		uint64_t lost = missed + (i == 1 ? undelivered : 0);

		race_check(ends[i].came == ends[i].counted + stats[i].rx.packets,
			   "end %u took %llu", i, (unsigned long long)ends[i].came);
		race_check(ends[i].bytes == ends[i].counted_bytes + stats[i].rx.bytes,
			   "end %u took %llu bytes", i, (unsigned long long)ends[i].bytes);
		race_check(stats[i].rx.errors == 0, "end %u has errors", i);
		race_check(ends[!i].sent == ends[i].came + lost,
			   "%llu sent to end %u, %llu came, %llu missed, %llu undelivered",
			   (unsigned long long)ends[!i].sent, i, (unsigned long long)ends[i].came,
			   (unsigned long long)missed, (unsigned long long)undelivered);
	}
	race_check(stats[0].tx.packets == ends[0].sent, "tx_packets");
	race_check(plx_mempool_in_use(pool) == 0, "%u mbufs out", plx_mempool_in_use(pool));
}

int main(int argc, char **argv)
{
	static const struct plx_port_driver *const drivers[] = {&plx_net_ring_driver, NULL};
	const struct plx_mbuf_pool_conf conf = {
		.name = "race", .nb_mbufs = MBUFS, .cache_size = 64, .node = PLX_NODE_ANY};
	uint64_t nb_rounds = race_ops(argc, argv, 3000, 200000);
	struct rng rng = rng_start("race_net_ring");

	start_lcores(3);
	if (plx_port_drivers_set(drivers) || plx_mbuf_pool_create(&conf, &pool))
		return RACE_FAIL;
	for (unsigned i = 0; i < 2; i++) {
		ends[i].rng.state = rng_next(&rng);
		attach_end(&ends[i], i == 0 ? "net_ring0,size=64" : "net_ring1,peer=net_ring0");
	}
	if (race_is_over())
		return RACE_FAIL;
	for (unsigned i = 0; i < 2; i++)
		start_end(&ends[i], &rng);
	for (unsigned i = 0; i < 2; i++)
		race_check(plx_lcore_launch(i + 1, run_end, &ends[i]) == 0, "launch");
	disturb(&rng, nb_rounds);
	plx_store_release(&over, 1);
	plx_lcore_wait_all();
	for (unsigned i = 0; i < 2; i++)
		race_check(plx_port_stop(ends[i].port) == 0, "stop");
	check_sums();
	fprintf(stderr, "%llu and %llu packets\n", (unsigned long long)ends[0].came,
		(unsigned long long)ends[1].came);
	plx_port_fini();
	plx_mbuf_pool_destroy(pool);
	plx_eal_fini();
	return race_end();
}
