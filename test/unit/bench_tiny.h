/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports of a few runs whose figures a test chooses, and what was derived from them. */
#ifndef BENCH_TINY_H
#define BENCH_TINY_H

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <report.h>
#include <report_doc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *tiny;

static inline void tiny_drop(void)
{
	json_decref(tiny);
	tiny = NULL;
}

static inline void tiny_add_pair(const char *name, const char *path, const char *driver)
{
	json_array_append_new(json_object_get(tiny, "pairs"),
			      json_pack("{s:s, s:s, s:[{s:i, s:s, s:s, s:n, s:i, s:b, s:i, s:i}]}",
					"name", name, "path", path, "ports", "port", 0, "name",
					"p0", "driver", driver, "interface", "link_mbps", 1000,
					"emulated", 0, "lcore", 1, "cpu", 0));
}

/* Of a user-space driver and of the kernel's path. */
static inline void tiny_make(void)
{
	tiny_drop();
	tiny = json_pack("{s:s, s:i, s:{s:{s:b, s:i}}, s:[], s:[], s:[], s:[], s:[]}", "schema",
			 "plx-bench", "version", 1, "header", "options", "isolate", 0,
			 "stress_streams", 4, "pairs", "floors", "bias", "runs", "searches");
	tiny_add_pair("user", "user", "net_igb");
	tiny_add_pair("kernel", "kernel", "net_pcap");
}

/* A run at rate max, alone, of 64-byte frames; the caller changes what it wants. */
static inline json_t *tiny_add(const char *pair, int repeat, double pps)
{
	json_t *run = json_pack(
		"{s:s, s:s, s:i, s:s, s:n, s:i, s:b, s:b, s:i, s:f, s:b, s:n, s:f, s:f, s:f, s:n, "
		"s:n, s:{s:i}, s:f, s:[], s:[], s:{}, s:n}",
		"pair", pair, "frame", "64", "frame_bytes", 64, "load", "max", "offered_pps",
		"repeat", repeat, "stress", 0, "together", 0, "delay_ns", 0, "seconds", 1.0,
		"valid", 1, "invalid_because", "throughput_pps", pps, "throughput_mbps",
		pps * 512 / 1e6, "wire_mbps", pps * 672 / 1e6, "ceiling_pps", "ceiling_percent",
		"latency_ns", "count", 0, "kept", 1.0, "streams", "lcores", "cpu",
		"interrupts_per_s");

	cr_assert(run, "no run");
	json_array_append_new(json_object_get(tiny, "runs"), run);
	return run;
}

/* With a latency, at a stated load. */
static inline json_t *tiny_add_latency(const char *pair, int repeat, int p50)
{
	json_t *run = tiny_add(pair, repeat, 20000);

	json_object_set_new(run, "load", json_string("10%"));
	json_object_set_new(run, "offered_pps", json_real(10000));
	json_object_set_new(run, "latency_ns",
			    json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:n, s:i}", "count", 20000,
				      "min", p50 / 2, "p50", p50, "p90", 2 * p50, "p99", 3 * p50,
				      "p99_9", 4 * p50, "p99_99", "max", 9 * p50));
	return run;
}

static inline json_t *set_frame(json_t *run, const char *frame, double bytes)
{
	json_object_set_new(run, "frame", json_string(frame));
	json_object_set_new(run, "frame_bytes", json_real(bytes));
	return run;
}

static inline json_t *set_true(json_t *run, const char *key)
{
	json_object_set_new(run, key, json_true());
	return run;
}

static inline void tiny_derive(void)
{
	int ret = report_derive(tiny);

	cr_assert_eq(ret, 0, "report_derive() returned %d", ret);
}

static inline const json_t *item_of(const char *array, size_t index)
{
	const json_t *item = json_array_get(json_object_get(tiny, array), index);

	cr_assert(item, "%s has %zu items, none at %zu", array,
		  json_array_size(json_object_get(tiny, array)), index);
	return item;
}

/* The item of an array whose members @key and @other, if not NULL, are these strings. */
static inline const json_t *find_item(const char *array, const char *key, const char *value,
				      const char *other, const char *other_value)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(tiny, array), i, item)
	{
		if (strcmp(doc_string(item, key), value) == 0 &&
		    (!other || strcmp(doc_string(item, other), other_value) == 0))
			return item;
	}
	return NULL;
}

static inline void assert_number(const json_t *object, const char *key, double want)
{
	double got = doc_number(object, key);

	cr_assert(fabs(got - want) <= 1e-9 * fmax(1, fabs(want)), "%s is %.12g, want %.12g", key,
		  got, want);
}

static inline void assert_spread(const json_t *object, const char *key, double median, double min,
				 double max)
{
	const json_t *spread = json_object_get(object, key);

	cr_assert(json_is_object(spread), "%s is no object", key);
	assert_number(spread, "median", median);
	assert_number(spread, "min", min);
	assert_number(spread, "max", max);
}

static inline void assert_null(const json_t *object, const char *key)
{
	cr_assert(json_is_null(json_object_get(object, key)), "%s is not null", key);
}

enum { NO, YES, OPEN };

static inline void assert_answer(const json_t *object, const char *key, int want)
{
	const json_t *value = json_object_get(object, key);
	int got = json_is_true(value) ? YES : json_is_false(value) ? NO : OPEN;

	cr_assert(value && got == want, "%s is %d, want %d (0 no, 1 yes, 2 open): %s %s", key, got,
		  want, doc_string(object, "text"), doc_string(object, "measured"));
}

/* What a function writes to a file of its own, to be freed. */
static inline char *read_whole(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 8 << 20);
	size_t bytes;

	cr_assert(file && text, "%s: %s", path, strerror(errno));
	bytes = fread(text, 1, (8 << 20) - 1, file);
	cr_assert_lt(bytes, (8 << 20) - 1);
	fclose(file);
	return text;
}

#endif
