/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the device there, and waits for its registers.
 *
 * A device that was pulled reads all ones, an emulated one zero; so does one that is there with its
 * memory decoding off or in D3. What configuration space says tells them apart. Only STATUS is
 * never all ones and, while the device lives, never zero.
 */
#include "hw.h"

#include <errno.h>
#include <pollux/clock.h>
#include <string.h>
#include <time.h>

#include "cfg.h"

struct plx_log_module plx_log_igb = PLX_LOG_MODULE("igb");

void plx_igb_delay_us(uint64_t us)
{
	struct timespec ts = {.tv_sec = (time_t)(us / 1000000),
			      .tv_nsec = (long)(us % 1000000 * 1000)};

	if (us < 100) {
		plx_delay_us(us);
		return;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

static int now_gone(struct igb_hw *hw)
{
	uint32_t seen = 0;

	if (!plx_cas_relaxed(&hw->gone, &seen, 1))
		return -ENODEV;
	igb_log(hw, PLX_LOG_ERR,
		"the device is gone: registers read %s, configuration space all ones; detach the "
		"port",
		igb_read(hw, IGB_STATUS) ? "all ones" : "zero");
	if (hw->on_gone)
		hw->on_gone(hw->on_gone_arg);
	return -ENODEV;
}

/* Each reason is told once, until it answers again. */
static int deaf(struct igb_hw *hw, const char *why)
{
	if (plx_load_relaxed(&hw->deaf) != why)
		igb_log(hw, PLX_LOG_ERR, "registers can't be reached: %s; start the port again",
			why);
	plx_store_relaxed(&hw->deaf, why);
	return -EIO;
}

static int ask_config(struct igb_hw *hw, uint32_t status)
{
	uint16_t value;
	int pm;

	/* Not the ids, for which vfio-pci answers whether the card is there or not. */
	if (hw->cfg.read16(hw->cfg.arg, IGB_CFG_CLASS, &value) < 0 || value == 0xffff)
		return now_gone(hw);
	if (hw->cfg.read16(hw->cfg.arg, IGB_CFG_COMMAND, &value) < 0)
		return now_gone(hw);
	if (!(value & IGB_CFG_COMMAND_MEMORY))
		return deaf(hw, "memory decoding is off (reset from outside?)");
	pm = plx_igb_cfg_capability(&hw->cfg, IGB_CFG_CAP_PM);
	if (pm > 0 && hw->cfg.read16(hw->cfg.arg, (uint32_t)pm + IGB_CFG_PM_STATE, &value) == 0 &&
	    (value & IGB_CFG_PM_STATE_MASK) != 0)
		return deaf(hw, "it is in a low power state");
	/* It may have come back between the two looks. */
	if (igb_read(hw, IGB_STATUS) != status)
		return 0;
	return deaf(hw, status ? "they read all ones" : "they read zero");
}

int plx_igb_alive(struct igb_hw *hw)
{
	uint32_t status;

	if (plx_load_relaxed(&hw->gone))
		return -ENODEV;
	status = igb_read(hw, IGB_STATUS);
	if (plx_likely(status != 0 && status != UINT32_MAX)) {
		if (plx_unlikely(plx_load_relaxed(&hw->deaf)))
			plx_store_relaxed(&hw->deaf, NULL);
		return 0;
	}
	return ask_config(hw, status);
}

int plx_igb_suspect(struct igb_hw *hw, uint32_t value)
{
	return value == 0 || value == UINT32_MAX ? plx_igb_alive(hw) : 0;
}

/*
 * Time is counted in intervals that passed between two reads, not by a deadline: however long the
 * process or the machine stood still, the device was looked at as often as was promised.
 */
int plx_igb_wait(struct igb_hw *hw, const struct igb_wait *wait)
{
	uint32_t reads = wait->timeout_us / wait->interval_us + 1;
	uint32_t value = 0;
	int ret;

	for (uint32_t i = 0; i < reads; i++) {
		if (i > 0)
			plx_igb_delay_us(wait->interval_us);
		value = igb_read(hw, wait->reg);
		if (value == UINT32_MAX) {
			ret = plx_igb_alive(hw);
			if (ret)
				return ret;
		}
		if ((value & wait->mask) == wait->value)
			return plx_igb_suspect(hw, value);
	}
	ret = plx_igb_alive(hw);
	if (ret)
		return ret;
	if (wait->what)
		igb_log(hw, PLX_LOG_ERR, "%s: register 0x%05x is 0x%08x, want 0x%x of 0x%x, %u us",
			wait->what, wait->reg, value, wait->value, wait->mask, wait->timeout_us);
	return -ETIMEDOUT;
}
