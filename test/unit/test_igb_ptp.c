/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock's arithmetic: wraps of each counter, set, step, rate, stamps; on a memory image. */
#include "igb_image.h"

static struct igb_hw hw;

static void start(void)
{
	image_start(&hw, IGB_I350);
}

TestSuite(igb_ptp, .init = start);

/* The counter of any part at so many ns. */
static void counter(uint64_t ns)
{
	uint64_t both = ns;

	if (hw.mac->clock == IGB_CLOCK_SHIFTED)
		both = ns << 19;
	else if (hw.mac->clock == IGB_CLOCK_40BIT)
		both = ns & ((UINT64_C(1) << 40) - 1);
	else
		both = ns / 1000000000 << 32 | ns % 1000000000;
	*image_reg(IGB_SYSTIML) = (uint32_t)both;
	*image_reg(IGB_SYSTIMH) = (uint32_t)(both >> 32);
}

static uint64_t now(void)
{
	uint64_t ns = 0;

	cr_assert_eq(plx_igb_clock_read(&hw, &ns), 0);
	return ns;
}

#define assert_ns(got, want)                                                                       \
	do {                                                                                       \
		uint64_t got_ = (got), want_ = (want);                                             \
		cr_assert_eq(got_, want_, "%s: %llu, want %llu", hw.mac->name,                     \
			     (unsigned long long)got_, (unsigned long long)want_);                 \
	} while (0)

Test(igb_ptp, it_goes_past_every_wrap)
{
	for (unsigned type = 0; type < IGB_NB_MACS; type++) {
		uint64_t counted = 0;

		image_start(&hw, type);
		cr_assert_eq(plx_igb_clock_start(&hw, 5000), 0);
		assert_ns(now(), 5000);
		for (unsigned i = 0; i < 300; i++) {
			counted += UINT64_C(480000000000); /* 8 minutes */
			counter(counted);
			assert_ns(now(), 5000 + counted);
		}
	}
}

Test(igb_ptp, set_and_step)
{
	cr_assert_eq(plx_igb_clock_start(&hw, 0), 0);
	counter(1000);
	cr_assert_eq(plx_igb_clock_set(&hw, UINT64_C(1700000000000000000)), 0);
	assert_ns(now(), UINT64_C(1700000000000000000));
	counter(3000);
	cr_assert_eq(plx_igb_clock_step(&hw, -500), 0);
	assert_ns(now(), UINT64_C(1700000000000001500));
	cr_assert_eq(plx_igb_clock_step(&hw, 600), 0);
	assert_ns(now(), UINT64_C(1700000000000002100));
}

Test(igb_ptp, stopped)
{
	uint64_t ns;

	cr_assert_eq(plx_igb_clock_read(&hw, &ns), -EBUSY);
	cr_assert_eq(plx_igb_clock_set(&hw, 1), -EBUSY);
	cr_assert_eq(plx_igb_clock_step(&hw, 1), -EBUSY);
	cr_assert_eq(plx_igb_clock_rate(&hw, 1), -EBUSY);
	cr_assert_eq(plx_igb_clock_start(&hw, 1), 0);
	*image_reg(IGB_TSYNCRXCTL) = IGB_TSYNCRXCTL_EN;
	plx_igb_clock_stop(&hw);
	assert_reg(IGB_TSAUXC, IGB_TSAUXC_DISABLE);
	assert_reg(IGB_TSYNCRXCTL, 0);
	cr_assert_eq(plx_igb_clock_read(&hw, &ns), -EBUSY);
}

/* 1 ppm: 82580 and later 2^35/10^6 units of 2^-32 ns on 8 ns; 82576 8.388608 of 8388608. */
Test(igb_ptp, rate)
{
	cr_assert_eq(plx_igb_clock_start(&hw, 0), 0);
	assert_reg(IGB_TIMINCA, 0);
	cr_assert_eq(plx_igb_clock_rate(&hw, 1000), 0);
	assert_reg(IGB_TIMINCA, 34359);
	cr_assert_eq(plx_igb_clock_rate(&hw, -1000), 0);
	assert_reg(IGB_TIMINCA, 34359 | IGB_TIMINCA_ISGN);
	cr_assert_eq(plx_igb_clock_rate(&hw, 62499999), 0);
	assert_reg(IGB_TIMINCA, 2147483613);
	cr_assert_eq(plx_igb_clock_rate(&hw, 62500000), -ERANGE);
	cr_assert_eq(plx_igb_clock_rate(&hw, -62500000), -ERANGE);

	image_start(&hw, IGB_82576);
	cr_assert_eq(plx_igb_clock_start(&hw, 0), 0);
	assert_reg(IGB_TIMINCA, 1 << 24 | 8388608);
	cr_assert_eq(plx_igb_clock_rate(&hw, 1000000), 0);
	assert_reg(IGB_TIMINCA, 1 << 24 | 8396996);
	cr_assert_eq(plx_igb_clock_rate(&hw, -62499999), 0);
	assert_reg(IGB_TIMINCA, 1 << 24 | 7864321);
}

static void stamp_at(uint8_t *stamp, uint64_t ns)
{
	uint64_t both = hw.mac->clock == IGB_CLOCK_SEC_NS ? ns / 1000000000 << 32 | ns % 1000000000
							  : ns & ((UINT64_C(1) << 40) - 1);

	memset(stamp, 0xee, 8);
	for (unsigned i = 0; i < 8; i++)
		stamp[8 + i] = (uint8_t)(both >> 8 * i);
}

/* Before and after the last read, and on both sides of a wrap. */
Test(igb_ptp, stamps_before_a_frame)
{
	for (unsigned type = IGB_82580; type < IGB_NB_MACS; type++) {
		const uint64_t at = (UINT64_C(1) << 40) - 100;
		uint8_t stamp[IGB_STAMP_BYTES];

		image_start(&hw, type);
		cr_assert_eq(plx_igb_clock_start(&hw, UINT64_C(1700000000000000000)), 0);
		counter(at / 2);
		(void)now();
		counter(at);
		(void)now();
		for (int64_t off = -400000000000; off <= 400000000000; off += 39999999999) {
			stamp_at(stamp, at + (uint64_t)off);
			assert_ns(plx_igb_stamp_ns(&hw, stamp),
				  UINT64_C(1700000000000000000) + at + (uint64_t)off);
		}
	}
}

Test(igb_ptp, it_goes_on_after_a_reset)
{
	uint64_t before, after;

	cr_assert_eq(plx_igb_clock_start(&hw, 0), 0);
	cr_assert_eq(plx_igb_clock_set(&hw, UINT64_C(1700000000000000000)), 0);
	cr_assert_eq(plx_igb_clock_rate(&hw, 500), 0);
	before = now();
	counter(0);
	*image_reg(IGB_TIMINCA) = 0;
	plx_igb_delay_us(2000);
	cr_assert_eq(plx_igb_clock_restore(&hw), 0);
	after = now();
	cr_assert(after >= before + 2000000, "%llu ns", (unsigned long long)(after - before));
	assert_reg(IGB_TIMINCA, 17179);
}

Test(igb_ptp, nobody_there)
{
	uint64_t ns;

	cr_assert_eq(plx_igb_clock_start(&hw, 0), 0);
	memset(image.reg, 0xff, sizeof(image.reg));
	image.config_gone = true;
	cr_assert_eq(plx_igb_clock_read(&hw, &ns), -ENODEV);
}
