/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may touch what is shared: PHYs, NVM, some registers. SWSM.SMBI is held between the drivers of
 * the card's functions, SWSM.SWESMBI between software and firmware; under both, SW_FW_SYNC has a
 * bit for each resource, one half software's, one half firmware's.
 *
 * Data sheets: "Semaphore Registers" (8.7: SWSM, FWSM, SW_FW_SYNC), "Access to Shared Resources"
 * (I210: 4.6.1, 4.6.2; 10 ms for SWESMBI and 1 s for a bit of SW_FW_SYNC at most).
 *
 * A process that was killed leaves them taken. A living holder gives them back within its own
 * bounds, so what stays taken for longer than those is stale: plx_igb_locks_recover() frees it. Of
 * the resources only those of this port and those that all ports share are freed.
 */
#include <errno.h>

#include "hw.h"

enum {
	SEM_INTERVAL_US = 50,
	SEM_TIMEOUT_US = 100000,
	/* Longer than anybody who lives has SMBI: he may wait for SWESMBI meanwhile. */
	STALE_TIMEOUT_US = 3 * SEM_TIMEOUT_US,
	SYNC_INTERVAL_US = 5000,
	SYNC_TRIES = 200,
};

uint32_t plx_igb_phy_lock_bit(const struct igb_hw *hw)
{
	static const uint32_t bits[] = {IGB_SYNC_PHY0, IGB_SYNC_PHY1, IGB_SYNC_PHY2, IGB_SYNC_PHY3};

	return bits[hw->mac->phy_sync_by_lan ? hw->lan_id & 3 : 0];
}

static void semaphores_put(struct igb_hw *hw)
{
	igb_clear(hw, IGB_SWSM, IGB_SWSM_SMBI | IGB_SWSM_SWESMBI);
	igb_flush(hw);
}

/* SMBI is taken by reading 0, so the wait itself takes it. */
static int take_smbi(struct igb_hw *hw, const char *what, uint32_t timeout_us)
{
	return plx_igb_wait(hw, &(struct igb_wait){.reg = IGB_SWSM,
						   .mask = IGB_SWSM_SMBI,
						   .value = 0,
						   .interval_us = SEM_INTERVAL_US,
						   .timeout_us = timeout_us,
						   .what = what});
}

static int take_swesmbi(struct igb_hw *hw, const char *what, uint32_t timeout_us)
{
	uint32_t value = 0;
	int ret;

	for (uint32_t us = 0; us <= timeout_us; us += SEM_INTERVAL_US) {
		igb_set(hw, IGB_SWSM, IGB_SWSM_SWESMBI);
		value = igb_read(hw, IGB_SWSM);
		if (value == UINT32_MAX && (ret = plx_igb_alive(hw)))
			return ret;
		if (value & IGB_SWSM_SWESMBI)
			return 0;
		plx_igb_delay_us(SEM_INTERVAL_US);
	}
	ret = plx_igb_alive(hw);
	if (ret == 0) {
		ret = -ETIMEDOUT;
		if (what)
			igb_log(hw, PLX_LOG_ERR, "%s: SWSM is 0x%08x: the firmware holds it", what,
				value);
	}
	return ret;
}

static int semaphores_get(struct igb_hw *hw, const char *what)
{
	/* Without a line: for locks_recover(), which takes by force what it does not get. */
	uint32_t timeout_us = what ? SEM_TIMEOUT_US : STALE_TIMEOUT_US;
	int ret = take_smbi(hw, what, timeout_us);

	if (ret)
		return ret;
	ret = take_swesmbi(hw, what, timeout_us);
	if (ret)
		igb_clear(hw, IGB_SWSM, IGB_SWSM_SMBI);
	return ret;
}

static int lock(struct igb_hw *hw, uint32_t bits, const char *what)
{
	uint32_t value = 0;
	int ret;

	for (unsigned i = 0; i < SYNC_TRIES; i++) {
		ret = semaphores_get(hw, what);
		if (ret)
			return ret;
		value = igb_read(hw, IGB_SW_FW_SYNC);
		if (!(value & (bits | bits << IGB_SYNC_FW_SHIFT))) {
			igb_write(hw, IGB_SW_FW_SYNC, value | bits);
			semaphores_put(hw);
			hw->locks |= bits;
			return 0;
		}
		semaphores_put(hw);
		ret = plx_igb_suspect(hw, value);
		if (ret)
			return ret;
		plx_igb_delay_us(SYNC_INTERVAL_US);
	}
	if (what)
		igb_log(hw, PLX_LOG_ERR, "%s: 0x%x of SW_FW_SYNC 0x%08x is held by %s for %u ms",
			what, bits, value, value & bits ? "another driver" : "the firmware",
			SYNC_TRIES * SYNC_INTERVAL_US / 1000);
	return -ETIMEDOUT;
}

int plx_igb_lock(struct igb_hw *hw, uint32_t bits)
{
	return lock(hw, bits, "lock");
}

void plx_igb_unlock(struct igb_hw *hw, uint32_t bits)
{
	hw->locks &= ~bits;
	/* Without the semaphores another's bit could be lost, so a failure leaves ours taken: it is
	 * freed as stale by the next attach. */
	if (semaphores_get(hw, "unlock"))
		return;
	igb_clear(hw, IGB_SW_FW_SYNC, bits);
	semaphores_put(hw);
}

static void force_semaphores(struct igb_hw *hw)
{
	igb_log(hw, PLX_LOG_NOTICE, "SWSM was held by nobody that lives (killed?): freed");
	semaphores_put(hw);
}

void plx_igb_locks_recover(struct igb_hw *hw)
{
	const uint32_t shared[] = {IGB_SYNC_EEP, IGB_SYNC_CSR, IGB_SYNC_SW_MB};
	uint32_t own = plx_igb_phy_lock_bit(hw), stale = 0;

	hw->locks = 0;
	if (semaphores_get(hw, NULL)) {
		if (plx_igb_alive(hw))
			return;
		force_semaphores(hw);
	} else {
		semaphores_put(hw);
	}
	/* The port's own PHY is locked by nobody else. */
	if (igb_read(hw, IGB_SW_FW_SYNC) & own)
		stale |= own;
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(shared); i++) {
		int ret;

		if (!(igb_read(hw, IGB_SW_FW_SYNC) & shared[i]))
			continue;
		ret = lock(hw, shared[i], NULL);
		if (ret == 0)
			plx_igb_unlock(hw, shared[i]);
		else if (ret == -ETIMEDOUT)
			stale |= shared[i];
	}
	if (!stale || plx_igb_alive(hw))
		return;
	igb_log(hw, PLX_LOG_NOTICE, "0x%x of SW_FW_SYNC was held by nobody that lives: freed",
		stale);
	if (semaphores_get(hw, NULL) == -ETIMEDOUT)
		force_semaphores(hw);
	igb_clear(hw, IGB_SW_FW_SYNC, stale);
	semaphores_put(hw);
}
