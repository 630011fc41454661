/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A segment: some pairs send for a while, then receive what is still under way. What becomes of
 * each packet is known when it ends, and so is what it cost.
 */
#ifndef BENCH_SEGMENT_H
#define BENCH_SEGMENT_H

#include <pollux/port_stats.h>

#include "bench.h"

/* What a worker's thread used while it sent. */
struct usage {
	uint64_t user_ns, system_ns;
	uint64_t minor_faults, major_faults, voluntary, involuntary;
};

struct stream {
	unsigned from_port, to_port;
	uint64_t sent, received, lost, duplicate, reordered, corrupt, foreign;
	double pps, mbps, wire_mbps; /* received in the time that is measured */
	double sent_pps;	     /* given to the port in that time */
	struct {
		uint64_t tx_errors, tx_dropped, rx_missed, rx_errors, rx_nombuf;
	} drops; /* what the two ports counted */
};

/* Of one pair. */
struct result {
	double seconds;
	struct stream streams[2];
	struct hist latency; /* both streams' */
	double kept;	     /* of the schedule: what was sent of what was due; at rate max 1 */
	const char *wrong;   /* NULL: the totals add up */
	unsigned nb_lcores;
	struct {
		unsigned id;
		int cpu;
		struct usage usage;
	} lcores[2];
	double softirq_ns; /* of the machine, in all; below 0: not known */
	double interrupts; /* likewise */
};

/**
 * Run one.
 *
 * @pairs    at once
 * @warm_s   of sending before that is measured: queues fill
 * @seconds  of sending, measured
 * @results  out: one for each pair
 * Returns 0, -EINTR (a signal), -errno after one line.
 */
int segment_run(struct bench *bench, struct pair **pairs, unsigned nb_pairs, double warm_s,
		double seconds, struct result *results);

#endif
