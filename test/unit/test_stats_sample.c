/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of real ports and lcores: what is read, and that nothing waits or is logged meanwhile. */
#include "log_lines.h"
#include "stats_port.h"

#include <errno.h>
#include <unistd.h>

static struct plx_stats *stats;

static const struct plx_stats_sample *sample(void)
{
	const struct plx_stats_sample *taken = NULL;

	must(plx_stats_sample(stats, &taken));
	return taken;
}

static const struct plx_stats_drop *drop(const struct plx_stats_port *port, const char *name)
{
	for (unsigned i = 0; i < port->nb_drops; i++)
		if (strcmp(port->drops[i].name, name) == 0)
			return &port->drops[i];
	cr_assert(false, "no %s", name);
	return NULL;
}

Test(stats_sample, queues_and_causes)
{
	const struct plx_stats_sample *now;
	const struct plx_stats_port *port;
	unsigned id;

	start_fakes(1);
	id = add_fake("net_fake3", 3);
	must(plx_stats_create(NULL, &stats));
	now = sample();
	cr_assert_eq(now->interval_ns, 0);
	cr_assert_eq(now->nb_ports, 1);
	for (unsigned i = 0; i < 3; i++) {
		*fake_rx(id, i) = (struct plx_port_rx_stats){100 + i, 6000, 1, 2, 4};
		*fake_tx(id, i) = (struct plx_port_tx_stats){10 * i, 600, 8, 16};
	}
	((struct fake_rxq *)fake_ports[id]->rxqs[1])->truncated = 2;
	((struct fake_rxq *)fake_ports[id]->rxqs[1])->odd = 99;
	((struct fake_port *)fake_ports[id]->priv)->storms = 5;
	usleep(1000);
	now = sample();
	port = &now->ports[0];
	cr_assert_geq(now->interval_ns, 1000000);
	cr_assert_str_eq(port->name, "net_fake3");
	cr_assert_str_eq(port->driver, "net_fake");
	cr_assert_eq(port->state, PLX_PORT_STARTED);
	cr_assert(port->link.up);
	cr_assert_eq(port->rx.mark, PLX_STATS_OK);
	cr_assert_eq(port->rx.packets, 303);
	cr_assert_eq(port->rx.bytes, 18000);
	cr_assert_eq(port->rx.lost, 9, "lost %lu", port->rx.lost);
	cr_assert_eq(port->tx.packets, 30);
	cr_assert_eq(port->tx.lost, 72, "lost %lu", port->tx.lost);
	cr_assert_float_eq(port->rx.packets_per_s, 303e9 / (double)port->interval_ns, 1e-3);
	cr_assert_eq(port->nb_rx_queues, 3);
	cr_assert_eq(port->nb_tx_queues, 3);
	cr_assert_eq(port->rx_queues[2].packets, 102);
	cr_assert_eq(port->rx_queues[2].bytes, 6000);
	cr_assert_eq(port->rx_queues[2].lost, 3);
	cr_assert_eq(port->tx_queues[2].packets, 20);
	cr_assert_eq(port->tx_queues[2].lost, 24);
	cr_assert_str_eq(port->drops[0].name, "rx_missed");
	cr_assert_eq(drop(port, "rx_missed")->count, 3);
	cr_assert_eq(drop(port, "tx_dropped")->count, 48);
	cr_assert_eq(drop(port, "rx_truncated")->count, 2);
	cr_assert_float_eq(drop(port, "rx_q1_truncated")->per_s, 2e9 / (double)port->interval_ns,
			   1e-3);
	cr_assert_eq(drop(port, "storms")->count, 5);
	for (unsigned i = 0; i < port->nb_drops; i++)
		cr_assert(!strstr(port->drops[i].name, "odd"), "%s", port->drops[i].name);
	plx_stats_destroy(stats);
	plx_port_fini();
	plx_eal_fini();
}

/* Nothing is logged of ports that are not set up, come, go and come back; no rate is absurd. */
Test(stats_sample, ports_come_and_go)
{
	struct plx_port_conf two = {.nb_rx_queues = 2, .nb_tx_queues = 2};
	const struct plx_stats_sample *now;
	unsigned id, other;

	start_fakes(1);
	must(plx_stats_create(NULL, &stats));
	log_lines_start();
	cr_assert_eq(sample()->nb_ports, 0);
	must(plx_port_attach("net_fake0", &id));
	now = sample();
	cr_assert_eq(now->nb_ports, 1);
	cr_assert_eq(now->ports[0].state, PLX_PORT_ATTACHED);
	cr_assert_eq(now->ports[0].rx.mark, PLX_STATS_NEW);
	must(plx_port_configure(id, &two));
	now = sample();
	cr_assert_eq(now->ports[0].nb_rx_queues, 2);
	must(plx_port_detach(id));
	cr_assert_eq(sample()->nb_ports, 0);

	id = add_fake("net_fake0", 1);
	other = add_fake("net_fake1", 1);
	fake_rx(id, 0)->packets = fake_rx(other, 0)->packets = 1000;
	sample();
	must(plx_port_stop(id));
	must(plx_port_detach(id));
	must(plx_port_stop(other));
	must(plx_port_detach(other));
	cr_assert_eq(add_fake("net_fake0", 1), id); /* the same again, with less */
	cr_assert_eq(add_fake("net_fake7", 1), other);
	fake_rx(id, 0)->packets = 10;
	fake_rx(other, 0)->packets = UINT64_C(1) << 60;
	now = sample();
	cr_assert_eq(now->ports[0].rx.mark, PLX_STATS_RESET);
	cr_assert_float_eq(now->ports[0].rx.packets_per_s, 0, 0);
	cr_assert_eq(now->ports[1].rx.mark, PLX_STATS_NEW);
	cr_assert_float_eq(now->ports[1].rx.packets_per_s, 0, 0);

	fake_rx(id, 0)->packets = 20;
	must(plx_port_stats_reset(id));
	now = sample();
	cr_assert_eq(now->ports[0].rx.mark, PLX_STATS_RESET);
	cr_assert_eq(now->ports[0].rx.packets, 0);
	fake_rx(id, 0)->packets = 25;
	now = sample();
	cr_assert_eq(now->ports[0].rx.mark, PLX_STATS_OK);
	cr_assert_eq(now->ports[0].rx.packets, 5);
	cr_assert_gt(now->ports[0].rx.packets_per_s, 0);
	assert_no_line();
	plx_stats_destroy(stats);
	plx_port_fini();
	plx_eal_fini();
}

Test(stats_sample, port_mask)
{
	struct plx_stats_conf conf = {.ports = 1u << 1 | 1u << 3};
	const struct plx_stats_sample *now;

	start_fakes(1);
	for (unsigned i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "net_fake%u", i);
		add_fake(name, 1);
	}
	must(plx_stats_create(&conf, &stats));
	now = sample();
	cr_assert_eq(now->nb_ports, 1);
	cr_assert_eq(now->ports[0].port, 1);
	plx_stats_destroy(stats);
	plx_port_fini();
	plx_eal_fini();
}

static int polling[2]; /* each lcore's own; set once it has polled */

static int poll_nothing(void *arg)
{
	(void)arg;
	while (!plx_stop_requested()) {
		plx_busy_note(false);
		plx_store_release(&polling[0], 1);
	}
	return 0;
}

static int poll_packets(void *arg)
{
	(void)arg;
	while (!plx_stop_requested()) {
		plx_busy_note(true);
		plx_store_release(&polling[1], 1);
	}
	return 0;
}

/* One lcore has packets at each poll, one never, one sleeps; the one that looks is left out. */
Test(stats_sample, loads)
{
	const struct plx_stats_sample *now;

	start_fakes(4);
	must(plx_lcore_launch(1, poll_nothing, NULL));
	must(plx_lcore_launch(2, poll_packets, NULL));
	while (!plx_load_acquire(&polling[0]) || !plx_load_acquire(&polling[1]))
		usleep(100);
	plx_busy_note(true);
	must(plx_stats_create(NULL, &stats));
	now = sample();
	cr_assert_float_eq(now->lcores[0].load, -1, 0);
	usleep(1000);
	now = sample();
	cr_assert_eq(now->nb_lcores, 2, "%u lcores", now->nb_lcores);
	cr_assert_eq(now->lcores[0].lcore, 1);
	cr_assert_eq(now->lcores[1].lcore, 2);
	if (PLX_BUSY) {
		cr_assert_float_eq(now->lcores[0].load, 0, 0);
		cr_assert_gt(now->lcores[1].load, 0.9, "load %f", now->lcores[1].load);
	}
	plx_stop_request();
	plx_lcore_wait_all();
	plx_stats_destroy(stats);
	plx_eal_fini();
}

Test(stats_sample, wrong_arguments)
{
	static const struct {
		struct plx_stats_conf conf;
		const char *word;
	} rows[] = {
		{{.period_ms = PLX_STATS_PERIOD_MIN_MS - 1}, "period of 9 ms"},
		{{.period_ms = PLX_STATS_PERIOD_MAX_MS + 1u}, "period of 86400001 ms"},
		{{.mode = (enum plx_stats_mode)3}, "mode 3"},
	};
	const struct plx_stats_sample *now;

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(rows); i++) {
		log_lines_start();
		cr_assert_eq(plx_stats_create(&rows[i].conf, &stats), -EINVAL);
		assert_one_line("stats", PLX_LOG_ERR, rows[i].word);
		log_lines_start();
		cr_assert_eq(plx_stats_start(&rows[i].conf, &stats), -EINVAL);
		assert_one_line("stats", PLX_LOG_ERR, rows[i].word);
	}
	cr_assert_eq(plx_stats_create(NULL, NULL), -EINVAL);
	cr_assert_eq(plx_stats_sample(NULL, &now), -EINVAL);
	cr_assert_eq(plx_stats_show(NULL), -EINVAL);
	plx_stats_destroy(NULL);
	plx_stats_stop(NULL);
}
