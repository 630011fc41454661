/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From two readings to a sample. A function of its arguments alone, so that it can be tried with
 * readings that were made up.
 */
#include "stats_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FCS_BYTES = 4,
	WIRE_BYTES = 24, /* FCS, preamble of 8, gap of 12 */
};

static double per_s(uint64_t before, uint64_t now, uint64_t interval_ns)
{
	return (double)(now - before) * 1e9 / (double)interval_ns;
}

static double mbps(double packets_per_s, double bytes_per_s, unsigned more_bytes)
{
	return (bytes_per_s + packets_per_s * more_bytes) * 8 / 1e6;
}

static bool went_back(const struct stats_count *before, const struct stats_count *now)
{
	return now->packets < before->packets || now->bytes < before->bytes ||
	       now->lost < before->lost;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* A reset is of a whole port: once one of its counters went back none of them has a rate. */
static bool was_reset(const struct stats_port_reading *before, const struct stats_port_reading *now)
{
	bool back = went_back(&before->rx, &now->rx) || went_back(&before->tx, &now->tx);
	unsigned nb = least(before->info.nb_rx_queues, now->info.nb_rx_queues);

	for (unsigned i = 0; i < nb; i++)
		back |= went_back(&before->rx_queues[i], &now->rx_queues[i]);
	nb = least(before->info.nb_tx_queues, now->info.nb_tx_queues);
	for (unsigned i = 0; i < nb; i++)
		back |= went_back(&before->tx_queues[i], &now->tx_queues[i]);
	for (unsigned i = 0; i < STATS_SUMS; i++)
		back |= now->causes[i].count < before->causes[i].count;
	return back;
}

/* @before: NULL when there is no rate, for the reason that @mark gives. */
static struct plx_stats_flow flow(const struct stats_count *before, const struct stats_count *now,
				  uint64_t interval_ns, enum plx_stats_mark mark)
{
	struct plx_stats_flow to = {
		.packets = now->packets,
		.bytes = now->bytes,
		.lost = now->lost,
		.mark = mark,
	};
	double bytes_per_s;

	if (mark != PLX_STATS_OK || interval_ns == 0)
		return to;
	bytes_per_s = per_s(before->bytes, now->bytes, interval_ns);
	to.packets_per_s = per_s(before->packets, now->packets, interval_ns);
	to.lost_per_s = per_s(before->lost, now->lost, interval_ns);
	to.frame_mbps = mbps(to.packets_per_s, bytes_per_s, FCS_BYTES);
	to.wire_mbps = mbps(to.packets_per_s, bytes_per_s, WIRE_BYTES);
	return to;
}

static void queue_flows(const struct stats_count *before, unsigned nb_before,
			const struct stats_count *now, unsigned nb, uint64_t interval_ns,
			enum plx_stats_mark mark, struct plx_stats_flow *to)
{
	for (unsigned i = 0; i < nb; i++)
		to[i] = flow(&before[i], &now[i], interval_ns,
			     mark == PLX_STATS_OK && i >= nb_before ? PLX_STATS_NEW : mark);
}

/* Usually it has the place that it had before. */
static const struct stats_cause *same_cause(const struct stats_port_reading *before, unsigned place,
					    const char *name)
{
	if (place < before->nb_causes && strcmp(before->causes[place].name, name) == 0)
		return &before->causes[place];
	for (unsigned i = 0; i < before->nb_causes; i++)
		if (strcmp(before->causes[i].name, name) == 0)
			return &before->causes[i];
	return NULL;
}

static void port_drops(const struct stats_port_reading *before,
		       const struct stats_port_reading *now, const struct plx_stats_port *port,
		       struct plx_stats_drop *drops)
{
	for (unsigned i = 0; i < now->nb_causes; i++) {
		const struct stats_cause *cause = &now->causes[i], *old = NULL;

		memcpy(drops[i].name, cause->name, sizeof(drops[i].name));
		drops[i].count = cause->count;
		drops[i].per_s = 0;
		if (port->rx.mark == PLX_STATS_OK && port->interval_ns > 0)
			old = same_cause(before, i, cause->name);
		if (old && old->count < cause->count)
			drops[i].per_s = per_s(old->count, cause->count, port->interval_ns);
	}
}

static const struct stats_port_reading *same_port(const struct stats_reading *before,
						  const struct stats_port_reading *now)
{
	for (unsigned i = 0; before && i < before->nb_ports; i++)
		if (before->ports[i].port == now->port)
			return strcmp(before->ports[i].info.name, now->info.name) == 0
				       ? &before->ports[i]
				       : NULL;
	return NULL;
}

static void port_rates(const struct stats_port_reading *before,
		       const struct stats_port_reading *now, struct stats_result *result,
		       struct plx_stats_drop *drops)
{
	unsigned place = result->sample.nb_ports++;
	struct plx_stats_port *port = &result->ports[place];
	enum plx_stats_mark mark = PLX_STATS_OK;

	if (!before) {
		mark = PLX_STATS_NEW;
		before = now;
	} else if (was_reset(before, now)) {
		mark = PLX_STATS_RESET;
	}
	memset(port, 0, sizeof(*port));
	port->port = now->port;
	snprintf(port->name, sizeof(port->name), "%s", now->info.name);
	snprintf(port->driver, sizeof(port->driver), "%s",
		 now->info.driver ? now->info.driver : "");
	port->state = now->info.state;
	port->link = now->link;
	port->interval_ns = now->time_ns - before->time_ns;
	port->rx = flow(&before->rx, &now->rx, port->interval_ns, mark);
	port->tx = flow(&before->tx, &now->tx, port->interval_ns, mark);
	port->nb_rx_queues = now->info.nb_rx_queues;
	port->nb_tx_queues = now->info.nb_tx_queues;
	port->rx_queues = result->rx_queues[place];
	port->tx_queues = result->tx_queues[place];
	queue_flows(before->rx_queues, before->info.nb_rx_queues, now->rx_queues,
		    port->nb_rx_queues, port->interval_ns, mark, result->rx_queues[place]);
	queue_flows(before->tx_queues, before->info.nb_tx_queues, now->tx_queues,
		    port->nb_tx_queues, port->interval_ns, mark, result->tx_queues[place]);
	port->nb_drops = now->nb_causes;
	port->drops = drops;
	port_drops(before, now, port, drops);
}

static double load(const struct stats_lcore_reading *before, const struct stats_lcore_reading *now)
{
	uint64_t busy = now->busy_cycles - before->busy_cycles;
	uint64_t all = now->cycles - before->cycles;

	if (!PLX_BUSY || all == 0 || now->cycles < before->cycles)
		return -1;
	/* The two clocks of a reading are some nanoseconds apart, either way. */
	if (now->busy_cycles < before->busy_cycles)
		return 0;
	return busy < all ? (double)busy / (double)all : 1;
}

static void lcore_rates(const struct stats_reading *before, const struct stats_reading *now,
			struct stats_result *result)
{
	unsigned old = 0, nb_old = before ? before->nb_lcores : 0;

	for (unsigned i = 0; i < now->nb_lcores; i++) {
		const struct stats_lcore_reading *lcore = &now->lcores[i];
		struct plx_stats_lcore *to = &result->lcores[result->sample.nb_lcores];

		if (!lcore->is_shown)
			continue;
		result->sample.nb_lcores++;
		*to = (struct plx_stats_lcore){lcore->lcore, lcore->busy_cycles, -1};
		while (old < nb_old && before->lcores[old].lcore < lcore->lcore)
			old++;
		if (old < nb_old && before->lcores[old].lcore == lcore->lcore)
			to->load = load(&before->lcores[old], lcore);
	}
}

int stats_rates(const struct stats_reading *before, const struct stats_reading *now,
		struct stats_result *result)
{
	struct plx_stats_drop *drops;
	unsigned nb_drops = 0;

	for (unsigned i = 0; i < now->nb_ports; i++)
		nb_drops += now->ports[i].nb_causes;
	if (nb_drops > result->room_drops) {
		drops = realloc(result->drops, nb_drops * sizeof(*drops));
		if (!drops)
			return -ENOMEM;
		result->drops = drops;
		result->room_drops = nb_drops;
	}
	result->sample = (struct plx_stats_sample){
		.time_ns = now->time_ns,
		.unix_ns = now->unix_ns,
		.interval_ns = before ? now->time_ns - before->time_ns : 0,
		.ports = result->ports,
		.lcores = result->lcores,
	};
	drops = result->drops;
	for (unsigned i = 0; i < now->nb_ports; i++) {
		port_rates(same_port(before, &now->ports[i]), &now->ports[i], result, drops);
		drops += now->ports[i].nb_causes;
	}
	lcore_rates(before, now, result);
	return 0;
}
