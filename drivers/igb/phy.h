/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers of the copper PHYs. 0 to 10: IEEE 802.3 clause 22.2.4; the others: "PHY Registers" of
 * each data sheet (I350, 82580: PHPM and "PHY Control"; I210: pages chosen by register 22).
 */
#ifndef IGB_PHY_H
#define IGB_PHY_H

#include "hw.h"

enum { IGB_PHY_ADDRESS = 1 }; /* on MDIO, of the internal PHY */

enum {
	PHY_CONTROL = 0,
	PHY_CONTROL_RESTART = 1 << 9,
	PHY_CONTROL_ISOLATE = 1 << 10,
	PHY_CONTROL_POWER_DOWN = 1 << 11,
	PHY_CONTROL_AUTONEG = 1 << 12,
	PHY_CONTROL_LOOPBACK = 1 << 14,
	PHY_STATUS = 1,
	PHY_STATUS_LINK = 1 << 2, /* latches low */
	PHY_STATUS_AUTONEG_DONE = 1 << 5,
	PHY_ID_HIGH = 2,
	PHY_ID_LOW = 3,
	PHY_ADVERTISE = 4,
	PHY_ADV_CSMA = 1 << 0,
	PHY_ADV_10_HALF = 1 << 5,
	PHY_ADV_10_FULL = 1 << 6,
	PHY_ADV_100_HALF = 1 << 7,
	PHY_ADV_100_FULL = 1 << 8,
	PHY_ADV_PAUSE = 1 << 10,
	PHY_ADV_ASYM = 1 << 11,
	PHY_PARTNER = 5,
	PHY_GIG_CONTROL = 9,
	PHY_GIG_1000_HALF = 1 << 8,
	PHY_GIG_1000_FULL = 1 << 9,

	/* 82580 and I350 */
	PHY_CTRL2 = 18,
	PHY_CTRL2_MDIX_MASK = 3 << 9,
	PHY_CTRL2_AUTO_MDIX = 1 << 10,
	PHY_CONFIG = 22,
	PHY_CONFIG_CRS_ON_TX = 1 << 15,
	PHY_CONFIG_DOWNSHIFT = 3 << 10,

	/* I210 */
	PHY_PAGE = 22,
	PHY_PAGE_PLL = 0xfc,
	PHY_PLL_STATUS = 14,
	PHY_PLL_UNCONFIGURED = 0xff,
};

/** As the public ones, with the lock held. */
int plx_igb_mdic_read(struct igb_hw *hw, unsigned reg, uint16_t *value);
int plx_igb_mdic_write(struct igb_hw *hw, unsigned reg, uint16_t value);

/** The I210's PHY can come up with its PLL unconfigured: see pll.c. 0, -EIO, -ENODEV. */
int plx_igb_pll_fix(struct igb_hw *hw);

#endif
