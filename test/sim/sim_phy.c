/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MDIO and the copper PHY (IEEE 802.3 clauses 22 and 28): registers, autonegotiation with whoever
 * is at the other end, the link.
 */
#include <string.h>

#include "sim_private.h"

enum {
	MDIC_NS = 64000,
	PHY_ADDR = 1,
	REG_BMCR = 0,
	REG_BMSR = 1,
	REG_ID1 = 2,
	REG_ID2 = 3,
	REG_ADVERT = 4,
	REG_PARTNER = 5,
	REG_GIG_CTRL = 9,
	REG_GIG_STATUS = 10,
	REG_EXT_STATUS = 15,
	REG_COPPER_STATUS = 17,
	REG_PAGE = 22,
	REG_STATUS_2 = 26,
	BMCR_RESET = 0x8000,
	BMCR_AUTONEG = 0x1000,
	BMCR_POWER_DOWN = 0x0800,
	BMCR_RESTART = 0x0200,
	BMSR_CAN = 0x7949,
	BMSR_DONE = 0x20,
	BMSR_LINK = 0x04,
	PHPM_GO_LINKD = 0x20,
	SPEEDS = IGB_SIM_10H | IGB_SIM_10F | IGB_SIM_100H | IGB_SIM_100F | IGB_SIM_1000F,
};

static bool has_pages(const struct igb_sim *sim)
{
	return sim->conf.type >= IGB_SIM_I354;
}

/* Bits 5..8, 10, 11 of register 4, bit 9 of register 9. */
static unsigned abilities_of(uint16_t advert, uint16_t gig)
{
	return (advert >> 5 & 15) | (gig & 0x200 ? IGB_SIM_1000F : 0) | (advert >> 10 & 3) << 5;
}

static bool is_powered(const struct igb_sim *sim)
{
	return !(sim->phy[0][REG_BMCR] & BMCR_POWER_DOWN) && !(reg(sim, R_PHPM) & PHPM_GO_LINKD);
}

unsigned sim_phy_partner(const struct igb_sim *sim)
{
	struct igb_sim *peer = __atomic_load_n(&sim->peer, __ATOMIC_ACQUIRE);

	if (!sim->is_plugged || !is_powered(sim) || fault(sim, IGB_SIM_F_NO_LINK))
		return 0;
	return peer ? __atomic_load_n(&peer->abilities, __ATOMIC_ACQUIRE) : sim->partner;
}

static unsigned common(const struct igb_sim *sim)
{
	return sim_phy_partner(sim) &
	       abilities_of(sim->phy[0][REG_ADVERT], sim->phy[0][REG_GIG_CTRL]);
}

/* 0, 1, 2: 10, 100, 1000 Mb/s. */
static unsigned speed(unsigned abilities)
{
	return abilities & IGB_SIM_1000F ? 2 : abilities & (IGB_SIM_100F | IGB_SIM_100H) ? 1 : 0;
}

static bool is_full(unsigned abilities)
{
	static const unsigned full[] = {IGB_SIM_10F, IGB_SIM_100F, IGB_SIM_1000F};

	return abilities & full[speed(abilities)];
}

/* What the other end sees of this one; it has to look. */
static void publish(struct igb_sim *sim)
{
	struct igb_sim *peer = __atomic_load_n(&sim->peer, __ATOMIC_ACQUIRE);
	unsigned mine = 0;

	if (sim->is_plugged && is_powered(sim))
		mine = abilities_of(sim->phy[0][REG_ADVERT], sim->phy[0][REG_GIG_CTRL]);
	if (__atomic_exchange_n(&sim->abilities, mine, __ATOMIC_ACQ_REL) != mine && peer)
		sim_kick(peer);
}

void sim_phy_restart(struct igb_sim *sim)
{
	sim->is_phy_up = false;
	sim->was_link_low = true;
	sim->is_negotiating = true;
	sim->link_ns = SIM_NEVER;
	publish(sim);
	sim_phy_tick(sim);
}

void sim_phy_init(struct igb_sim *sim)
{
	uint16_t *regs = sim->phy[0];

	memset(sim->phy, 0, sizeof(sim->phy));
	regs[REG_BMCR] = BMCR_AUTONEG | 0x0140;
	regs[REG_ID1] = (uint16_t)(sim->part->phy_id >> 16);
	regs[REG_ID2] = (uint16_t)(sim->part->phy_id | (sim->conf.qemu ? 1 : 0));
	regs[REG_ADVERT] = 0x0de1;
	regs[REG_GIG_CTRL] = 0x0200;
	regs[REG_EXT_STATUS] = 0x3000;
	sim_phy_restart(sim);
	/* The emulation waits to be asked. */
	if (sim->conf.qemu) {
		sim->is_negotiating = false;
		sim->link_ns = SIM_NEVER;
	}
}

void sim_link_update(struct igb_sim *sim)
{
	bool is_up = sim->is_phy_up && reg(sim, R_CTRL) & CTRL_SLU;
	unsigned both = common(sim);

	if (is_up == sim->is_link_up)
		return;
	sim->is_link_up = is_up;
	reg_bits(sim, R_STATUS, STATUS_LU | STATUS_FD | 3u << 6, 0);
	if (is_up)
		reg_bits(sim, R_STATUS, 0,
			 STATUS_LU | (is_full(both) ? STATUS_FD : 0) | speed(both) << 6);
	if (is_up && sim->conf.qemu)
		reg_bits(sim, R_CTRL, 0, CTRL_RFCE | CTRL_TFCE);
	if (!is_up)
		sim->pause_ns = 0;
	sim_cause(sim, ICR_LSC);
	sim_kick(sim);
}

void sim_phy_tick(struct igb_sim *sim)
{
	bool can = common(sim) & SPEEDS;

	if (!can) {
		sim->was_link_low |= sim->is_phy_up;
		sim->is_phy_up = false;
		sim->link_ns = SIM_NEVER;
	} else if (!sim->is_phy_up && sim->is_negotiating) {
		if (sim->link_ns == SIM_NEVER)
			sim->link_ns = sim->now_ns + sim->conf.link_delay_us * UINT64_C(1000);
		if (sim->now_ns >= sim->link_ns) {
			sim->is_phy_up = true;
			sim->link_ns = SIM_NEVER;
		}
	}
	sim_link_update(sim);
}

/* ---- Registers ---- */

static uint16_t partner_register(const struct igb_sim *sim)
{
	unsigned partner = sim_phy_partner(sim);

	if (!sim->is_phy_up)
		return 0;
	return (uint16_t)(0x4001 | (partner & 15) << 5 | (partner >> 5 & 3) << 10);
}

static uint16_t phy_read(struct igb_sim *sim, unsigned page, unsigned at)
{
	unsigned both = common(sim);
	uint16_t value = sim->phy[page][at];

	if (page != 0)
		return at == REG_PAGE ? (uint16_t)page : value;
	switch (at) {
	case REG_BMSR:
		value = BMSR_CAN;
		if (sim->is_phy_up)
			value |= BMSR_DONE;
		if (sim->conf.qemu || (sim->is_phy_up && !sim->was_link_low))
			value |= BMSR_LINK;
		sim->was_link_low = !sim->is_phy_up;
		return value;
	case REG_PARTNER:
		return partner_register(sim);
	case REG_GIG_STATUS:
		if (!sim->is_phy_up || !(sim_phy_partner(sim) & IGB_SIM_1000F))
			return 0;
		return 0x3800;
	case REG_COPPER_STATUS:
		if (!sim->is_phy_up)
			return value;
		return (uint16_t)(speed(both) << 14 | (is_full(both) ? 0x2000 : 0) | 0x0c00);
	case REG_STATUS_2:
		return sim->is_phy_up ? (uint16_t)(speed(both) << 8) : 0;
	default:
		return value;
	}
}

static void bmcr_write(struct igb_sim *sim, uint16_t value)
{
	uint16_t old = sim->phy[0][REG_BMCR];

	if (value & BMCR_RESET) {
		sim_phy_init(sim);
		return;
	}
	sim->phy[0][REG_BMCR] = (uint16_t)(value & ~BMCR_RESTART);
	if (value & BMCR_RESTART || (value ^ old) & (BMCR_POWER_DOWN | BMCR_AUTONEG))
		sim_phy_restart(sim);
}

static void phy_write(struct igb_sim *sim, unsigned page, unsigned at, uint16_t value)
{
	if (at == REG_PAGE && has_pages(sim)) {
		sim->phy[0][REG_PAGE] = (uint16_t)(value % SIM_PHY_PAGES);
		return;
	}
	if (page != 0) {
		sim->phy[page][at] = value;
		return;
	}
	switch (at) {
	case REG_BMCR:
		bmcr_write(sim, value);
		return;
	case REG_BMSR:
	case REG_ID1:
	case REG_ID2:
	case REG_PARTNER:
	case REG_GIG_STATUS:
	case REG_EXT_STATUS:
		return;
	default:
		sim->phy[0][at] = value;
	}
}

void sim_phpm_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	uint32_t old = reg(sim, offset);

	(void)i;
	reg_set(sim, offset, value);
	if ((old ^ value) & PHPM_GO_LINKD)
		sim_phy_restart(sim);
}

static uint32_t lock_bit(const struct igb_sim *sim)
{
	static const uint32_t bits[] = {BIT(1), BIT(2), BIT(5), BIT(6)};

	return bits[sim->part->has_lan_phy_lock ? sim->conf.port : 0];
}

static bool is_answered(const struct igb_sim *sim, uint32_t mdic)
{
	if (fault(sim, IGB_SIM_F_PHY_ERROR))
		return false;
	if (sim->part->has_mdicnfg)
		return !(reg(sim, R_MDICNFG) & BIT(31));
	return (mdic >> 21 & 31) == PHY_ADDR;
}

void sim_mdic_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	unsigned at = value >> 16 & 31, op = value >> 26 & 3;
	unsigned page = has_pages(sim) ? sim->phy[0][REG_PAGE] : 0;

	(void)i;
	if (sim->now_ns < sim->mdic_ns)
		sim_violation(sim, IGB_SIM_V_BUSY, "MDIC written before the last one was ready");
	if (!(reg(sim, R_SW_FW_SYNC) & lock_bit(sim)) && !sim->conf.qemu)
		sim_violation(sim, IGB_SIM_V_LOCK, "MDIC without the lock of the PHY");
	if (op != 1 && op != 2) {
		sim_violation(sim, IGB_SIM_V_RESERVED, "MDIC %08x: no such operation", value);
		return;
	}
	sim->mdic_ns = sim->now_ns + (sim->conf.qemu ? 0 : MDIC_NS);
	value &= ~(MDIC_READY | MDIC_ERROR);
	if (!is_answered(sim, value))
		value |= MDIC_ERROR;
	else if (op == 1)
		phy_write(sim, page, at, (uint16_t)value);
	else
		value = (value & ~0xffffu) | phy_read(sim, page, at);
	reg_set(sim, offset, value);
}

uint32_t sim_mdic_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset);

	(void)i;
	if (fault(sim, IGB_SIM_F_PHY_SILENT) || sim->now_ns < sim->mdic_ns)
		return value & ~(MDIC_READY | MDIC_ERROR);
	return value | MDIC_READY;
}
