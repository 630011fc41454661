/* SPDX-License-Identifier: BSD-3-Clause */
#include "tracker.h"

#include <string.h>

void tracker_reset(struct tracker *tracker)
{
	memset(tracker, 0, sizeof(*tracker));
}

static uint64_t *word_of(struct tracker *tracker, uint64_t seq)
{
	return &tracker->seen[seq / 64 % TRACKER_WORDS];
}

static uint64_t nb_zeros(uint64_t word)
{
	return 64 - (uint64_t)__builtin_popcountll(word);
}

/*
 * The window moves on to @word, from @from: each word on the way takes the place of the one that
 * lay there 2^20 numbers ago, and leaves in its turn if there are more. @from is @word + 1 at most:
 * the window is there.
 */
static void move_on(struct tracker *tracker, uint64_t from, uint64_t word)
{
	uint64_t nb = word - from + 1, skipped = nb > TRACKER_WORDS ? nb - TRACKER_WORDS : 0;

	for (uint64_t i = from; i <= word - skipped; i++) {
		uint64_t *place = &tracker->seen[i % TRACKER_WORDS];

		if (i >= TRACKER_WORDS)
			tracker->missed += nb_zeros(*place);
		*place = 0;
	}
	tracker->missed += skipped * 64;
}

bool tracker_note_slow(struct tracker *tracker, uint64_t seq)
{
	const uint64_t bit = UINT64_C(1) << seq % 64;

	if (seq >= tracker->next) {
		move_on(tracker, (tracker->next + 63) / 64, seq / 64);
		tracker->next = seq + 1;
	} else if (tracker->next - seq > TRACKER_BITS - 64) {
		tracker->stale++;
		return false;
	} else if (*word_of(tracker, seq) & bit) {
		tracker->duplicate++;
		return false;
	} else {
		tracker->reordered++;
	}
	*word_of(tracker, seq) |= bit;
	tracker->received++;
	return true;
}

uint64_t tracker_lost(const struct tracker *tracker, uint64_t sent)
{
	uint64_t end = (tracker->next + 63) / 64, lost = tracker->missed;

	for (uint64_t i = end > TRACKER_WORDS ? end - TRACKER_WORDS : 0; i < end; i++)
		lost += nb_zeros(tracker->seen[i % TRACKER_WORDS]);
	lost -= end * 64 - tracker->next; /* of the last word: those not sent yet */
	return lost + (sent > tracker->next ? sent - tracker->next : 0);
}
