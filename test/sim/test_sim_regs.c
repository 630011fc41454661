/* SPDX-License-Identifier: BSD-3-Clause */
/* The model of the card: registers, resets, semaphores, NVM, PHY, link, clock, statistics. */
#include "sim_env.h"

#include <errno.h>

enum { GOOD_SUM = 0xbaba };

static const struct {
	const char *name;
	unsigned queues, macs, vectors, ports;
	uint32_t phy_id;
} parts[IGB_SIM_NB_TYPES] = {
	{"82576", 16, 24, 25, 2, 0x02a80390}, {"82580", 8, 24, 10, 4, 0x015403a0},
	{"I350", 8, 32, 25, 4, 0x015403b0},   {"I354", 8, 32, 25, 4, 0x01410ea0},
	{"I210", 4, 16, 5, 1, 0x01410c00},    {"I211", 2, 16, 5, 1, 0x01410c00},
};

/* ---- Locks, as software takes them ---- */

static void sync_take(struct env *e, uint32_t bits)
{
	cr_assert_eq(rd(e, R_SWSM) & SWSM_SMBI, 0);
	wr(e, R_SWSM, SWSM_SMBI | SWSM_SWESMBI);
	cr_assert(rd(e, R_SWSM) & SWSM_SWESMBI);
	wr(e, R_SW_FW_SYNC, rd(e, R_SW_FW_SYNC) | bits);
	wr(e, R_SWSM, 0);
}

static uint16_t nvm_word(struct env *e, unsigned word)
{
	wr(e, R_EERD, word << 2 | 1);
	for (unsigned i = 0; i < 100; i++) {
		uint32_t value = rd(e, R_EERD);

		if (value & BIT(1))
			return (uint16_t)(value >> 16);
	}
	cr_assert(false, "EERD of word %#x is not done", word);
	return 0;
}

static uint32_t mdic(struct env *e, uint32_t command)
{
	uint32_t value = 0;

	wr(e, R_MDIC, command | 1u << 21);
	for (unsigned i = 0; i < 100 && !(value & MDIC_READY); i++)
		value = rd(e, R_MDIC);
	return value;
}

static uint16_t phy_get(struct env *e, unsigned at)
{
	uint32_t value = mdic(e, 2u << 26 | at << 16);

	cr_assert_eq(value & (MDIC_READY | MDIC_ERROR), MDIC_READY, "register %u: %08x", at, value);
	return (uint16_t)value;
}

static void phy_set(struct env *e, unsigned at, uint16_t value)
{
	mdic(e, 1u << 26 | at << 16 | value);
}

/* ---- Which registers there are ---- */

Test(sim_regs, each_part_has_its_own)
{
	for (unsigned t = 0; t < IGB_SIM_NB_TYPES; t++) {
		struct env *e = env_new(t);

		rd(e, R_RXDCTL + 64 * (parts[t].queues - 1));
		rd(e, parts[t].macs > 16 ? R_RAL16 + 8 * (parts[t].macs - 17) : R_RAL + 8 * 15);
		rd(e, R_EITR + 4 * (parts[t].vectors - 1));
		env_clean(e);
		if (parts[t].queues < 16)
			rd(e, R_RXDCTL + 64 * parts[t].queues);
		else
			rd(e, R_DVMOLR);
		rd(e, R_RAL16 + 8 * (parts[t].macs - 16));
		wr(e, R_EITR + 4 * parts[t].vectors, 0);
		env_violated(e, IGB_SIM_V_UNKNOWN, 3);
		cr_assert_eq(igb_sim_nb_vectors(e->sim), parts[t].vectors);
		env_end(e);
	}
}

Test(sim_regs, ports_that_a_part_has_not_are_refused)
{
	for (unsigned t = 0; t < IGB_SIM_NB_TYPES; t++) {
		struct igb_sim_conf conf = {.type = t, .port = parts[t].ports - 1};
		struct igb_sim *sim;

		cr_assert_eq(igb_sim_create(&conf, &sim), 0);
		igb_sim_destroy(sim);
		conf.port++;
		cr_assert_eq(igb_sim_create(&conf, &sim), -EINVAL, "%s", parts[t].name);
	}
}

Test(sim_regs, reserved_and_read_only_bits)
{
	struct env *e = env_new(IGB_SIM_I350);

	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_SLU);
	wr(e, R_RLPML, 0x3fff);
	env_clean(e);
	wr(e, R_RLPML, 0x4000);
	env_violated(e, IGB_SIM_V_RESERVED, 1);
	cr_assert_eq(rd(e, R_RLPML), 0);
	wr(e, R_FWSM, 1);
	wr(e, S_GPRC, 1);
	env_violated(e, IGB_SIM_V_RESERVED, 2);
	plx_mmio_read64(e->bar + R_CTRL);
	env_violated(e, IGB_SIM_V_RESERVED, 1);
	rd(e, 0x1c000);
	wr(e, 0x1c000, 1);
	env_violated(e, IGB_SIM_V_UNKNOWN, 2);
	env_end(e);
}

Test(sim_regs, aliases_are_the_same_register)
{
	struct env *e = env_new(IGB_SIM_I350);

	wr(e, 0x280c + 0x100 * 2, 0x02000404);
	cr_assert_eq(rd(e, R_SRRCTL + 64 * 2), 0x02000404u);
	wr(e, 0x3828 + 0x100, 0x00010108);
	cr_assert_eq(rd(e, R_TXDCTL + 64), 0x00010108u);
	wr(e, 0x1508, ICR_LSC);
	cr_assert_eq(rd(e, R_IMS), ICR_LSC);
	env_clean(e);
	env_end(e);
}

Test(sim_regs, cards_are_told_apart)
{
	struct env *a = env_new(IGB_SIM_I350), *b = env_new(IGB_SIM_I210);

	wr(a, R_RLPML, 1);
	wr(b, R_RLPML, 2);
	cr_assert_eq(rd(a, R_RLPML), 1);
	cr_assert_eq(rd(b, R_RLPML), 2);
	env_end(a);
	cr_assert_eq(rd(b, R_RLPML), 2);
	env_end(b);
	cr_assert_null(plx_mmio_hook);
}

/* ---- Resets, master disable, decoding ---- */

Test(sim_regs, reset_brings_back_what_it_should)
{
	struct env *e = env_new(IGB_SIM_I350);

	wr(e, R_RCTL, RCTL_EN);
	wr(e, R_RAL, 0);
	wr(e, R_IMS, ICR_LSC);
	wr(e, R_CTRL, rd(e, R_CTRL) | BIT(26));
	cr_assert(rd(e, R_CTRL) & BIT(26), "RST falls at once");
	igb_sim_advance(e->sim, 3000000);
	cr_assert_eq(rd(e, R_CTRL) & BIT(26), 0);
	cr_assert_eq(rd(e, R_RCTL), 0);
	cr_assert_eq(rd(e, R_IMS), 0);
	cr_assert_eq(rd(e, R_RAL), 0x00c9a002u);
	cr_assert_eq(rd(e, R_RAH), 0x80000000u);
	cr_assert(rd(e, R_STATUS) & STATUS_DEV_RST_SET);
	wr(e, R_STATUS, STATUS_DEV_RST_SET);
	cr_assert_eq(rd(e, R_STATUS) & STATUS_DEV_RST_SET, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_RESET_STUCK, 1);
	wr(e, R_CTRL, rd(e, R_CTRL) | BIT(26));
	igb_sim_advance(e->sim, 1000000000);
	cr_assert(rd(e, R_CTRL) & BIT(26));
	env_clean(e);
	env_end(e);
}

Test(sim_regs, a_touch_right_after_a_reset_is_told)
{
	const struct igb_sim_conf conf = {.type = IGB_SIM_I350};
	struct env *e = env_new_conf(&conf);

	wr(e, R_CTRL, rd(e, R_CTRL) | BIT(26));
	rd(e, R_STATUS);
	env_violated(e, IGB_SIM_V_RESET, 1);
	wr(e, R_CTRL, rd(e, R_CTRL) | BIT(26));
	igb_sim_advance(e->sim, 1000000);
	rd(e, R_STATUS);
	env_clean(e);
	env_end(e);
}

Test(sim_regs, master_disable)
{
	struct env *e = env_new(IGB_SIM_I210);

	cr_assert(rd(e, R_STATUS) & STATUS_GIO_MASTER);
	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_GIO_MASTER_DISABLE);
	cr_assert_eq(rd(e, R_STATUS) & STATUS_GIO_MASTER, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_MASTER_STUCK, 1);
	cr_assert(rd(e, R_STATUS) & STATUS_GIO_MASTER);
	env_end(e);
}

Test(sim_regs, asleep_or_without_memory_space_it_does_not_decode)
{
	struct env *e = env_new(IGB_SIM_I350);

	cr_assert_eq(igb_sim_config_read(e->sim, 0, 4), 0x15218086u);
	igb_sim_config_write(e->sim, 0x44, 2, 3);
	cr_assert_eq(rd(e, R_STATUS), UINT32_MAX);
	igb_sim_config_write(e->sim, 0x44, 2, 0);
	cr_assert_neq(rd(e, R_STATUS), UINT32_MAX);
	igb_sim_config_write(e->sim, 4, 2, 4);
	wr(e, R_RLPML, 7);
	cr_assert_eq(rd(e, R_STATUS), UINT32_MAX);
	igb_sim_config_write(e->sim, 4, 2, 6);
	cr_assert_eq(rd(e, R_RLPML), 0x2600u);
	igb_sim_config_write(e->sim, 0xa8, 2, 0x8000);
	cr_assert_eq(igb_sim_config_read(e->sim, 4, 2), 0, "an FLR leaves the command register");
	env_end(e);
}

Test(sim_regs, gone)
{
	struct env *e = env_new(IGB_SIM_I350);

	igb_sim_fault(e->sim, IGB_SIM_F_GONE_ONES, 1);
	cr_assert_eq(rd(e, R_CTRL), UINT32_MAX);
	cr_assert_eq(igb_sim_config_read(e->sim, 0, 2), 0xffffu);
	igb_sim_fault(e->sim, IGB_SIM_F_GONE_ONES, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_GONE_ZEROS, 1);
	cr_assert_eq(rd(e, R_CTRL), 0);
	cr_assert_eq(igb_sim_config_read(e->sim, 0, 2), 0xffffu);
	igb_sim_fault(e->sim, IGB_SIM_F_GONE_ZEROS, 0);
	cr_assert_eq(rd(e, R_CTRL) & CTRL_FD, CTRL_FD);
	env_end(e);
}

/* ---- Semaphores ---- */

Test(sim_regs, semaphores)
{
	struct env *e = env_new(IGB_SIM_I350);

	sync_take(e, BIT(0));
	cr_assert_eq(rd(e, R_SW_FW_SYNC), BIT(0));
	env_clean(e);
	wr(e, R_SW_FW_SYNC, 0);
	env_violated(e, IGB_SIM_V_LOCK, 1);
	cr_assert_eq(rd(e, R_SWSM) & SWSM_SMBI, 0);
	cr_assert_eq(rd(e, R_SWSM) & SWSM_SMBI, SWSM_SMBI, "the second read has it too");
	igb_sim_fault(e->sim, IGB_SIM_F_SMBI_HELD, 1);
	wr(e, R_SWSM, 0);
	cr_assert_eq(rd(e, R_SWSM) & SWSM_SMBI, SWSM_SMBI);
	igb_sim_fault(e->sim, IGB_SIM_F_SMBI_HELD, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_SWESMBI_HELD, 1);
	rd(e, R_SWSM);
	wr(e, R_SWSM, SWSM_SMBI | SWSM_SWESMBI);
	cr_assert_eq(rd(e, R_SWSM) & SWSM_SWESMBI, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_SWESMBI_HELD, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_FW_SYNC, BIT(1));
	cr_assert_eq(rd(e, R_SW_FW_SYNC) >> 16, BIT(1));
	env_clean(e);
	env_end(e);
}

/* ---- NVM ---- */

Test(sim_regs, nvm_checksums_and_copies)
{
	static const uint16_t sections[] = {0, 0x80, 0xc0, 0x100};

	for (unsigned t = 0; t < IGB_SIM_NB_TYPES; t++) {
		struct env *e = env_new(t);
		unsigned nb = t >= IGB_SIM_82580 && t <= IGB_SIM_I354 ? 4 : 1;

		sync_take(e, BIT(0));
		for (unsigned s = 0; s < nb; s++) {
			uint16_t sum = 0;

			for (unsigned i = 0; i < 0x40; i++)
				sum = (uint16_t)(sum + nvm_word(e, sections[s] + i));
			cr_assert_eq(sum, GOOD_SUM, "%s, copy %u: %04x", parts[t].name, s, sum);
			cr_assert_eq(nvm_word(e, sections[s] + 2), s << 8, "address of port %u", s);
		}
		env_clean(e);
		env_end(e);
	}
}

Test(sim_regs, nvm_faults)
{
	struct env *e = env_new(IGB_SIM_I210);
	uint16_t sum;

	wr(e, R_EERD, 1);
	env_violated(e, IGB_SIM_V_LOCK, 1);
	igb_sim_advance(e->sim, 1000000);
	sync_take(e, BIT(0));
	sum = nvm_word(e, 0x3f);
	igb_sim_fault(e->sim, IGB_SIM_F_NVM_SUM, 1);
	cr_assert_eq(nvm_word(e, 0x3f), (uint16_t)(sum + 1));
	igb_sim_nvm_write(e->sim, 5, 0xabcd);
	cr_assert_eq(nvm_word(e, 5), 0xabcd);
	wr(e, R_EERD_I210, 5 << 2 | 1);
	igb_sim_advance(e->sim, 1000000);
	cr_assert_eq(rd(e, R_EERD_I210) >> 16, 0xabcdu);
	wr(e, R_EERD, 1);
	wr(e, R_EERD, 1);
	env_violated(e, IGB_SIM_V_BUSY, 1);
	igb_sim_fault(e->sim, IGB_SIM_F_NVM_STUCK, 1);
	igb_sim_advance(e->sim, 1000000000);
	cr_assert_eq(rd(e, R_EERD) & BIT(1), 0);
	env_end(e);
}

Test(sim_regs, one_time_memory_of_a_part_without_flash)
{
	const struct igb_sim_conf conf = {
		.type = IGB_SIM_I211, .clock = IGB_SIM_CLOCK_MANUAL, .flashless = true};
	struct env *e = env_new_conf(&conf);

	cr_assert_eq(rd(e, R_EECD_I210) & BIT(19), 0);
	cr_assert_eq(rd(e, R_INVM), 1u | 0xa002u << 16);
	cr_assert_eq(rd(e, R_INVM + 8), 1u | 2u << 9);
	env_clean(e);
	env_end(e);
}

/* ---- PHY and link ---- */

Test(sim_regs, phy_ids)
{
	for (unsigned t = 0; t < IGB_SIM_NB_TYPES; t++) {
		struct env *e = env_new(t);

		sync_take(e, BIT(1));
		cr_assert_eq(phy_get(e, 2), parts[t].phy_id >> 16);
		cr_assert_eq(phy_get(e, 3), parts[t].phy_id & 0xffff);
		env_clean(e);
		env_end(e);
	}
}

Test(sim_regs, mdic_wants_its_lock_and_its_time)
{
	const struct igb_sim_conf conf = {
		.type = IGB_SIM_I350, .clock = IGB_SIM_CLOCK_MANUAL, .port = 2};
	struct env *e = env_new_conf(&conf);

	sync_take(e, BIT(1));
	phy_get(e, 2);
	env_violated(e, IGB_SIM_V_LOCK, 1);
	sync_take(e, BIT(5));
	phy_get(e, 2);
	env_clean(e);
	wr(e, R_MDIC, 2u << 26);
	cr_assert_eq(rd(e, R_MDIC) & MDIC_READY, 0, "ready at once");
	wr(e, R_MDIC, 2u << 26);
	env_violated(e, IGB_SIM_V_BUSY, 1);
	igb_sim_advance(e->sim, 1000000);
	igb_sim_fault(e->sim, IGB_SIM_F_PHY_ERROR, 1);
	cr_assert(mdic(e, 2u << 26) & MDIC_ERROR);
	igb_sim_fault(e->sim, IGB_SIM_F_PHY_SILENT, 1);
	cr_assert_eq(mdic(e, 2u << 26) & MDIC_READY, 0);
	env_end(e);
}

Test(sim_regs, link_comes_after_its_delay)
{
	struct env *e = env_new(IGB_SIM_I350);

	sync_take(e, BIT(1));
	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_SLU);
	phy_set(e, 0, 0x1200);
	rd(e, R_ICR);
	igb_sim_advance(e->sim, 490000000);
	cr_assert_eq(rd(e, R_STATUS) & STATUS_LU, 0);
	cr_assert_eq(phy_get(e, 1) & 0x24, 0);
	igb_sim_advance(e->sim, 10000000);
	cr_assert_eq(rd(e, R_STATUS) & (STATUS_LU | STATUS_FD | 0xc0),
		     STATUS_LU | STATUS_FD | 0x80);
	cr_assert_eq(rd(e, R_ICR) & ICR_LSC, ICR_LSC);
	phy_get(e, 1);
	cr_assert_eq(phy_get(e, 1) & 0x24, 0x24u);
	igb_sim_plug(e->sim, false);
	cr_assert_eq(rd(e, R_STATUS) & STATUS_LU, 0);
	cr_assert_eq(rd(e, R_ICR) & ICR_LSC, ICR_LSC);
	igb_sim_plug(e->sim, true);
	igb_sim_advance(e->sim, 600000000);
	cr_assert_eq(phy_get(e, 1) & 4, 0, "that it was down is forgotten");
	cr_assert_eq(phy_get(e, 1) & 4, 4);
	env_clean(e);
	env_end(e);
}

Test(sim_regs, speed_and_pause_are_what_both_can)
{
	static const struct {
		unsigned partner;
		uint32_t status;
	} cases[] = {
		{IGB_SIM_1000F | IGB_SIM_100F, STATUS_FD | 2u << 6},
		{IGB_SIM_100F | IGB_SIM_100H | IGB_SIM_10H, STATUS_FD | 1u << 6},
		{IGB_SIM_100H | IGB_SIM_10F, 1u << 6},
		{IGB_SIM_10F | IGB_SIM_PAUSE, STATUS_FD},
		{IGB_SIM_10H, 0},
	};
	struct env *e = env_new(IGB_SIM_82580);

	sync_take(e, BIT(1));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		igb_sim_partner(e->sim, cases[i].partner);
		env_link(e);
		cr_assert_eq(rd(e, R_STATUS) & (STATUS_FD | 0xc0), cases[i].status, "case %u: %08x",
			     i, rd(e, R_STATUS));
		cr_assert_eq(!!(phy_get(e, 5) & 0x400), !!(cases[i].partner & IGB_SIM_PAUSE));
	}
	igb_sim_fault(e->sim, IGB_SIM_F_NO_LINK, 1);
	cr_assert_eq(rd(e, R_STATUS) & STATUS_LU, 0);
	env_end(e);
}

/* ---- The clock ---- */

static uint64_t systim(struct env *e, enum igb_sim_type type)
{
	uint64_t low;

	if (type != IGB_SIM_82576)
		rd(e, R_SYSTIMR);
	low = rd(e, R_SYSTIML);
	if (type >= IGB_SIM_I210)
		return low + rd(e, R_SYSTIMH) * UINT64_C(1000000000);
	return low | (uint64_t)rd(e, R_SYSTIMH) << 32;
}

Test(sim_regs, clock_runs_in_each_part)
{
	for (unsigned t = 0; t < IGB_SIM_NB_TYPES; t++) {
		struct env *e = env_new(t);
		uint64_t from, to, past;

		from = systim(e, t);
		igb_sim_advance(e->sim, 1000000);
		cr_assert_eq(systim(e, t), from, "%s: not started", parts[t].name);
		if (t == IGB_SIM_82576)
			wr(e, R_TIMINCA, 1u << 24 | 16u << 16);
		else
			wr(e, R_TSAUXC, 0);
		from = systim(e, t);
		igb_sim_advance(e->sim, UINT64_C(5000000000));
		to = systim(e, t);
		past = t == IGB_SIM_82576 ? (to - from) >> 16 : to - from;
		cr_assert(past >= UINT64_C(5000000000) && past < UINT64_C(5000100000), "%s: %llu",
			  parts[t].name, (unsigned long long)past);
		env_clean(e);
		env_end(e);
	}
}

Test(sim_regs, clock_is_set_and_adjusted)
{
	struct env *e = env_new(IGB_SIM_I350);
	uint64_t from, to;

	wr(e, R_TSAUXC, 0);
	wr(e, R_SYSTIML, 0x10);
	wr(e, R_SYSTIMH, 2);
	cr_assert_eq(systim(e, IGB_SIM_I350) >> 20, (UINT64_C(2) << 32) >> 20);
	from = systim(e, IGB_SIM_I350);
	wr(e, R_TIMADJL, 5000000);
	wr(e, R_TIMADJH, 0);
	to = systim(e, IGB_SIM_I350);
	cr_assert(to - from >= 5000000 && to - from < 5100000, "%llu",
		  (unsigned long long)(to - from));
	/* 1 % slow: 0.08 ns of each 8 */
	wr(e, R_TIMINCA, BIT(31) | (uint32_t)(0.08 * 4294967296.0));
	from = systim(e, IGB_SIM_I350);
	igb_sim_advance(e->sim, 1000000000);
	to = systim(e, IGB_SIM_I350);
	cr_assert(to - from > 989900000 && to - from < 990200000, "%llu",
		  (unsigned long long)(to - from));
	env_end(e);
}
