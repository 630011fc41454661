/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One end of a cable: sends its stream on a schedule and takes in the other end's, at once, on one
 * lcore. The load is open: packet n is due at start + n * interval, that is the time written into
 * it, and who falls behind sends as fast as it can until it has caught up; so a stall is charged to
 * each packet that waited (no coordinated omission). At rate "max" a packet is due when it is sent.
 *
 * A segment is: reset, send for a while, then only receive until nothing is under way any more. Its
 * packets are counted from its start on; rates and latency are of the time after the warm-up.
 * Whoever runs a segment writes `phase`, all else is the instance's lcore's while one runs, and
 * anybody's after it.
 */
#ifndef BENCH_INSTANCE_H
#define BENCH_INSTANCE_H

#include <pollux/pollux.h>

#include "hist.h"
#include "packet.h"
#include "tracker.h"

enum {
	INSTANCE_BURST_MAX = 256,
	INSTANCE_SIZES_MAX = 12, /* packets of a mix, in turn: imix has 7 + 4 + 1 */
};

enum instance_phase {
	PHASE_STOP,
	PHASE_WARM, /* sends, and is not measured */
	PHASE_SEND,
	PHASE_DRAIN,
};

/* What is sent. */
struct instance_load {
	uint32_t nb_sizes;
	const struct packet_form
		*forms[INSTANCE_SIZES_MAX]; /* in turn; of this instance's stream */
	double pps;			    /* 0: as fast as it goes */
	uint32_t burst;			    /* [1, INSTANCE_BURST_MAX] */
	uint64_t delay_cycles;		    /* spent at each crossing into the driver; 0 */
};

/* Also read by others while a segment runs: whole words, written by the lcore alone. */
struct instance_counts {
	uint64_t sent, sent_bytes; /* without FCS; taken by the port */
	uint64_t received, received_bytes;
	uint64_t distinct; /* of this segment, each once */
};

struct instance {
	unsigned port;
	unsigned index; /* its stream's number */
	unsigned from;	/* the stream that it expects */
	struct plx_mempool *pool;
	struct instance_load load;

	/* the lcore's, but phase */
	uint32_t phase PLX_CACHE_ALIGNED; /* enum instance_phase; atomic */
	uint32_t seen_phase;
	uint64_t start_ns, end_ns; /* of sending */
	uint64_t from_ns;	   /* measured from here on */
	uint64_t latency_from_ns;  /* packets that were due before are not part of it */
	uint64_t seq;		   /* of the next packet; goes on from segment to segment */
	uint64_t first_seq;	   /* of this segment */
	uint64_t expect_first;	   /* the other end's first_seq */
	uint32_t turn;		   /* of forms[] */
	double interval_ns;
	uint32_t nb_held; /* made, and not taken by the port yet */
	struct plx_mbuf *held[INSTANCE_BURST_MAX];

	struct instance_counts counts PLX_CACHE_ALIGNED;
	struct instance_counts at_start, at_end; /* of sending */
	uint64_t corrupt, foreign;
	uint64_t late; /* of the segment before */
	struct tracker tracker;
	struct hist latency;
};

/**
 * Before a segment: all counts at 0, phase stopped. Both ends of a cable are reset, then each is
 * told where the other's numbers begin. Not while an lcore polls it.
 */
void instance_reset(struct instance *instance);
void instance_expect(struct instance *instance, const struct instance *other);

/**
 * Receive what is there, send what is due. Returns how many packets went either way.
 *
 * Thread  the one lcore that has this instance.
 */
uint32_t instance_poll(struct instance *instance);

/** Free what is held and was never sent. Not while an lcore polls it. */
void instance_release(struct instance *instance);

#endif
