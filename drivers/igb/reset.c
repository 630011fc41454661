/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From any state to a quiet card, and back to the kernel.
 *
 * Data sheets: "Initialization" chapter: "Software Initialization Sequence", "Reset Operation"
 * (I210: 4.3, 4.5), CTRL.RST (8.2.1), STATUS (8.2.2), CTRL_EXT (8.2.3); "Master Disable Via CTRL
 * Register" (I210: 5.2.3.3).
 *
 * Order matters: DMA of a process that died is ended before anything else, since its memory may
 * belong to another by now; then the locks it held are freed, and only then the NVM and the PHY
 * touched. Polls that an emulator never answers (master enable, AUTO_RD, CFG_DONE) end quietly.
 */
#include <errno.h>
#include <string.h>

#include "cfg.h"
#include "nvm.h"
#include "phy.h"

enum {
	BAR_BYTES_MIN = 0x13000, /* the highest register is the I210's iNVM, EEMNGCTL below it */
	MASTER_INTERVAL_US = 100,
	MASTER_TIMEOUT_US = 80000,
	QUIET_US = 10000,
	RESET_US = 5000, /* no register is touched meanwhile */
	RESET_INTERVAL_US = 1000,
	RESET_TIMEOUT_US = 100000,
	AUTO_RD_INTERVAL_US = 1000,
	AUTO_RD_TIMEOUT_US = 10000,
};

/* No new request leaves the card; wait for those that have. Returns 0, -ETIMEDOUT, -ENODEV. */
static int master_disable(struct igb_hw *hw)
{
	igb_set(hw, IGB_CTRL, IGB_CTRL_GIO_MASTER_DISABLE);
	return plx_igb_wait(hw, &(struct igb_wait){.reg = IGB_STATUS,
						   .mask = IGB_STATUS_GIO_MASTER_ENABLE,
						   .value = 0,
						   .interval_us = MASTER_INTERVAL_US,
						   .timeout_us = MASTER_TIMEOUT_US});
}

static void units_off(struct igb_hw *hw)
{
	igb_write(hw, IGB_IMC, UINT32_MAX);
	igb_write(hw, IGB_EIMC, UINT32_MAX);
	igb_write(hw, IGB_RCTL, 0);
	igb_write(hw, IGB_TCTL, IGB_TCTL_PSP);
	igb_flush(hw);
	plx_igb_delay_us(QUIET_US);
}

/* CTRL.RST, and what it needs right after. */
static int pull_reset(struct igb_hw *hw)
{
	int ret;

	igb_set(hw, IGB_CTRL, IGB_CTRL_RST);
	plx_igb_delay_us(RESET_US);
	ret = plx_igb_wait(hw, &(struct igb_wait){.reg = IGB_CTRL,
						  .mask = IGB_CTRL_RST,
						  .value = 0,
						  .interval_us = RESET_INTERVAL_US,
						  .timeout_us = RESET_TIMEOUT_US,
						  .what = "reset"});
	if (ret)
		return ret;
	ret = plx_igb_wait(hw, &(struct igb_wait){.reg = hw->mac->eecd,
						  .mask = IGB_EECD_AUTO_RD,
						  .value = IGB_EECD_AUTO_RD,
						  .interval_us = AUTO_RD_INTERVAL_US,
						  .timeout_us = AUTO_RD_TIMEOUT_US});
	if (ret && ret != -ETIMEDOUT)
		return ret;
	if (hw->mac->has_dev_rst)
		igb_write(hw, IGB_STATUS, IGB_STATUS_DEV_RST_SET);
	plx_igb_intr_off(hw);
	igb_clear(hw, IGB_CTRL, IGB_CTRL_GIO_MASTER_DISABLE);
	igb_set(hw, IGB_CTRL_EXT, IGB_CTRL_EXT_DRV_LOAD | IGB_CTRL_EXT_PFRSTD);
	return 0;
}

/* 82576: a completion that takes long must not be asked for twice. */
static void completion_timeout(struct igb_hw *hw)
{
	uint32_t gcr = igb_read(hw, IGB_GCR);

	if (!(gcr & IGB_GCR_CMPL_TMO_MASK)) {
		if (gcr & IGB_GCR_CAP_V2)
			plx_igb_cfg_completion_timeout(hw);
		else
			gcr |= IGB_GCR_CMPL_TMO_10_MS;
	}
	igb_write(hw, IGB_GCR, gcr & ~IGB_GCR_CMPL_TMO_RESEND);
}

/* What saves power and costs latency, and what nobody asked for. */
static void extras_off(struct igb_hw *hw)
{
	if (hw->mac->has_gcr_timeout)
		completion_timeout(hw);
	if (hw->mac->has_dmacr)
		igb_write(hw, IGB_DMACR, 0);
	if (hw->mac->has_eee) {
		igb_clear(hw, IGB_IPCNFG, IGB_IPCNFG_EEE_100M | IGB_IPCNFG_EEE_1G);
		igb_clear(hw, IGB_EEER, IGB_EEER_TX_LPI | IGB_EEER_RX_LPI | IGB_EEER_LPI_FC);
	}
	igb_write(hw, IGB_WUC, 0);
	if (hw->mac->tx_switch)
		igb_clear(hw, hw->mac->tx_switch, IGB_TXSWC_LOOPBACK);
}

static void size_rx_buffer(struct igb_hw *hw)
{
	static const uint8_t coded_kb[] = {36, 72, 144, 1, 2, 4, 8, 16, 35, 70, 140};
	uint32_t value = igb_read(hw, IGB_RXPBS);
	uint32_t kb = 0;

	switch (hw->mac->rxpb) {
	case IGB_RXPB_KB:
		kb = value & 0x7f;
		break;
	case IGB_RXPB_KB6:
		kb = value & 0x3f;
		break;
	case IGB_RXPB_CODED:
		value &= 15;
		kb = value < PLX_ARRAY_SIZE(coded_kb) ? coded_kb[value] : 0;
		break;
	}
	/* An emulator may answer 0: then the smallest that the family has by default. */
	hw->rx_buffer_bytes = 1024 * (kb ? kb : 36);
}

static int quiesce(struct igb_hw *hw)
{
	int ret = master_disable(hw);

	if (ret == -ETIMEDOUT)
		igb_log(hw, PLX_LOG_DEBUG, "STATUS says that the bus master is still on");
	else if (ret)
		return ret;
	units_off(hw);
	return ret;
}

int plx_igb_reset(struct igb_hw *hw)
{
	int ret = plx_igb_alive(hw);

	if (ret)
		return ret;
	/* What somebody else's reset zeroed would look like a wrap. */
	if (plx_igb_is_ours(hw))
		plx_igb_stats_update(hw);
	ret = quiesce(hw);
	if (ret && ret != -ETIMEDOUT)
		return ret;
	ret = pull_reset(hw);
	if (ret)
		return ret;
	extras_off(hw);
	hw->link = (struct igb_link){0};
	hw->intr_mode = IGB_INTR_NONE;
	size_rx_buffer(hw);
	plx_igb_filters_restore(hw);
	plx_igb_stats_resync(hw);
	if (hw->ptp.running)
		ret = plx_igb_clock_restore(hw);
	return ret ? ret : plx_igb_alive(hw);
}

/* ---- attach ---- */

static int identify(struct igb_hw *hw)
{
	hw->id = plx_igb_id_find(IGB_PCI_VENDOR, hw->device);
	if (!hw->id) {
		igb_log(hw, PLX_LOG_ERR,
			"device 8086:%04x is not of the igb family that this driver knows (82576, "
			"82580, I350, I354, I210, I211)",
			hw->device);
		return -ENOTSUP;
	}
	hw->mac = &plx_igb_macs[hw->id->mac];
	if (hw->id->media != IGB_MEDIA_COPPER && hw->id->media != IGB_MEDIA_STRAPPED) {
		igb_log(hw, PLX_LOG_ERR, "8086:%04x is %s: only copper ports are driven",
			hw->device, hw->id->name);
		return -ENOTSUP;
	}
	if (hw->bar_bytes < BAR_BYTES_MIN) {
		igb_log(hw, PLX_LOG_ERR, "BAR 0 has %zu bytes, want %u at least", hw->bar_bytes,
			BAR_BYTES_MIN);
		return -ENOTSUP;
	}
	return 0;
}

static int check_media(struct igb_hw *hw)
{
	static const enum igb_media modes[] = {IGB_MEDIA_COPPER, IGB_MEDIA_KX, IGB_MEDIA_SGMII,
					       IGB_MEDIA_SERDES};
	uint32_t ctrl_ext = igb_read(hw, IGB_CTRL_EXT);
	enum igb_media media =
		modes[(ctrl_ext & IGB_CTRL_EXT_LINK_MODE_MASK) >> IGB_CTRL_EXT_LINK_MODE_SHIFT];
	int ret = plx_igb_suspect(hw, ctrl_ext);

	if (ret || media == IGB_MEDIA_COPPER)
		return ret;
	igb_log(hw, PLX_LOG_ERR,
		"%s port %u is set up for %s (CTRL_EXT 0x%08x): only copper ports are driven",
		hw->mac->name, hw->lan_id, plx_igb_media_name(media), ctrl_ext);
	return -ENOTSUP;
}

/* The receive addresses that somebody left, and the factory's own one. */
static int take_address(struct igb_hw *hw)
{
	int ret = plx_igb_nvm_mac(hw, hw->perm_addr);

	if (ret)
		return ret;
	memcpy(hw->filters.own, hw->perm_addr, IGB_MAC_BYTES);
	plx_igb_filters_restore(hw);
	return 0;
}

static int bring_up(struct igb_hw *hw)
{
	int ret;

	hw->phy.addr = IGB_PHY_ADDRESS;
	ret = plx_igb_pll_fix(hw);
	if (ret == 0)
		ret = plx_igb_nvm_check(hw);
	if (ret == 0)
		ret = take_address(hw);
	if (ret == 0)
		ret = plx_igb_phy_reset(hw);
	if (ret == 0)
		ret = plx_igb_phy_find(hw);
	return ret;
}

static void let_go(struct igb_hw *hw)
{
	igb_clear(hw, IGB_CTRL_EXT, IGB_CTRL_EXT_DRV_LOAD);
	igb_flush(hw);
}

int plx_igb_attach(struct igb_hw *hw)
{
	int ret = identify(hw);

	if (ret)
		return ret;
	ret = plx_igb_cfg_wake(hw);
	if (ret == 0)
		ret = plx_igb_alive(hw);
	if (ret)
		return ret;
	hw->lan_id = (uint8_t)((igb_read(hw, IGB_STATUS) & IGB_STATUS_LAN_ID_MASK) >>
			       IGB_STATUS_LAN_ID_SHIFT);
	ret = check_media(hw);
	if (ret)
		return ret;
	ret = quiesce(hw);
	if (ret && ret != -ETIMEDOUT)
		return ret;
	plx_igb_locks_recover(hw);
	ret = pull_reset(hw);
	if (ret)
		return ret;
	extras_off(hw);
	hw->ledctl = igb_read(hw, IGB_LEDCTL);
	hw->max_frame_bytes = 1522;
	size_rx_buffer(hw);
	ret = bring_up(hw);
	if (ret) {
		let_go(hw);
		return ret;
	}
	plx_igb_stats_resync(hw);
	igb_log(hw, PLX_LOG_INFO,
		"%s port %u, PHY %s, NVM %x.%02x, %02x:%02x:%02x:%02x:%02x:%02x, receive buffer "
		"%u KB",
		hw->mac->name, hw->lan_id, hw->phy.name, hw->nvm.version >> 12,
		hw->nvm.version & 0xff, hw->perm_addr[0], hw->perm_addr[1], hw->perm_addr[2],
		hw->perm_addr[3], hw->perm_addr[4], hw->perm_addr[5], hw->rx_buffer_bytes / 1024);
	return plx_igb_alive(hw);
}

/* ---- stop ---- */

int plx_igb_down(struct igb_hw *hw)
{
	int ret = plx_igb_alive(hw);

	if (ret)
		return ret;
	plx_igb_rx_enable(hw, false);
	plx_igb_intr_off(hw);
	/* The transmitter last: what was given to it may still go out (I210: 4.5.10.1). */
	ret = plx_igb_queues_off(hw);
	if (ret)
		return ret;
	plx_igb_tx_enable(hw, false);
	return plx_igb_reset(hw);
}

void plx_igb_detach(struct igb_hw *hw)
{
	if (!hw->mac || plx_igb_down(hw) == -ENODEV)
		return;
	plx_igb_clock_stop(hw);
	plx_igb_link_release(hw);
	memset(&hw->filters, 0, sizeof(hw->filters));
	memcpy(hw->filters.own, hw->perm_addr, IGB_MAC_BYTES);
	plx_igb_filters_restore(hw);
	plx_igb_led(hw, IGB_LED_NORMAL);
	let_go(hw);
}
