/* SPDX-License-Identifier: BSD-3-Clause */
/* plx-bench report IN.json: what a run has kept as JSON, made into tables, pages and graphs
 * again. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "report.h"
#include "report_doc.h"

enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

static const char usage[] =
	"usage: plx-bench report IN.json [--json FILE] [--csv FILE] [--html FILE] [--svg DIR] "
	"[--quiet]\n"
	"Derive a report from the runs of one again, print it, and write it in other forms.\n"
	"  --json FILE  the document, with what follows from its runs\n"
	"  --csv FILE   its runs\n"
	"  --html FILE  the page\n"
	"  --svg DIR    the page's graphs\n"
	"  --quiet      print nothing\n"
	"Exit status: 0 done; 1 a file cannot be read or written, or the report is invalid; 2 "
	"wrong\n"
	"usage.\n";

static const struct option longs[] = {
	{"json", required_argument, NULL, 'j'},
	{"csv", required_argument, NULL, 'c'},
	{"html", required_argument, NULL, 'H'},
	{"svg", required_argument, NULL, 's'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct wanted {
	const char *in, *json, *csv, *html, *svg;
	bool quiet, help;
};

static int parse(struct wanted *wanted, int argc, char **argv)
{
	int option;

	*wanted = (struct wanted){0};
	optind = 0; /* the program has parsed its own already */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", longs, NULL)) >= 0) {
		const char **path = option == 'j'   ? &wanted->json
				    : option == 'c' ? &wanted->csv
				    : option == 'H' ? &wanted->html
				    : option == 's' ? &wanted->svg
						    : NULL;

		if (path)
			*path = optarg;
		else if (option == 'q')
			wanted->quiet = true;
		else if (option == 'h')
			wanted->help = true;
		else
			return bench_fail(EXIT_USAGE, "report: %s: %s (plx-bench report --help)",
					  argv[optind - 1],
					  option == ':' ? "wants a value" : "unknown option");
	}
	if (!wanted->help && optind != argc - 1)
		return bench_fail(EXIT_USAGE, "report: want one file (plx-bench report --help)");
	wanted->in = argv[optind];
	return 0;
}

static int write_all(const struct wanted *wanted, const json_t *report)
{
	if ((wanted->json && report_write_json(report, wanted->json)) ||
	    (wanted->csv && report_write_csv(report, wanted->csv)) ||
	    (wanted->html && report_write_html(report, wanted->html)) ||
	    (wanted->svg && report_write_svgs(report, wanted->svg)))
		return EXIT_FAILED;
	return 0;
}

int report_main(int argc, char **argv)
{
	struct wanted wanted;
	int status = parse(&wanted, argc, argv);
	json_t *report;

	if (status)
		return status;
	if (wanted.help) {
		fputs(usage, stdout);
		return 0;
	}
	report = report_read(wanted.in);
	if (!report || report_derive(report)) {
		json_decref(report);
		return EXIT_FAILED;
	}
	if (!wanted.quiet)
		report_print(report, stdout);
	status = write_all(&wanted, report);
	if (fflush(stdout) || ferror(stdout))
		status = bench_fail(EXIT_FAILED, "stdout: cannot be written: %s", strerror(errno));
	if (!doc_true(report, "valid"))
		status = EXIT_FAILED;
	json_decref(report);
	return status;
}
