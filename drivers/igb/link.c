/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link: what is advertised, what was agreed, pause frames.
 *
 * Data sheets: "Copper/internal PHY link configuration" and "MAC/PHY link setup" (I210: 3.7.4.4),
 * "Flow control" (I210: 3.7.5; registers FCAL, FCAH, FCT, FCTTV, FCRTL, FCRTH), CTRL and STATUS
 * (8.2.1, 8.2.2). IEEE 802.3 28B.3 for pause.
 *
 * STATUS.LU is what counts: a PHY's own link bit is up while the MAC still waits (an emulated one
 * always).
 */
#include <errno.h>

#include "phy.h"

enum {
	PAUSE_TIME = 0xffff, /* of 512 bit times; XON ends it */
	MARK_STEP = 16,
};

enum igb_flow_control plx_igb_fc_resolve(uint16_t local, uint16_t partner)
{
	bool local_pause = local & PHY_ADV_PAUSE, local_asym = local & PHY_ADV_ASYM;
	bool pause = partner & PHY_ADV_PAUSE, asym = partner & PHY_ADV_ASYM;

	if (local_pause && pause)
		return IGB_FC_FULL;
	if (!local_pause && local_asym && pause && asym)
		return IGB_FC_TX_PAUSE;
	if (local_pause && local_asym && !pause && asym)
		return IGB_FC_RX_PAUSE;
	return IGB_FC_NONE;
}

static uint16_t pause_bits(enum igb_flow_control fc)
{
	switch (fc) {
	case IGB_FC_NONE:
		return 0;
	case IGB_FC_TX_PAUSE:
		return PHY_ADV_ASYM;
	case IGB_FC_RX_PAUSE: /* there is no way to offer this alone: what is agreed is cut down */
	case IGB_FC_FULL:
		break;
	}
	return PHY_ADV_PAUSE | PHY_ADV_ASYM;
}

/* XOFF while two whole frames still fit, in units of 16 bytes; XON right below. */
void plx_igb_fc_setup(struct igb_hw *hw)
{
	uint32_t size = hw->rx_buffer_bytes, spare = 2 * hw->max_frame_bytes;
	uint32_t high = plx_min_u32(size / 10 * 9, size > spare ? size - spare : 0);

	high = (uint32_t)plx_align_down(high, MARK_STEP);
	if (high < 2 * MARK_STEP)
		high = 2 * MARK_STEP;
	igb_write(hw, IGB_FCAL, 0x00c28001);
	igb_write(hw, IGB_FCAH, 0x0100);
	igb_write(hw, IGB_FCT, 0x8808);
	igb_write(hw, IGB_FCTTV, PAUSE_TIME);
	igb_write(hw, IGB_FCRTL, (high - MARK_STEP) | IGB_FCRTL_XONE);
	igb_write(hw, IGB_FCRTH, high);
}

static void fc_force(struct igb_hw *hw, enum igb_flow_control fc)
{
	uint32_t ctrl = igb_read(hw, IGB_CTRL) & ~(IGB_CTRL_RFCE | IGB_CTRL_TFCE);

	if (fc == IGB_FC_FULL || fc == IGB_FC_RX_PAUSE)
		ctrl |= IGB_CTRL_RFCE;
	if (fc == IGB_FC_FULL || fc == IGB_FC_TX_PAUSE)
		ctrl |= IGB_CTRL_TFCE;
	igb_write(hw, IGB_CTRL, ctrl);
}

/* Reset values of what is particular to a PHY. Registers that an emulator lacks answer -EIO. */
static int prepare_phy(struct igb_hw *hw)
{
	uint16_t value;
	int ret;

	if (!hw->mac->has_phpm || hw->mac->phy_paged)
		return 0;
	ret = plx_igb_mdic_read(hw, PHY_CONFIG, &value);
	if (ret == 0)
		ret = plx_igb_mdic_write(hw, PHY_CONFIG,
					 value | PHY_CONFIG_CRS_ON_TX | PHY_CONFIG_DOWNSHIFT);
	if (ret == 0)
		ret = plx_igb_mdic_read(hw, PHY_CTRL2, &value);
	if (ret == 0)
		ret = plx_igb_mdic_write(
			hw, PHY_CTRL2,
			(uint16_t)((value & ~PHY_CTRL2_MDIX_MASK) | PHY_CTRL2_AUTO_MDIX));
	return ret == -EIO ? 0 : ret;
}

static int offer(struct igb_hw *hw, uint32_t modes, enum igb_flow_control fc)
{
	uint16_t slow = PHY_ADV_CSMA | pause_bits(fc), gig;
	int ret = plx_igb_mdic_read(hw, PHY_GIG_CONTROL, &gig);

	if (ret)
		return ret;
	gig = (uint16_t)(gig & ~(PHY_GIG_1000_HALF | PHY_GIG_1000_FULL));
	slow |= modes & IGB_ADV_10_HALF ? PHY_ADV_10_HALF : 0;
	slow |= modes & IGB_ADV_10_FULL ? PHY_ADV_10_FULL : 0;
	slow |= modes & IGB_ADV_100_HALF ? PHY_ADV_100_HALF : 0;
	slow |= modes & IGB_ADV_100_FULL ? PHY_ADV_100_FULL : 0;
	gig |= modes & IGB_ADV_1000_FULL ? PHY_GIG_1000_FULL : 0;
	ret = plx_igb_mdic_write(hw, PHY_ADVERTISE, slow);
	return ret ? ret : plx_igb_mdic_write(hw, PHY_GIG_CONTROL, gig);
}

static int negotiate(struct igb_hw *hw)
{
	uint16_t control;
	int ret = plx_igb_mdic_read(hw, PHY_CONTROL, &control);

	if (ret)
		return ret;
	control = (uint16_t)(control & ~(PHY_CONTROL_POWER_DOWN | PHY_CONTROL_ISOLATE |
					 PHY_CONTROL_LOOPBACK));
	return plx_igb_mdic_write(hw, PHY_CONTROL,
				  control | PHY_CONTROL_AUTONEG | PHY_CONTROL_RESTART);
}

static int start_phy(struct igb_hw *hw, uint32_t modes, enum igb_flow_control fc)
{
	uint32_t bit = plx_igb_phy_lock_bit(hw);
	int ret = plx_igb_lock(hw, bit);

	if (ret)
		return ret;
	if (hw->mac->phy_paged)
		ret = plx_igb_mdic_write(hw, PHY_PAGE, 0);
	ret = ret == -EIO ? 0 : ret; /* a PHY of one page */
	if (ret == 0)
		ret = prepare_phy(hw);
	if (ret == 0)
		ret = offer(hw, modes, fc);
	if (ret == 0)
		ret = negotiate(hw);
	plx_igb_unlock(hw, bit);
	if (ret == -EIO)
		igb_log(hw, PLX_LOG_ERR, "PHY %s: a register did not answer", hw->phy.name);
	return ret;
}

int plx_igb_link_start(struct igb_hw *hw, uint32_t advertise, enum igb_flow_control fc)
{
	uint32_t ctrl;

	if (advertise == 0)
		advertise = IGB_ADV_ALL;
	if (advertise & ~(uint32_t)IGB_ADV_ALL || (unsigned)fc > IGB_FC_FULL) {
		igb_log(hw, PLX_LOG_ERR, "link: modes 0x%x, flow control %u: allowed are 0x%x, 3",
			advertise, (unsigned)fc, IGB_ADV_ALL);
		return -EINVAL;
	}
	hw->advertise = advertise;
	hw->fc_wanted = fc;
	hw->link = (struct igb_link){0};
	if (hw->mac->has_phpm)
		igb_clear(hw, IGB_PHPM, IGB_PHPM_GO_LINKD | IGB_PHPM_D0LPLU);
	ctrl = igb_read(hw, IGB_CTRL);
	if (!hw->loopback)
		ctrl &= ~(IGB_CTRL_FRCSPD | IGB_CTRL_FRCDPX);
	ctrl &= ~IGB_CTRL_ILOS;
	igb_write(hw, IGB_CTRL, ctrl | IGB_CTRL_SLU);
	plx_igb_fc_setup(hw);
	return start_phy(hw, advertise, fc);
}

int plx_igb_link_stop(struct igb_hw *hw)
{
	uint16_t control;
	int ret;

	hw->link = (struct igb_link){0};
	/* The management firmware shares this link. */
	if (igb_read(hw, IGB_MANC) & (IGB_MANC_BLK_PHY_RST | IGB_MANC_RCV_TCO))
		return plx_igb_alive(hw);
	if (hw->mac->has_phpm)
		igb_set(hw, IGB_PHPM, IGB_PHPM_GO_LINKD);
	ret = plx_igb_phy_read(hw, PHY_CONTROL, &control);
	return ret ? ret : plx_igb_phy_write(hw, PHY_CONTROL, control | PHY_CONTROL_POWER_DOWN);
}

int plx_igb_link_release(struct igb_hw *hw)
{
	if (igb_read(hw, IGB_MANC) & (IGB_MANC_BLK_PHY_RST | IGB_MANC_RCV_TCO))
		return plx_igb_alive(hw);
	if (hw->mac->has_phpm)
		igb_clear(hw, IGB_PHPM, IGB_PHPM_GO_LINKD);
	return start_phy(hw, IGB_ADV_ALL, IGB_FC_FULL);
}

static uint32_t speed_of(uint32_t status)
{
	switch ((status & IGB_STATUS_SPEED_MASK) >> IGB_STATUS_SPEED_SHIFT) {
	case 0:
		return 10;
	case 1:
		return 100;
	default:
		return 1000;
	}
}

/* The partner's side of the bargain, once per link-up. */
static int agree_on_pause(struct igb_hw *hw, struct igb_link *link)
{
	uint16_t local, partner;
	int ret;

	link->fc = IGB_FC_NONE;
	if (link->full_duplex) {
		ret = plx_igb_phy_read(hw, PHY_ADVERTISE, &local);
		if (ret == 0)
			ret = plx_igb_phy_read(hw, PHY_PARTNER, &partner);
		if (ret)
			return ret;
		link->fc = plx_igb_fc_resolve(local, partner);
		if (hw->fc_wanted == IGB_FC_RX_PAUSE && link->fc == IGB_FC_FULL)
			link->fc = IGB_FC_RX_PAUSE;
	}
	fc_force(hw, link->fc);
	return 0;
}

int plx_igb_link_read(struct igb_hw *hw, struct igb_link *link)
{
	uint32_t status = igb_read(hw, IGB_STATUS);
	int ret = plx_igb_suspect(hw, status);

	*link = (struct igb_link){0};
	if (ret) {
		hw->link = *link;
		return ret;
	}
	if (hw->loopback) {
		*link = (struct igb_link){.up = true, .full_duplex = true, .speed_mbps = 1000};
	} else if (status & IGB_STATUS_LU) {
		link->up = true;
		link->full_duplex = status & IGB_STATUS_FD;
		link->speed_mbps = speed_of(status);
		link->fc = hw->link.fc;
		if (!hw->link.up || hw->link.speed_mbps != link->speed_mbps ||
		    hw->link.full_duplex != link->full_duplex)
			ret = agree_on_pause(hw, link);
	}
	hw->link = *link;
	if (plx_likely(ret == 0))
		return 0;
	/* Up all the same, without pause frames; the next look asks the PHY again. */
	hw->link = (struct igb_link){0};
	ret = plx_igb_alive(hw);
	if (ret) {
		*link = hw->link;
		return ret;
	}
	plx_log_limited(
		&plx_log_igb, PLX_LOG_WARN,
		"%s: the link is up, but the PHY does not tell what the other end offers: no "
		"pause frames until it does",
		hw->name);
	return 0;
}
