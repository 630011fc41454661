/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What became of the packets of one stream, by their numbers: each is received once, again
 * (duplicate), after a later one (reordered), or never (lost). A bit for each of the last 2^20
 * numbers tells which were seen; what comes later than that is stale, and makes a run invalid.
 *
 * Received and lost are counted apart from each other, the latter by the bits that were never set:
 * so a sum that is not what was sent tells of an error, here or in the sender.
 */
#ifndef BENCH_TRACKER_H
#define BENCH_TRACKER_H

#include <pollux/compiler.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	TRACKER_BITS = 1 << 20,
	TRACKER_WORDS = TRACKER_BITS / 64,
};

struct tracker {
	uint64_t next;	   /* the greatest number seen, and one */
	uint64_t received; /* different ones */
	uint64_t duplicate;
	uint64_t reordered; /* of the received: a greater one had been there before */
	uint64_t stale;	    /* too old to tell */
	uint64_t missed;    /* never seen, of the numbers that have left seen[] */
	uint64_t seen[TRACKER_WORDS];
};

/** Empty, from number 0 on. */
void tracker_reset(struct tracker *tracker);

/* The rare rest of tracker_note(). */
bool tracker_note_slow(struct tracker *tracker, uint64_t seq);

/** A packet came. Returns whether it is the first of its number. */
static inline bool tracker_note(struct tracker *tracker, uint64_t seq)
{
	/* In order, and not the first of its word. */
	if (plx_unlikely(seq != tracker->next || seq % 64 == 0))
		return tracker_note_slow(tracker, seq);
	tracker->seen[seq / 64 % TRACKER_WORDS] |= UINT64_C(1) << seq % 64;
	tracker->next = seq + 1;
	tracker->received++;
	return true;
}

/**
 * How many of @sent packets never came, when nothing is under way any more. They and the received
 * are all that were sent, unless numbers came that never were.
 */
uint64_t tracker_lost(const struct tracker *tracker, uint64_t sent);

#endif
