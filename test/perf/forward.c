/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-perf-forward: what dpdk-testpmd's io, macswap and txonly modes do, on one lcore, for
 * benchmarks of ports: a burst of 32 in by one port, out by its neighbour (or itself, when it is
 * alone). Prints a line each second: nanoseconds, packets received (with --txonly: sent) so far.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pollux/pollux.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: plx-perf-forward [EAL options] -- [--macswap|--txonly] [--seed PACKETS]\n"
	"  --macswap       exchange the Ethernet addresses of each packet\n"
	"  --txonly        receive nothing, send packets that are made one by one by all ports\n"
	"  --seed PACKETS  send so many by each port first, for ports that only give back\n"
	"  --stats         a stats thread takes samples meanwhile, ten a second\n";

enum {
	BURST = 32,
	NB_MBUFS = 16384,
	CACHE = 256,
	FRAME_BYTES = 64,
	LINK_MS = 10000,
	SECOND_NS = 1000000000,
	STATS_MS = 100
};

struct settings {
	bool macswap, txonly, stats;
	uint32_t seed;
};

static unsigned nb_ports;
static bool counts_sent;

/* UDP from 198.18.0.1 to 198.18.0.2, ports 9, as testpmd's. */
static const uint8_t frame[FRAME_BYTES] = {
	0x02, 0, 0,   0,  0, 0,	 0x02, 0, 0,  0,  0,	1,    0x08, 0x00, /* Ethernet */
	0x45, 0, 0,   50, 0, 0,	 0,    0, 64, 17, 0xee, 0x95, 198,  18,
	0,    1, 198, 18, 0, 2,	 /* IPv4 */
	0,    9, 0,   9,  0, 30, /* UDP */
};

/* As many as the pool has, up to BURST. */
static uint32_t make_packets(struct plx_mempool *pool, struct plx_mbuf **pkts)
{
	uint32_t nb = plx_mbuf_alloc_bulk(pool, pkts, BURST);

	for (uint32_t i = 0; i < nb; i++) {
		memcpy(plx_mbuf_data(pkts[i]), frame, FRAME_BYTES);
		pkts[i]->data_len = FRAME_BYTES;
		pkts[i]->pkt_len = FRAME_BYTES;
	}
	return nb;
}

static void swap_addresses(struct plx_mbuf **pkts, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		struct ether_header *eth = plx_mbuf_mtod(pkts[i], struct ether_header *);
		uint8_t dhost[ETH_ALEN];

		memcpy(dhost, eth->ether_dhost, ETH_ALEN);
		memcpy(eth->ether_dhost, eth->ether_shost, ETH_ALEN);
		memcpy(eth->ether_shost, dhost, ETH_ALEN);
	}
}

static void forward(bool macswap)
{
	const unsigned neighbour = nb_ports > 1 ? 1 : 0;
	struct plx_mbuf *pkts[BURST];

	while (!plx_stop_requested()) {
		for (unsigned port = 0; port < nb_ports; port++) {
			uint32_t nb = plx_port_rx_burst(port, 0, pkts, BURST);

			if (nb == 0)
				continue;
			if (macswap)
				swap_addresses(pkts, nb);
			plx_port_tx_or_drop(port ^ neighbour, 0, pkts, nb);
		}
	}
}

/* As testpmd does: what a queue has no room for is freed, and made anew. */
static void send_only(struct plx_mempool *pool)
{
	struct plx_mbuf *pkts[BURST];

	while (!plx_stop_requested()) {
		for (unsigned port = 0; port < nb_ports; port++)
			plx_port_tx_or_drop(port, 0, pkts, make_packets(pool, pkts));
	}
}

static void tell(void *arg)
{
	uint64_t packets = 0;

	(void)arg;
	for (unsigned port = 0; port < nb_ports; port++) {
		struct plx_port_stats stats;

		if (plx_port_stats(port, &stats) == 0)
			packets += counts_sent ? stats.tx.packets : stats.rx.packets;
	}
	printf("%" PRIu64 " %" PRIu64 "\n", plx_clock_now_ns(), packets);
	fflush(stdout);
}

static int start_ports(struct plx_mempool *pool, uint32_t seed)
{
	unsigned port;

	nb_ports = plx_port_count();
	if (nb_ports == 0 || (nb_ports > 1 && nb_ports % 2 != 0)) {
		fprintf(stderr, "plx-perf-forward: %u ports: want one, or pairs\n", nb_ports);
		return -1;
	}
	PLX_PORT_FOREACH(port)
		if (plx_port_setup(port, 1, 1, pool) || plx_port_promisc_set(port, true) ||
		    plx_port_start(port))
			return -1;
	PLX_PORT_FOREACH(port) {
		struct plx_mbuf *pkts[BURST];

		if (plx_port_link_wait(port, LINK_MS, NULL))
			return -1;
		for (uint32_t left = seed; left > 0;) {
			uint32_t nb = make_packets(pool, pkts), use = nb < left ? nb : left;

			if (nb == 0)
				return -1;
			plx_mbuf_free_bulk(&pkts[use], nb - use);
			plx_port_tx_or_drop(port, 0, pkts, use);
			left -= use;
		}
	}
	return 0;
}

static int run(const struct settings *settings)
{
	const struct plx_stats_conf stats_conf = {.period_ms = STATS_MS, .json_path = "/dev/null"};
	const struct plx_mbuf_pool_conf conf = {
		.name = "forward", .nb_mbufs = NB_MBUFS, .cache_size = CACHE, .node = PLX_NODE_ANY};
	struct plx_mempool *pool = NULL;
	struct plx_stats *stats = NULL;
	uint64_t timer = 0;
	int status = 1;
	unsigned port;

	if (plx_mbuf_pool_create(&conf, &pool) == 0 && start_ports(pool, settings->seed) == 0 &&
	    plx_stop_on_signals() == 0 &&
	    (!settings->stats || plx_stats_start(&stats_conf, &stats) == 0) &&
	    plx_ctl_timer_add(SECOND_NS, SECOND_NS, tell, NULL, &timer) == 0) {
		if (settings->txonly)
			send_only(pool);
		else
			forward(settings->macswap);
		plx_ctl_timer_del(timer);
		status = 0;
	}
	plx_stats_stop(stats);
	PLX_PORT_FOREACH(port)
		plx_port_close(port);
	plx_mbuf_pool_destroy(pool);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"macswap", no_argument, NULL, 'm'},
						{"txonly", no_argument, NULL, 'x'},
						{"seed", required_argument, NULL, 's'},
						{"stats", no_argument, NULL, 't'},
						{NULL, 0, NULL, 0}};
	int ret = plx_init(argc, argv), c;
	struct settings settings = {0};

	if (ret < 0)
		return plx_init_exit_status(ret, usage, stdout);
	argc -= ret;
	argv += ret;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'm')
			settings.macswap = true;
		else if (c == 'x')
			settings.txonly = counts_sent = true;
		else if (c == 's')
			settings.seed = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 't')
			settings.stats = true;
		else
			break;
	}
	ret = c == -1 ? run(&settings) : 2;
	plx_fini();
	return ret;
}
