/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copper PHY behind MDIC: access, identity, reset.
 *
 * Data sheets: "MDI Control Register - MDIC" (8.2.4), management frames (I210: 3.7.2.2: one takes
 * up to 64 us, none within 300 us of a PHY reset), "Hardware reset of the PHY" by CTRL.PHY_RST,
 * "EEPROM/Flash management control - EEMNGCTL" (CFG_DONE: the PHY's settings are loaded), MANC bit
 * 18 (the management firmware forbids a PHY reset).
 *
 * Emulator: registers that it lacks set MDIC.ERROR; CFG_DONE never comes, so a part that had not
 * set it before the reset is given a short time only.
 */
#include "phy.h"

#include <errno.h>

enum {
	MDIC_INTERVAL_US = 50,
	MDIC_TIMEOUT_US = 100000,
	RESET_PULSE_US = 100,
	RESET_QUIET_US = 10000, /* 300 by the data sheet; PHYs' own reset 5 ms and more */
	FIND_TRIES = 10,
	FIND_INTERVAL_US = 10000,
	CFG_DONE_US = 100000,
	CFG_DONE_UNSEEN_US = 10000,
};

static int mdic(struct igb_hw *hw, uint32_t command, unsigned reg, uint32_t *answer)
{
	int ret;

	igb_write(hw, IGB_MDIC,
		  command | reg << IGB_MDIC_REG_SHIFT |
			  (uint32_t)hw->phy.addr << IGB_MDIC_PHY_SHIFT);
	ret = plx_igb_wait(hw, &(struct igb_wait){.reg = IGB_MDIC,
						  .mask = IGB_MDIC_READY,
						  .value = IGB_MDIC_READY,
						  .interval_us = MDIC_INTERVAL_US,
						  .timeout_us = MDIC_TIMEOUT_US,
						  .what = "PHY access"});
	if (ret)
		return ret;
	*answer = igb_read(hw, IGB_MDIC);
	ret = plx_igb_suspect(hw, *answer);
	if (ret)
		return ret;
	return *answer & IGB_MDIC_ERROR ? -EIO : 0;
}

int plx_igb_mdic_read(struct igb_hw *hw, unsigned reg, uint16_t *value)
{
	uint32_t answer;
	int ret = mdic(hw, IGB_MDIC_OP_READ, reg, &answer);

	if (ret == 0)
		*value = (uint16_t)(answer & IGB_MDIC_DATA_MASK);
	return ret;
}

int plx_igb_mdic_write(struct igb_hw *hw, unsigned reg, uint16_t value)
{
	uint32_t answer;

	return mdic(hw, IGB_MDIC_OP_WRITE | value, reg, &answer);
}

int plx_igb_phy_read(struct igb_hw *hw, unsigned reg, uint16_t *value)
{
	uint32_t bit = plx_igb_phy_lock_bit(hw);
	int ret = plx_igb_lock(hw, bit);

	if (ret)
		return ret;
	ret = plx_igb_mdic_read(hw, reg, value);
	plx_igb_unlock(hw, bit);
	return ret;
}

int plx_igb_phy_write(struct igb_hw *hw, unsigned reg, uint16_t value)
{
	uint32_t bit = plx_igb_phy_lock_bit(hw);
	int ret = plx_igb_lock(hw, bit);

	if (ret)
		return ret;
	ret = plx_igb_mdic_write(hw, reg, value);
	plx_igb_unlock(hw, bit);
	return ret;
}

static const char *phy_name(uint32_t id)
{
	static const struct {
		uint32_t id;
		const char *name;
	} known[] = {
		{0x015403b0, "I350"},  {0x015403a0, "82580"},	 {0x01410c00, "I210"},
		{0x02a80390, "82576"}, {0x01410dc0, "M88E1543"}, {0x01410dd0, "M88E1512"},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(known); i++) {
		if ((id & ~15u) == known[i].id)
			return known[i].name;
	}
	return "generic";
}

static int read_id(struct igb_hw *hw, uint32_t *id)
{
	uint16_t high, low;
	int ret = plx_igb_phy_read(hw, PHY_ID_HIGH, &high);

	if (ret == 0)
		ret = plx_igb_phy_read(hw, PHY_ID_LOW, &low);
	if (ret)
		return ret;
	*id = (uint32_t)high << 16 | low;
	return high == 0 || high == UINT16_MAX ? -EIO : 0;
}

int plx_igb_phy_find(struct igb_hw *hw)
{
	uint32_t id = 0;
	int ret = -EIO;

	for (unsigned i = 0; i < FIND_TRIES; i++) {
		if (i > 0)
			plx_igb_delay_us(FIND_INTERVAL_US);
		/* A dead process may have left another page: the ids are on each, the rest not. */
		if (hw->mac->phy_paged) {
			ret = plx_igb_phy_write(hw, PHY_PAGE, 0);
			if (ret && ret != -EIO)
				return ret;
		}
		ret = read_id(hw, &id);
		if (ret != -EIO)
			break;
	}
	if (ret == -EIO)
		igb_log(hw, PLX_LOG_ERR, "no PHY answers at MDIO address %u (id 0x%08x)",
			hw->phy.addr, id);
	if (ret)
		return ret;
	hw->phy.id = id;
	hw->phy.name = phy_name(id);
	igb_log(hw, PLX_LOG_DEBUG, "PHY %s, id 0x%08x", hw->phy.name, id);
	return 0;
}

int plx_igb_phy_reset(struct igb_hw *hw)
{
	uint32_t done = IGB_EEMNGCTL_CFG_DONE(hw->lan_id);
	uint32_t bit = plx_igb_phy_lock_bit(hw);
	bool was_done;
	uint32_t ctrl;
	int ret;

	if (igb_read(hw, IGB_MANC) & IGB_MANC_BLK_PHY_RST)
		return plx_igb_alive(hw);
	was_done = igb_read(hw, hw->mac->eemngctl) & done;
	ret = plx_igb_lock(hw, bit);
	if (ret)
		return ret;
	ctrl = igb_read(hw, IGB_CTRL);
	igb_write(hw, IGB_CTRL, ctrl | IGB_CTRL_PHY_RST);
	igb_flush(hw);
	plx_igb_delay_us(RESET_PULSE_US);
	igb_write(hw, IGB_CTRL, ctrl & ~IGB_CTRL_PHY_RST);
	igb_flush(hw);
	plx_igb_delay_us(RESET_QUIET_US);
	plx_igb_unlock(hw, bit);
	ret = plx_igb_wait(
		hw, &(struct igb_wait){.reg = hw->mac->eemngctl,
				       .mask = done,
				       .value = done,
				       .interval_us = 1000,
				       .timeout_us = was_done ? CFG_DONE_US : CFG_DONE_UNSEEN_US});
	return ret == -ETIMEDOUT ? 0 : ret;
}
