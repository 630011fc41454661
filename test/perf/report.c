/* SPDX-License-Identifier: BSD-3-Clause */
/* Medians, the table for people, JSON for programs. */
#include <errno.h>
#include <jansson.h>
#include <pollux/pollux.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "perf.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct perf_spread perf_spread_of(double *values, unsigned nb)
{
	struct perf_spread spread;

	qsort(values, nb, sizeof(*values), ascending);
	spread.min = values[0];
	spread.max = values[nb - 1];
	spread.median = nb % 2 ? values[nb / 2] : (values[nb / 2 - 1] + values[nb / 2]) / 2;
	return spread;
}

static void cpu_model(char *text, size_t bytes)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, bytes, "unknown CPU");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) == 0 && value) {
			value[strcspn(value, "\n")] = '\0';
			snprintf(text, bytes, "%s", value + 2);
			break;
		}
	}
	if (file)
		fclose(file);
}

void perf_print_header(const char *peer_version, unsigned rounds, unsigned main_cpu,
		       unsigned worker_cpu)
{
	char model[128];
	struct utsname kernel;

	cpu_model(model, sizeof(model));
	uname(&kernel);
	printf("# %s, %s %s; %s, " PERF_FLAGS "\n", model, kernel.sysname, kernel.release,
	       COMPILER);
	printf("# pollux " PLX_VERSION
	       "%s%s; CPUs %u and %u%s; %u rounds, alternating; median [min "
	       "max]\n",
	       peer_version ? " beside " : "", peer_version ? peer_version : "", main_cpu,
	       worker_cpu, main_cpu == worker_cpu ? " (shared: two-core rows mean little)" : "",
	       rounds);
	if (peer_version)
		printf("# ratio: the peer's figure by ours, round by round; above 1 we are "
		       "ahead\n");
	if (PLX_CHECK)
		printf("# this build has PLX_CHECK: its figures say nothing about a release\n");
}

static void print_spread(const struct perf_spread *spread)
{
	printf("  %9.2f [%8.2f %8.2f]", spread->median, spread->min, spread->max);
}

void perf_print_result(const struct perf_result *result)
{
	printf("%-44s %-14s", result->name, result->unit);
	print_spread(&result->ours);
	if (result->has_peer) {
		print_spread(&result->peer);
		printf("  ratio");
		print_spread(&result->ratio);
	}
	putchar('\n');
	fflush(stdout);
}

static json_t *spread_json(const struct perf_spread *spread)
{
	return json_pack("{s:f, s:f, s:f}", "median", spread->median, "min", spread->min, "max",
			 spread->max);
}

static json_t *row_json(const struct perf_result *result)
{
	json_t *row =
		json_pack("{s:s, s:s, s:f, s:o}", "name", result->name, "unit", result->unit,
			  "ours", result->ours.median, "ours_spread", spread_json(&result->ours));

	if (row && result->has_peer) {
		json_object_set_new(row, "peer", json_real(result->peer.median));
		json_object_set_new(row, "peer_spread", spread_json(&result->peer));
		json_object_set_new(row, "ratio", spread_json(&result->ratio));
	}
	return row;
}

int perf_write_json(const char *path, const struct perf_result *results, unsigned nb,
		    const char *peer_name, const char *peer_version, unsigned rounds)
{
	char model[128];
	struct utsname kernel;
	json_t *root, *list = json_array();
	int ret = -1;

	cpu_model(model, sizeof(model));
	uname(&kernel);
	for (unsigned i = 0; i < nb; i++)
		json_array_append_new(list, row_json(&results[i]));
	root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*, s:i, s:o}", "version", PLX_VERSION,
			 "machine", model, "kernel", kernel.release, "compiler", COMPILER, "flags",
			 PERF_FLAGS, "peer", peer_name, "peer_version", peer_version, "rounds",
			 (int)rounds, "rows", list);
	if (root)
		ret = json_dump_file(root, path, JSON_INDENT(2));
	if (ret)
		fprintf(stderr, "plx-perf: --json '%s': %s\n", path, strerror(errno));
	json_decref(root);
	return ret;
}
