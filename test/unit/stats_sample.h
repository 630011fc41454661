/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readings and samples that were made up, and what is printed of them as text.
 */
#ifndef TEST_STATS_SAMPLE_H
#define TEST_STATS_SAMPLE_H

#include "stats_private.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* All that a test made, until its end. */
static struct {
	unsigned nb;
	void *blocks[64];
} kept;

static inline void *keep(void *block)
{
	cr_assert(block && kept.nb < 64, "no room for a block");
	kept.blocks[kept.nb++] = block;
	return block;
}

static inline void drop_all(void)
{
	while (kept.nb > 0)
		free(kept.blocks[--kept.nb]);
}

static const uint64_t SECOND_NS = UINT64_C(1000000000);

/* A started port of one queue each way at @time_s, its counters all 0. */
static inline struct stats_port_reading *add_port(struct stats_reading *reading, unsigned id,
						  const char *name, unsigned time_s)
{
	static const char *const sums[STATS_SUMS] = {"rx_missed", "rx_errors", "tx_errors",
						     "tx_dropped"};
	struct stats_port_reading *port = &reading->ports[reading->nb_ports++];

	reading->time_ns = time_s * SECOND_NS;
	port->time_ns = reading->time_ns;
	port->port = id;
	snprintf(port->info.name, sizeof(port->info.name), "%s", name);
	port->info.driver = "net_fake";
	port->info.state = PLX_PORT_STARTED;
	port->info.nb_rx_queues = port->info.nb_tx_queues = 1;
	port->link = (struct plx_port_link){.up = true, .speed_mbps = 1000};
	port->causes = keep(calloc(STATS_SUMS + 4, sizeof(*port->causes)));
	port->nb_causes = STATS_SUMS;
	for (unsigned i = 0; i < STATS_SUMS; i++)
		snprintf(port->causes[i].name, sizeof(port->causes[i].name), "%s", sums[i]);
	return port;
}

static inline void add_driver_cause(struct stats_port_reading *port, const char *name,
				    uint64_t count)
{
	struct stats_cause *cause = &port->causes[port->nb_causes++];

	snprintf(cause->name, sizeof(cause->name), "%s", name);
	cause->count = count;
}

static inline struct stats_reading *new_reading(void)
{
	return keep(calloc(1, sizeof(struct stats_reading)));
}

static inline const struct plx_stats_sample *rates_of(const struct stats_reading *before,
						      const struct stats_reading *now)
{
	struct stats_result *result = keep(calloc(1, sizeof(*result)));
	int ret = stats_rates(before, now, result);

	cr_assert_eq(ret, 0, "stats_rates: %d", ret);
	if (result->drops)
		keep(result->drops);
	return &result->sample;
}

static inline bool near(double value, double want)
{
	return value > want - 1e-6 - want * 1e-9 && value < want + 1e-6 + want * 1e-9;
}

#define assert_near(value, want)                                                                   \
	do {                                                                                       \
		double value_ = (value), want_ = (want);                                           \
		cr_assert(near(value_, want_), #value " is %.9g, want %.9g", value_, want_);       \
	} while (0)

/* Port 0 with two receive queues, losses and a name to be escaped in JSON; port 4 just came. */
static inline const struct plx_stats_sample *example(void)
{
	struct stats_reading *before = new_reading(), *now = new_reading();
	struct stats_port_reading *old = add_port(before, 0, "net_\"fake\\0\x01", 100);
	struct stats_port_reading *port = add_port(now, 0, "net_\"fake\\0\x01", 102);

	old->info.nb_rx_queues = port->info.nb_rx_queues = 2;
	port->rx = (struct stats_count){2000000, 120000000, 30};
	port->rx_queues[0] = (struct stats_count){1500000, 90000000, 0};
	port->rx_queues[1] = (struct stats_count){500000, 30000000, 10};
	port->tx = (struct stats_count){4, 6000, 0};
	port->tx_queues[0] = port->tx;
	port->causes[0].count = 30;
	add_driver_cause(old, "rx_kernel_drops", 0);
	add_driver_cause(port, "rx_kernel_drops", 20);
	port = add_port(now, 4, "net_fake4", 102);
	port->rx.packets = 11;
	port->link.up = false;
	port->causes[3].count = 6;
	add_driver_cause(port, "tx_q0_dropped", 6); /* is told by the one above */
	before->lcores[0] = (struct stats_lcore_reading){1, 0, 0, false};
	now->lcores[0] = (struct stats_lcore_reading){1, 500, 1000, true};
	now->lcores[1] = (struct stats_lcore_reading){3, 500, 1000, true};
	before->nb_lcores = 1;
	now->nb_lcores = 2;
	now->unix_ns = 1700000000123456789;
	return rates_of(before, now);
}

/* @longest: out, without the newline. */
static inline unsigned lines_of(const char *text, unsigned *longest)
{
	unsigned nb = 0;

	*longest = 0;
	for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1, nb++)
		if (end - text > *longest)
			*longest = (unsigned)(end - text);
	cr_assert_eq(*text, '\0', "text after the last line: %s", text);
	return nb;
}

#endif
