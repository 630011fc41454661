/* SPDX-License-Identifier: BSD-3-Clause */
/* Gone, deaf or slow: how a device is judged, and that each wait ends. On a memory image. */
#include "igb_image.h"

#include <pollux/clock.h>

static struct igb_hw hw;
static unsigned nb_gone;

static void on_gone(void *arg)
{
	(void)arg;
	nb_gone++;
}

static void start(void)
{
	image_start(&hw, IGB_I350);
	hw.on_gone = on_gone;
}

TestSuite(igb_alive, .init = start);

static void set_all(uint32_t value)
{
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(image.reg); i++)
		image.reg[i] = value;
}

Test(igb_alive, it_is_there)
{
	cr_assert_eq(plx_igb_alive(&hw), 0);
	cr_assert_eq(plx_igb_suspect(&hw, 0), 0);
	cr_assert_eq(plx_igb_suspect(&hw, UINT32_MAX), 0);
	assert_no_line();
}

/* Silicon reads all ones, the emulator zero. */
Test(igb_alive, gone_is_told_once)
{
	const uint32_t as[] = {UINT32_MAX, 0};

	for (unsigned i = 0; i < 2; i++) {
		start();
		nb_gone = 0;
		set_all(as[i]);
		image.config_gone = true;
		cr_assert_eq(plx_igb_suspect(&hw, 5), 0, "not asked");
		for (unsigned n = 0; n < 3; n++)
			cr_assert_eq(plx_igb_alive(&hw), -ENODEV);
		assert_one_line("igb", PLX_LOG_ERR, "0000:01:00.0", "gone");
		cr_assert_eq(nb_gone, 1, "%u", nb_gone);
		image_start(&hw, IGB_I350);
		hw.gone = 1;
		cr_assert_eq(plx_igb_alive(&hw), -ENODEV, "it stays gone, whatever is read");
	}
}

/* Under VFIO the kernel answers for the ids of a card that is gone. */
Test(igb_alive, gone_with_its_ids)
{
	set_all(UINT32_MAX);
	memset(&image.config[2], 0xff, sizeof(image.config) - 2 * sizeof(image.config[0]));
	cr_assert_eq(plx_igb_alive(&hw), -ENODEV);
	assert_one_line("igb", PLX_LOG_ERR, "gone");
	cr_assert_eq(nb_gone, 1, "%u", nb_gone);
}

Test(igb_alive, deaf_is_not_gone)
{
	set_all(0);
	image.config[2] = 4; /* memory decoding off, as after a reset from outside */
	cr_assert_eq(plx_igb_alive(&hw), -EIO);
	assert_one_line("igb", PLX_LOG_ERR, "memory decoding");
	cr_assert_eq(nb_gone, 0);

	log_lines_start();
	image.config[2] = 6;
	image.config[3] = 0x10; /* capabilities: power management at 40h, in D3hot */
	image.config[0x34 / 2] = 0x40;
	image.config[0x40 / 2] = 0x5001;
	image.config[0x44 / 2] = 3;
	cr_assert_eq(plx_igb_alive(&hw), -EIO);
	assert_one_line("igb", PLX_LOG_ERR, "low power");

	log_lines_start();
	image.config[0x44 / 2] = 0;
	cr_assert_eq(plx_igb_alive(&hw), -EIO);
	assert_one_line("igb", PLX_LOG_ERR, "zero");
	*image_reg(IGB_STATUS) = 3;
	cr_assert_eq(plx_igb_alive(&hw), 0, "it is back");
}

/* Lists that a broken device could show: a loop, a pointer into the header. */
Test(igb_alive, capability_lists_end)
{
	set_all(0);
	image.config[3] = 0x10;
	image.config[0x34 / 2] = 0x50;
	image.config[0x50 / 2] = 0x5005;
	cr_assert_eq(plx_igb_alive(&hw), -EIO);
	image.config[0x50 / 2] = 0x0c05;
	cr_assert_eq(plx_igb_alive(&hw), -EIO);
	image.config[0x34 / 2] = 0xfc;
	image.config[0xfc / 2] = 0xffff;
	cr_assert_eq(plx_igb_alive(&hw), -EIO);
}

static const struct igb_wait wait = {.reg = IGB_RXDCTL(0),
				     .mask = IGB_DCTL_ENABLE,
				     .value = IGB_DCTL_ENABLE,
				     .interval_us = 100,
				     .timeout_us = 5000,
				     .what = "queue"};

Test(igb_alive, a_wait_ends)
{
	uint64_t began = plx_clock_raw_ns(), took;

	cr_assert_eq(plx_igb_wait(&hw, &wait), -ETIMEDOUT);
	took = plx_clock_raw_ns() - began;
	cr_assert_geq(took, 5000000u, "%llu ns", (unsigned long long)took);
	assert_one_line("igb", PLX_LOG_ERR, "queue", "0x0c028", "5000 us");
	*image_reg(IGB_RXDCTL(0)) = IGB_DCTL_ENABLE;
	cr_assert_eq(plx_igb_wait(&hw, &wait), 0);
}

Test(igb_alive, a_wait_for_what_may_not_come_says_nothing)
{
	struct igb_wait quiet = wait;

	quiet.what = NULL;
	cr_assert_eq(plx_igb_wait(&hw, &quiet), -ETIMEDOUT);
	assert_no_line();
}

/* Neither all ones nor zero is taken for the bit that was waited for. */
Test(igb_alive, a_wait_sees_that_nobody_is_there)
{
	struct igb_wait off = wait;

	off.value = 0;
	image.config_gone = true;
	set_all(0);
	cr_assert_eq(plx_igb_wait(&hw, &off), -ENODEV);
	start();
	image.config_gone = true;
	set_all(UINT32_MAX);
	cr_assert_eq(plx_igb_wait(&hw, &wait), -ENODEV);
	assert_one_line("igb", PLX_LOG_ERR, "gone");
	start();
	image.config_gone = true;
	set_all(0);
	cr_assert_eq(plx_igb_wait(&hw, &wait), -ENODEV);
	assert_one_line("igb", PLX_LOG_ERR, "gone");
}
