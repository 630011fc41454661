/* SPDX-License-Identifier: BSD-3-Clause */
/* Capabilities, power state, completion timeout. */
#include "cfg.h"

#include <errno.h>

enum {
	CAPS_MAX = 48, /* 192 bytes of 4: a longer list is a loop */
	D3HOT = 3,
	D3_TO_D0_US = 10000, /* PCI Power Management 1.2, table 5-6 */
};

int plx_igb_cfg_capability(const struct igb_cfg *cfg, unsigned kind)
{
	uint16_t value;
	uint32_t at;
	int ret = cfg->read16(cfg->arg, IGB_CFG_STATUS, &value);

	if (ret < 0)
		return ret;
	if (value == UINT16_MAX || !(value & IGB_CFG_STATUS_CAPS))
		return -ENOENT;
	ret = cfg->read16(cfg->arg, IGB_CFG_CAP_LIST, &value);
	at = value & 0xfcu;
	for (unsigned i = 0; ret >= 0 && at >= 0x40 && i < CAPS_MAX; i++) {
		ret = cfg->read16(cfg->arg, at, &value);
		if (ret < 0)
			return ret;
		if ((value & 0xffu) == kind)
			return (int)at;
		at = (value >> 8) & 0xfcu;
	}
	return ret < 0 ? ret : -ENOENT;
}

static int power_state(struct igb_hw *hw, unsigned state)
{
	int pm = plx_igb_cfg_capability(&hw->cfg, IGB_CFG_CAP_PM);
	uint32_t offset = (uint32_t)pm + IGB_CFG_PM_STATE;
	uint16_t value;
	int ret;

	if (pm < 0)
		return pm;
	ret = hw->cfg.read16(hw->cfg.arg, offset, &value);
	if (ret < 0)
		return ret;
	if ((value & IGB_CFG_PM_STATE_MASK) == state)
		return 0;
	value = (uint16_t)((value & ~IGB_CFG_PM_STATE_MASK) | state);
	ret = hw->cfg.write16(hw->cfg.arg, offset, value);
	if (ret < 0)
		return ret;
	plx_igb_delay_us(D3_TO_D0_US);
	ret = hw->cfg.read16(hw->cfg.arg, offset, &value);
	if (ret < 0)
		return ret;
	return (value & IGB_CFG_PM_STATE_MASK) == state ? 0 : -EIO;
}

int plx_igb_cfg_wake(struct igb_hw *hw)
{
	int ret = power_state(hw, 0);

	if (ret == 0 || ret == -ENOENT)
		return 0;
	igb_log(hw, PLX_LOG_ERR,
		"it does not wake up from its low power state; look at power/control of the bridge "
		"above it: want 'on'");
	return -EIO;
}

int plx_igb_cfg_nap(struct igb_hw *hw)
{
	int ret = power_state(hw, D3HOT);

	if (ret == 0)
		ret = power_state(hw, 0);
	return ret;
}

void plx_igb_cfg_completion_timeout(struct igb_hw *hw)
{
	int exp = plx_igb_cfg_capability(&hw->cfg, IGB_CFG_CAP_EXP);
	uint32_t offset = (uint32_t)exp + IGB_CFG_EXP_DEVCTL2;
	uint16_t value;

	if (exp < 0 || hw->cfg.read16(hw->cfg.arg, offset, &value) < 0)
		return;
	if (value & IGB_CFG_EXP_TIMEOUT_MASK)
		return;
	value |= IGB_CFG_EXP_TIMEOUT_16_TO_55_MS;
	if (hw->cfg.write16(hw->cfg.arg, offset, value) < 0)
		igb_log(hw, PLX_LOG_INFO, "the PCIe completion timeout stays at its default");
}
