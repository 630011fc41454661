/* SPDX-License-Identifier: BSD-3-Clause */
/* Wrong calls: no such port, no such queue, wrong state. Each has its code and its one line. */
#include "conform.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)event;
	(void)arg;
}

/* Every call of the control path, on a port that is not there. */
static void all_calls(unsigned port, struct plx_mempool *pool)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	const struct plx_port_rxq_conf rxq = {.pool = pool, .node = PLX_NODE_ANY};
	struct ether_addr mac = {{0x02, 0, 0, 0, 0, 1}};
	struct plx_port_rss rss = {0};
	struct plx_port_stats stats;
	struct plx_port_info info;
	struct plx_port_link link;
	uint32_t mtu;

	check(!plx_port_is_valid(port), "port %u is valid", port);
	refused(plx_port_info(port, &info), -ENODEV);
	refused(plx_port_configure(port, &conf), -ENODEV);
	refused(plx_port_rxq_setup(port, 0, &rxq), -ENODEV);
	refused(plx_port_txq_setup(port, 0, NULL), -ENODEV);
	refused(plx_port_setup(port, 1, 1, pool), -ENODEV);
	refused(plx_port_start(port), -ENODEV);
	refused(plx_port_stop(port), -ENODEV);
	refused(plx_port_close(port), -ENODEV);
	refused(plx_port_detach(port), -ENODEV);
	refused(plx_port_own(port, "test"), -ENODEV);
	refused(plx_port_disown(port, "test"), -ENODEV);
	refused(plx_port_dump(port, stderr), -ENODEV);
	refused(plx_port_link(port, &link), -ENODEV);
	refused(plx_port_link_wait(port, 0, &link), -ENODEV);
	refused(plx_port_event_add(port, on_event, NULL), -ENODEV);
	refused(plx_port_event_del(port, on_event, NULL), -ENODEV);
	refused(plx_port_mac(port, &mac), -ENODEV);
	refused(plx_port_mac_set(port, &mac), -ENODEV);
	refused(plx_port_mac_add(port, &mac), -ENODEV);
	refused(plx_port_mac_del(port, &mac), -ENODEV);
	refused(plx_port_promisc_set(port, true), -ENODEV);
	refused(plx_port_promisc(port), -ENODEV);
	refused(plx_port_allmulti_set(port, true), -ENODEV);
	refused(plx_port_allmulti(port), -ENODEV);
	refused(plx_port_vlan_filter(port, 1, true), -ENODEV);
	refused(plx_port_mtu(port, &mtu), -ENODEV);
	refused(plx_port_mtu_set(port, 1500), -ENODEV);
	refused(plx_port_rss(port, &rss), -ENODEV);
	refused(plx_port_rss_set(port, &rss), -ENODEV);
	refused(plx_port_stats(port, &stats), -ENODEV);
	refused(plx_port_rxq_stats(port, 0, &stats.rx), -ENODEV);
	refused(plx_port_txq_stats(port, 0, &stats.tx), -ENODEV);
	refused(plx_port_xstats(port, NULL, 0), -ENODEV);
	refused(plx_port_stats_reset(port), -ENODEV);
	want(plx_port_node(port), PLX_NODE_ANY, "node of no port");
}

static void no_port(struct conform *c)
{
	unsigned port;

	port_up(c);
	port = c->port;
	port_stop(c);
	/* With the peer's own port gone too. */
	port_detach(c);
	all_calls(port, c->pool);
	all_calls(PLX_PORT_MAX, c->pool);
	all_calls(PLX_PORT_NONE, c->pool);
	all_calls(UINT32_MAX, c->pool);
}

static void no_queue(struct conform *c)
{
	const struct plx_port_rxq_conf rxq = {.pool = c->pool, .node = PLX_NODE_ANY};
	const struct plx_port_rxq_conf no_pool = {.node = PLX_NODE_ANY};
	struct plx_port_stats stats;

	port_attach(c);
	refused(plx_port_rxq_stats(c->port, 0, &stats.rx), -EINVAL);
	port_setup(c, 1, 1);
	refused(plx_port_rxq_setup(c->port, 1, &rxq), -EINVAL);
	refused(plx_port_txq_setup(c->port, 1, NULL), -EINVAL);
	refused(plx_port_rxq_setup(c->port, UINT32_MAX, &rxq), -EINVAL);
	refused(plx_port_rxq_setup(c->port, 0, &no_pool), -EINVAL);
	refused(plx_port_rxq_setup(c->port, 0, NULL), -EINVAL);
	refused(plx_port_rxq_stats(c->port, 1, &stats.rx), -EINVAL);
	refused(plx_port_txq_stats(c->port, 1, &stats.tx), -EINVAL);
	refused(plx_port_txq_stats(c->port, UINT32_MAX, &stats.tx), -EINVAL);
	/* What was refused changed nothing. */
	port_start(c);
	traffic(c, 1);
	port_down(c);
}

static void wrong_state(struct conform *c)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	const struct plx_port_rxq_conf rxq = {.pool = c->pool, .node = PLX_NODE_ANY};
	struct plx_port_link link;

	port_attach(c);
	refused(plx_port_start(c->port), -EBUSY);
	refused(plx_port_rxq_setup(c->port, 0, &rxq), -EBUSY);
	refused(plx_port_txq_setup(c->port, 0, NULL), -EBUSY);
	refused(plx_port_link_wait(c->port, 0, &link), -EBUSY);
	want_ret(plx_port_stop(c->port), 0);

	want_ret(plx_port_configure(c->port, &conf), 0);
	refused(plx_port_start(c->port), -EBUSY);
	want_ret(plx_port_rxq_setup(c->port, 0, &rxq), 0);
	refused(plx_port_start(c->port), -EBUSY);
	want_ret(plx_port_txq_setup(c->port, 0, NULL), 0);
	want_ret(plx_port_stop(c->port), 0);
	c->nb_rx = c->nb_tx = 1;
	port_start(c);
	refused(plx_port_start(c->port), -EBUSY);
	refused(plx_port_configure(c->port, &conf), -EBUSY);
	refused(plx_port_rxq_setup(c->port, 0, &rxq), -EBUSY);
	refused(plx_port_txq_setup(c->port, 0, NULL), -EBUSY);
	refused(plx_port_setup(c->port, 1, 1, c->pool), -EBUSY);
	refused(plx_port_detach(c->port), -EBUSY);
	traffic(c, 1);
	port_stop(c);
	want_ret(plx_port_stop(c->port), 0);
	port_detach(c);
}

/* Bursts of a port that is not started do nothing and take nothing. */
static void bursts_stopped(struct conform *c, const char *when)
{
	struct plx_mbuf *pkts[4], *got[4];

	want(plx_mbuf_alloc_bulk(c->pool, pkts, 4), 4, "mbufs");
	for (unsigned i = 0; i < 4; i++)
		check(plx_mbuf_append(pkts[i], 60), "60 bytes do not fit");
	want(plx_port_rx_burst(c->port, 0, got, 4), 0, "packets received %s", when);
	want(plx_port_tx_burst(c->port, 0, pkts, 4), 0, "packets sent %s", when);
	plx_mbuf_free_bulk(pkts, 4);
	pool_is_home(c->pool);
}

static void not_started(struct conform *c)
{
	port_attach(c);
	bursts_stopped(c, "when attached");
	port_setup(c, 1, 1);
	bursts_stopped(c, "when configured");
	port_start(c);
	traffic(c, 1);
	port_stop(c);
	bursts_stopped(c, "when stopped");
	port_start(c);
	traffic(c, 1000);
	want_ret(plx_port_close(c->port), 0);
	bursts_stopped(c, "when closed");
	port_detach(c);
}

static void owners(struct conform *c)
{
	char name[PLX_PORT_NAME_MAX];
	const char *driver = c->variant->driver;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	port_attach(c);
	refused(plx_port_own(c->port, ""), -EINVAL);
	refused(plx_port_own(c->port, NULL), -EINVAL);
	want_ret(plx_port_own(c->port, name), 0);
	refused(plx_port_own(c->port, "other"), -EBUSY);
	want(plx_port_next(PLX_PORT_NONE, driver, name), c->port, "port of its owner");
	check(plx_port_next(PLX_PORT_NONE, driver, "") != c->port, "an owned port nobody owns");
	want(plx_port_next(PLX_PORT_NONE, driver, NULL), c->port, "port of any owner");
	refused(plx_port_disown(c->port, "other"), -EBUSY);
	want_ret(plx_port_disown(c->port, name), 0);
	want(plx_port_next(PLX_PORT_NONE, driver, ""), c->port, "port of nobody");
	port_detach(c);
}

static void dump(struct conform *c)
{
	static const char *const states[] = {"attached", "configured", "started"};

	port_attach(c);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(states); i++) {
		char *text = NULL;
		size_t bytes = 0;
		FILE *out = open_memstream(&text, &bytes);

		check(out, "open_memstream");
		if (i == 1)
			port_setup(c, 1, 1);
		if (i == 2) {
			port_start(c);
			traffic(c, 1);
		}
		want_ret(plx_port_dump(c->port, out), 0);
		fclose(out);
		check(strstr(text, c->info.name), "the dump does not name the device: %s", text);
		check(strstr(text, states[i]), "no word '%s' in the dump: %s", states[i], text);
		free(text);
	}
	port_down(c);
}

const struct conform_case cases_calls[] = {
	{.name = "no_port", .run = no_port},
	{.name = "no_queue", .run = no_queue},
	{.name = "wrong_state", .run = wrong_state},
	{.name = "not_started", .run = not_started},
	{.name = "owners", .run = owners},
	{.name = "dump", .run = dump},
	{.name = NULL},
};
