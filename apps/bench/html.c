/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The page: the answer first, then the graphs, verdicts and tables, then method and machine. All
 * text of the document goes through xml_text(), none of it into a tag's name or a script.
 */
#include "html.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "report_doc.h"
#include "svg.h"

/* What the headline is about. */
struct answer {
	const json_t *report;
	const json_t *pair, *other;  /* the second may be NULL */
	const json_t *small, *large; /* points of the pair at rate max: least and greatest frames */
	const json_t *least, *greatest; /* of the decided ratios at rate max; NULL: there is none */
	unsigned nb,
		nb_decided; /* of these ratios; at how many all repeats agree which is faster */
};

static const char *name_of(const json_t *pair)
{
	return doc_string(pair, "name");
}

static const json_t *ratio_at(const struct answer *answer, const json_t *point)
{
	if (!answer->other || !point)
		return NULL;
	return report_ratio(answer->report, "throughput_pps", answer->pair, answer->other, point);
}

static void note_point(struct answer *answer, const json_t *point)
{
	const json_t *ratio = ratio_at(answer, point);
	double bytes = doc_number(point, "frame_bytes"), median = doc_number(ratio, "median");

	if (!answer->small || bytes < doc_number(answer->small, "frame_bytes"))
		answer->small = point;
	if (!answer->large || bytes > doc_number(answer->large, "frame_bytes"))
		answer->large = point;
	if (!ratio)
		return;
	answer->nb++;
	if (!(doc_number(ratio, "min") > 1 || doc_number(ratio, "max") < 1))
		return;
	answer->nb_decided++;
	if (!(median >= doc_number(answer->least, "median")))
		answer->least = ratio;
	if (!(median <= doc_number(answer->greatest, "median")))
		answer->greatest = ratio;
}

static struct answer answer_of(const json_t *report)
{
	struct answer answer = {
		.report = report,
		.pair = report_subject(report),
		.other = report_reference(report),
	};
	size_t i;
	json_t *point;

	json_array_foreach(json_object_get(report, "points"), i, point)
	{
		if (strcmp(doc_string(point, "pair"), name_of(answer.pair)) != 0 ||
		    !report_is_yardstick(report, point))
			continue;
		note_point(&answer, point);
	}
	return answer;
}

/* The ratio at all sizes, not at the one where it is best. */
static void put_headline(const struct answer *answer, FILE *out)
{
	struct report_spread pps = spread_read(answer->small, "throughput_pps");
	char frame[48], low[32], high[32];

	if (!answer->nb && !pps.nb) {
		fputs("Latency and loss at stated loads", out);
		return;
	}
	if (answer->nb && !answer->nb_decided) {
		fputs("No difference between ", out);
		xml_text(name_of(answer->pair), out);
		fputs(" and ", out);
		xml_text(name_of(answer->other), out);
		fputs(" that the repeats agree on", out);
		return;
	}
	xml_text(name_of(answer->pair), out);
	if (!answer->least) {
		fprintf(out, " carries %s million packets a second of ",
			format_number(low, pps.median / 1e6));
		xml_text(format_frame(frame, answer->small), out);
		return;
	}
	format_short(low, doc_number(answer->least, "median"));
	format_short(high, doc_number(answer->greatest, "median"));
	if (strcmp(low, high) == 0)
		fprintf(out, " has %s times the throughput of ", low);
	else
		fprintf(out, " has %s to %s times the throughput of ", low, high);
	xml_text(name_of(answer->other), out);
	if (answer->small == answer->large) {
		fputs(" with ", out);
		xml_text(format_frame(frame, answer->small), out);
	}
	if (answer->nb_decided < answer->nb)
		fprintf(out, " at %u of %u sizes, and none that the repeats agree on at the rest",
			answer->nb_decided, answer->nb);
}

/* "user: net_igb on 0000:00:02.0 and 0000:00:03.0" */
static void put_pair(const json_t *pair, FILE *out)
{
	const json_t *ports = json_object_get(pair, "ports");
	size_t i;
	json_t *port;

	fputs("<b>", out);
	xml_text(name_of(pair), out);
	fputs("</b> is ", out);
	xml_text(doc_string(json_array_get(ports, 0), "driver"), out);
	json_array_foreach(ports, i, port)
	{
		fputs(i ? " and " : " on ", out);
		xml_text(doc_string(port, *doc_string(port, "interface") ? "interface" : "name"),
			 out);
	}
	fputs(pair_is(pair, "user")	? ", driven from user space"
	      : pair_is(pair, "kernel") ? ", through the kernel"
					: ", a port in software",
	      out);
}

static void put_lead(const struct answer *answer, FILE *out)
{
	const json_t *options =
		json_object_get(json_object_get(answer->report, "header"), "options");
	size_t i;
	json_t *pair;

	fputs("<p class=\"lead\">", out);
	json_array_foreach(json_object_get(answer->report, "pairs"), i, pair)
	{
		put_pair(pair, out);
		fputs(". ", out);
	}
	if (!isnan(doc_number(options, "repeats")))
		fprintf(out,
			"Every figure is the median of %.0f repeats of %g s, with the least and "
			"the "
			"greatest of them beside it.",
			doc_number(options, "repeats"), doc_number(options, "duration_s"));
	fputs("</p>\n", out);
}

/* ---- The answers in short ---- */

static void put_answer(const char *label, const json_t *ratio, const char *after, FILE *out)
{
	char number[32], low[32], high[32];

	fputs("<li><span class=\"label\">", out);
	xml_text(label, out);
	fprintf(out, "</span><span class=\"figure\">%s\xc3\x97</span>",
		format_short(number, doc_number(ratio, "median")));
	if (doc_number(ratio, "min") < doc_number(ratio, "max"))
		fprintf(out, "<span class=\"spread\">%s\xe2\x80\x93%s\xc3\x97</span>",
			format_short(low, doc_number(ratio, "min")),
			format_short(high, doc_number(ratio, "max")));
	fputs("<span class=\"spread\">", out);
	xml_text(after, out);
	fputs("</span></li>\n", out);
}

static void put_throughput_answer(const struct answer *answer, const json_t *point, FILE *out)
{
	const json_t *ratio = ratio_at(answer, point);
	struct report_spread own = spread_read(point, "throughput_mbps");
	char frame[48], mbps[32], after[128];

	if (!ratio)
		return;
	snprintf(after, sizeof(after), "%s, %s Mb/s", format_frame(frame, point),
		 format_number(mbps, own.median));
	put_answer("Throughput", ratio, after, out);
}

/* The first that there is of a metric: frame sizes and loads ascend. */
static const json_t *first_ratio(const struct answer *answer, const char *metric,
				 const char *against)
{
	size_t i;
	json_t *ratio;

	json_array_foreach(json_object_get(answer->report, "ratios"), i, ratio)
	{
		if (strcmp(doc_string(ratio, "metric"), metric) == 0 &&
		    strcmp(doc_string(ratio, "against"), against) == 0 &&
		    strcmp(doc_string(ratio, "of"), name_of(answer->pair)) == 0 &&
		    (strcmp(against, "pair") != 0 ||
		     (doc_is_plain(ratio) && doc_true(ratio, "same_rate") &&
		      strcmp(doc_string(ratio, "to"), name_of(answer->other)) == 0)))
			return ratio;
	}
	return NULL;
}

static void put_other_answer(const struct answer *answer, const char *metric, const char *against,
			     const char *what, FILE *out)
{
	const json_t *ratio = first_ratio(answer, metric, against);
	char after[128], frame[48];

	if (!ratio)
		return;
	snprintf(after, sizeof(after), "%s, load %.*s", format_frame(frame, ratio),
		 format_cut(doc_string(ratio, "load"), 24), doc_string(ratio, "load"));
	put_answer(what, ratio, after, out);
}

static void put_answers(const struct answer *answer, FILE *out)
{
	fputs("<ul class=\"answers\">\n", out);
	put_throughput_answer(answer, answer->small, out);
	if (answer->large != answer->small)
		put_throughput_answer(answer, answer->large, out);
	put_other_answer(answer, "latency_p50", "pair", "Median latency", out);
	put_other_answer(answer, "latency_p99", "pair", "Latency p99", out);
	put_other_answer(answer, "throughput_pps", "no stress",
			 "Throughput under stress, of that without", out);
	fputs("</ul>\n", out);
}

static bool has_answers(const struct answer *answer)
{
	return answer->least || (answer->other && first_ratio(answer, "latency_p50", "pair")) ||
	       first_ratio(answer, "throughput_pps", "no stress");
}

/* ---- What limits it ---- */

static void put_limits(const json_t *report, FILE *out)
{
	const json_t *labels = json_object_get(json_object_get(report, "header"), "labels");
	static const struct {
		const char *label, *means;
	} known[] = {
		{"emulated", "the card is emulated and no line paces it, so there is no ceiling"},
		{"shared CPU",
		 "lcores take turns on the CPUs, and a latency may be the length of such a turn"},
		{"oversubscribed, ratios indicative", "there are fewer CPUs than lcores"},
	};
	size_t i;
	json_t *label;

	if (json_array_size(labels) == 0)
		return;
	fputs("<p class=\"limits\">", out);
	json_array_foreach(labels, i, label)
	{
		const char *text = json_is_string(label) ? json_string_value(label) : "";

		fputs(i ? " <b>" : "<b>", out);
		xml_text(text, out);
		fputs("</b>", out);
		for (unsigned k = 0; k < PLX_ARRAY_SIZE(known); k++) {
			if (strcmp(text, known[k].label) == 0)
				fprintf(out, ": %s", known[k].means);
		}
		fputc('.', out);
	}
	fputs("</p>\n", out);
}

static void put_remark(const char *line, FILE *out)
{
	fputs("<li>", out);
	xml_text(line, out);
	fputs("</li>\n", out);
}

static void put_invalid(const json_t *report, FILE *out)
{
	if (doc_true(report, "valid"))
		return;
	fputs("<div class=\"invalid\" role=\"alert\"><strong>This report is invalid.</strong> "
	      "Totals that do not add up are in no median, and the rest is to be doubted.<ul>\n",
	      out);
	remarks_invalid(report, put_remark, out);
	fputs("</ul></div>\n", out);
}

static void put_not_kept(const json_t *report, FILE *out)
{
	if (remarks_not_kept(report, NULL, NULL) == 0)
		return;
	fputs("<h2>Rates that were not kept</h2>\n"
	      "<p class=\"lead\">Less was sent than the load says.</p>\n<ul class=\"method\">\n",
	      out);
	remarks_not_kept(report, put_remark, out);
	fputs("</ul>\n", out);
}

/* ---- The page ---- */

static void put_head(const struct answer *answer, FILE *out)
{
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<link rel=\"icon\" href=\"data:,\">\n<title>plx-bench: ",
	      out);
	put_headline(answer, out);
	fprintf(out, "</title>\n<style>\n%s%s</style>\n</head>\n<body>\n", svg_style, html_style);
}

static void put_top(const struct answer *answer, FILE *out)
{
	const json_t *header = json_object_get(answer->report, "header");

	fputs("<header>\n<p class=\"eyebrow\">plx-bench ", out);
	xml_text(doc_string(header, "pollux"), out);
	fputs(" \xc2\xb7 <time>", out);
	xml_text(doc_string(header, "time"), out);
	fputs("</time> \xc2\xb7 ", out);
	xml_text(doc_string(json_object_get(header, "machine"), "cpu"), out);
	fputs("</p>\n<h1>", out);
	put_headline(answer, out);
	fputs("</h1>\n", out);
	put_lead(answer, out);
	put_invalid(answer->report, out);
	if (has_answers(answer))
		put_answers(answer, out);
	put_limits(answer->report, out);
	fputs("</header>\n", out);
}

static void put_figures(const json_t *report, struct svg_chart *chart, FILE *out)
{
	fputs("<div class=\"figures\">\n", out);
	for (size_t i = 0; i < nb_svg_figures; i++) {
		*chart = (struct svg_chart){.id = svg_figures[i].id};
		if (!svg_figures[i].make(chart, report))
			continue;
		fprintf(out, "<figure id=\"%s\">\n<h2>", chart->id);
		xml_text(chart->title, out);
		fputs("</h2>\n<figcaption>", out);
		xml_text(chart->desc, out);
		fputs("</figcaption>\n", out);
		svg_draw(chart, false, out);
		fputs("</figure>\n", out);
	}
	fputs("</div>\n", out);
}

struct page {
	const json_t *report;
	struct svg_chart *chart;
};

static void write_page(const void *what, FILE *out)
{
	const struct page *page = what;
	struct answer answer = answer_of(page->report);

	put_head(&answer, out);
	put_top(&answer, out);
	fputs("<main>\n", out);
	put_figures(page->report, page->chart, out);
	html_verdicts(page->report, out);
	html_claims(page->report, out);
	html_tables(page->report, out);
	put_not_kept(page->report, out);
	html_method(page->report, out);
	html_machine(page->report, out);
	fputs("</main>\n<footer>Made by plx-bench ", out);
	xml_text(doc_string(json_object_get(page->report, "header"), "pollux"), out);
	fputs(". All that is here comes from one JSON document, of schema version 1.</footer>\n"
	      "</body>\n</html>\n",
	      out);
}

int report_write_html(const json_t *report, const char *path)
{
	struct page page = {report, malloc(sizeof(*page.chart))};
	int error;

	if (!page.chart)
		return bench_fail(-ENOMEM, "out of memory for %s", path);
	error = report_write_file(path, write_page, &page);
	free(page.chart);
	return error;
}
