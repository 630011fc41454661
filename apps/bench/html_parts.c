/* SPDX-License-Identifier: BSD-3-Clause */
/* The page below its graphs: verdicts, the paper's sentences, tables, method, machine. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "report_doc.h"
#include "report_tables.h"
#include "svg.h"

/* A spread's ".." between its figures reads better as a dash. */
static void put_figure(const char *text, FILE *out)
{
	const char *dots;

	while ((dots = strstr(text, "..")) != NULL) {
		char before[256];
		int bytes = format_cut(text, (int)sizeof(before) - 1);

		if (dots - text < bytes)
			bytes = (int)(dots - text);
		snprintf(before, sizeof(before), "%.*s", bytes, text);
		xml_text(before, out);
		text += bytes;
		if (text == dots) {
			fputs("\xe2\x80\x93", out);
			text += 2;
		}
	}
	xml_text(text, out);
}

static void put_table_head(const struct table *table, const char *id, FILE *out)
{
	fprintf(out,
		"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%s\">\n"
		"<table>\n<thead><tr>",
		id);
	for (size_t column = 0; column < table->nb_columns; column++) {
		if (!table_has_column(table, column))
			continue;
		fprintf(out, "<th scope=\"col\"%s>",
			table->heads[column][0] == '>' ? " class=\"n\"" : "");
		xml_text(table->heads[column] + 1, out);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
}

static void put_cell(const struct table *table, size_t row, size_t column, bool first, FILE *out)
{
	const char *text = table_at(table, row, column);

	if (first) {
		fputs("<th scope=\"row\">", out);
		xml_text(text, out);
		fputs("</th>", out);
	} else if (table->heads[column][0] == '>') {
		fputs("<td class=\"n\">", out);
		put_figure(text, out);
		fputs("</td>", out);
	} else {
		fputs("<td>", out);
		xml_text(text, out);
		fputs("</td>", out);
	}
}

static void put_table(const struct table *table, const char *id, FILE *out)
{
	if (table_rows(table) == 0 && !table->failed)
		return;
	fprintf(out, "<h3 id=\"table-%s\">", id);
	xml_text(table->title, out);
	fputs("</h3>\n", out);
	if (table->failed) {
		fputs("<p>out of memory</p>\n", out);
		return;
	}
	{
		char label[64];

		snprintf(label, sizeof(label), "table-%s", id);
		put_table_head(table, label, out);
	}
	for (size_t row = 0; row < table_rows(table); row++) {
		bool first = true;

		fputs("<tr>", out);
		for (size_t column = 0; column < table->nb_columns; column++) {
			if (!table_has_column(table, column))
				continue;
			put_cell(table, row, column, first, out);
			first = false;
		}
		fputs("</tr>\n", out);
	}
	fputs("</tbody>\n</table>\n</div>\n", out);
	if (table->note) {
		fputs("<p class=\"note\">", out);
		xml_text(table->note, out);
		fputs("</p>\n", out);
	}
}

void html_tables(const json_t *report, FILE *out)
{
	fputs("<h2>All figures</h2>\n", out);
	for (size_t i = 0; i < nb_report_tables; i++) {
		struct table table;

		report_tables[i].make(&table, report, ROOM_PAGE);
		put_table(&table, report_tables[i].id, out);
		table_fini(&table);
	}
}

/* ---- Verdicts and claims ---- */

static void put_chip(const json_t *value, const char *yes, const char *no, const char *open,
		     FILE *out)
{
	if (json_is_true(value))
		fprintf(out, "<span class=\"chip yes\">%s</span>", yes);
	else if (json_is_false(value))
		fprintf(out, "<span class=\"chip no\">%s</span>", no);
	else
		fprintf(out, "<span class=\"chip open\">%s</span>", open);
}

void html_verdicts(const json_t *report, FILE *out)
{
	const json_t *verdicts = json_object_get(report, "verdicts");
	size_t i;
	json_t *verdict;

	if (json_array_size(verdicts) == 0)
		return;
	fputs("<h2 id=\"verdicts\">Verdicts</h2>\n"
	      "<p class=\"lead\">Two bars that others have set: 98 % of what the line can carry "
	      "(PDA), "
	      "and at most 5 % less than the kernel's driver (survey of user-mode drivers).</p>\n"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"verdicts\">\n"
	      "<table>\n<thead><tr><th scope=\"col\">bar</th><th scope=\"col\">verdict</th>"
	      "<th scope=\"col\">what was measured</th></tr></thead>\n<tbody>\n",
	      out);
	json_array_foreach(verdicts, i, verdict)
	{
		if (verdict_is_repeated(verdicts, i))
			continue;
		fprintf(out, "<tr><th scope=\"row\">%s</th><td>",
			strcmp(doc_string(verdict, "id"), "pda_98") == 0 ? "PDA, 98 %"
									 : "survey, 5 %");
		put_chip(json_object_get(verdict, "met"), "met", "not met", "open", out);
		fputs("</td><td class=\"wrap\">", out);
		put_figure(doc_string(verdict, "text"), out);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody>\n</table>\n</div>\n", out);
}

void html_claims(const json_t *report, FILE *out)
{
	const json_t *claims = json_object_get(report, "claims");
	size_t i;
	json_t *claim;

	if (json_array_size(claims) == 0)
		return;
	fputs("<h2>What the paper says, and what was measured here</h2>\n"
	      "<p class=\"lead\">M. Liljegren, \xe2\x80\x9cUser-Space Device Drivers in Linux: A "
	      "First "
	      "Look\xe2\x80\x9d</p>\n<ul class=\"claims\">\n",
	      out);
	json_array_foreach(claims, i, claim)
	{
		fputs("<li><div>", out);
		put_chip(json_object_get(claim, "holds"), "holds", "does not hold", "open", out);
		fputs("</div><div><p class=\"said\">", out);
		xml_text(doc_string(claim, "claim"), out);
		fputs("</p><p class=\"measured\">", out);
		put_figure(doc_string(claim, "measured"), out);
		fputs("</p></div></li>\n", out);
	}
	fputs("</ul>\n", out);
}

/* ---- Method and machine ---- */

void html_method(const json_t *report, FILE *out)
{
	(void)report;
	fputs("<h2>How it was measured</h2>\n<ul class=\"method\">\n"
	      "<li>Both ends of a pair send and receive at once. Throughput is what was received, "
	      "both "
	      "directions in sum, in bits of frames with their FCS.</li>\n"
	      "<li>Each packet carries its number and the time when the schedule wanted it sent: a "
	      "sender that stalls is charged for every packet that waited.</li>\n"
	      "<li>Lost, duplicate, reordered and corrupt packets are counted by number and "
	      "checksum; "
	      "sent is received and lost together, or the run is invalid.</li>\n"
	      "<li>Latency is told at stated loads only: at rate max it is the length of a queue. "
	      "A "
	      "percentile needs 10 samples beyond it.</li>\n"
	      "<li>Pairs take turns within each repeat. A ratio is that of the same repeat of "
	      "both; "
	      "then the median of the repeats, with the least and the greatest.</li>\n"
	      "<li>The noise floor is what a spinning loop sees on the same lcores in the same "
	      "run: "
	      "gaps that are the machine's, not the driver's.</li>\n</ul>\n",
	      out);
}

static void put_text(const char *name, const char *text, FILE *out)
{
	if (!*text)
		return;
	fprintf(out, "<dt>%s</dt><dd>", name);
	xml_text(text, out);
	fputs("</dd>\n", out);
}

/* Everything of an object, "key value, key value". */
static void put_object(const char *name, const json_t *object, FILE *out)
{
	const char *key;
	json_t *value;
	bool first = true;

	if (!json_is_object(object))
		return;
	fprintf(out, "<dt>%s</dt><dd>", name);
	/* the iterator wants no const, and changes nothing */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));

		if (!json_is_null(value) && text) {
			fputs(first ? "" : ", ", out);
			first = false;
			xml_text(key, out);
			fputc(' ', out);
			xml_text(json_is_string(value) ? json_string_value(value) : text, out);
		}
		free(text);
	}
	fputs("</dd>\n", out);
}

static void put_command(const json_t *command, FILE *out)
{
	size_t i;
	json_t *word;

	if (json_array_size(command) == 0)
		return;
	fputs("<dt>command</dt><dd><code>", out);
	json_array_foreach(command, i, word)
	{
		fputs(i ? " " : "", out);
		xml_text(json_is_string(word) ? json_string_value(word) : "", out);
	}
	fputs("</code></dd>\n", out);
}

static void put_ports(const json_t *report, FILE *out)
{
	static const char *const heads[] = {"<pair",   "<path",	     ">port",  "<name",
					    "<driver", ">link Mb/s", ">lcore", ">CPU"};
	struct table table;
	size_t i, p;
	json_t *pair, *port;

	table_init(&table, "Ports", heads, PLX_ARRAY_SIZE(heads));
	json_array_foreach(json_object_get(report, "pairs"), i, pair)
	{
		json_array_foreach(json_object_get(pair, "ports"), p, port)
		{
			double link = doc_number(port, "link_mbps");

			table_cell(&table, "%s", doc_string(pair, "name"));
			table_cell(&table, "%s", doc_string(pair, "path"));
			table_cell(&table, "%.0f", doc_number(port, "port"));
			table_cell(&table, "%s", doc_string(port, "name"));
			table_cell(&table, "%s", doc_string(port, "driver"));
			if (doc_true(port, "emulated"))
				table_cell(&table, "emulated");
			else if (link > 0)
				table_cell(&table, "%.0f", link);
			else
				table_cell(&table, "unknown");
			table_cell(&table, "%.0f", doc_number(port, "lcore"));
			table_cell(&table, "%.0f", doc_number(port, "cpu"));
		}
	}
	put_table(&table, "ports", out);
	table_fini(&table);
}

void html_machine(const json_t *report, FILE *out)
{
	const json_t *header = json_object_get(report, "header");
	char steal[32];

	fputs("<h2>Machine and settings</h2>\n<dl>\n", out);
	put_object("machine", json_object_get(header, "machine"), out);
	put_text("kernel", doc_string(header, "kernel"), out);
	put_text("compiler", doc_string(header, "compiler"), out);
	put_object("clock", json_object_get(header, "clock"), out);
	put_text("IOMMU, for the kernel's drivers", doc_string(header, "iommu"), out);
	put_object("hugepages", json_object_get(header, "hugepages"), out);
	if (!isnan(doc_number(header, "steal_percent"))) {
		format_number(steal, doc_number(header, "steal_percent"));
		strcat(steal, " %");
		put_text("time stolen", steal, out);
	}
	put_object("options", json_object_get(header, "options"), out);
	put_command(json_object_get(header, "command"), out);
	fputs("</dl>\n", out);
	put_ports(report, out);
}
