/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of points and ratios. */
#include "report_tables.h"

#include <math.h>
#include <string.h>

#include "report_doc.h"

static const double NS_PER_US = 1e3;

const char *format_condition(char text[64], const json_t *point)
{
	double delay_ns = doc_number(point, "delay_ns");
	char number[32];

	text[0] = '\0';
	if (doc_true(point, "stress"))
		strcat(text, "stress ");
	if (doc_true(point, "together"))
		strcat(text, "at once ");
	if (delay_ns > 0)
		snprintf(text + strlen(text), 64 - strlen(text), "+%s us ",
			 format_number(number, delay_ns / NS_PER_US));
	if (text[0])
		text[strlen(text) - 1] = '\0';
	return text;
}

/* Pair, frame, load, condition. */
static void put_about(struct table *table, const json_t *point)
{
	char condition[64];

	table_cell(table, "%s", doc_string(point, "pair"));
	table_cell(table, "%s", doc_string(point, "frame"));
	table_cell(table, "%s", doc_string(point, "load"));
	table_cell(table, "%s", format_condition(condition, point));
}

static void put_number(struct table *table, double value, double scale)
{
	char text[32];

	table_cell(table, "%s", format_number(text, value * scale));
}

static void put_spread(struct table *table, const json_t *object, const char *key, double scale,
		       enum table_room room)
{
	struct report_spread spread = spread_read(object, key);
	char text[96];

	if (room == ROOM_PAGE)
		table_cell(table, "%s", format_spread(text, &spread, scale));
	else
		put_number(table, spread.median, scale);
}

static void put_count(struct table *table, const json_t *object, const char *key)
{
	double value = doc_number(object, key);

	if (isnan(value))
		table_cell(table, "-");
	else
		table_cell(table, "%.0f", value);
}

/* On a terminal the title has to do. */
static void put_repeats(struct table *table, const json_t *object, enum table_room room)
{
	if (room == ROOM_PAGE)
		put_count(table, object, "repeats");
	else
		table_cell(table, "%s", "");
}

static void put_ceiling(struct table *table, const json_t *report, const json_t *point,
			enum table_room room)
{
	const json_t *pair = doc_pair(report, doc_string(point, "pair"));

	if (spread_read(point, "ceiling_percent").nb)
		put_spread(table, point, "ceiling_percent", 1, room);
	else
		table_cell(table, "%s", pair_is_emulated(pair) ? "emulated" : "unknown");
}

static void put_loss(struct table *table, const json_t *point)
{
	double loss = doc_number(point, "loss");

	if (isnan(loss))
		table_cell(table, "-");
	else if (loss > 0 && loss < 0.000001)
		table_cell(table, "<0.0001");
	else
		table_cell(table, loss > 0 ? "%.4f" : "%.0f", 100 * loss);
}

static void throughput(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {"<pair",	  ">frame", "<load", ">runs",
					    "<with",	  ">kpps",  ">Mb/s", ">wire Mb/s",
					    ">ceiling %", ">lost %"};
	size_t i;
	json_t *point;

	table_init(table,
		   "Throughput, both directions in sum: median (least..greatest) of the repeats",
		   heads, PLX_ARRAY_SIZE(heads));
	table->note = "Mb/s: bits of the frames, FCS included; wire Mb/s: with preamble and gap.";
	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		char condition[64];

		table_cell(table, "%s", doc_string(point, "pair"));
		table_cell(table, "%s", doc_string(point, "frame"));
		table_cell(table, "%s", doc_string(point, "load"));
		put_repeats(table, point, room);
		table_cell(table, "%s", format_condition(condition, point));
		put_spread(table, point, "throughput_pps", 1e-3, ROOM_PAGE);
		put_spread(table, point, "throughput_mbps", 1, room);
		put_spread(table, point, "wire_mbps", 1, room);
		put_ceiling(table, report, point, room);
		put_loss(table, point);
	}
}

static void directions(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {"<pair", ">frame",	  "<load", "<with",
					    "<way",  ">kpps",	  ">Mb/s", ">wire Mb/s",
					    ">sent", ">received", ">lost"};
	size_t i, d;
	json_t *point, *direction;

	table_init(table, "Throughput of each direction", heads, PLX_ARRAY_SIZE(heads));
	if (room == ROOM_TERMINAL)
		return; /* where it would be the longest of all */
	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		json_array_foreach(json_object_get(point, "directions"), d, direction)
		{
			put_about(table, point);
			table_cell(table, "%.0f>%.0f", doc_number(direction, "from_port"),
				   doc_number(direction, "to_port"));
			put_spread(table, direction, "throughput_pps", 1e-3, room);
			put_spread(table, direction, "throughput_mbps", 1, room);
			put_spread(table, direction, "wire_mbps", 1, room);
			put_count(table, direction, "sent");
			put_count(table, direction, "received");
			put_count(table, direction, "lost");
		}
	}
}

static void packets(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {"<pair", ">frame",	  "<load",   "<with",
					    ">sent", ">received", ">lost",   ">twice",
					    ">late", ">corrupt",  ">foreign"};
	static const char *const keys[] = {"sent",	"received", "lost",   "duplicate",
					   "reordered", "corrupt",  "foreign"};
	size_t i;
	json_t *point;

	(void)room;
	table_init(table, "Packets, all repeats together", heads, PLX_ARRAY_SIZE(heads));
	table->note = "twice: duplicates; late: after one that was sent later (reordered).";
	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		put_about(table, point);
		for (unsigned k = 0; k < PLX_ARRAY_SIZE(keys); k++)
			put_count(table, point, keys[k]);
	}
}

/* How far the repeats of each latency lie apart, in percent of the median. */
static void put_latency_spreads(struct table *table, const json_t *latency)
{
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	table_cell(table, "%s", "");
	table_cell(table, "spread %%");
	for (unsigned l = 0; l < REPORT_LATENCIES; l++) {
		struct report_spread spread = spread_read(latency, report_latencies[l].key);

		if (spread.nb && spread.median > 0)
			table_cell(table, "%.0f%%",
				   100 * (spread.max - spread.min) / spread.median);
		else
			table_cell(table, "%s", "");
	}
}

static void latencies(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {"<pair",	">frame", "<load",   "<with",
					    ">samples", ">min",	  ">p50",    ">p90",
					    ">p99",	">p99.9", ">p99.99", ">max"};
	size_t i;
	json_t *point;

	table_init(table, "Latency in us: median of the repeats", heads, PLX_ARRAY_SIZE(heads));
	table->note =
		"samples: of all repeats. A percentile with fewer than 10 samples beyond it in a\n"
		"repeat is not shown.";
	if (room == ROOM_PAGE)
		table->title = "Latency in us: median (least..greatest) of the repeats";
	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		const json_t *latency = json_object_get(point, "latency_ns");

		if (spread_read(latency, "min").nb == 0)
			continue;
		put_about(table, point);
		put_count(table, latency, "count");
		for (unsigned l = 0; l < REPORT_LATENCIES; l++)
			put_spread(table, latency, report_latencies[l].key, 1 / NS_PER_US, room);
		if (room == ROOM_TERMINAL && doc_number(point, "repeats") > 1)
			put_latency_spreads(table, latency);
	}
}

static void put_ratio(struct table *table, const json_t *ratio)
{
	char text[96];

	table_cell(table, "%s", format_ratio(text, ratio));
}

/* The ratio of another metric that belongs to the same two. */
static const json_t *beside(const json_t *report, const json_t *ratio, const char *metric)
{
	size_t i;
	json_t *other;

	json_array_foreach(json_object_get(report, "ratios"), i, other)
	{
		if (strcmp(doc_string(other, "metric"), metric) == 0 &&
		    strcmp(doc_string(other, "of"), doc_string(ratio, "of")) == 0 &&
		    strcmp(doc_string(other, "to"), doc_string(ratio, "to")) == 0 &&
		    strcmp(doc_string(other, "against"), doc_string(ratio, "against")) == 0 &&
		    doc_same(other, ratio, SAME_ALL))
			return other;
	}
	return NULL;
}

static void put_ratio_row(struct table *table, const json_t *report, const json_t *ratio,
			  enum table_room room)
{
	char condition[64];

	table_cell(table, "%s", doc_string(ratio, "of"));
	table_cell(table, "%s",
		   strcmp(doc_string(ratio, "against"), "pair") == 0 ? doc_string(ratio, "to")
								     : "");
	table_cell(table, "%s", doc_string(ratio, "frame"));
	table_cell(table, "%s", doc_string(ratio, "load"));
	table_cell(table, "%s", format_condition(condition, ratio));
	put_repeats(table, ratio, room);
	put_ratio(table, beside(report, ratio, "throughput_pps"));
	put_ratio(table, beside(report, ratio, "latency_p50"));
	put_ratio(table, beside(report, ratio, "latency_p99"));
	table_cell(table, "%s", doc_true(ratio, "same_rate") ? "" : "*");
}

/* Those of the same two stand in one row: the first of them has it. */
static bool has_ratio_row(const json_t *report, const json_t *ratio, const char *against)
{
	const char *metric = doc_string(ratio, "metric");

	return strcmp(doc_string(ratio, "against"), against) == 0 &&
	       (strcmp(metric, "throughput_pps") == 0 ||
		(strncmp(metric, "latency_", 8) == 0 && !beside(report, ratio, "throughput_pps")));
}

static const char *const ratio_heads[] = {"<of",   "<to",	  ">frame", "<load", "<with",
					  ">runs", ">throughput", ">p50",   ">p99",  "<"};

static void ratios(struct table *table, const json_t *report, enum table_room room)
{
	size_t i;
	json_t *ratio;

	table_init(table, "Ratios of pairs: repeat by repeat, median (least..greatest)",
		   ratio_heads, PLX_ARRAY_SIZE(ratio_heads));
	table->note =
		"p50, p99: of latency, below 1 is shorter. *: each was given a rate of its own.";
	for (unsigned plain = 2; plain-- > 0;) {
		json_array_foreach(json_object_get(report, "ratios"), i, ratio)
		{
			if (doc_is_plain(ratio) == plain && has_ratio_row(report, ratio, "pair"))
				put_ratio_row(table, report, ratio, room);
		}
	}
}

static void stress_ratios(struct table *table, const json_t *report, enum table_room room)
{
	size_t i;
	json_t *ratio;

	table_init(table, "Ratios of each pair under stress to itself without", ratio_heads,
		   PLX_ARRAY_SIZE(ratio_heads));
	json_array_foreach(json_object_get(report, "ratios"), i, ratio)
	{
		if (has_ratio_row(report, ratio, "no stress"))
			put_ratio_row(table, report, ratio, room);
	}
}

/* Totals over the lcores of a point. */
static double over_lcores(const json_t *point, const char *key)
{
	double total = NAN;
	size_t i;
	json_t *lcore;

	json_array_foreach(json_object_get(point, "lcores"), i, lcore) total =
		(isnan(total) ? 0 : total) + doc_number(lcore, key);
	return total;
}

/* Of one or two kinds. */
static void put_total(struct table *table, const json_t *point, const char *key, const char *other)
{
	double total = over_lcores(point, key) + (other ? over_lcores(point, other) : 0);

	if (isnan(total))
		table_cell(table, "-");
	else
		table_cell(table, "%.0f", total);
}

static void costs(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {"<pair",   ">frame",    "<load",	"<with",
					    ">user",   ">kernel",   ">softirq", ">irq/s",
					    ">faults", ">switches", ">forced"};
	size_t i;
	json_t *point;

	table_init(table, "CPU time in ns a packet, interrupts, and what befell the lcores", heads,
		   PLX_ARRAY_SIZE(heads));
	table->note =
		"user, kernel: mode of the lcores' threads. Page faults and context switches: of\n"
		"all repeats; forced: the involuntary switches.";
	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		const json_t *cpu = json_object_get(point, "cpu");

		put_about(table, point);
		put_spread(table, cpu, "lcore_ns_per_packet", 1, room);
		put_spread(table, cpu, "kernel_ns_per_packet", 1, room);
		put_spread(table, cpu, "softirq_ns_per_packet", 1, room);
		put_spread(table, point, "interrupts_per_s", 1, room);
		put_total(table, point, "minor_faults", "major_faults");
		put_total(table, point, "voluntary", "involuntary");
		put_total(table, point, "involuntary", NULL);
	}
}

static void searches(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {"<pair",	       ">frame",	 "<kind",
					    "<with",	       ">kpps each way", ">Mb/s",
					    ">loss allowed %", ">trials"};
	size_t i;
	json_t *search;

	(void)room;
	table_init(table, "Greatest rate without loss (ndr) or with a little (pdr)", heads,
		   PLX_ARRAY_SIZE(heads));
	json_array_foreach(json_object_get(report, "searches"), i, search)
	{
		table_cell(table, "%s", doc_string(search, "pair"));
		table_cell(table, "%s", doc_string(search, "frame"));
		table_cell(table, "%s", doc_string(search, "kind"));
		table_cell(table, "%s", doc_true(search, "stress") ? "stress" : "");
		put_number(table, doc_number(search, "pps"), 1e-3);
		put_number(table, doc_number(search, "mbps"), 1);
		put_number(table, doc_number(search, "loss_allowed"), 100);
		table_cell(table, "%zu", json_array_size(json_object_get(search, "trials")));
	}
}

static void floors(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {">lcore",	   ">CPU",	   ">seconds",
					    ">worst us",   ">p99.9 us",	   ">over 1 us",
					    ">over 10 us", ">over 100 us", ">lost %"};
	size_t i;
	json_t *floor;

	(void)room;
	table_init(table, "Noise floor: gaps that a spinning loop sees on each lcore", heads,
		   PLX_ARRAY_SIZE(heads));
	json_array_foreach(json_object_get(report, "floors"), i, floor)
	{
		put_count(table, floor, "lcore");
		put_count(table, floor, "cpu");
		table_cell(table, "%.2f", doc_number(floor, "seconds"));
		put_number(table, doc_number(floor, "max_ns"), 1 / NS_PER_US);
		put_number(table, doc_number(floor, "p99_9_ns"), 1 / NS_PER_US);
		put_count(table, floor, "over_1us");
		put_count(table, floor, "over_10us");
		put_count(table, floor, "over_100us");
		put_number(table, doc_number(floor, "lost_percent"), 1);
	}
}

static void bias(struct table *table, const json_t *report, enum table_room room)
{
	static const char *const heads[] = {">frame", "<load", ">samples", ">min",    ">p50",
					    ">p90",   ">p99",  ">p99.9",   ">p99.99", ">max"};
	size_t i;
	json_t *item;

	(void)room;
	table_init(table, "The tool's own bias: latency in us over a net_ring cable", heads,
		   PLX_ARRAY_SIZE(heads));
	json_array_foreach(json_object_get(report, "bias"), i, item)
	{
		if (*doc_string(item, "frame"))
			table_cell(table, "%s", doc_string(item, "frame"));
		else
			table_cell(table, "%.4g", doc_number(item, "frame_bytes"));
		table_cell(table, "%s", doc_string(item, "load"));
		put_count(table, json_object_get(item, "latency_ns"), "count");
		for (unsigned l = 0; l < REPORT_LATENCIES; l++)
			put_number(table, run_latency(item, l), 1 / NS_PER_US);
	}
}

const struct report_table report_tables[] = {
	{"ratios", ratios},
	{"stress", stress_ratios},
	{"throughput", throughput},
	{"directions", directions},
	{"latency", latencies},
	{"packets", packets},
	{"cpu", costs},
	{"searches", searches},
	{"floor", floors},
	{"bias", bias},
};
const size_t nb_report_tables = PLX_ARRAY_SIZE(report_tables);
