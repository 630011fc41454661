/* SPDX-License-Identifier: BSD-3-Clause */
/* The report on a terminal: header, tables, verdicts, the paper's sentences. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "report.h"
#include "report_doc.h"
#include "report_tables.h"

/* The bytes of a word and its width in characters, at most @most of these. */
static size_t word_of(const char *text, int most, int *width)
{
	size_t bytes = 0;

	*width = 0;
	for (; text[bytes] && text[bytes] != ' ' && text[bytes] != '\n'; bytes++) {
		if (((unsigned char)text[bytes] & 0xc0) != 0x80 && (*width)++ == most) {
			--*width;
			break;
		}
	}
	return bytes;
}

/* Words in lines of at most TABLE_WIDTH_MAX columns; what follows the first line is indented. */
static void put_wrapped(FILE *out, const char *text, int indent)
{
	int column = 0, width;

	for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
		size_t bytes = word_of(text, TABLE_WIDTH_MAX - indent, &width);

		if (column > 0 && column + 1 + width > TABLE_WIDTH_MAX) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > 0) {
			fputc(' ', out);
			column++;
		}
		for (size_t i = 0; i < bytes; i++)
			fputc(iscntrl((unsigned char)text[i]) ? '?' : text[i], out);
		column += width;
		text += bytes;
	}
	fputc('\n', out);
}

static void print_header(const json_t *report, FILE *out)
{
	const json_t *header = json_object_get(report, "header");
	const json_t *machine = json_object_get(header, "machine"), *label;
	char line[1024];
	size_t i;

	snprintf(line, sizeof(line), "plx-bench %s, %s: %s, %.0f CPUs%s%s, Linux %s, %s",
		 doc_string(header, "pollux"), doc_string(header, "time"),
		 doc_string(machine, "cpu"), doc_number(machine, "nb_cpus"),
		 *doc_string(machine, "hypervisor") ? ", under " : "",
		 doc_string(machine, "hypervisor"), doc_string(header, "kernel"),
		 doc_string(header, "compiler"));
	put_wrapped(out, line, 2);
	line[0] = '\0';
	json_array_foreach(json_object_get(header, "labels"), i, label)
	{
		size_t end = strlen(line);

		snprintf(line + end, sizeof(line) - end, "%s%s", i ? "; " : "labels: ",
			 json_is_string(label) ? json_string_value(label) : "");
	}
	if (line[0])
		put_wrapped(out, line, 2);
}

static void print_verdicts(const json_t *report, FILE *out)
{
	const json_t *verdicts = json_object_get(report, "verdicts");
	size_t i;
	json_t *verdict;

	if (json_array_size(verdicts))
		fputs("\nVerdicts\n", out);
	json_array_foreach(verdicts, i, verdict)
	{
		char line[1024];

		if (verdict_is_repeated(verdicts, i))
			continue;
		snprintf(line, sizeof(line), "%s: %s",
			 strcmp(doc_string(verdict, "id"), "pda_98") == 0 ? "PDA" : "survey",
			 doc_string(verdict, "text"));
		put_wrapped(out, line, 8);
	}
}

static void print_claims(const json_t *report, FILE *out)
{
	size_t i;
	json_t *claim;

	if (json_array_size(json_object_get(report, "claims")))
		fputs("\nWhat the paper says, and what was measured here\n", out);
	json_array_foreach(json_object_get(report, "claims"), i, claim)
	{
		const json_t *holds = json_object_get(claim, "holds");
		char line[4096];

		snprintf(line, sizeof(line), "%s %s: %s", doc_string(claim, "claim"),
			 json_is_true(holds)	? "HOLDS"
			 : json_is_false(holds) ? "DOES NOT HOLD"
						: "OPEN",
			 doc_string(claim, "measured"));
		put_wrapped(out, line, 8);
	}
}

static void put_remark(const char *line, FILE *out)
{
	fputs("  ", out);
	put_wrapped(out, line, 4);
}

static void print_remarks(const json_t *report, FILE *out)
{
	if (remarks_not_kept(report, NULL, NULL))
		fputs("\nRates that were not kept: less was sent than the load says\n", out);
	remarks_not_kept(report, put_remark, out);
	if (doc_true(report, "valid"))
		return;
	fputs("\nINVALID: these figures count for nothing\n", out);
	remarks_invalid(report, put_remark, out);
}

void report_print(const json_t *report, FILE *out)
{
	print_header(report, out);
	for (size_t i = 0; i < nb_report_tables; i++) {
		struct table table;

		report_tables[i].make(&table, report, ROOM_TERMINAL);
		table_print(&table, out);
		table_fini(&table);
	}
	print_verdicts(report, out);
	print_claims(report, out);
	print_remarks(report, out);
}
