/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Settings of the receive and transmit units, and queues on and off.
 *
 * Data sheets: "Receive Initialization", "Transmit Initialization" (I210: 4.5.9, 4.5.10), RCTL,
 * RLPML, RXCSUM, RFCTL, SRRCTL, RXDCTL (8.10), TCTL, TIPG, TXDCTL, loopback (I210: 3.7.6),
 * time stamp in the buffer (I210: 7.1.6).
 */
#include <errno.h>

#include "hw.h"

enum {
	FRAME_BYTES_MIN = 64,
	COLLISION_THRESHOLD = 15,
	COLLISION_DISTANCE = 64,
	IPG = 8 | 4 << 10 | 6 << 20, /* IPGT, IPGR1, IPGR2 */
	QUEUE_INTERVAL_US = 1000,
	QUEUE_TIMEOUT_US = 10000,
	OFF_TRIES = 50, /* of QUEUE_INTERVAL_US, for all queues together */
	IN_FLIGHT_US = 10000,
};

/* MAC loopback needs a MAC that does not ask the PHY. */
static void set_loopback(struct igb_hw *hw, bool on)
{
	uint32_t ctrl = igb_read(hw, IGB_CTRL);

	hw->loopback = on;
	if (!on)
		return;
	ctrl &= ~IGB_CTRL_SPEED_MASK;
	ctrl |= IGB_CTRL_SLU | IGB_CTRL_FD | IGB_CTRL_FRCSPD | IGB_CTRL_FRCDPX |
		2u << IGB_CTRL_SPEED_SHIFT;
	igb_write(hw, IGB_CTRL, ctrl);
}

static void set_stamps(struct igb_hw *hw, bool on)
{
	uint32_t control = igb_read(hw, IGB_TSYNCRXCTL) & ~IGB_TSYNCRXCTL_TYPE_MASK;

	if (on)
		igb_write(hw, IGB_TSYNCRXCTL,
			  control | IGB_TSYNCRXCTL_EN |
				  IGB_TSYNCRXCTL_TYPE_ALL << IGB_TSYNCRXCTL_TYPE_SHIFT);
	if (hw->mac->rxpb != IGB_RXPB_KB6)
		return;
	if (on)
		igb_set(hw, IGB_RXPBS, IGB_RXPBS_CFG_TS_EN);
	else
		igb_clear(hw, IGB_RXPBS, IGB_RXPBS_CFG_TS_EN);
}

static int check_rx_conf(struct igb_hw *hw, const struct igb_rx_conf *conf)
{
	if (conf->max_frame_bytes < FRAME_BYTES_MIN ||
	    conf->max_frame_bytes > hw->mac->max_frame_bytes) {
		igb_log(hw, PLX_LOG_ERR, "frames of %u bytes with FCS: allowed are %u to %u",
			conf->max_frame_bytes, FRAME_BYTES_MIN, hw->mac->max_frame_bytes);
		return -EINVAL;
	}
	if (conf->stamps && !hw->mac->has_rx_stamps) {
		igb_log(hw, PLX_LOG_ERR, "the %s does not stamp each frame received",
			hw->mac->name);
		return -ENOTSUP;
	}
	return 0;
}

int plx_igb_rx_setup(struct igb_hw *hw, const struct igb_rx_conf *conf)
{
	uint32_t rxcsum = IGB_RXCSUM_PCSD, rctl = IGB_RCTL_LPE | IGB_RCTL_SECRC;
	int ret = check_rx_conf(hw, conf);

	if (ret)
		return ret;
	igb_clear(hw, IGB_RCTL, IGB_RCTL_EN);
	hw->max_frame_bytes = conf->max_frame_bytes;
	igb_write(hw, IGB_RLPML, conf->max_frame_bytes);
	if (conf->ip_csum)
		rxcsum |= IGB_RXCSUM_IPOFL;
	if (conf->l4_csum)
		rxcsum |= IGB_RXCSUM_TUOFL | IGB_RXCSUM_CRCOFL;
	igb_write(hw, IGB_RXCSUM, rxcsum);
	igb_set(hw, IGB_RFCTL, IGB_RFCTL_IPV6_EX_DIS);
	if (conf->vlan_strip)
		igb_set(hw, IGB_CTRL, IGB_CTRL_VME);
	else
		igb_clear(hw, IGB_CTRL, IGB_CTRL_VME);
	/* The second place that strips the FCS: it must agree with RCTL.SECRC. */
	for (unsigned q = 0; hw->mac->has_dvmolr && q < hw->mac->nb_queues; q++)
		igb_set(hw, IGB_DVMOLR(q), IGB_DVMOLR_STRCRC);
	set_stamps(hw, conf->stamps);
	set_loopback(hw, conf->loopback);
	if (conf->loopback)
		rctl |= IGB_RCTL_LBM_MAC;
	igb_write(hw, IGB_RCTL, rctl | plx_igb_filter_rctl(hw));
	plx_igb_fc_setup(hw);
	return plx_igb_alive(hw);
}

int plx_igb_tx_setup(struct igb_hw *hw)
{
	igb_write(hw, IGB_TIPG, IPG);
	igb_write(hw, IGB_TCTL,
		  IGB_TCTL_PSP | IGB_TCTL_RTLC | COLLISION_THRESHOLD << IGB_TCTL_CT_SHIFT |
			  COLLISION_DISTANCE << IGB_TCTL_COLD_SHIFT);
	return plx_igb_alive(hw);
}

static void unit_enable(struct igb_hw *hw, uint32_t reg, uint32_t bit, bool on)
{
	uint32_t value = igb_read(hw, reg);

	if (on) {
		igb_write(hw, reg, value | bit);
		igb_flush(hw);
		return;
	}
	if (!(value & bit))
		return;
	igb_write(hw, reg, value & ~bit);
	igb_flush(hw);
	plx_igb_delay_us(IN_FLIGHT_US);
}

void plx_igb_rx_enable(struct igb_hw *hw, bool on)
{
	unit_enable(hw, IGB_RCTL, IGB_RCTL_EN, on);
}

void plx_igb_tx_enable(struct igb_hw *hw, bool on)
{
	unit_enable(hw, IGB_TCTL, IGB_TCTL_EN, on);
}

static int queue_on(struct igb_hw *hw, uint32_t reg, uint32_t dctl, const char *what)
{
	struct igb_wait wait = {
		.reg = reg,
		.mask = IGB_DCTL_ENABLE,
		.value = IGB_DCTL_ENABLE,
		.interval_us = QUEUE_INTERVAL_US,
		.timeout_us = QUEUE_TIMEOUT_US,
		.what = what,
	};

	igb_write(hw, reg, dctl | IGB_DCTL_ENABLE);
	return plx_igb_wait(hw, &wait);
}

int plx_igb_rxq_enable(struct igb_hw *hw, unsigned queue, uint32_t dctl)
{
	return queue_on(hw, IGB_RXDCTL(queue), dctl, "receive queue on");
}

int plx_igb_txq_enable(struct igb_hw *hw, unsigned queue, uint32_t dctl)
{
	return queue_on(hw, IGB_TXDCTL(queue), dctl, "transmit queue on");
}

static void queue_order_off(struct igb_hw *hw, uint32_t reg)
{
	uint32_t dctl = igb_read(hw, reg);

	if (dctl & IGB_DCTL_ENABLE)
		igb_write(hw, reg, dctl & ~IGB_DCTL_ENABLE);
}

static unsigned queues_on(struct igb_hw *hw, bool sending)
{
	unsigned nb = 0;

	for (unsigned q = 0; q < hw->mac->nb_queues; q++) {
		nb += !!(igb_read(hw, IGB_RXDCTL(q)) & IGB_DCTL_ENABLE);
		if (sending)
			nb += !!(igb_read(hw, IGB_TXDCTL(q)) & IGB_DCTL_ENABLE);
	}
	return nb;
}

int plx_igb_queues_off(struct igb_hw *hw)
{
	/* Without a link nothing is sent, so what waits would be waited for in vain. */
	bool sending = igb_read(hw, IGB_STATUS) & IGB_STATUS_LU;
	unsigned nb = 0;
	int ret;

	for (unsigned q = 0; q < hw->mac->nb_queues; q++) {
		queue_order_off(hw, IGB_RXDCTL(q));
		queue_order_off(hw, IGB_TXDCTL(q));
	}
	for (unsigned i = 0; i < OFF_TRIES; i++) {
		nb = queues_on(hw, sending);
		ret = plx_igb_alive(hw);
		if (ret || nb == 0)
			return ret;
		plx_igb_delay_us(QUEUE_INTERVAL_US);
	}
	igb_log(hw, PLX_LOG_NOTICE, "%u queues are not off after %u ms: the reset ends them", nb,
		OFF_TRIES * QUEUE_INTERVAL_US / 1000);
	return 0;
}
