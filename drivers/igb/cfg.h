/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The little of PCI configuration space that the driver touches itself: is the device there, its
 * power state, the completion timeout. Offsets: PCI Local Bus 3.0 chapter 6, PCI Express Base 2.1
 * section 7.8, PCI Power Management 1.2 section 3.2.
 */
#ifndef IGB_CFG_H
#define IGB_CFG_H

#include "hw.h"

enum {
	IGB_CFG_CLASS = 0x0a,
	IGB_CFG_COMMAND = 0x04,
	IGB_CFG_COMMAND_MEMORY = 1 << 1,
	IGB_CFG_STATUS = 0x06,
	IGB_CFG_STATUS_CAPS = 1 << 4,
	IGB_CFG_CAP_LIST = 0x34,
	IGB_CFG_CAP_PM = 0x01,
	IGB_CFG_CAP_EXP = 0x10,
	IGB_CFG_PM_STATE = 4,
	IGB_CFG_PM_STATE_MASK = 3,
	IGB_CFG_EXP_DEVCTL2 = 0x28,
	IGB_CFG_EXP_TIMEOUT_MASK = 15,
	IGB_CFG_EXP_TIMEOUT_16_TO_55_MS = 5,
};

/** Where a capability begins. -ENOENT: it has none of this kind; or what the read said. No line. */
int plx_igb_cfg_capability(const struct igb_cfg *cfg, unsigned kind);

/** Leave D1..D3. Returns 0 also when it was awake; -EIO: it does not wake up (one line). */
int plx_igb_cfg_wake(struct igb_hw *hw);

/** Put the device into D3hot and back into D0, 1 ms and 10 ms after; for the I210's PLL. */
int plx_igb_cfg_nap(struct igb_hw *hw);

/** Completion timeout of 16 to 55 ms, unless it is set already. */
void plx_igb_cfg_completion_timeout(struct igb_hw *hw);

#endif
