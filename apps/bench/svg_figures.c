/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which charts a report has: throughput and latency by frame size, latency by percentile, the noise
 * floor, throughput and CPU time by delay. A pair has one colour in all of them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report.h"
#include "report_doc.h"
#include "svg.h"

static const double NS_PER_US = 1e3;
static const double LOG_FROM = 20; /* when greatest and least lie so far apart */

static const char *name_of(const json_t *pair)
{
	return doc_string(pair, "name");
}

static bool is_of(const json_t *item, const json_t *pair)
{
	return strcmp(doc_string(item, "pair"), name_of(pair)) == 0;
}

/* @suffix says how the series differs from the pair's first. */
static struct svg_series *series_of(struct svg_chart *chart, const json_t *pair, size_t index,
				    bool dashed, const char *suffix)
{
	struct svg_series *series = svg_add_series(chart, (unsigned)index, dashed);

	if (series)
		snprintf(series->name, sizeof(series->name), "%.*s%s",
			 format_cut(name_of(pair), 28), name_of(pair), suffix);
	return series;
}

/* Takes the last series away if it is empty. */
static void drop_empty(struct svg_chart *chart, const struct svg_series *series)
{
	if (series && series->nb == 0)
		chart->nb_series--;
}

static void add_spread(struct svg_series *series, double x, const json_t *object, const char *key,
		       double scale)
{
	struct report_spread spread = spread_read(object, key);

	if (series && spread.nb)
		svg_add_point(series, x, spread.median * scale, spread.min * scale,
			      spread.max * scale);
}

static void choose_log(struct svg_chart *chart)
{
	double least = INFINITY, most = 0;

	for (size_t s = 0; s < chart->nb_series; s++) {
		for (size_t i = 0; i < chart->series[s].nb; i++) {
			least = fmin(least, chart->series[s].points[i].low);
			most = fmax(most, chart->series[s].points[i].high);
		}
	}
	chart->log_y = least > 0 && most > LOG_FROM * least;
}

/* ---- By frame size ---- */

/* The frame sizes of the points, each once; their names are the ticks. */
static void add_frames(struct svg_chart *chart, const json_t *report)
{
	size_t i, nb;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		size_t t = 0;

		while (t < chart->nb_ticks &&
		       strcmp(chart->ticks[t].label, doc_string(point, "frame")) != 0)
			t++;
		if (t == chart->nb_ticks)
			svg_add_tick(chart, 0, doc_string(point, "frame"));
	}
	nb = chart->nb_ticks;
	for (i = 0; i < nb; i++)
		chart->ticks[i].x = ((double)i + 0.5) / (double)nb;
}

static double frame_at(const struct svg_chart *chart, const json_t *point)
{
	for (size_t t = 0; t < chart->nb_ticks; t++) {
		if (strcmp(chart->ticks[t].label, doc_string(point, "frame")) == 0)
			return chart->ticks[t].x;
	}
	return 0;
}

/* No line leads to a mix of sizes: it has no place among them. */
static void set_mix_apart(struct svg_chart *chart)
{
	for (size_t t = 0; t < chart->nb_ticks; t++) {
		const char *label = chart->ticks[t].label;

		if (strspn(label, "0123456789") == strlen(label))
			continue;
		for (size_t s = 0; s < chart->nb_series; s++) {
			struct svg_series *series = &chart->series[s];

			for (size_t i = 0; i < series->nb; i++) {
				if (series->points[i].x == chart->ticks[t].x)
					series->points[i].apart = true;
			}
		}
	}
}

/* The point under stress that belongs to a yardstick. */
static const json_t *stressed(const json_t *report, const json_t *yardstick)
{
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (doc_true(point, "stress") &&
		    doc_same(point, yardstick, SAME_PAIR | (SAME_ALL & ~SAME_STRESS)))
			return point;
	}
	return NULL;
}

/* A series of a pair by frame size. */
static void add_throughput(struct svg_chart *chart, const json_t *report, const json_t *pair,
			   size_t index, bool stress)
{
	struct svg_series *series =
		series_of(chart, pair, index, stress, stress ? ", under stress" : "");
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (is_of(point, pair) && report_is_yardstick(report, point))
			add_spread(series, frame_at(chart, point),
				   stress ? stressed(report, point) : point, "throughput_mbps", 1);
	}
	drop_empty(chart, series);
}

static void add_ceiling(struct svg_chart *chart, const json_t *report)
{
	struct svg_series *series = svg_add_series(chart, SVG_BESIDE, true);
	size_t i, t = 0;
	json_t *point;

	if (!series)
		return;
	snprintf(series->name, sizeof(series->name), "the line's ceiling");
	series->no_points = true;
	while (t < chart->nb_ticks) {
		json_array_foreach(json_object_get(report, "points"), i, point)
		{
			double pps = doc_number(point, "ceiling_pps");

			if (isnan(pps) || frame_at(chart, point) != chart->ticks[t].x)
				continue;
			svg_add_point(series, chart->ticks[t].x,
				      pps * doc_number(point, "frame_bytes") * 8 / 1e6, NAN, NAN);
			break;
		}
		t++;
	}
	drop_empty(chart, series);
}

static bool make_throughput(struct svg_chart *chart, const json_t *report)
{
	size_t i;
	json_t *pair;

	chart->title = "Throughput by frame size";
	chart->x_label = "bytes of a frame, FCS included";
	chart->y_label = "Mb/s of frames, both directions";
	snprintf(chart->desc, sizeof(chart->desc),
		 "Received in both directions at rate max, a line for each pair: medians, with "
		 "whiskers from the least to the greatest repeat. Higher is better.");
	add_frames(chart, report);
	json_array_foreach(json_object_get(report, "pairs"), i, pair)
	{
		add_throughput(chart, report, pair, i, false);
		add_throughput(chart, report, pair, i, true);
	}
	if (chart->nb_series == 0)
		return false;
	add_ceiling(chart, report);
	set_mix_apart(chart);
	choose_log(chart);
	return true;
}

/* ---- Latency ---- */

static bool has_latency(const json_t *point)
{
	return doc_is_plain(point) &&
	       spread_read(json_object_get(point, "latency_ns"), "p50").nb > 0;
}

/* The load with the most points that have a latency; of several the first, which is the lowest. */
static const char *choose_load(const json_t *report, const char *frame)
{
	const json_t *points = json_object_get(report, "points");
	const char *load = NULL;
	size_t most = 0;

	for (size_t i = 0; i < json_array_size(points); i++) {
		const json_t *candidate = json_array_get(points, i);
		size_t nb = 0;

		for (size_t j = 0; j < json_array_size(points); j++) {
			const json_t *point = json_array_get(points, j);

			nb += has_latency(point) && doc_same(point, candidate, SAME_LOAD) &&
			      (!frame || strcmp(doc_string(point, "frame"), frame) == 0);
		}
		if (nb > most) {
			most = nb;
			load = doc_string(candidate, "load");
		}
	}
	return load;
}

static void add_latency(struct svg_chart *chart, const json_t *report, const json_t *pair,
			size_t index, const char *load, bool tail)
{
	struct svg_series *series = series_of(chart, pair, index, tail, tail ? " p99" : " p50");
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (is_of(point, pair) && has_latency(point) &&
		    strcmp(doc_string(point, "load"), load) == 0)
			add_spread(series, frame_at(chart, point),
				   json_object_get(point, "latency_ns"), tail ? "p99" : "p50",
				   1 / NS_PER_US);
	}
	drop_empty(chart, series);
}

static bool make_latency(struct svg_chart *chart, const json_t *report)
{
	const char *load = choose_load(report, NULL);
	size_t nb_medians = 0, nb_rare = 0; /* series */
	size_t i;
	json_t *pair;

	if (!load)
		return false;
	chart->title = "Latency by frame size";
	chart->x_label = "bytes of a frame, FCS included";
	chart->y_label = "\xc2\xb5s";
	add_frames(chart, report);
	json_array_foreach(json_object_get(report, "pairs"), i, pair)
	{
		add_latency(chart, report, pair, i, load, false);
		nb_medians = chart->nb_series - nb_rare;
		add_latency(chart, report, pair, i, load, true);
		nb_rare = chart->nb_series - nb_medians;
	}
	snprintf(chart->desc, sizeof(chart->desc),
		 "One way, at load %.*s: the median%s. Whiskers from the least to the greatest "
		 "repeat. "
		 "Lower is better.",
		 format_cut(load, 24), load,
		 nb_rare ? ", and what one packet in a hundred exceeds (p99)" : "");
	set_mix_apart(chart);
	choose_log(chart);
	return chart->nb_series > 0;
}

/* Where a share of the samples stands on the axis of nines: each further nine is as far. */
static double nines_at(unsigned latency)
{
	double nines =
		latency == REPORT_LATENCIES - 1 ? 5 : -log10(1 - report_latencies[latency].share);

	return (nines - 0.05) / 5.25;
}

static void add_percentiles(struct svg_series *series, const json_t *latency, bool is_point)
{
	for (unsigned l = 1; series && l < REPORT_LATENCIES; l++) {
		const char *key = report_latencies[l].key;
		double value = doc_number(latency, key) / NS_PER_US;

		if (is_point)
			add_spread(series, nines_at(l), latency, key, 1 / NS_PER_US);
		else
			svg_add_point(series, nines_at(l), value, NAN, NAN);
	}
}

/* The tool over a cable of its own, with the same frames and load. */
static void add_bias(struct svg_chart *chart, const json_t *report, const json_t *like)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(report, "bias"), i, item)
	{
		struct svg_series *series;

		if (doc_number(item, "frame_bytes") != doc_number(like, "frame_bytes"))
			continue;
		series = svg_add_series(chart, SVG_BESIDE, true);
		if (!series)
			return;
		snprintf(series->name, sizeof(series->name), "the tool itself (net_ring)");
		add_percentiles(series, json_object_get(item, "latency_ns"), false);
		drop_empty(chart, series);
		return;
	}
}

/* The point of a latency that comes first: its frame size is the one that is shown. */
static const json_t *choose_latency(const json_t *report)
{
	const char *load = choose_load(report, NULL);
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (load && has_latency(point) && strcmp(doc_string(point, "load"), load) == 0)
			return point;
	}
	return NULL;
}

static bool make_percentiles(struct svg_chart *chart, const json_t *report)
{
	static const char *const labels[REPORT_LATENCIES] = {"",       "50 %",	  "90 %", "99 %",
							     "99.9 %", "99.99 %", "max"};
	const json_t *like = choose_latency(report), *pairs = json_object_get(report, "pairs");
	char frame[48];

	if (!like)
		return false;
	chart->title = "Latency by percentile";
	chart->x_label = "share of the packets that were not slower";
	chart->y_label = "\xc2\xb5s";
	chart->log_y = true;
	snprintf(chart->desc, sizeof(chart->desc),
		 "%s at load %.*s, a line for each pair on an axis of nines; whiskers from the "
		 "least to the greatest repeat. Lower is better, and flat is better.",
		 format_frame(frame, like), format_cut(doc_string(like, "load"), 24),
		 doc_string(like, "load"));
	for (unsigned l = 1; l < REPORT_LATENCIES; l++)
		svg_add_tick(chart, nines_at(l), labels[l]);
	for (size_t p = 0; p < 2 * json_array_size(pairs); p++) {
		const json_t *pair = json_array_get(pairs, p / 2);
		struct svg_series *series =
			series_of(chart, pair, p / 2, p % 2, p % 2 ? ", under stress" : "");
		size_t i;
		json_t *point;

		json_array_foreach(json_object_get(report, "points"), i, point)
		{
			if (is_of(point, pair) && doc_true(point, "stress") == p % 2 &&
			    doc_same(point, like, SAME_ALL & ~SAME_STRESS))
				add_percentiles(series, json_object_get(point, "latency_ns"), true);
		}
		drop_empty(chart, series);
	}
	add_bias(chart, report, like);
	return chart->nb_series > 0;
}

/* ---- The machine ---- */

static bool make_floor(struct svg_chart *chart, const json_t *report)
{
	const json_t *floors = json_object_get(report, "floors");
	struct svg_series *worst = svg_add_series(chart, 4, false);
	struct svg_series *tail = svg_add_series(chart, 2, false);
	size_t nb = json_array_size(floors), i;
	json_t *floor;

	chart->title = "Noise floor of the machine";
	chart->x_label = "lcore";
	chart->y_label = "\xc2\xb5s";
	chart->log_y = true;
	snprintf(
		chart->desc, sizeof(chart->desc),
		"Gaps that a spinning loop sees on each lcore in the same run: no latency measured "
		"there can be trusted to be better than that.");
	worst->no_line = tail->no_line = true;
	snprintf(worst->name, sizeof(worst->name), "worst gap");
	snprintf(tail->name, sizeof(tail->name), "p99.9 of the gaps");
	json_array_foreach(floors, i, floor)
	{
		double x = ((double)i + 0.5) / (double)nb;
		char label[24];

		snprintf(label, sizeof(label), "%.0f", doc_number(floor, "lcore"));
		svg_add_tick(chart, x, label);
		svg_add_point(worst, x, doc_number(floor, "max_ns") / NS_PER_US, NAN, NAN);
		svg_add_point(tail, x, doc_number(floor, "p99_9_ns") / NS_PER_US, NAN, NAN);
	}
	drop_empty(chart, tail);
	return worst->nb > 0;
}

/* ---- By delay ---- */

static bool is_on_curve(const json_t *point, const json_t *first)
{
	return !doc_true(point, "stress") && !doc_true(point, "together") &&
	       doc_same(point, first, SAME_FRAME | SAME_LOAD);
}

/* The first point with a delay: its frame size and load are shown. */
static const json_t *choose_delay(const json_t *report)
{
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (doc_number(point, "delay_ns") > 0 && !doc_true(point, "stress") &&
		    !doc_true(point, "together"))
			return point;
	}
	return NULL;
}

static void add_delay_ticks(struct svg_chart *chart, const json_t *report, const json_t *first,
			    double *most)
{
	double last = -INFINITY;
	size_t i;
	json_t *point;

	*most = 0;
	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (is_on_curve(point, first))
			*most = fmax(*most, doc_number(point, "delay_ns"));
	}
	/* a label needs room: the next is at least a tenth away */
	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		double delay = doc_number(point, "delay_ns");
		char label[32];

		if (!is_on_curve(point, first) || delay < last + *most / 12)
			continue;
		last = delay;
		snprintf(label, sizeof(label), "%g", delay / NS_PER_US);
		svg_add_tick(chart, 0.03 + 0.94 * delay / *most, label);
	}
}

static void add_delay_series(struct svg_chart *chart, const json_t *report, const json_t *first,
			     double most, bool cpu, bool kernel)
{
	size_t i, p;
	json_t *point, *pair;

	json_array_foreach(json_object_get(report, "pairs"), p, pair)
	{
		struct svg_series *series = series_of(chart, pair, p, kernel,
						      !cpu     ? ""
						      : kernel ? ", in the kernel"
							       : ", in user space");

		json_array_foreach(json_object_get(report, "points"), i, point)
		{
			double x = 0.03 + 0.94 * doc_number(point, "delay_ns") / most;

			if (!is_of(point, pair) || !is_on_curve(point, first))
				continue;
			if (cpu)
				add_spread(series, x, json_object_get(point, "cpu"),
					   kernel ? "kernel_ns_per_packet" : "lcore_ns_per_packet",
					   1);
			else
				add_spread(series, x, point, "throughput_pps", 1e-3);
		}
		drop_empty(chart, series);
	}
}

static bool make_delay(struct svg_chart *chart, const json_t *report, bool cpu)
{
	const json_t *first = choose_delay(report);
	char frame[48];
	double most;

	if (!first)
		return false;
	chart->x_label = "\xc2\xb5s added to each crossing into the driver";
	snprintf(chart->desc, sizeof(chart->desc),
		 "%s at load %.*s, with a fixed cost added to each call of the driver; whiskers "
		 "from "
		 "the least to the greatest repeat.",
		 format_frame(frame, first), format_cut(doc_string(first, "load"), 24),
		 doc_string(first, "load"));
	add_delay_ticks(chart, report, first, &most);
	add_delay_series(chart, report, first, most, cpu, false);
	if (cpu)
		add_delay_series(chart, report, first, most, cpu, true);
	choose_log(chart);
	return chart->nb_series > 0;
}

static bool make_delay_throughput(struct svg_chart *chart, const json_t *report)
{
	chart->title = "What a mode switch costs: throughput";
	chart->y_label = "thousand packets/s, both directions";
	return make_delay(chart, report, false);
}

static bool make_delay_cpu(struct svg_chart *chart, const json_t *report)
{
	chart->title = "What a mode switch costs: CPU time";
	chart->y_label = "ns a packet";
	return make_delay(chart, report, true);
}

const struct svg_figure svg_figures[] = {
	{"throughput", make_throughput},
	{"latency", make_latency},
	{"percentiles", make_percentiles},
	{"floor", make_floor},
	{"delay-throughput", make_delay_throughput},
	{"delay-cpu", make_delay_cpu},
};
const size_t nb_svg_figures = PLX_ARRAY_SIZE(svg_figures);

/* ---- Files ---- */

static void write_chart(const void *chart, FILE *out)
{
	svg_draw(chart, true, out);
}

int report_write_svgs(const json_t *report, const char *dir)
{
	struct svg_chart *chart = malloc(sizeof(*chart));
	int error = 0;

	if (!chart)
		return bench_fail(-ENOMEM, "out of memory for the graphs");
	if (mkdir(dir, 0777) && errno != EEXIST) {
		error = -errno;
		bench_complain("%s: cannot be made: %s", dir, strerror(-error));
	}
	for (size_t i = 0; i < nb_svg_figures && !error; i++) {
		char path[4096];

		*chart = (struct svg_chart){.id = svg_figures[i].id};
		if (!svg_figures[i].make(chart, report))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s.svg", dir, chart->id) >=
		    (int)sizeof(path)) {
			error = bench_fail(-ENAMETOOLONG, "%s: too long a path", dir);
			break;
		}
		error = report_write_file(path, write_chart, chart);
	}
	free(chart);
	return error;
}
