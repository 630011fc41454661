/* SPDX-License-Identifier: BSD-3-Clause */
/* The model of the card: causes, vectors, auto-clear, auto-mask, throttling. */
#include "sim_env.h"

static unsigned told[IGB_SIM_VECTORS_MAX];

static void on_intr(void *arg, unsigned vector)
{
	(void)arg;
	told[vector]++;
}

/* The vectors told since the last time, one bit each. */
static uint32_t take(void)
{
	uint32_t bits = 0;

	for (unsigned v = 0; v < IGB_SIM_VECTORS_MAX; v++)
		bits |= told[v] ? BIT(v) : 0;
	memset(told, 0, sizeof(told));
	return bits;
}

static struct env *msix_new(enum igb_sim_type type)
{
	struct env *e = env_new(type);

	memset(told, 0, sizeof(told));
	igb_sim_intr_mode(e->sim, IGB_SIM_MSIX, on_intr, NULL);
	wr(e, R_GPIE, GPIE_MSIX | GPIE_NSICR | BIT(31) | GPIE_EIAME);
	return e;
}

static void inject_one(struct env *e)
{
	uint8_t frame[128];
	uint32_t len = frame_ipv4(frame, env_mac, 17, 1, 2, 3, 4, 60);

	cr_assert_eq(igb_sim_inject(e->sim, frame, len, 0), 0);
}

/* A queue's vector is where IVAR says, in the shape of the part. */
Test(sim_intr, queues_have_the_vectors_of_their_part)
{
	static const struct {
		enum igb_sim_type type;
		unsigned queue, ivar, shift;
	} cases[] = {
		{IGB_SIM_82576, 1, 1, 0}, {IGB_SIM_82576, 2, 2, 0}, {IGB_SIM_I350, 1, 0, 16},
		{IGB_SIM_I350, 2, 1, 0},  {IGB_SIM_I210, 3, 1, 16},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct env *e = msix_new(cases[i].type);
		unsigned q = cases[i].queue;

		env_link(e);
		wr(e, R_IVAR + 4 * cases[i].ivar, (0x80u | 3) << cases[i].shift);
		wr(e, R_EIMS, BIT(3));
		wr(e, R_EIAC, BIT(3));
		wr(e, R_MRQC, 2 | BIT(17));
		for (unsigned k = 0; k < 32; k++)
			wr(e, R_RETA + 4 * k, q * 0x01010101u);
		wr(e, R_DVMOLR + 64 * q, cases[i].type == IGB_SIM_82576 ? 0 : BIT(31));
		igb_sim_violations_forget(e->sim); /* the 82576 has no DVMOLR */
		env_rx(e, q, RCTL_SECRC, 0);
		inject_one(e);
		cr_assert(env_took(e, q, NULL), "case %u: no frame", i);
		cr_assert_eq(take(), BIT(3), "case %u", i);
		env_clean(e);
		env_end(e);
	}
}

Test(sim_intr, auto_clear_and_auto_mask)
{
	struct env *e = msix_new(IGB_SIM_I350);

	wr(e, R_EIMS, BIT(1) | BIT(2));
	wr(e, R_EIAC, BIT(1));
	wr(e, R_EICS, BIT(1));
	wr(e, R_EICS, BIT(1));
	cr_assert_eq(told[1], 2);
	cr_assert_eq(rd(e, R_EICR), 0);
	take();
	/* Without: once, until it is cleared. */
	wr(e, R_EICS, BIT(2));
	wr(e, R_EICS, BIT(2));
	cr_assert_eq(told[2], 1);
	wr(e, R_EICR, BIT(2));
	wr(e, R_EICS, BIT(2));
	cr_assert_eq(told[2], 2);
	/* Masked as it is told. */
	wr(e, R_EIAM, BIT(1));
	wr(e, R_EICS, BIT(1));
	cr_assert_eq(told[1], 1);
	cr_assert_eq(rd(e, R_EIMS) & BIT(1), 0);
	wr(e, R_EICS, BIT(1));
	cr_assert_eq(told[1], 1);
	wr(e, R_EIMS, BIT(1));
	cr_assert_eq(told[1], 2, "what waited behind the mask is lost");
	env_clean(e);
	env_end(e);
}

Test(sim_intr, eitr_keeps_its_interval)
{
	struct env *e = msix_new(IGB_SIM_I350);

	wr(e, R_EITR + 4, 100 << 2); /* 100 us */
	wr(e, R_EIMS, BIT(1));
	wr(e, R_EIAC, BIT(1));
	for (unsigned i = 0; i < 5; i++)
		wr(e, R_EICS, BIT(1));
	cr_assert_eq(told[1], 1);
	igb_sim_advance(e->sim, 90000);
	cr_assert_eq(told[1], 1);
	igb_sim_advance(e->sim, 20000);
	cr_assert_eq(told[1], 2);
	igb_sim_advance(e->sim, 1000000);
	cr_assert_eq(told[1], 2);
	env_end(e);
}

Test(sim_intr, link_comes_by_ivar_misc_and_needs_icr_read)
{
	struct env *e = msix_new(IGB_SIM_I210);

	wr(e, R_IVAR_MISC, 0x80u << 8);
	wr(e, R_EIMS, BIT(0));
	wr(e, R_EIAC, BIT(0));
	wr(e, R_IMS, ICR_LSC);
	env_link(e);
	cr_assert_eq(take(), BIT(0));
	igb_sim_plug(e->sim, false);
	cr_assert_eq(take(), 0, "an edge while ICR still holds the last");
	cr_assert_eq(rd(e, R_ICR) & ICR_LSC, ICR_LSC);
	cr_assert_eq(rd(e, R_ICR), 0);
	igb_sim_plug(e->sim, true);
	igb_sim_advance(e->sim, 1000000000);
	cr_assert_eq(take(), BIT(0));
	env_clean(e);
	env_end(e);
}

Test(sim_intr, without_msix_reads_clear_when_asked)
{
	struct env *e = env_new(IGB_SIM_I350);

	memset(told, 0, sizeof(told));
	igb_sim_intr_mode(e->sim, IGB_SIM_MSI, on_intr, NULL);
	wr(e, R_IMS, ICR_LSC);
	/* A cause that is not enabled: nobody was asked, the read leaves it. */
	wr(e, R_ICS, ICR_RXO);
	cr_assert_eq(take(), 0);
	cr_assert_eq(rd(e, R_ICR), ICR_RXO);
	cr_assert_eq(rd(e, R_ICR), ICR_RXO);
	wr(e, R_ICS, ICR_LSC);
	cr_assert_eq(take(), BIT(0));
	cr_assert_eq(rd(e, R_ICR), ICR_RXO | ICR_LSC | BIT(31));
	cr_assert_eq(rd(e, R_ICR), 0);
	env_end(e);
}

Test(sim_intr, intx_is_a_level_behind_a_mask)
{
	struct env *e = env_new(IGB_SIM_I350);

	memset(told, 0, sizeof(told));
	igb_sim_intr_mode(e->sim, IGB_SIM_INTX, on_intr, NULL);
	wr(e, R_IMS, ICR_LSC);
	wr(e, R_ICS, ICR_LSC);
	cr_assert_eq(told[0], 1);
	igb_sim_intx_unmask(e->sim);
	cr_assert_eq(told[0], 2, "the level is still there");
	rd(e, R_ICR);
	igb_sim_intx_unmask(e->sim);
	cr_assert_eq(told[0], 2);
	env_end(e);
}

Test(sim_intr, messages_get_lost_on_command)
{
	struct env *e = msix_new(IGB_SIM_I350);

	igb_sim_fault(e->sim, IGB_SIM_F_INTR_LOST, 1);
	wr(e, R_EIMS, BIT(4));
	wr(e, R_EIAC, BIT(4));
	wr(e, R_EICS, BIT(4));
	cr_assert_eq(take(), 0);
	wr(e, R_EICS, BIT(4));
	cr_assert_eq(take(), BIT(4));
	cr_assert_eq(igb_sim_intr_count(e->sim, 4), 1);
	env_end(e);
}
