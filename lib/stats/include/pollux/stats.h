/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the ports and lcores do at the moment: rates of each port and queue, drops by cause, and
 * the load of each polling lcore. Counters are read without a lock on the data path, so looking at
 * them costs those who forward nothing.
 *
 * The simplest ways, from the top:
 *
 *	plx_lcore_launch(id, plx_stats_run, &conf);	an lcore that shows them till the stop
 *	plx_stats_start(&conf, &stats);			a thread of its own does
 *	plx_stats_show(stats);				now, in a loop of the application's
 *	plx_stats_sample(stats, &sample);		the figures only, for a display of its own
 *
 * Rates are taken over the interval that was measured, port by port. A port that was not there at
 * the sample before, or whose counters have gone back since (a reset, another port in its place),
 * has rates of 0 and is marked.
 *
 * Units: 1 Mb/s is 10^6 bits a second. "frame" counts a frame with its FCS, "wire" also the
 * preamble and the gap, as a cable of that speed would be taken up: 4 and 24 bytes more for each
 * packet than its data_len. Frames below 60 bytes count as long as they are.
 */
#ifndef POLLUX_STATS_H
#define POLLUX_STATS_H

#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_stats.h>
#include <stdio.h>

PLX_BEGIN_DECLS

enum {
	PLX_STATS_PERIOD_MS = 1000, /* when the configuration says 0 */
	PLX_STATS_PERIOD_MIN_MS = 10,
	PLX_STATS_PERIOD_MAX_MS = 86400000,
	PLX_STATS_STOP_MS = 100, /* plx_stats_run() sees a stop within this */
};

enum plx_stats_mode {
	PLX_STATS_AUTO,	 /* a table on a terminal, else lines */
	PLX_STATS_TABLE, /* redrawn in its place by escape codes, cut to the window */
	PLX_STATS_LINES, /* a line for each port, queue and lcore, each beginning with the time */
};

/** What to show and where. All zero: nothing is shown, each second. */
struct plx_stats_conf {
	unsigned period_ms;	  /* [MIN, MAX]; 0: PLX_STATS_PERIOD_MS */
	FILE *out;		  /* the caller's, stdout usually; NULL: show nothing */
	enum plx_stats_mode mode; /* of @out */
	const char *json_path;	  /* one JSON object a sample, a line each: a file, which is made
				   * anew, "-" for stdout, NULL for none */
	const char *title;	  /* first line of the table; NULL: none */
	uint64_t ports;		  /* bit for each port id; 0: all, those that come later too */
};

/* ---- A sample ---- */

enum plx_stats_mark {
	PLX_STATS_OK,
	PLX_STATS_NEW,	 /* not there at the sample before: rates are 0 */
	PLX_STATS_RESET, /* a counter has gone back: rates are 0 */
};

/** One direction of a port or of one queue. */
struct plx_stats_flow {
	uint64_t packets; /* these three as the port counts them: see <pollux/port_stats.h> */
	uint64_t bytes;	  /* data_len, without FCS */
	uint64_t lost;	  /* rx: missed and errors; tx: errors and dropped */
	double packets_per_s;
	double frame_mbps;
	double wire_mbps;
	double lost_per_s;
	enum plx_stats_mark mark;
};

/** One cause of lost packets. Causes are parts of the four sums, not additions to them. */
struct plx_stats_drop {
	char name[PLX_PORT_XSTAT_NAME_MAX]; /* of the sum or the extended statistic */
	uint64_t count;
	double per_s;
};

struct plx_stats_port {
	unsigned port;
	char name[PLX_PORT_NAME_MAX];
	char driver[PLX_PORT_NAME_MAX];
	enum plx_port_state state;
	struct plx_port_link link;
	uint64_t interval_ns; /* between the two readings of this port's counters; 0: no rates */
	struct plx_stats_flow rx, tx;
	unsigned nb_rx_queues, nb_tx_queues;
	const struct plx_stats_flow *rx_queues; /* [0, nb_rx_queues) */
	const struct plx_stats_flow *tx_queues;
	unsigned nb_drops;
	/* First rx_missed, rx_errors, tx_errors, tx_dropped; then all others, of queues too. */
	const struct plx_stats_drop *drops;
};

struct plx_stats_lcore {
	unsigned lcore;
	uint64_t busy_cycles; /* plx_busy_cycles() */
	double load;	      /* [0, 1] of the time since the sample before; -1: not known */
};

struct plx_stats_sample {
	uint64_t time_ns;     /* plx_clock_now_ns() */
	uint64_t unix_ns;     /* CLOCK_REALTIME */
	uint64_t interval_ns; /* since the sample before; 0: this is the first */
	unsigned nb_ports;
	const struct plx_stats_port *ports; /* ascending */
	unsigned nb_lcores;
	const struct plx_stats_lcore *lcores; /* those that run a function, and those that have
					       * polled; not the one that takes the sample */
};

struct plx_stats;

/**
 * Get ready to take samples and show them. Opens conf->json_path.
 *
 * @conf   copied, its strings too; NULL: all default, nothing shown
 * @stats  out
 *
 * Returns 0, -EINVAL (a period or mode out of range), -ENOMEM, or what opening the file said (one
 *         line names it).
 * Owner   the caller, until plx_stats_destroy().
 */
PLX_API PLX_MUST_CHECK int plx_stats_create(const struct plx_stats_conf *conf,
					    struct plx_stats **stats);

/** Close the file and free all. NULL is legal. Not for one that plx_stats_start() made. */
PLX_API void plx_stats_destroy(struct plx_stats *stats);

/**
 * Take a sample.
 *
 * @sample  out; valid until the next one is taken or @stats destroyed
 *
 * Returns 0, -EINVAL, -ENOMEM.
 * Thread  any, one at a time for each @stats. Takes the port layer's lock for each port in turn.
 */
PLX_API int plx_stats_sample(struct plx_stats *stats, const struct plx_stats_sample **sample);

/**
 * Take a sample and show it as the configuration says. That the JSON file can't be written is
 * logged once, and the sample missing from it; the next one is tried again.
 *
 * Returns 0, -EINVAL, -ENOMEM.
 * Thread  as plx_stats_sample(); it writes, so it may sleep.
 */
PLX_API int plx_stats_show(struct plx_stats *stats);

/* ---- Who takes them ---- */

/**
 * Show samples until plx_stop_requested(), and one more then. A plx_lcore_fn: launch it on an
 * lcore, which sleeps in between and so may share its CPU with others.
 *
 * @conf   a struct plx_stats_conf, in use until the return; NULL: a table or lines on stdout
 *
 * Returns 0, or as plx_stats_create() and plx_stats_show().
 */
PLX_API int plx_stats_run(void *conf);

/**
 * The same in a thread of its own, which keeps off the lcores' CPUs as long as the process has
 * another one.
 *
 * Returns 0, as plx_stats_create(), or as pthread_create(3) did.
 * Owner   the caller, until plx_stats_stop().
 */
PLX_API PLX_MUST_CHECK int plx_stats_start(const struct plx_stats_conf *conf,
					   struct plx_stats **stats);

/**
 * Have it show one more sample, end the thread and free all. Call it when the lcores have returned
 * and before the ports are detached: then the last sample has the final counters.
 *
 * @stats  of plx_stats_start(); NULL is legal
 */
PLX_API void plx_stats_stop(struct plx_stats *stats);

PLX_END_DECLS

#endif
