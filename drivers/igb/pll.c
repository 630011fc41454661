/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I210, I211: after power-up the internal PHY's PLL may stay unconfigured (specification update,
 * "Slow System Clock"). Seen by register 14 of PHY page FCh reading FFh; mended by a PHY reset and
 * a power cycle through D3hot while word 0Ah is loaded with its bit 4 set, then loaded as it was.
 * At most five times.
 *
 * Emulators have no such PHY page: the register does not answer, and nothing is done. Verified on a
 * model only.
 */
#include <errno.h>

#include "cfg.h"
#include "nvm.h"
#include "phy.h"

#define EEARBC 0x12024u /* I210: loads a word as if it had been read from the NVM */
#define EEARBC_WORD_SHIFT 4
#define EEARBC_DATA_SHIFT 16
#define CTRL_EXT_SDLPE PLX_BIT(18)

enum {
	PLL_TRIES = 5,
	PLL_WORD = 0x0a, /* Initialization Control 1 */
	PLL_WORD_DEFAULT = 0x202f,
	PLL_WORD_BIT = 0x10,
};

/* 1: configured, or no such register; 0: not; or an error. */
static int is_configured(struct igb_hw *hw)
{
	uint32_t bit = plx_igb_phy_lock_bit(hw);
	uint16_t status;
	int ret = plx_igb_lock(hw, bit);

	if (ret)
		return ret;
	ret = plx_igb_mdic_write(hw, PHY_PAGE, PHY_PAGE_PLL);
	if (ret == 0)
		ret = plx_igb_mdic_read(hw, PHY_PLL_STATUS, &status);
	if (ret == 0)
		ret = (status & 0xff) != PHY_PLL_UNCONFIGURED;
	else if (ret == -EIO)
		ret = 1;
	if (ret >= 0)
		(void)plx_igb_mdic_write(hw, PHY_PAGE, 0);
	plx_igb_unlock(hw, bit);
	return ret;
}

static int restart(struct igb_hw *hw, uint16_t word)
{
	uint32_t load = (uint32_t)PLL_WORD << EEARBC_WORD_SHIFT;
	uint32_t bit = plx_igb_phy_lock_bit(hw), wuc;
	int ret = plx_igb_lock(hw, bit);

	if (ret)
		return ret;
	wuc = igb_read(hw, IGB_WUC);

	igb_set(hw, IGB_CTRL, IGB_CTRL_PHY_RST);
	igb_set(hw, IGB_CTRL_EXT, IGB_CTRL_EXT_PHYPDEN | CTRL_EXT_SDLPE);
	igb_write(hw, IGB_WUC, 0);
	igb_write(hw, EEARBC, load | (uint32_t)(word | PLL_WORD_BIT) << EEARBC_DATA_SHIFT);
	igb_flush(hw);
	ret = plx_igb_cfg_nap(hw);
	igb_write(hw, EEARBC, load | (uint32_t)word << EEARBC_DATA_SHIFT);
	igb_write(hw, IGB_WUC, wuc);
	igb_clear(hw, IGB_CTRL, IGB_CTRL_PHY_RST);
	igb_flush(hw);
	plx_igb_unlock(hw, bit);
	return ret;
}

int plx_igb_pll_fix(struct igb_hw *hw)
{
	uint32_t mdicnfg;
	uint16_t word;
	int ret = 0;

	if (!hw->mac->has_pll_erratum)
		return 0;
	if (plx_igb_nvm_peek(hw, PLL_WORD, 1, &word))
		word = PLL_WORD_DEFAULT;
	mdicnfg = igb_read(hw, IGB_MDICNFG);
	igb_write(hw, IGB_MDICNFG, mdicnfg & ~IGB_MDICNFG_EXT_MDIO);
	for (unsigned i = 0; i < PLL_TRIES; i++) {
		ret = is_configured(hw);
		if (ret)
			break;
		ret = restart(hw, word);
		if (ret)
			break;
	}
	igb_write(hw, IGB_MDICNFG, mdicnfg);
	if (ret == 0 && is_configured(hw) == 0) {
		igb_log(hw, PLX_LOG_WARN,
			"the PHY's PLL stays unconfigured after %u tries: there "
			"may be no link; a power cycle helps",
			PLL_TRIES);
	}
	return ret < 0 && ret != -EIO ? ret : 0;
}
