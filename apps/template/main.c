/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An lcore app to start from. A worker lcore takes packets from every port, handles them and sends
 * them back by the port they came from; the main lcore shows statistics, until SIGINT or SIGTERM,
 * or for -s SECONDS. Without a port on the command line it makes one that delivers empty frames.
 */
#include <ctype.h>
#include <pollux/pollux.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: my-app [EAL options] -- [-s SECONDS]\n";

enum { BURST = 32 };

/* ---- The worker ---- */

/* Yours to change: true sends the packet back, false drops it. */
static bool handle(struct plx_mbuf *pkt)
{
	struct ether_header *eth = plx_mbuf_mtod(pkt, struct ether_header *);
	uint8_t dst[ETH_ALEN];

	if (pkt->data_len < sizeof(*eth))
		return false;
	memcpy(dst, eth->ether_dhost, ETH_ALEN);
	memcpy(eth->ether_dhost, eth->ether_shost, ETH_ALEN);
	memcpy(eth->ether_shost, dst, ETH_ALEN);
	return true;
}

static void poll_port(unsigned port)
{
	struct plx_mbuf *pkts[BURST];
	uint32_t nb = plx_port_rx_burst(port, 0, pkts, BURST), nb_back = 0;

	for (uint32_t i = 0; i < nb; i++) {
		if (handle(pkts[i]))
			pkts[nb_back++] = pkts[i];
		else
			plx_mbuf_free(pkts[i]);
	}
	if (nb_back > 0)
		plx_port_tx_or_drop(port, 0, pkts, nb_back);
}

static int work(void *arg)
{
	unsigned ports[PLX_PORT_MAX], nb_ports = 0, port;

	(void)arg;
	PLX_PORT_FOREACH(port)
		ports[nb_ports++] = port;
	while (!plx_stop_requested())
		for (unsigned i = 0; i < nb_ports; i++)
			poll_port(ports[i]);
	return 0;
}

/* ---- The main lcore ---- */

static void time_is_over(void *arg)
{
	(void)arg;
	plx_stop_request();
}

static int start_ports(struct plx_mempool *pool)
{
	unsigned port;

	if (plx_port_count() == 0 && plx_port_attach("net_null0", NULL))
		return -1;
	PLX_PORT_FOREACH(port)
		if (plx_port_setup(port, 1, 1, pool) || plx_port_start(port))
			return -1;
	return 0;
}

static int run(unsigned worker, unsigned seconds)
{
	const struct plx_mbuf_pool_conf pool_conf = {
		.name = "my-app", .nb_mbufs = 8192, .cache_size = 256, .node = PLX_NODE_ANY};
	struct plx_stats_conf stats_conf = {.out = stdout, .title = "my-app"};
	struct plx_mempool *pool = NULL;
	unsigned port;
	int status = 1; /* what fails has logged one line */

	if (plx_mbuf_pool_create(&pool_conf, &pool) || start_ports(pool) || plx_stop_on_signals())
		goto close_ports;
	if (seconds > 0 &&
	    plx_ctl_timer_add(seconds * UINT64_C(1000000000), 0, time_is_over, NULL, NULL))
		goto close_ports;
	plx_lcore_launch(worker, work, NULL);
	plx_stats_run(&stats_conf);
	plx_stop_request(); /* for the worker, when the statistics failed */
	plx_lcore_wait(worker, &status);

close_ports:
	PLX_PORT_FOREACH(port)
		plx_port_close(port);
	plx_mbuf_pool_destroy(pool);
	return status;
}

/* ---- Arguments ---- */

static int parse_args(int argc, char **argv, unsigned *seconds)
{
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, "s:")) == 's') {
		char *end = optarg;
		unsigned long value =
			isdigit((unsigned char)*optarg) ? strtoul(optarg, &end, 10) : 0;

		if (value == 0 || value > 86400 || *end) {
			fprintf(stderr, "my-app: -s '%s': want seconds, 1 to 86400\n", optarg);
			return 2;
		}
		*seconds = (unsigned)value;
	}
	if (c == -1 && optind == argc)
		return 0;
	if (c == -1)
		fprintf(stderr, "my-app: '%s': want -s SECONDS only\n", argv[optind]);
	else /* no option, or -s without its value */
		fprintf(stderr, "my-app: '-%c': want -s SECONDS, 1 to 86400\n", optopt);
	return 2;
}

int main(int argc, char **argv)
{
	unsigned seconds = 0, worker;
	int ret = plx_init(argc, argv);

	if (ret < 0)
		return plx_init_exit_status(ret, usage, stdout);
	worker = plx_lcore_next(~0u, true);
	ret = parse_args(argc - ret, argv + ret, &seconds);
	if (ret == 0 && worker == PLX_LCORE_NONE) {
		fprintf(stderr, "my-app: one lcore only: want two, as in -l 0,1\n");
		ret = 2;
	} else if (ret == 0) {
		ret = run(worker, seconds);
	}
	plx_fini();
	return ret;
}
