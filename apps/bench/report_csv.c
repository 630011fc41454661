/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runs as comma-separated values (RFC 4180): for each a line with direction "sum", then one for
 * each direction, "0>1". What is not known, or not of a direction, is empty.
 */
#include <math.h>
#include <string.h>

#include "report.h"
#include "report_doc.h"

static const char *const counts[] = {"sent",	  "received", "lost",	"duplicate",
				     "reordered", "corrupt",  "foreign"};
static const char *const drops[] = {"tx_errors", "tx_dropped", "rx_missed", "rx_errors",
				    "rx_nombuf"};
static const char *const rates[] = {"throughput_pps", "throughput_mbps", "wire_mbps"};
static const char *const ceilings[] = {"ceiling_pps", "ceiling_percent"};
static const char *const costs[] = {"lcore_ns_per_packet", "kernel_ns_per_packet",
				    "softirq_ns_per_packet"};

static void put_text(const char *text, FILE *out)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
	} else {
		fputc('"', out);
		for (; *text; text++) {
			if (*text == '"')
				fputc('"', out);
			fputc(*text, out);
		}
		fputc('"', out);
	}
	fputc(',', out);
}

static void put_number(double value, FILE *out)
{
	if (!isnan(value))
		fprintf(out, "%.12g", value);
	fputc(',', out);
}

static void put_head(FILE *out)
{
	fputs("pair,frame,frame_bytes,load,offered_pps,repeat,stress,together,delay_ns,seconds,"
	      "direction,",
	      out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(rates); k++)
		fprintf(out, "%s,", rates[k]);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(counts); k++)
		fprintf(out, "%s,", counts[k]);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(drops); k++)
		fprintf(out, "%s,", drops[k]);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(ceilings); k++)
		fprintf(out, "%s,", ceilings[k]);
	fputs("latency_count,", out);
	for (unsigned k = 0; k < REPORT_LATENCIES; k++)
		fprintf(out, "latency_%s_ns,", report_latencies[k].key);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(costs); k++)
		fprintf(out, "%s,", costs[k]);
	fputs("interrupts_per_s,valid\r\n", out);
}

static void put_about(const json_t *run, const char *direction, FILE *out)
{
	put_text(doc_string(run, "pair"), out);
	put_text(doc_string(run, "frame"), out);
	put_number(doc_number(run, "frame_bytes"), out);
	put_text(doc_string(run, "load"), out);
	put_number(doc_number(run, "offered_pps"), out);
	put_number(doc_number(run, "repeat"), out);
	put_number(doc_true(run, "stress"), out);
	put_number(doc_true(run, "together"), out);
	put_number(doc_number(run, "delay_ns"), out);
	put_number(doc_number(run, "seconds"), out);
	put_text(direction, out);
}

static double sum_of(const json_t *streams, const char *group, const char *key)
{
	double total = 0;
	size_t i;
	json_t *stream;

	json_array_foreach(streams, i, stream) total +=
		group ? doc_nested(stream, group, key) : doc_number(stream, key);
	return total;
}

static void put_sum(const json_t *run, FILE *out)
{
	const json_t *streams = json_object_get(run, "streams");

	put_about(run, "sum", out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(rates); k++)
		put_number(doc_number(run, rates[k]), out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(counts); k++)
		put_number(sum_of(streams, NULL, counts[k]), out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(drops); k++)
		put_number(sum_of(streams, "drops", drops[k]), out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(ceilings); k++)
		put_number(doc_number(run, ceilings[k]), out);
	put_number(doc_nested(run, "latency_ns", "count"), out);
	for (unsigned k = 0; k < REPORT_LATENCIES; k++)
		put_number(run_latency(run, k), out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(costs); k++)
		put_number(doc_nested(run, "cpu", costs[k]), out);
	put_number(doc_number(run, "interrupts_per_s"), out);
	fprintf(out, "%d\r\n", doc_true(run, "valid"));
}

static void put_direction(const json_t *run, const json_t *stream, FILE *out)
{
	char direction[64];

	snprintf(direction, sizeof(direction), "%.0f>%.0f", doc_number(stream, "from_port"),
		 doc_number(stream, "to_port"));
	put_about(run, direction, out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(rates); k++)
		put_number(doc_number(stream, rates[k]), out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(counts); k++)
		put_number(doc_number(stream, counts[k]), out);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(drops); k++)
		put_number(doc_nested(stream, "drops", drops[k]), out);
	for (unsigned k = 0;
	     k < PLX_ARRAY_SIZE(ceilings) + 1 + REPORT_LATENCIES + PLX_ARRAY_SIZE(costs) + 1; k++)
		fputc(',', out);
	fprintf(out, "%d\r\n", doc_true(run, "valid"));
}

static void write_csv(const void *what, FILE *out)
{
	const json_t *report = what;
	size_t i, s;
	json_t *run, *stream;

	put_head(out);
	json_array_foreach(json_object_get(report, "runs"), i, run)
	{
		put_sum(run, out);
		json_array_foreach(json_object_get(run, "streams"), s, stream)
			put_direction(run, stream, out);
	}
}

int report_write_csv(const json_t *report, const char *path)
{
	return report_write_file(path, write_csv, report);
}
