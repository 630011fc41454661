/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of stats share: the counters as they were read, and the way from two readings to a
 * sample, which is a function of its arguments alone.
 */
#ifndef STATS_PRIVATE_H
#define STATS_PRIVATE_H

#include <assert.h>
#include <inttypes.h>
#include <pollux/log.h>
#include <pollux/stats.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- read.c: what the ports and lcores say ---- */

struct stats_count {
	uint64_t packets, bytes, lost;
};

struct stats_cause {
	char name[PLX_PORT_XSTAT_NAME_MAX];
	uint64_t count;
};

enum { STATS_SUMS = 4 }; /* causes[0, 4): rx_missed, rx_errors, tx_errors, tx_dropped */

struct stats_port_reading {
	uint64_t time_ns;
	unsigned port;
	struct plx_port_info info;
	struct plx_port_link link;
	struct stats_count rx, tx;
	struct stats_count rx_queues[PLX_PORT_QUEUES_MAX]; /* [0, info.nb_rx_queues) */
	struct stats_count tx_queues[PLX_PORT_QUEUES_MAX];
	unsigned nb_causes, room_causes;
	struct stats_cause *causes;
};

struct stats_lcore_reading {
	unsigned lcore;
	uint64_t busy_cycles;
	uint64_t cycles; /* when it was read */
	bool is_shown;	 /* it runs a function, or has polled */
};

struct stats_reading {
	uint64_t time_ns, unix_ns;
	unsigned nb_ports, nb_lcores;
	struct stats_port_reading ports[PLX_PORT_MAX];
	struct stats_lcore_reading lcores[PLX_LCORE_MAX];
};

/* Room for what the drivers name, kept from one reading to the next. */
struct stats_xstats {
	struct plx_port_xstat *list;
	unsigned room;
};

int stats_read(uint64_t ports, struct stats_xstats *xstats, struct stats_reading *reading);
void stats_reading_free(struct stats_reading *reading);

/* ---- rates.c ---- */

/* A sample and all that it points at. */
struct stats_result {
	struct plx_stats_sample sample;
	struct plx_stats_port ports[PLX_PORT_MAX];
	struct plx_stats_lcore lcores[PLX_LCORE_MAX];
	struct plx_stats_flow rx_queues[PLX_PORT_MAX][PLX_PORT_QUEUES_MAX];
	struct plx_stats_flow tx_queues[PLX_PORT_MAX][PLX_PORT_QUEUES_MAX];
	struct plx_stats_drop *drops; /* of all ports, one after the other */
	unsigned room_drops;
};

/* @before: NULL for the first sample. 0 or -ENOMEM. */
int stats_rates(const struct stats_reading *before, const struct stats_reading *now,
		struct stats_result *result);

/* ---- text.c, json.c: what a sample looks like ---- */

/* A figure as text, with a point whatever the locale says. */
struct stats_number {
	char text[32];
};

struct stats_number stats_fixed(double value, unsigned decimals); /* [0, 9] */
struct stats_number stats_grouped(double value);		  /* 1,234,567 */

struct stats_view {
	const char *title;
	uint64_t since_ns;	/* the first sample's time */
	unsigned columns, rows; /* of the window; 0: no end */
	bool last;
};

/* Returns the number of lines. */
unsigned stats_print_table(const struct plx_stats_sample *sample, const struct stats_view *view,
			   FILE *out);
void stats_print_lines(const struct plx_stats_sample *sample, const struct stats_view *view,
		       FILE *out);
void stats_print_json(const struct plx_stats_sample *sample, bool last, FILE *out);

/* ---- file.c: the JSON file ---- */

struct stats_file {
	const char *path;
	int fd; /* -1: none */
	bool is_regular, is_own;
	bool torn; /* the file ends in the middle of a line */
	bool complained;
};

int stats_file_open(struct stats_file *file, const char *path);
void stats_file_close(struct stats_file *file);
void stats_file_write(struct stats_file *file, const char *text, size_t bytes);

extern struct plx_log_module stats_log;

#define LOG_ERR(...) plx_log(&stats_log, PLX_LOG_ERR, __VA_ARGS__)
#define LOG_WARN(...) plx_log(&stats_log, PLX_LOG_WARN, __VA_ARGS__)

#endif
