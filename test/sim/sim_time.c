/* SPDX-License-Identifier: BSD-3-Clause */
/* The 1588 clock: SYSTIM in each part's own format, its rate, its adjustment, stamps. */
#include "sim_private.h"

enum { TICK_NS = 16, UNIT_NS = 8, SEC_NS = 1000000000 };

#define NS_MASK_40 ((UINT64_C(1) << 40) - 1)

static uint64_t value_at(const struct igb_sim *sim, uint64_t now_ns)
{
	uint64_t past = now_ns - sim->systim_base_ns, adjust;
	uint32_t inc = reg(sim, R_TIMINCA);

	if (sim->part->clock == SIM_CLOCK_64) {
		uint32_t period = inc >> 24;

		if (period == 0)
			return sim->systim;
		return sim->systim + past / (TICK_NS * period) * (inc & 0xffffff);
	}
	if (!sim->conf.qemu && reg(sim, R_TSAUXC) & BIT(31))
		return sim->systim;
	/* Each 8 ns are longer or shorter by so many 2^-32 ns. */
	adjust = (uint64_t)(((unsigned __int128)(past / UNIT_NS) * (inc & 0x7fffffff)) >> 32);
	return sim->systim + (inc & BIT(31) ? past - adjust : past + adjust);
}

/* Before the rate changes. */
static void settle(struct igb_sim *sim)
{
	sim->systim = value_at(sim, sim->now_ns);
	sim->systim_base_ns = sim->now_ns;
}

static void split(const struct igb_sim *sim, uint64_t value, uint32_t *low, uint32_t *high)
{
	if (sim->part->clock == SIM_CLOCK_SEC) {
		*low = (uint32_t)(value % SEC_NS);
		*high = (uint32_t)(value / SEC_NS);
		return;
	}
	if (sim->part->clock == SIM_CLOCK_40)
		value &= NS_MASK_40;
	*low = (uint32_t)value;
	*high = (uint32_t)(value >> 32);
}

void sim_time_stamp(const struct igb_sim *sim, uint32_t *low, uint32_t *high)
{
	split(sim, value_at(sim, sim->now_ns), low, high);
}

void sim_time_reset(struct igb_sim *sim)
{
	sim->systim = 0;
	sim->systim_base_ns = sim->now_ns;
}

/* SYSTIMR, or SYSTIML alone, holds SYSTIMH. */
uint32_t sim_time_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t low, high;

	(void)i;
	sim_time_stamp(sim, &low, &high);
	if (offset == R_SYSTIMH)
		return sim->systim_latch;
	if (offset == R_SYSTIMR) {
		sim->systim_latch = high;
		reg_set(sim, R_SYSTIML, low);
		reg_set(sim, R_SYSTIMR, 1); /* SYSTIML is held */
		return 0;
	}
	if (reg(sim, R_SYSTIMR)) {
		reg_set(sim, R_SYSTIMR, 0);
		return reg(sim, R_SYSTIML);
	}
	sim->systim_latch = high;
	return low;
}

static void adjust(struct igb_sim *sim)
{
	uint32_t low = reg(sim, R_TIMADJL), high = reg(sim, R_TIMADJH);
	uint64_t by = low | (uint64_t)(high & 0x7fffffff) << 32;
	bool is_back = high & BIT(31);

	if (sim->part->clock == SIM_CLOCK_SEC) {
		by = low & 0x3fffffff;
		is_back = low & BIT(31);
	}
	settle(sim);
	sim->systim += is_back ? 0 - by : by;
}

void sim_time_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	uint32_t low, high;

	(void)i;
	switch (offset) {
	case R_SYSTIML:
	case R_SYSTIMH:
		sim_time_stamp(sim, &low, &high);
		reg_set(sim, R_SYSTIMR, 0);
		low = offset == R_SYSTIML ? value : low;
		high = offset == R_SYSTIMH ? value : high;
		sim->systim = sim->part->clock == SIM_CLOCK_SEC ? (uint64_t)high * SEC_NS + low
								: low | (uint64_t)high << 32;
		sim->systim_base_ns = sim->now_ns;
		return;
	case R_TIMADJL:
	case R_TIMADJH:
		reg_set(sim, offset, value);
		if ((offset == R_TIMADJL) == (sim->part->clock == SIM_CLOCK_SEC))
			adjust(sim);
		return;
	default: /* TIMINCA, TSAUXC */
		settle(sim);
		reg_set(sim, offset, value);
	}
}

/* Reading the high half lets the next stamp come. */
uint32_t sim_stamp_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	if (i == 1)
		reg_bits(sim, offset == R_TXSTMPH ? R_TSYNCTXCTL : R_TSYNCRXCTL, TSYNC_VALID, 0);
	return reg(sim, offset);
}
