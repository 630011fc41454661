/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of the family, device control and status, resets, the semaphores that driver and
 * firmware share.
 */
#include <string.h>

#include "sim_private.h"

enum {
	RESET_NS = 1000000,	 /* CTRL.RST and FLR: 1 ms */
	RESET_QUIET_NS = 200000, /* no access in which: the driver has to wait 1 ms and more */
	CTRL_PULSES = (int)(BIT(26) | BIT(29)),
	LOCK_EEP = 1,
};

const struct sim_part sim_parts[IGB_SIM_NB_TYPES] = {
	[IGB_SIM_82576] = {.name = "82576",
			   .device_id = 0x10c9,
			   .nb_queues = 16,
			   .nb_addresses = 24,
			   .nb_vectors = 25,
			   .phy_id = 0x02a80390,
			   .has_lan_phy_lock = true,
			   .rxpbs_reset = 64,
			   .clock = SIM_CLOCK_64},
	[IGB_SIM_82580] = {.name = "82580",
			   .device_id = 0x150e,
			   .nb_queues = 8,
			   .nb_addresses = 24,
			   .nb_vectors = 10,
			   .phy_id = 0x015403a0,
			   .ivar_paired = true,
			   .is_nvm_copied = true,
			   .has_mdicnfg = true,
			   .has_lan_phy_lock = true,
			   .has_rx_stamp = true,
			   .clock = SIM_CLOCK_40},
	[IGB_SIM_I350] = {.name = "I350",
			  .device_id = 0x1521,
			  .nb_queues = 8,
			  .nb_addresses = 32,
			  .nb_vectors = 25,
			  .phy_id = 0x015403b0,
			  .ivar_paired = true,
			  .is_nvm_copied = true,
			  .has_mdicnfg = true,
			  .has_lan_phy_lock = true,
			  .has_rx_stamp = true,
			  .has_dvmolr = true,
			  .lb_vlan_big_endian = true,
			  .clock = SIM_CLOCK_40},
	[IGB_SIM_I354] = {.name = "I354",
			  .device_id = 0x1f41,
			  .nb_queues = 8,
			  .nb_addresses = 32,
			  .nb_vectors = 25,
			  .phy_id = 0x01410ea0,
			  .ivar_paired = true,
			  .is_nvm_copied = true,
			  .has_mdicnfg = true,
			  .has_lan_phy_lock = true,
			  .has_rx_stamp = true,
			  .has_dvmolr = true,
			  .lb_vlan_big_endian = true,
			  .clock = SIM_CLOCK_40},
	[IGB_SIM_I210] = {.name = "I210",
			  .device_id = 0x1533,
			  .nb_queues = 4,
			  .nb_addresses = 16,
			  .nb_vectors = 5,
			  .phy_id = 0x01410c00,
			  .ivar_paired = true,
			  .has_mdicnfg = true,
			  .has_rx_stamp = true,
			  .has_dvmolr = true,
			  .rxpbs_reset = 0x22,
			  .clock = SIM_CLOCK_SEC},
	[IGB_SIM_I211] = {.name = "I211",
			  .device_id = 0x1539,
			  .nb_queues = 2,
			  .nb_addresses = 16,
			  .nb_vectors = 5,
			  .phy_id = 0x01410c00,
			  .ivar_paired = true,
			  .has_mdicnfg = true,
			  .has_rx_stamp = true,
			  .has_dvmolr = true,
			  .rxpbs_reset = 0x22,
			  .clock = SIM_CLOCK_SEC},
};

/* ---- Resets ---- */

static void queues_reset(struct igb_sim *sim)
{
	for (unsigned q = 0; q < SIM_QUEUES_MAX; q++) {
		memset(&sim->rxq[q], 0, sizeof(sim->rxq[q]));
		memset(&sim->txq[q], 0, sizeof(sim->txq[q]));
		sim->rxq[q].change_ns = sim->rxq[q].flush_ns = SIM_NEVER;
		sim->txq[q].change_ns = sim->txq[q].flush_ns = SIM_NEVER;
		if (q >= sim->part->nb_queues)
			continue;
		sim->rxq[q].is_on = reg(sim, q_off(R_RXDCTL, q)) & QUEUE_ENABLE;
		sim->txq[q].is_on = reg(sim, q_off(R_TXDCTL, q)) & QUEUE_ENABLE;
	}
}

void sim_reset(struct igb_sim *sim)
{
	sim_map_reset(sim);
	sim_fifo_drop(&sim->buffer);
	sim->is_xoff_sent = false;
	sim->pause_ns = 0;
	queues_reset(sim);
	sim_intr_reset(sim);
	sim_time_reset(sim);
	sim_nvm_autoload(sim);
	reg_set(sim, R_STATUS,
		sim->conf.port << 2 | STATUS_GIO_MASTER | STATUS_PHYRA | STATUS_DEV_RST_SET |
			(sim->conf.qemu ? BIT(31) : STATUS_LAN_INIT_DONE | STATUS_PF_RST_DONE));
	sim->is_link_up = false;
	if (sim->conf.qemu)
		sim_phy_init(sim);
	sim->reset_done_ns = sim->now_ns + RESET_NS;
	if (sim->conf.clock == IGB_SIM_CLOCK_REAL && !sim->conf.qemu)
		sim->touch_ns = sim->now_ns + RESET_QUIET_NS;
	sim_link_update(sim);
}

void sim_ctrl_tick(struct igb_sim *sim)
{
	if (sim->now_ns < sim->reset_done_ns)
		return;
	sim->reset_done_ns = SIM_NEVER;
	if (!fault(sim, IGB_SIM_F_RESET_STUCK))
		reg_bits(sim, R_CTRL, CTRL_PULSES, 0);
}

bool sim_is_master(const struct igb_sim *sim)
{
	return sim->config[4] & 4 && !(reg(sim, R_CTRL) & CTRL_GIO_MASTER_DISABLE) &&
	       !(sim->config[0x44] & 3);
}

/* ---- CTRL, STATUS, CTRL_EXT ---- */

uint32_t sim_ctrl_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	(void)i;
	return reg(sim, offset) | (fault(sim, IGB_SIM_F_RESET_STUCK) ? BIT(26) : 0);
}

void sim_ctrl_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	uint32_t old = reg(sim, offset);

	(void)i;
	if (value & CTRL_PULSES) {
		sim_reset(sim);
		reg_bits(sim, offset, 0, value & CTRL_PULSES);
		return;
	}
	reg_set(sim, offset, value);
	if (value & BIT(31) & ~old) {
		uint32_t lock = sim->part->has_lan_phy_lock ? (uint32_t[]){BIT(1), BIT(2), BIT(5),
									   BIT(6)}[sim->conf.port]
							    : BIT(1);

		if (!(reg(sim, R_SW_FW_SYNC) & lock))
			sim_violation(sim, IGB_SIM_V_LOCK, "PHY reset without its lock");
		sim_phy_init(sim);
	}
	sim_link_update(sim);
	sim_kick(sim);
}

/* A master that is disabled reads 0 at once: nothing of the model's DMA is ever under way. */
uint32_t sim_status_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset);

	(void)i;
	if (reg(sim, R_CTRL) & CTRL_GIO_MASTER_DISABLE && !fault(sim, IGB_SIM_F_MASTER_STUCK))
		value &= ~STATUS_GIO_MASTER;
	if (sim->pause_ns > sim->now_ns)
		value |= STATUS_TXOFF;
	return value;
}

void sim_status_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	(void)i;
	if (value & STATUS_DEV_RST_SET)
		reg_bits(sim, offset, STATUS_DEV_RST_SET, 0);
	if (!(value & STATUS_PHYRA))
		reg_bits(sim, offset, STATUS_PHYRA, 0);
}

void sim_ctrl_ext_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	(void)i;
	if (value & BIT(13))
		sim_nvm_autoload(sim);
	reg_set(sim, offset, value & ~BIT(13));
	sim_link_update(sim);
}

/* ---- Semaphores ---- */

uint32_t sim_swsm_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset);

	(void)i;
	if (fault(sim, IGB_SIM_F_SMBI_HELD))
		value |= SWSM_SMBI;
	if (fault(sim, IGB_SIM_F_SWESMBI_HELD))
		value &= ~SWSM_SWESMBI;
	reg_bits(sim, offset, 0, SWSM_SMBI); /* who reads 0 has it */
	return value;
}

void sim_swsm_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	uint32_t old = reg(sim, offset);

	(void)i;
	if (value & SWSM_SWESMBI && !(old & SWSM_SMBI))
		sim_violation(sim, IGB_SIM_V_LOCK, "SWSM.SWESMBI asked for without SMBI");
	/* SMBI can be given back by a write, not taken. */
	value = (value & ~SWSM_SMBI) | (value & old & SWSM_SMBI);
	if (fault(sim, IGB_SIM_F_SWESMBI_HELD))
		value &= ~SWSM_SWESMBI;
	reg_set(sim, offset, value);
}

uint32_t sim_sync_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	(void)i;
	return (reg(sim, offset) & 0xffff) | fault(sim, IGB_SIM_F_FW_SYNC) << 16;
}

void sim_sync_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	uint32_t firmware = fault(sim, IGB_SIM_F_FW_SYNC);

	(void)i;
	if (!(reg(sim, R_SWSM) & SWSM_SWESMBI))
		sim_violation(sim, IGB_SIM_V_LOCK, "SW_FW_SYNC written without SWSM.SWESMBI");
	if (value & firmware & ~reg(sim, offset))
		sim_violation(sim, IGB_SIM_V_LOCK, "SW_FW_SYNC %04x taken while firmware has %04x",
			      value & 0xffff, firmware);
	reg_set(sim, offset, value & 0xffff);
}
