/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest forwarder: what comes in by port 0 goes out by port 1 and the other way round, on
 * the main lcore, until SIGINT or SIGTERM.
 */
#include <inttypes.h>
#include <pollux/pollux.h>

static const char usage[] = "usage: plx-skeleton [EAL options]\n"
			    "Forward between the first two ports, as in\n"
			    "plx-skeleton --no-huge --vdev net_null0 --vdev net_null1\n";

enum { BURST = 32, NB_PORTS = 2 };

static int start_ports(struct plx_mempool *pool)
{
	for (unsigned port = 0; port < NB_PORTS; port++)
		if (plx_port_setup(port, 1, 1, pool) || plx_port_start(port))
			return -1; /* what fails has logged one line */
	return 0;
}

static void forward(void)
{
	struct plx_mbuf *pkts[BURST];

	while (!plx_stop_requested()) {
		for (unsigned port = 0; port < NB_PORTS; port++) {
			uint32_t nb = plx_port_rx_burst(port, 0, pkts, BURST);

			if (nb > 0)
				plx_port_tx_or_drop(port ^ 1, 0, pkts, nb);
		}
	}
}

static void tell_totals(void)
{
	for (unsigned port = 0; port < NB_PORTS; port++) {
		struct plx_port_stats stats = {0};

		plx_port_stop(port);
		plx_port_stats(port, &stats);
		printf("port %u: %" PRIu64 " packets received, %" PRIu64 " sent, %" PRIu64
		       " not taken\n",
		       port, stats.rx.packets, stats.tx.packets, stats.tx.dropped);
	}
}

static int run(void)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = "skeleton", .nb_mbufs = 8192, .cache_size = 256, .node = PLX_NODE_ANY};
	struct plx_mempool *pool = NULL;
	int status = 1;

	if (plx_mbuf_pool_create(&conf, &pool) || plx_stop_on_signals() || start_ports(pool))
		goto close_ports;
	forward();
	tell_totals();
	status = 0;

close_ports:
	for (unsigned port = 0; port < NB_PORTS; port++)
		plx_port_close(port);
	plx_mbuf_pool_destroy(pool);
	return status;
}

int main(int argc, char **argv)
{
	int ret = plx_init(argc, argv);

	if (ret < 0)
		return plx_init_exit_status(ret, usage, stdout);
	if (argc > ret + 1) {
		fprintf(stderr, "plx-skeleton: '%s': want no arguments of its own\n",
			argv[ret + 1]);
		ret = 2;
	} else if (!plx_port_is_valid(0) || !plx_port_is_valid(1)) {
		fprintf(stderr, "plx-skeleton: want two ports, as in --vdev net_null0 "
				"--vdev net_null1\n");
		ret = 2;
	} else {
		ret = run();
	}
	plx_fini();
	return ret;
}
