/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports of a driver that a test moves the counters of: "net_fake0", with up to four queues each
 * way, a named counter of its receive queues and one of the port.
 */
#ifndef TEST_STATS_PORT_H
#define TEST_STATS_PORT_H

#include "eal_run.h"

#include <assert.h>
#include <pollux/mem.h>
#include <pollux/port_driver.h>
#include <pollux/stats.h>
#include <stdlib.h>

enum { FAKE_QUEUES = 4 };

struct fake_rxq {
	struct plx_port_rxq base;
	uint64_t truncated, odd;
};

struct fake_port {
	uint64_t storms;
};

static void fake_info(struct plx_port *port, struct plx_port_info *info)
{
	(void)port;
	info->max_rx_queues = info->max_tx_queues = FAKE_QUEUES;
}

static uint32_t fake_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	(void)queue, (void)pkts, (void)nb;
	return 0;
}

static int fake_start(struct plx_port *port)
{
	struct plx_port_link link = {.up = true, .speed_mbps = 1000};

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		port->rxqs[i]->burst = fake_burst;
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		port->txqs[i]->burst = fake_burst;
	plx_port_link_set(port, &link);
	return 0;
}

static void fake_stop(struct plx_port *port)
{
	(void)port;
}

static int fake_probe(struct plx_port *port, const struct plx_devargs *args)
{
	(void)args;
	port->priv = calloc(1, sizeof(struct fake_port));
	return 0;
}

static void fake_remove(struct plx_port *port)
{
	free(port->priv);
}

/* The port behind an id, which only its driver sees otherwise. */
static struct plx_port *fake_ports[PLX_PORT_MAX];

static int fake_probe_seen(struct plx_port *port, const struct plx_devargs *args)
{
	fake_ports[port->id] = port;
	return fake_probe(port, args);
}

static const struct plx_devargs_key fake_keys[] = {{0}};

static const struct plx_port_ops fake_ops = {
	.info = fake_info,
	.start = fake_start,
	.stop = fake_stop,
};

static const struct plx_port_counter fake_rxq_counters[] = {
	{"rx_truncated", offsetof(struct fake_rxq, truncated), true},
	{"rx_odd", offsetof(struct fake_rxq, odd), false},
	{0},
};

static const struct plx_port_counter fake_port_counters[] = {
	{"storms", offsetof(struct fake_port, storms), true},
	{0},
};

static const struct plx_port_driver fake_driver = {
	.name = "net_fake",
	.keys = fake_keys,
	.ops = &fake_ops,
	.rxq_bytes = sizeof(struct fake_rxq),
	.rxq_counters = fake_rxq_counters,
	.port_counters = fake_port_counters,
	.probe = fake_probe_seen,
	.remove = fake_remove,
};

static const struct plx_port_driver *const fake_drivers[] = {&fake_driver, NULL};

#define must(call)                                                                                 \
	do {                                                                                       \
		int ret_ = (call);                                                                 \
		cr_assert_eq(ret_, 0, #call ": %d", ret_);                                         \
	} while (0)

/* The EAL with @nb_lcores, and the driver. */
static inline void start_fakes(unsigned nb_lcores)
{
	start_lcores(nb_lcores);
	must(plx_port_drivers_set(fake_drivers));
}

static struct plx_mempool *fake_pool;

/* A started port of @nb queues each way. */
static inline unsigned add_fake(const char *device, unsigned nb)
{
	unsigned port;

	if (!fake_pool) {
		struct plx_mbuf_pool_conf conf = {
			.name = "fake", .nb_mbufs = 63, .node = PLX_NODE_ANY};

		must(plx_mbuf_pool_create(&conf, &fake_pool));
	}
	must(plx_port_attach(device, &port));
	must(plx_port_setup(port, nb, nb, fake_pool));
	must(plx_port_start(port));
	return port;
}

static inline struct plx_port_rx_stats *fake_rx(unsigned port, unsigned queue)
{
	return &fake_ports[port]->rxqs[queue]->stats;
}

static inline struct plx_port_tx_stats *fake_tx(unsigned port, unsigned queue)
{
	return &fake_ports[port]->txqs[queue]->stats;
}

#endif
