/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics: saturate, are cleared by reading; of a pair, by reading the high half. */
#include "sim_private.h"

void sim_count(struct igb_sim *sim, uint32_t offset, uint32_t n)
{
	uint32_t value = reg(sim, offset);

	reg_set(sim, offset, n > UINT32_MAX - value ? UINT32_MAX : value + n);
}

void sim_count_bytes(struct igb_sim *sim, uint32_t low, uint32_t n)
{
	uint64_t value = reg(sim, low) | (uint64_t)reg(sim, low + 4) << 32;

	value = n > UINT64_MAX - value ? UINT64_MAX : value + n;
	reg_set(sim, low, (uint32_t)value);
	reg_set(sim, low + 4, (uint32_t)(value >> 32));
}

void sim_count_size(struct igb_sim *sim, uint32_t offset, uint32_t len_bytes)
{
	static const uint16_t ends[] = {64, 127, 255, 511, 1023};
	unsigned i = 0;

	while (i < 5 && len_bytes > ends[i])
		i++;
	sim_count(sim, offset + 4 * i, 1);
}

static bool is_pair(uint32_t low)
{
	return low == S_GORCL || low == S_GOTCL || low == S_TORL || low == S_TOTL ||
	       low == 0x4128 || low == 0x4130;
}

uint32_t sim_stat_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset);

	(void)i;
	if (is_pair(offset))
		return value;
	if (is_pair(offset - 4))
		reg_set(sim, offset - 4, 0);
	reg_set(sim, offset, 0);
	return value;
}
