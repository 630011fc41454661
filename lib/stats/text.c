/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sample for people: a table, or lines that begin with the time. Names are the device strings'
 * own, so they are plain words.
 */
#include "stats_private.h"

#include <pollux/lcore.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 320 };

struct stats_number stats_fixed(double value, unsigned decimals)
{
	struct stats_number number;
	uint64_t whole, part, scale = 1;

	for (unsigned i = 0; i < decimals; i++)
		scale *= 10;
	if (!(value > 0))
		value = 0;
	whole = value < 1.8e19 ? (uint64_t)value : UINT64_MAX;
	part = whole < UINT64_MAX ? (uint64_t)((value - (double)whole) * (double)scale + 0.5) : 0;
	if (part == scale) { /* rounded up */
		part = 0;
		whole++;
	}
	if (decimals == 0)
		snprintf(number.text, sizeof(number.text), "%" PRIu64, whole);
	else
		snprintf(number.text, sizeof(number.text), "%" PRIu64 ".%0*" PRIu64, whole,
			 (int)decimals, part);
	return number;
}

struct stats_number stats_grouped(double value)
{
	struct stats_number plain = stats_fixed(value, 0), grouped;
	size_t nb = strlen(plain.text), to = 0;

	for (size_t i = 0; i < nb; i++) {
		if (i > 0 && (nb - i) % 3 == 0)
			grouped.text[to++] = ',';
		grouped.text[to++] = plain.text[i];
	}
	grouped.text[to] = '\0';
	return grouped;
}

static double since_s(const struct plx_stats_sample *sample, const struct stats_view *view)
{
	return (double)(sample->time_ns - view->since_ns) / 1e9;
}

static const char *mark_name(enum plx_stats_mark mark)
{
	return mark == PLX_STATS_NEW ? "new" : mark == PLX_STATS_RESET ? "counters were reset" : "";
}

static const char *state_name(const struct plx_stats_port *port)
{
	if (port->state != PLX_PORT_STARTED)
		return "stopped";
	return port->link.up ? "link up" : "link down";
}

/* ---- the table ---- */

/* What the window holds of the table: the rest is left out, and said so in its last line. */
struct page {
	FILE *out;
	unsigned columns;
	unsigned nb, most; /* lines printed, and room for them */
	unsigned left_out;
};

static void put(struct page *page, const char *line)
{
	int columns = page->columns > 0 ? (int)page->columns : -1;

	if (page->most > 0 && page->nb >= page->most) {
		page->left_out++;
		return;
	}
	fprintf(page->out, "%.*s\n", columns, line);
	page->nb++;
}

static void put_flow(struct page *page, const char *label, const struct plx_stats_flow *flow)
{
	char line[LINE_BYTES];

	snprintf(line, sizeof(line), " %-6s %11s %10s %10s %10s %14s %10s", label,
		 stats_grouped(flow->packets_per_s).text, stats_fixed(flow->frame_mbps, 1).text,
		 stats_fixed(flow->wire_mbps, 1).text, stats_grouped(flow->lost_per_s).text,
		 stats_grouped((double)flow->packets).text, stats_grouped((double)flow->lost).text);
	put(page, line);
}

/* One queue is the port itself; of several each has its line under the port's. */
static void put_direction(struct page *page, const char *label, const struct plx_stats_flow *flow,
			  const struct plx_stats_flow *queues, unsigned nb_queues)
{
	char name[16];

	if (nb_queues == 0)
		return;
	snprintf(name, sizeof(name), nb_queues == 1 ? "%s q0" : "%s", label);
	put_flow(page, name, flow);
	for (unsigned i = 0; nb_queues > 1 && i < nb_queues; i++) {
		snprintf(name, sizeof(name), "%s q%u", label, i);
		put_flow(page, name, &queues[i]);
	}
}

/* "rx_q0_..." of a port with one such queue is what the port's own line says. */
static bool is_said(const struct plx_stats_port *port, const char *name)
{
	unsigned nb = name[0] == 't' ? port->nb_tx_queues : port->nb_rx_queues;

	return nb == 1 && strncmp(&name[1], "x_q0_", 5) == 0;
}

static void put_drops(struct page *page, const struct plx_stats_port *port)
{
	char line[LINE_BYTES];

	for (unsigned i = 0; i < port->nb_drops; i++) {
		const struct plx_stats_drop *drop = &port->drops[i];

		if (drop->count == 0 || is_said(port, drop->name))
			continue;
		snprintf(line, sizeof(line), " lost by %-31s %10s %14s %10s", drop->name,
			 stats_grouped(drop->per_s).text, "",
			 stats_grouped((double)drop->count).text);
		put(page, line);
	}
}

static void put_port(struct page *page, const struct plx_stats_port *port)
{
	const char *mark = mark_name(port->rx.mark);
	char speed[32] = "", line[LINE_BYTES];

	if (port->link.up && port->link.speed_mbps > 0)
		snprintf(speed, sizeof(speed), " at %u Mb/s", port->link.speed_mbps);
	snprintf(line, sizeof(line), "port %u: %s, %s%s%s%s", port->port, port->name,
		 state_name(port), speed, *mark ? ", " : "", mark);
	put(page, line);
	put_direction(page, "rx", &port->rx, port->rx_queues, port->nb_rx_queues);
	put_direction(page, "tx", &port->tx, port->tx_queues, port->nb_tx_queues);
	put_drops(page, port);
}

static const char *load_text(double load, struct stats_number *number)
{
	if (load < 0)
		return "?";
	*number = stats_fixed(load * 100, 1);
	return number->text;
}

static void put_lcores(struct page *page, const struct plx_stats_sample *sample)
{
	enum { IN_A_LINE = 6 };
	struct stats_number number;
	char line[LINE_BYTES];
	size_t used;

	for (unsigned i = 0; i < sample->nb_lcores; i += IN_A_LINE) {
		used = (size_t)snprintf(line, sizeof(line), i == 0 ? "load of lcores (%%)" : "%18s",
					"");
		for (unsigned j = i; j < sample->nb_lcores && j < i + IN_A_LINE; j++)
			used += (size_t)snprintf(&line[used], sizeof(line) - used, " %3u: %5s",
						 sample->lcores[j].lcore,
						 load_text(sample->lcores[j].load, &number));
		put(page, line);
	}
}

unsigned stats_print_table(const struct plx_stats_sample *sample, const struct stats_view *view,
			   FILE *out)
{
	struct page page = {.out = out, .columns = view->columns};
	char line[LINE_BYTES];

	/* The last row is the cursor's, the one before it tells what was left out. */
	if (view->rows > 2)
		page.most = view->rows - 2;
	snprintf(line, sizeof(line), "%s%s%s s%s", view->title ? view->title : "",
		 view->title ? ", " : "", stats_fixed(since_s(sample, view), 1).text,
		 view->last ? ", the last sample" : "");
	put(&page, line);
	snprintf(line, sizeof(line), " %-6s %11s %10s %10s %10s %14s %10s", "", "packets/s",
		 "frame Mb/s", "wire Mb/s", "lost/s", "packets", "lost");
	put(&page, line);
	if (sample->nb_ports == 0)
		put(&page, "no ports");
	for (unsigned i = 0; i < sample->nb_ports; i++)
		put_port(&page, &sample->ports[i]);
	put_lcores(&page, sample);
	if (page.left_out > 0) {
		snprintf(line, sizeof(line), "... and %u lines more than the window has",
			 page.left_out);
		page.most = 0;
		put(&page, line);
	}
	return page.nb;
}

/* ---- lines ---- */

static void line_flow(FILE *out, const char *begin, const char *label,
		      const struct plx_stats_flow *flow)
{
	const char *mark = mark_name(flow->mark);

	fprintf(out,
		"%s %s: %s packets/s, %s frame Mb/s, %s wire Mb/s, %s lost/s, "
		"%" PRIu64 " packets, %" PRIu64 " lost%s%s\n",
		begin, label, stats_fixed(flow->packets_per_s, 0).text,
		stats_fixed(flow->frame_mbps, 1).text, stats_fixed(flow->wire_mbps, 1).text,
		stats_fixed(flow->lost_per_s, 0).text, flow->packets, flow->lost, *mark ? ", " : "",
		mark);
}

static void line_direction(FILE *out, const char *begin, const char *label,
			   const struct plx_stats_flow *flow, const struct plx_stats_flow *queues,
			   unsigned nb_queues)
{
	char name[16];

	if (nb_queues == 0)
		return;
	snprintf(name, sizeof(name), nb_queues == 1 ? "%s q0" : "%s", label);
	line_flow(out, begin, name, flow);
	for (unsigned i = 0; nb_queues > 1 && i < nb_queues; i++) {
		snprintf(name, sizeof(name), "%s q%u", label, i);
		line_flow(out, begin, name, &queues[i]);
	}
}

static void line_port(FILE *out, const char *time, const struct plx_stats_port *port)
{
	char begin[PLX_PORT_NAME_MAX + 64];

	fprintf(out, "%s port %u %s: %s\n", time, port->port, port->name, state_name(port));
	snprintf(begin, sizeof(begin), "%s port %u %s", time, port->port, port->name);
	line_direction(out, begin, "rx", &port->rx, port->rx_queues, port->nb_rx_queues);
	line_direction(out, begin, "tx", &port->tx, port->tx_queues, port->nb_tx_queues);
	for (unsigned i = 0; i < port->nb_drops; i++) {
		const struct plx_stats_drop *drop = &port->drops[i];

		if (drop->count > 0 && !is_said(port, drop->name))
			fprintf(out, "%s lost by %s: %s packets/s, %" PRIu64 " packets\n", begin,
				drop->name, stats_fixed(drop->per_s, 0).text, drop->count);
	}
}

void stats_print_lines(const struct plx_stats_sample *sample, const struct stats_view *view,
		       FILE *out)
{
	struct stats_number number;
	char time[48];

	snprintf(time, sizeof(time), "%s s%s", stats_fixed(since_s(sample, view), 3).text,
		 view->last ? " (last)" : "");
	for (unsigned i = 0; i < sample->nb_ports; i++)
		line_port(out, time, &sample->ports[i]);
	for (unsigned i = 0; i < sample->nb_lcores; i++)
		fprintf(out, "%s lcore %u: load %s %%\n", time, sample->lcores[i].lcore,
			load_text(sample->lcores[i].load, &number));
}
