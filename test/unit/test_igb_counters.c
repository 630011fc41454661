/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's counters: each register ends up in its field, wraps and ends are handled, a device
 * that goes away adds nothing. The image does not clear what is read: a round is one read.
 */
#include "igb_image.h"

static struct igb_hw hw;

static void start(void)
{
	image_start(&hw, IGB_I350);
}

TestSuite(igb_counters, .init = start);

Test(igb_counters, each_register_has_its_field)
{
	const struct igb_hw_stats *s = &hw.stats;
	uint32_t n = 100;

#define X(field, reg, name, is_drop) *image_reg(reg) = n++;
	IGB_HW_COUNTERS_32(X)
#undef X
	plx_igb_stats_update(&hw);
	n = 100;
#define X(field, reg, name, is_drop)                                                               \
	cr_assert_eq(s->field, n, "%s: %llu, want %u", name, (unsigned long long)s->field, n);     \
	n++;
	IGB_HW_COUNTERS_32(X)
#undef X
	plx_igb_stats_update(&hw);
	cr_assert_eq(s->rx_good_packets, 200, "it does not add up");
	cr_assert_eq(s->saturated, 0);
}

Test(igb_counters, pairs)
{
	*image_reg(IGB_GORCL) = 0xfffffff0;
	*image_reg(IGB_GORCH) = 2;
	*image_reg(IGB_TOTH) = 7;
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.rx_good_octets, UINT64_C(0x2fffffff0));
	cr_assert_eq(hw.stats.tx_total_octets, UINT64_C(0x700000000));
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.rx_good_octets, UINT64_C(0x5ffffffe0));
}

/* Of a queue: free-running in 32 bits. */
Test(igb_counters, queues_wrap)
{
	*image_reg(IGB_PQGORC(3)) = 0xffffff00;
	plx_igb_stats_resync(&hw);
	cr_assert_eq(hw.stats.queue[3].rx_octets, 0);
	*image_reg(IGB_PQGORC(3)) = 0x100;
	*image_reg(IGB_PQGPTC(7)) = 5;
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.queue[3].rx_octets, 0x200, "%llu",
		     (unsigned long long)hw.stats.queue[3].rx_octets);
	cr_assert_eq(hw.stats.queue[7].tx_packets, 5);
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.queue[3].rx_octets, 0x200, "counted twice");
}

/* A reset sets registers to zero: that is no wrap. */
Test(igb_counters, a_reset_counts_nothing)
{
	*image_reg(IGB_PQGPRC(0)) = 1000;
	plx_igb_stats_update(&hw);
	*image_reg(IGB_PQGPRC(0)) = 0;
	plx_igb_stats_resync(&hw);
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.queue[0].rx_packets, 1000, "%llu",
		     (unsigned long long)hw.stats.queue[0].rx_packets);
}

Test(igb_counters, drops_of_a_queue)
{
	*image_reg(IGB_RQDPC(1)) = 9;
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.queue[1].rx_dropped, 9);
	assert_reg(IGB_RQDPC(1), 9);
	*image_reg(IGB_RQDPC(1)) = 0xfff;
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.saturated, 1);

	/* Of the I210 reading clears nothing: the driver does. */
	image_start(&hw, IGB_I210);
	*image_reg(IGB_RQDPC(1)) = 0x1fff;
	plx_igb_stats_update(&hw);
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.queue[1].rx_dropped, 0x1fff);
	cr_assert_eq(hw.stats.saturated, 0);
}

Test(igb_counters, an_end_is_told)
{
	*image_reg(IGB_MPC) = UINT32_MAX;
	plx_igb_stats_update(&hw);
	cr_assert_eq(hw.stats.rx_missed, UINT32_MAX);
	cr_assert_eq(hw.stats.saturated, 1);
}

Test(igb_counters, nobody_counts_nothing)
{
	struct igb_hw_stats before;

	*image_reg(IGB_GPRC) = 3;
	plx_igb_stats_update(&hw);
	before = hw.stats;
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(image.reg); i++)
		image.reg[i] = UINT32_MAX;
	image.config_gone = true;
	plx_igb_stats_update(&hw);
	plx_igb_stats_update(&hw);
	plx_igb_stats_resync(&hw);
	cr_assert_arr_eq(&hw.stats, &before, sizeof(before));
	assert_one_line("igb", PLX_LOG_ERR, "gone");
}
