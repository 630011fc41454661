/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's clock and its time stamps. Data sheets: "Time SYNC (IEEE1588 and 802.1AS)" (I210: 7.8;
 * SYSTIM, TIMINCA 7.8.3.2), "Time Sync Register Descriptions" (I210: 8.15), "Receive Packet
 * Timestamp in Buffer" (I210: 7.1.6).
 *
 * The counter is never written while it runs: time is what it counted, extended to 64 bits by
 * software, plus an offset that set and step change. So a step costs nothing of its precision, and
 * stamps that are on their way stay in step with the counter. The rate is the counter's own:
 *   82580 and later: 8 ns a tick of 8 ns, plus or minus TIMINCA * 2^-32 ns;
 *   82576: TIMINCA's value, here in 2^-19 ns, each 16 ns.
 * It wraps after 18 minutes (40 bits of ns) or 9.7 hours (45 bits).
 */
#include <errno.h>
#include <pollux/clock.h>

#include "hw.h"

enum {
	SHIFT_82576 = 19,
	TICK_82576_NS = 16,
	NS_PER_S = 1000000000,
	RATE_MAX_PPB = 62499999,
};

static unsigned raw_bits(const struct igb_hw *hw)
{
	switch (hw->mac->clock) {
	case IGB_CLOCK_SHIFTED:
		return 64 - SHIFT_82576;
	case IGB_CLOCK_40BIT:
		return 40;
	case IGB_CLOCK_SEC_NS:
		break;
	}
	return 64;
}

/* Two registers of SYSTIM or of a stamp, in ns as the counter has them. */
static uint64_t to_raw_ns(const struct igb_hw *hw, uint32_t low, uint32_t high)
{
	uint64_t both = (uint64_t)high << 32 | low;

	switch (hw->mac->clock) {
	case IGB_CLOCK_SHIFTED:
		return both >> SHIFT_82576;
	case IGB_CLOCK_40BIT:
		return both & (PLX_BIT64(40) - 1);
	case IGB_CLOCK_SEC_NS:
		break;
	}
	return (uint64_t)high * NS_PER_S + (low & 0x3fffffff);
}

/* The lowest register that is read latches the others. */
static uint64_t read_raw_ns(const struct igb_hw *hw)
{
	uint32_t low;

	if (hw->mac->has_tsauxc)
		(void)igb_read(hw, IGB_SYSTIMR);
	low = igb_read(hw, IGB_SYSTIML);
	return to_raw_ns(hw, low, igb_read(hw, IGB_SYSTIMH));
}

/* The 64-bit count whose low bits are @raw and that is nearest to @near. */
static uint64_t extend(const struct igb_hw *hw, uint64_t near, uint64_t raw)
{
	unsigned unused = 64 - raw_bits(hw);
	int64_t ahead = (int64_t)((raw - near) << unused) >> unused;

	return near + (uint64_t)ahead;
}

static void write_rate(struct igb_hw *hw)
{
	int64_t ppb = hw->ptp.freq_ppb;
	uint64_t size = (uint64_t)(ppb < 0 ? -ppb : ppb);

	if (hw->mac->clock == IGB_CLOCK_SHIFTED) {
		int64_t value = (int64_t)TICK_82576_NS << SHIFT_82576;

		value += value * ppb / NS_PER_S;
		igb_write(hw, IGB_TIMINCA, 1u << 24 | (uint32_t)value);
		return;
	}
	size = (size << 35) / NS_PER_S;
	igb_write(hw, IGB_TIMINCA, (uint32_t)size | (ppb < 0 ? IGB_TIMINCA_ISGN : 0));
}

static void start_counter(struct igb_hw *hw)
{
	if (hw->mac->has_tsauxc)
		igb_clear(hw, IGB_TSAUXC, IGB_TSAUXC_DISABLE);
	write_rate(hw);
	igb_write(hw, IGB_SYSTIML, 0);
	igb_write(hw, IGB_SYSTIMH, 0);
	igb_flush(hw);
}

static int begin_at(struct igb_hw *hw, uint64_t ns)
{
	uint64_t raw;

	start_counter(hw);
	raw = read_raw_ns(hw);
	plx_store_relaxed(&hw->ptp.last_raw, raw);
	plx_store_relaxed(&hw->ptp.offset_ns, (int64_t)(ns - raw));
	hw->ptp.read_at_ns = plx_clock_raw_ns();
	hw->ptp.running = true;
	return plx_igb_alive(hw);
}

int plx_igb_clock_start(struct igb_hw *hw, uint64_t ns)
{
	hw->ptp.freq_ppb = 0;
	return begin_at(hw, ns);
}

void plx_igb_clock_stop(struct igb_hw *hw)
{
	hw->ptp.running = false;
	igb_clear(hw, IGB_TSYNCRXCTL, IGB_TSYNCRXCTL_EN);
	if (hw->mac->has_tsauxc)
		igb_set(hw, IGB_TSAUXC, IGB_TSAUXC_DISABLE);
}

int plx_igb_clock_restore(struct igb_hw *hw)
{
	uint64_t passed = plx_clock_raw_ns() - hw->ptp.read_at_ns;

	return begin_at(hw, hw->ptp.last_raw + (uint64_t)hw->ptp.offset_ns + passed);
}

int plx_igb_clock_read(struct igb_hw *hw, uint64_t *ns)
{
	uint64_t raw, last = hw->ptp.last_raw;
	int ret = plx_igb_alive(hw);

	if (ret)
		return ret;
	if (!hw->ptp.running)
		return -EBUSY;
	raw = read_raw_ns(hw);
	/* Forward only: it counted on since the last read. */
	if (raw_bits(hw) < 64)
		raw = last + ((raw - last) & (PLX_BIT64(raw_bits(hw)) - 1));
	plx_store_relaxed(&hw->ptp.last_raw, raw);
	hw->ptp.read_at_ns = plx_clock_raw_ns();
	*ns = raw + (uint64_t)hw->ptp.offset_ns;
	return 0;
}

int plx_igb_clock_step(struct igb_hw *hw, int64_t ns)
{
	if (!hw->ptp.running)
		return -EBUSY;
	plx_store_relaxed(&hw->ptp.offset_ns, hw->ptp.offset_ns + ns);
	return 0;
}

int plx_igb_clock_set(struct igb_hw *hw, uint64_t ns)
{
	uint64_t now;
	int ret = plx_igb_clock_read(hw, &now);

	return ret ? ret : plx_igb_clock_step(hw, (int64_t)(ns - now));
}

int plx_igb_clock_rate(struct igb_hw *hw, int32_t ppb)
{
	if (ppb > RATE_MAX_PPB || ppb < -RATE_MAX_PPB)
		return -ERANGE;
	if (!hw->ptp.running)
		return -EBUSY;
	hw->ptp.freq_ppb = ppb;
	write_rate(hw);
	return plx_igb_alive(hw);
}

uint64_t plx_igb_stamp_ns(const struct igb_hw *hw, const uint8_t *stamp)
{
	uint64_t near = plx_load_relaxed(&hw->ptp.last_raw);
	uint32_t word[2];

	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *at = stamp + 8 + 4 * i;

		word[i] = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
			  (uint32_t)at[3] << 24;
	}
	return extend(hw, near, to_raw_ns(hw, word[0], word[1])) +
	       (uint64_t)plx_load_relaxed(&hw->ptp.offset_ns);
}
