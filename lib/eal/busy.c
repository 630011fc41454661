/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load of polling lcores: what busy.h's inline half does not need at each poll. A word is
 * (sum << 1 | busy), all of it modulo 2^64, so that becoming busy subtracts the time and becoming
 * idle adds it.
 */
#include "lcore_private.h"

#include <pollux/busy.h>

struct plx_busy plx_busy_words[PLX_LCORE_MAX + 1];

extern inline void plx_busy_note(bool busy);

void plx_busy_flip_(struct plx_busy *entry)
{
	uint64_t word = plx_load_relaxed(&entry->word);
	uint64_t twice = plx_cycles() << 1;

	plx_store_relaxed(&entry->word, word & 1 ? word - 1 + twice : word + 1 - twice);
}

void plx_busy_reset(unsigned id)
{
	plx_store_relaxed(&plx_busy_words[id].word, 0);
}

uint64_t plx_busy_cycles(unsigned id)
{
	uint64_t word;

	if (id >= PLX_LCORE_MAX)
		return 0;
	word = plx_load_relaxed(&plx_busy_words[id].word);
	if (word & 1) {
		/* Ordered: a time before that of the flip would be a sum below 0. */
		word += (plx_cycles_ordered() << 1) - 1;
		if (word >> 63)
			word = 0;
	}
	return word >> 1;
}
