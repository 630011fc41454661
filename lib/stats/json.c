/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sample as one JSON object on one line. Written by hand: jansson is for the tests, which read
 * it back.
 */
#include "stats_private.h"

static void string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~') /* an interface's name may be any bytes, not UTF-8 */
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

static const char *mark_name(enum plx_stats_mark mark)
{
	return mark == PLX_STATS_NEW ? "new" : mark == PLX_STATS_RESET ? "reset" : "ok";
}

static const char *state_name(enum plx_port_state state)
{
	return state == PLX_PORT_STARTED      ? "started"
	       : state == PLX_PORT_CONFIGURED ? "configured"
					      : "attached";
}

static const char *bool_name(bool value)
{
	return value ? "true" : "false";
}

static void flow_members(FILE *out, const struct plx_stats_flow *flow)
{
	fprintf(out,
		"\"mark\":\"%s\",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64
		",\"packets_per_s\":%s,\"frame_mbps\":%s,\"wire_mbps\":%s,\"lost_per_s\":%s",
		mark_name(flow->mark), flow->packets, flow->bytes, flow->lost,
		stats_fixed(flow->packets_per_s, 3).text, stats_fixed(flow->frame_mbps, 6).text,
		stats_fixed(flow->wire_mbps, 6).text, stats_fixed(flow->lost_per_s, 3).text);
}

static void print_port(FILE *out, const struct plx_stats_port *port)
{
	fprintf(out, "{\"port\":%u,\"name\":", port->port);
	string(out, port->name);
	fputs(",\"driver\":", out);
	string(out, port->driver);
	fprintf(out,
		",\"state\":\"%s\",\"link_up\":%s,\"link_mbps\":%u,\"interval_ns\":%" PRIu64
		",\"rx\":{",
		state_name(port->state), bool_name(port->link.up), port->link.speed_mbps,
		port->interval_ns);
	flow_members(out, &port->rx);
	fputs("},\"tx\":{", out);
	flow_members(out, &port->tx);
	fputs("},\"drops\":{", out);
	for (unsigned i = 0; i < port->nb_drops; i++) {
		if (i > 0)
			putc(',', out);
		string(out, port->drops[i].name);
		fprintf(out, ":{\"packets\":%" PRIu64 ",\"packets_per_s\":%s}",
			port->drops[i].count, stats_fixed(port->drops[i].per_s, 3).text);
	}
	fputs("}}", out);
}

/* Returns what stands between this queue and the next one. */
static const char *print_queues(FILE *out, const char *comma, unsigned port, const char *direction,
				const struct plx_stats_flow *queues, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++) {
		fprintf(out, "%s{\"port\":%u,\"direction\":\"%s\",\"queue\":%u,", comma, port,
			direction, i);
		flow_members(out, &queues[i]);
		putc('}', out);
		comma = ",";
	}
	return comma;
}

static void print_lcore(FILE *out, const struct plx_stats_lcore *lcore)
{
	fprintf(out, "{\"lcore\":%u,\"busy_cycles\":%" PRIu64 ",\"load\":%s}", lcore->lcore,
		lcore->busy_cycles, lcore->load < 0 ? "null" : stats_fixed(lcore->load, 6).text);
}

void stats_print_json(const struct plx_stats_sample *sample, bool last, FILE *out)
{
	const char *comma = "";

	fprintf(out,
		"{\"time_ns\":%" PRIu64 ",\"unix_ns\":%" PRIu64 ",\"interval_ns\":%" PRIu64
		",\"last\":%s,\"ports\":[",
		sample->time_ns, sample->unix_ns, sample->interval_ns, bool_name(last));
	for (unsigned i = 0; i < sample->nb_ports; i++) {
		if (i > 0)
			putc(',', out);
		print_port(out, &sample->ports[i]);
	}
	fputs("],\"queues\":[", out);
	for (unsigned i = 0; i < sample->nb_ports; i++) {
		const struct plx_stats_port *port = &sample->ports[i];

		comma = print_queues(out, comma, port->port, "rx", port->rx_queues,
				     port->nb_rx_queues);
		comma = print_queues(out, comma, port->port, "tx", port->tx_queues,
				     port->nb_tx_queues);
	}
	fputs("],\"lcores\":[", out);
	for (unsigned i = 0; i < sample->nb_lcores; i++) {
		if (i > 0)
			putc(',', out);
		print_lcore(out, &sample->lcores[i]);
	}
	fputs("]}\n", out);
}
