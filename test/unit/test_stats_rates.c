/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates, from readings that were made up. */
#include "stats_sample.h"

TestSuite(stats_rates, .fini = drop_all);

/* The line rates of 1 GbE, whose wire is full at each frame size. */
Test(stats_rates, full_wire)
{
	static const struct {
		unsigned frame_bytes; /* with FCS */
		double packets_per_s, frame_mbps;
	} rows[] = {
		{64, 1488095.238, 761.904762},	{128, 844594.595, 864.864865},
		{256, 452898.551, 927.536232},	{512, 234962.406, 962.406015},
		{1024, 119731.801, 980.842912}, {1280, 96153.846, 984.615385},
		{1518, 81274.382, 986.996099},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(rows); i++) {
		struct stats_reading *before = new_reading(), *now = new_reading();
		struct stats_port_reading *port;
		const struct plx_stats_sample *sample;
		uint64_t packets = (uint64_t)(rows[i].packets_per_s * 1000 + 0.5);

		add_port(before, 0, "net_fake0", 1);
		port = add_port(now, 0, "net_fake0", 1001);
		port->rx.packets = packets;
		port->rx.bytes = packets * (rows[i].frame_bytes - 4);
		sample = rates_of(before, now);
		assert_near(sample->ports[0].rx.packets_per_s, (double)packets / 1000);
		cr_assert_float_eq(sample->ports[0].rx.frame_mbps, rows[i].frame_mbps, 1e-4,
				   "%u bytes: %f", rows[i].frame_bytes,
				   sample->ports[0].rx.frame_mbps);
		cr_assert_float_eq(sample->ports[0].rx.wire_mbps, 1000, 1e-4, "%u bytes: %f",
				   rows[i].frame_bytes, sample->ports[0].rx.wire_mbps);
		assert_near(sample->ports[0].tx.packets_per_s, 0);
	}
}

Test(stats_rates, own_interval_of_each_port)
{
	struct stats_reading *before = new_reading(), *now = new_reading();
	const struct plx_stats_sample *sample;

	add_port(before, 0, "net_fake0", 10);
	add_port(before, 3, "net_fake3", 10);
	add_port(now, 0, "net_fake0", 12)->tx.packets = 100;
	add_port(now, 3, "net_fake3", 12)->tx.packets = 100;
	now->ports[1].time_ns = 14 * SECOND_NS;
	sample = rates_of(before, now);
	cr_assert_eq(sample->nb_ports, 2);
	assert_near(sample->ports[0].tx.packets_per_s, 50);
	assert_near(sample->ports[1].tx.packets_per_s, 25);
	cr_assert_eq(sample->ports[1].port, 3);
	cr_assert_eq(sample->ports[1].interval_ns, 4 * SECOND_NS);
	cr_assert_eq(sample->interval_ns, 2 * SECOND_NS);
}

Test(stats_rates, first_sample_has_counts_only)
{
	struct stats_reading *now = new_reading();
	struct stats_port_reading *port = add_port(now, 1, "net_fake1", 5);
	const struct plx_stats_sample *sample;

	port->rx = (struct stats_count){1000, 60000, 7};
	port->rx_queues[0] = port->rx;
	sample = rates_of(NULL, now);
	cr_assert_eq(sample->interval_ns, 0);
	cr_assert_eq(sample->ports[0].interval_ns, 0);
	cr_assert_eq(sample->ports[0].rx.mark, PLX_STATS_NEW);
	cr_assert_eq(sample->ports[0].rx.packets, 1000);
	cr_assert_eq(sample->ports[0].rx.bytes, 60000);
	cr_assert_eq(sample->ports[0].rx.lost, 7);
	assert_near(sample->ports[0].rx.packets_per_s, 0);
	assert_near(sample->ports[0].rx.lost_per_s, 0);
	cr_assert_eq(sample->ports[0].rx_queues[0].packets, 1000);
	assert_near(sample->ports[0].rx_queues[0].packets_per_s, 0);
}

/* Two readings at one time: no division by nothing. */
Test(stats_rates, no_time_between)
{
	struct stats_reading *before = new_reading(), *now = new_reading();
	const struct plx_stats_sample *sample;

	add_port(before, 0, "net_fake0", 5);
	add_driver_cause(&before->ports[0], "rx_kernel_drops", 0);
	add_port(now, 0, "net_fake0", 5)->rx.packets = 9;
	add_driver_cause(&now->ports[0], "rx_kernel_drops", 3);
	sample = rates_of(before, now);
	assert_near(sample->ports[0].rx.packets_per_s, 0);
	assert_near(sample->ports[0].drops[STATS_SUMS].per_s, 0);
	cr_assert_eq(sample->ports[0].drops[STATS_SUMS].count, 3);
}

/* Each counter that may go back alone marks the whole port. */
Test(stats_rates, reset)
{
	for (unsigned which = 0; which < 6; which++) {
		struct stats_reading *before = new_reading(), *now = new_reading();
		struct stats_port_reading *old = add_port(before, 0, "net_fake0", 1);
		struct stats_port_reading *port = add_port(now, 0, "net_fake0", 2);
		const struct plx_stats_port *got;

		old->rx = old->tx = (struct stats_count){100, 6000, 5};
		old->rx_queues[0] = old->tx_queues[0] = old->rx;
		old->causes[2].count = 5;
		port->rx = port->tx = (struct stats_count){200, 12000, 10};
		port->rx_queues[0] = port->tx_queues[0] = port->rx;
		port->causes[2].count = 10;
		if (which == 0)
			port->rx.packets = 99;
		else if (which == 1)
			port->tx.bytes = 5999;
		else if (which == 2)
			port->rx.lost = 4;
		else if (which == 3)
			port->rx_queues[0].packets = 99;
		else if (which == 4)
			port->tx_queues[0].lost = 4;
		else
			port->causes[2].count = 4;
		got = rates_of(before, now)->ports;
		cr_assert_eq(got->rx.mark, PLX_STATS_RESET, "counter %u: mark %d", which,
			     got->rx.mark);
		cr_assert_eq(got->tx.mark, PLX_STATS_RESET);
		cr_assert_eq(got->rx_queues[0].mark, PLX_STATS_RESET);
		cr_assert_eq(got->tx_queues[0].mark, PLX_STATS_RESET);
		assert_near(got->rx.packets_per_s, 0);
		assert_near(got->tx.frame_mbps, 0);
		assert_near(got->rx_queues[0].wire_mbps, 0);
		assert_near(got->tx_queues[0].lost_per_s, 0);
		for (unsigned i = 0; i < got->nb_drops; i++)
			assert_near(got->drops[i].per_s, 0);
		cr_assert_eq(got->tx.packets, 200);
	}
}

/* A port that took another's id, ports that come and go. */
Test(stats_rates, ports_come_and_go)
{
	struct stats_reading *before = new_reading(), *now = new_reading();
	const struct plx_stats_sample *sample;

	add_port(before, 0, "net_fake0", 1)->rx.packets = 10;
	add_port(before, 1, "net_fake1", 1)->rx.packets = 10;
	add_port(before, 2, "net_fake2", 1)->rx.packets = 10;
	add_port(now, 1, "net_other7", 2)->rx.packets = 1000000;
	add_port(now, 2, "net_fake2", 2)->rx.packets = 30;
	add_port(now, 5, "net_fake5", 2)->rx.packets = 1000000;
	sample = rates_of(before, now);
	cr_assert_eq(sample->nb_ports, 3);
	cr_assert_eq(sample->ports[0].rx.mark, PLX_STATS_NEW);
	assert_near(sample->ports[0].rx.packets_per_s, 0);
	cr_assert_eq(sample->ports[1].rx.mark, PLX_STATS_OK);
	assert_near(sample->ports[1].rx.packets_per_s, 20);
	cr_assert_eq(sample->ports[2].rx.mark, PLX_STATS_NEW);
	assert_near(sample->ports[2].rx.packets_per_s, 0);
}

/* More queues than before: the new ones are marked, the port goes on. Fewer: nothing is read past
 * what there is. */
Test(stats_rates, queues_come_and_go)
{
	struct stats_reading *before = new_reading(), *now = new_reading();
	struct stats_port_reading *old = add_port(before, 0, "net_fake0", 1);
	struct stats_port_reading *port = add_port(now, 0, "net_fake0", 2);
	const struct plx_stats_port *got;

	old->info.nb_tx_queues = 3;
	old->tx_queues[2].packets = 1000;
	port->info.nb_rx_queues = 2;
	port->rx_queues[0].packets = 40;
	port->rx_queues[1].packets = 60;
	port->rx.packets = 100;
	got = rates_of(before, now)->ports;
	cr_assert_eq(got->nb_rx_queues, 2);
	cr_assert_eq(got->rx.mark, PLX_STATS_OK);
	assert_near(got->rx.packets_per_s, 100);
	assert_near(got->rx_queues[0].packets_per_s, 40);
	cr_assert_eq(got->rx_queues[1].mark, PLX_STATS_NEW);
	assert_near(got->rx_queues[1].packets_per_s, 0);
	cr_assert_eq(got->nb_tx_queues, 1);
	cr_assert_eq(got->tx_queues[0].mark, PLX_STATS_OK);
}

/* A cause is found by its name, wherever it stood before; one that is new has no rate yet. */
Test(stats_rates, causes)
{
	struct stats_reading *before = new_reading(), *now = new_reading();
	struct stats_port_reading *old = add_port(before, 0, "net_fake0", 1);
	struct stats_port_reading *port = add_port(now, 0, "net_fake0", 3);
	const struct plx_stats_port *got;

	add_driver_cause(old, "rx_q0_truncated", 5);
	add_driver_cause(old, "rx_kernel_drops", 100);
	add_driver_cause(port, "rx_kernel_drops", 120);
	add_driver_cause(port, "rx_q0_truncated", 4); /* gone back alone */
	add_driver_cause(port, "rx_q1_truncated", 8);
	got = rates_of(before, now)->ports;
	cr_assert_eq(got->nb_drops, STATS_SUMS + 3);
	cr_assert_str_eq(got->drops[0].name, "rx_missed");
	cr_assert_str_eq(got->drops[3].name, "tx_dropped");
	cr_assert_str_eq(got->drops[4].name, "rx_kernel_drops");
	cr_assert_eq(got->drops[4].count, 120);
	assert_near(got->drops[4].per_s, 10);
	assert_near(got->drops[5].per_s, 0);
	assert_near(got->drops[6].per_s, 0);
	cr_assert_eq(got->drops[6].count, 8);
}

/* Busy cycles against all cycles, cut to what can be. */
Test(stats_rates, loads)
{
	static const struct {
		unsigned lcore;
		uint64_t busy_before, busy_now, cycles_before, cycles_now;
		double load;
	} rows[] = {
		{0, 0, 0, 1000, 2000, 0},     {1, 0, 250, 1000, 2000, 0.25},
		{2, 10, 1010, 1000, 2000, 1}, {5, 0, 1005, 1000, 2000, 1},
		{7, 100, 99, 1000, 2000, 0},  {9, 0, 0, 1000, 1000, -1},
		{12, 0, 5, 2000, 1000, -1},
	};
	struct stats_reading *before = new_reading(), *now = new_reading();
	const struct plx_stats_sample *sample;
	unsigned nb = PLX_ARRAY_SIZE(rows);

	for (unsigned i = 0; i < nb; i++) {
		before->lcores[i] = (struct stats_lcore_reading){rows[i].lcore, rows[i].busy_before,
								 rows[i].cycles_before, false};
		now->lcores[i] = (struct stats_lcore_reading){rows[i].lcore, rows[i].busy_now,
							      rows[i].cycles_now, true};
	}
	before->nb_lcores = nb;
	now->lcores[nb] = (struct stats_lcore_reading){100, 5, 5, true}; /* registered meanwhile */
	now->lcores[nb + 1] = (struct stats_lcore_reading){101, 0, 5, false}; /* sleeps */
	now->nb_lcores = nb + 2;
	sample = rates_of(before, now);
	cr_assert_eq(sample->nb_lcores, nb + 1);
	for (unsigned i = 0; i < nb; i++) {
		cr_assert_eq(sample->lcores[i].lcore, rows[i].lcore);
		cr_assert_eq(sample->lcores[i].busy_cycles, rows[i].busy_now);
		cr_assert_float_eq(sample->lcores[i].load, PLX_BUSY ? rows[i].load : -1, 1e-9,
				   "lcore %u: load %f, want %f", rows[i].lcore,
				   sample->lcores[i].load, rows[i].load);
	}
	cr_assert_float_eq(sample->lcores[nb].load, -1, 0);
}
