/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-l2fwd: frames that come in by one port of a pair go out by the other.
 *
 * Run to completion: an lcore takes a burst from a port that is its own, writes the addresses and
 * sends, without a lock and without another lcore. Each port is the way in of one route and the
 * way out of one, so each has one queue in either direction with one owner.
 *
 *	main -> options -> lcores -> ports -> run -> totals -> close
 */
#include "l2fwd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	BURST = 32,
	DRAIN_NS = 100000, /* the longest that a packet waits for its burst to fill */
	CACHE_SIZE = 256,  /* mbufs that an lcore keeps at hand */
	POOL_MIN = 8192,
};

/* For the links of all ports together. */
static const uint64_t LINK_WAIT_NS = UINT64_C(9000000000);

/* The way of a packet; its lcore's own while it runs. */
struct route {
	unsigned from, to;
	unsigned lcore;
	struct {
		struct ether_addr dst, src; /* as they stand in a frame */
	} macs;
	struct plx_port_tx_buffer buffer;
	struct plx_mbuf *pkts[BURST]; /* the buffer's */
} PLX_CACHE_ALIGNED;

static struct options opts;
static struct route routes[PLX_PORT_MAX]; /* [0, nb_routes), ascending by port and by lcore */
static unsigned nb_routes;
static struct lcore {
	struct route *first, *end; /* its routes; NULL: it does not forward */
} lcores[PLX_LCORE_MAX];
static struct plx_mempool *pool;
static FILE *out; /* stdout, or stderr when statistics have that */

/* ---- Forwarding: the data path ---- */

static void write_macs(const struct route *route, struct plx_mbuf **pkts, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++)
		memcpy(plx_mbuf_data(pkts[i]), &route->macs, sizeof(route->macs));
}

static void forward(struct route *route)
{
	struct plx_mbuf *pkts[BURST];
	uint32_t nb = plx_port_rx_burst(route->from, 0, pkts, BURST);

	if (!opts.keep_macs)
		write_macs(route, pkts, nb);
	for (uint32_t i = 0; i < nb; i++)
		plx_port_tx_buffer(route->to, 0, &route->buffer, pkts[i]);
}

static void flush(const struct lcore *lcore)
{
	for (struct route *route = lcore->first; route < lcore->end; route++)
		plx_port_tx_flush(route->to, 0, &route->buffer);
}

/* The clock is read only while packets wait for more. */
static int run_forwarder(void *arg)
{
	const struct lcore *lcore = &lcores[plx_lcore_id()];
	const uint64_t drain_cycles = plx_ns_to_cycles(DRAIN_NS);
	uint64_t last_drain = plx_cycles();

	(void)arg;
	while (!plx_stop_requested()) {
		uint32_t nb_waiting = 0;

		for (struct route *route = lcore->first; route < lcore->end; route++) {
			forward(route);
			nb_waiting += route->buffer.nb;
		}
		if (nb_waiting && plx_cycles() - last_drain > drain_cycles) {
			flush(lcore);
			last_drain = plx_cycles();
		}
	}
	flush(lcore);
	return 0;
}

/* ---- Lcores ---- */

/* One route for each port; -q of them for the first lcore, then for the next. */
static int make_routes(void)
{
	unsigned id = plx_lcore_next(~0u, false);

	for (unsigned port = 0; port < PLX_PORT_MAX; port++) {
		struct route *route = &routes[nb_routes];

		if (!(opts.ports >> port & 1))
			continue;
		if (nb_routes > 0 && nb_routes % opts.ports_per_lcore == 0)
			id = plx_lcore_next(id, false);
		if (id == PLX_LCORE_NONE) {
			fprintf(stderr,
				"plx-l2fwd: -q %u: too few lcores for %d ports, there %s %u: want "
				"more (-l) or a larger -q\n",
				opts.ports_per_lcore, __builtin_popcount(opts.ports),
				plx_lcore_count() == 1 ? "is" : "are", plx_lcore_count());
			return 2;
		}
		*route = (struct route){.from = port, .to = opts.peer[port], .lcore = id};
		if (!lcores[id].first)
			lcores[id].first = route;
		lcores[id].end = route + 1;
		nb_routes++;
	}
	return 0;
}

static int run_stats(void *conf)
{
	int ret = plx_stats_run(conf);

	if (ret)
		plx_stop_request();
	return ret;
}

/* The first lcore that does not forward has time for the statistics. */
static unsigned stats_lcore(void)
{
	unsigned id;

	PLX_LCORE_FOREACH(id)
		if (!lcores[id].first)
			return id;
	return PLX_LCORE_NONE;
}

static plx_lcore_fn job_of(unsigned id)
{
	if (lcores[id].first)
		return run_forwarder;
	return opts.period_s && id == stats_lcore() ? run_stats : NULL;
}

/* Until something requests a stop. */
static int run_lcores(void)
{
	struct plx_stats_conf conf = {
		.period_ms = opts.period_s * 1000,
		.out = opts.json_to_stdout ? NULL : stdout,
		.json_path = opts.json_path,
		.title = "plx-l2fwd",
		.ports = opts.ports,
	};
	plx_lcore_fn on_main = job_of(plx_lcore_main());
	struct plx_stats *stats = NULL;
	unsigned id;
	int ret = 0;

	if (opts.period_s && stats_lcore() == PLX_LCORE_NONE && plx_stats_start(&conf, &stats))
		return 1;
	PLX_LCORE_FOREACH_WORKER(id)
		if (job_of(id))
			plx_lcore_launch(id, job_of(id), &conf);
	if (on_main)
		ret = on_main(&conf);
	if (plx_lcore_wait_all())
		ret = 1;
	plx_stats_stop(stats);
	return ret ? 1 : 0;
}

/* ---- Ports ---- */

/* Enough for all rings to be full, with a burst and the lcores' caches besides. */
static int make_pool(void)
{
	struct plx_mbuf_pool_conf conf = {
		.name = "l2fwd",
		.cache_size = CACHE_SIZE,
		.node = plx_lcore_node(plx_lcore_main()),
	};

	for (unsigned i = 0; i < nb_routes; i++) {
		struct plx_port_info info;
		int ret = plx_port_info(routes[i].from, &info);

		if (ret)
			return ret;
		conf.nb_mbufs += info.rx_ring_default + info.tx_ring_default + BURST +
				 plx_lcore_count() * CACHE_SIZE;
	}
	if (conf.nb_mbufs < POOL_MIN)
		conf.nb_mbufs = POOL_MIN;
	return plx_mbuf_pool_create(&conf, &pool);
}

static int start_port(struct route *route)
{
	int ret = plx_port_setup(route->from, 1, 1, pool);

	if (ret == 0 && opts.promisc)
		ret = plx_port_promisc_set(route->from, true);
	if (ret == 0)
		ret = plx_port_start(route->from);
	return ret;
}

/* 02:00:00:00:00:PORT from the port's own address. */
static int init_route(struct route *route)
{
	route->macs.dst = (struct ether_addr){{0x02, 0, 0, 0, 0, (uint8_t)route->to}};
	plx_port_tx_buffer_init(&route->buffer, route->pkts, BURST, NULL, NULL);
	return plx_port_mac(route->to, &route->macs.src);
}

static int start_ports(void)
{
	for (unsigned i = 0; i < nb_routes; i++) {
		int ret = init_route(&routes[i]);

		if (ret == 0)
			ret = start_port(&routes[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/* One line for each port, once its link is up or the time is over. */
static void tell_ports(void)
{
	uint64_t end_ns = plx_clock_now_ns() + LINK_WAIT_NS;

	for (unsigned i = 0; i < nb_routes; i++) {
		const struct route *route = &routes[i];
		uint64_t now_ns = plx_min_u64(plx_clock_now_ns(), end_ns);
		struct plx_port_info info = {0};
		struct plx_port_link link = {0};
		struct ether_addr mac = {0};

		plx_port_info(route->from, &info);
		plx_port_mac(route->from, &mac);
		plx_port_link_wait(route->from, (unsigned)((end_ns - now_ns) / 1000000), &link);
		fprintf(out, "port %u: %s, %02x:%02x:%02x:%02x:%02x:%02x, link ", route->from,
			info.name, mac.ether_addr_octet[0], mac.ether_addr_octet[1],
			mac.ether_addr_octet[2], mac.ether_addr_octet[3], mac.ether_addr_octet[4],
			mac.ether_addr_octet[5]);
		if (link.up && link.speed_mbps)
			fprintf(out, "up at %" PRIu32 " Mb/s", link.speed_mbps);
		else
			fputs(link.up ? "up" : "down", out);
		fprintf(out, ", forwards to port %u by lcore %u\n", route->to, route->lcore);
	}
	fflush(out);
}

static void tell_totals(void)
{
	for (unsigned i = 0; i < nb_routes; i++) {
		struct plx_port_stats s;

		if (plx_port_stats(routes[i].from, &s))
			continue;
		fprintf(out,
			"port %u: %" PRIu64 " packets received, %" PRIu64 " sent, %" PRIu64
			" dropped (rx missed %" PRIu64 ", errors %" PRIu64 "; tx errors %" PRIu64
			", dropped %" PRIu64 ")\n",
			routes[i].from, s.rx.packets, s.tx.packets,
			s.rx.missed + s.rx.errors + s.tx.errors + s.tx.dropped, s.rx.missed,
			s.rx.errors, s.tx.errors, s.tx.dropped);
	}
}

/* ---- From the start to the end ---- */

static int run(void)
{
	int status = make_routes();

	out = opts.json_to_stdout ? stderr : stdout;
	if (status)
		return status;
	status = 1; /* what fails has printed or logged one line */
	if (plx_stop_on_signals() || make_pool() || start_ports())
		goto close_ports;
	tell_ports();
	if (ends_watch(&opts) == 0)
		status = run_lcores();
	ends_unwatch();
	for (unsigned i = 0; i < nb_routes; i++)
		plx_port_stop(routes[i].from);
	tell_totals();

close_ports:
	for (unsigned i = 0; i < nb_routes; i++)
		plx_port_close(routes[i].from);
	plx_mbuf_pool_destroy(pool);
	return status;
}

int main(int argc, char **argv)
{
	int ret = plx_init(argc, argv);

	if (ret < 0)
		return plx_init_exit_status(ret, l2fwd_usage, stdout);
	ret = options_parse(&opts, argc - ret, argv + ret);
	if (ret == OPTIONS_OK)
		ret = run();
	else if (ret == OPTIONS_HELP)
		ret = plx_init_exit_status(-ECANCELED, l2fwd_usage, stdout);
	plx_fini();
	return ret;
}
