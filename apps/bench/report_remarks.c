/* SPDX-License-Identifier: BSD-3-Clause */
/* What a reader must know of single runs and trials, for the terminal and the page alike. */
#include <math.h>

#include "report_doc.h"

enum { LINE_ROOM = 1024 };

static size_t remark_run(const json_t *run, const char *what, remark_put put, FILE *out)
{
	char line[LINE_ROOM];

	snprintf(line, sizeof(line), "%s, frame %s, load %s, repeat %.0f: %s",
		 doc_string(run, "pair"), doc_string(run, "frame"), doc_string(run, "load"),
		 doc_number(run, "repeat"), what);
	if (put)
		put(line, out);
	return 1;
}

size_t remarks_not_kept(const json_t *report, remark_put put, FILE *out)
{
	size_t nb = 0, i;
	json_t *run;

	json_array_foreach(json_object_get(report, "runs"), i, run)
	{
		const double kept = doc_number(run, "kept");
		char what[64];

		if (!(kept < REPORT_KEPT))
			continue;
		snprintf(what, sizeof(what), "%.1f %% of what was due%s", 100 * kept,
			 isnan(doc_nested(run, "latency_ns", "min")) ? ", so no latency is told"
								     : "");
		nb += remark_run(run, what, put, out);
	}
	return nb;
}

static size_t remark_trials(const json_t *search, remark_put put, FILE *out)
{
	size_t nb = 0, i;
	json_t *trial;

	json_array_foreach(json_object_get(search, "trials"), i, trial)
	{
		char line[LINE_ROOM];

		if (!json_is_string(json_object_get(trial, "invalid_because")))
			continue;
		snprintf(line, sizeof(line), "%s, frame %s, a trial of the %s search: %s",
			 doc_string(search, "pair"), doc_string(search, "frame"),
			 doc_string(search, "kind"), doc_string(trial, "invalid_because"));
		if (put)
			put(line, out);
		nb++;
	}
	return nb;
}

size_t remarks_invalid(const json_t *report, remark_put put, FILE *out)
{
	size_t nb = 0, i;
	json_t *item;

	json_array_foreach(json_object_get(report, "runs"), i, item)
	{
		if (!doc_true(item, "valid"))
			nb += remark_run(item, doc_string(item, "invalid_because"), put, out);
	}
	json_array_foreach(json_object_get(report, "searches"), i, item) nb +=
		remark_trials(item, put, out);
	return nb;
}
