/* SPDX-License-Identifier: BSD-3-Clause */
/* What a report holds beyond the raw figures; files of it that are there in whole or not at all. */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report_doc.h"

enum {
	SCHEMA_VERSION = 1,
	PATH_ROOM = 4096,
};

/* ---- What follows from the raw figures ---- */

/* There is something, and nothing of it is wrong. */
static bool is_valid(const json_t *report)
{
	const json_t *runs = json_object_get(report, "runs");
	const json_t *searches = json_object_get(report, "searches");
	size_t i, k;
	json_t *run, *search, *trial;

	json_array_foreach(runs, i, run)
	{
		if (!doc_true(run, "valid"))
			return false;
	}
	json_array_foreach(searches, i, search)
	{
		json_array_foreach(json_object_get(search, "trials"), k, trial)
		{
			if (!json_is_null(json_object_get(trial, "invalid_because")))
				return false;
		}
	}
	return json_array_size(runs) + json_array_size(searches) > 0;
}

int report_derive(json_t *report)
{
	static const struct {
		const char *key;
		json_t *(*derive)(const json_t *report);
	} parts[] = {
		{"points", derive_points},
		{"ratios", derive_ratios},
		{"verdicts", derive_verdicts},
		{"claims", derive_claims},
	};

	if (!json_is_object(report) || !json_is_array(json_object_get(report, "runs")) ||
	    !json_is_array(json_object_get(report, "pairs")))
		return bench_fail(-EINVAL, "the report has no pairs and no runs");
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(parts); i++) {
		if (json_object_set_new(report, parts[i].key, parts[i].derive(report)))
			return bench_fail(-ENOMEM, "out of memory for the %s of the report",
					  parts[i].key);
	}
	if (json_object_set_new(report, "valid", json_boolean(is_valid(report))))
		return bench_fail(-ENOMEM, "out of memory for the report");
	return 0;
}

/* ---- Reading ---- */

json_t *report_read(const char *path)
{
	json_error_t error;
	json_t *report = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	double version = doc_number(report, "version");

	if (!report && error.line < 0) {
		bench_complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (!report) {
		bench_complain("%s: line %d: no JSON: %s", path, error.line, error.text);
		return NULL;
	}
	if (strcmp(doc_string(report, "schema"), "plx-bench") != 0) {
		bench_complain("%s: not a report of plx-bench --json", path);
	} else if (version != SCHEMA_VERSION) {
		bench_complain("%s: schema version %g; this program reads version %d", path,
			       isnan(version) ? 0 : version, SCHEMA_VERSION);
	} else if (!json_is_array(json_object_get(report, "runs")) ||
		   !json_is_array(json_object_get(report, "pairs"))) {
		bench_complain("%s: a report without pairs and runs", path);
	} else {
		return report;
	}
	json_decref(report);
	return NULL;
}

/* ---- Files ---- */

/* Devices and pipes are written to as they are; all else by a name of its own first. */
static FILE *open_beside(const char *path, char target[PATH_ROOM], char name[PATH_ROOM])
{
	struct stat info;
	FILE *out;
	int fd;

	name[0] = '\0';
	if (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
		return fopen(path, "we");
	if (!realpath(path, target) && snprintf(target, PATH_ROOM, "%s", path) >= PATH_ROOM) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (snprintf(name, PATH_ROOM, "%s.%ld~", target, (long)getpid()) >= PATH_ROOM) {
		name[0] = '\0';
		errno = ENAMETOOLONG;
		return NULL;
	}
	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		if (fd >= 0)
			close(fd);
		name[0] = '\0';
	}
	return out;
}

int report_write_file(const char *path, void (*write)(const void *what, FILE *out),
		      const void *what)
{
	char target[PATH_ROOM], name[PATH_ROOM];
	FILE *out = open_beside(path, target, name);
	int error = 0;

	if (!out) {
		error = -errno;
		return bench_fail(error, "%s: cannot be written: %s", path, strerror(-error));
	}
	errno = 0;
	write(what, out);
	if (ferror(out))
		error = errno ? -errno : -EIO;
	if (fclose(out) && !error)
		error = errno ? -errno : -EIO;
	if (!error && name[0] && rename(name, target))
		error = -errno;
	if (error && name[0])
		unlink(name);
	if (error)
		return bench_fail(error, "%s: cannot be written: %s", path, strerror(-error));
	return 0;
}

static void write_json(const void *report, FILE *out)
{
	json_dumpf(report, out, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
	fputc('\n', out);
}

int report_write_json(const json_t *report, const char *path)
{
	return report_write_file(path, write_json, report);
}
