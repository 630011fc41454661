/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts: causes (ICR), extended causes (EICR, one a vector with MSI-X), masks, auto-clear and
 * auto-mask, throttling (EITR), and how they reach the host.
 */
#include <string.h>

#include "sim_private.h"

enum { IVAR_VALID = 0x80, IVAR_VECTOR = 0x1f, CTRL_EXT_IAME = BIT(27) };

void sim_intr_reset(struct igb_sim *sim)
{
	memset(sim->intr_ready_ns, 0, sizeof(sim->intr_ready_ns));
	sim->intr_sent = 0;
	sim->is_ic_sent = false;
	sim->is_intx_masked = false;
}

/* ---- To the host ---- */

static void message(struct igb_sim *sim, unsigned vector)
{
	if (sim->intr_mode == IGB_SIM_INTX) {
		if (sim->is_intx_masked || sim->config[5] & 4)
			return;
		sim->is_intx_masked = true;
	}
	if (fault(sim, IGB_SIM_F_INTR_LOST)) {
		sim->faults[IGB_SIM_F_INTR_LOST]--;
		return;
	}
	sim->intr_count[vector]++;
	if (sim->intr_fn && sim->intr_mode != IGB_SIM_INTR_NONE)
		sim->intr_fn(sim->intr_arg, vector);
}

static bool is_msix(const struct igb_sim *sim)
{
	return reg(sim, R_GPIE) & GPIE_MSIX;
}

static uint64_t eitr_ns(const struct igb_sim *sim, unsigned vector)
{
	uint64_t us = reg(sim, R_EITR + 4 * vector) >> 2 & 0x1fff;

	return us * 1000 * (sim->conf.qemu ? 4 : 1);
}

/* Extended causes that are set, enabled and not told yet. */
static uint32_t waiting(const struct igb_sim *sim)
{
	return reg(sim, R_EICR) & reg(sim, R_EIMS) & ~sim->intr_sent & 0x01ffffff;
}

static void msix_tick(struct igb_sim *sim)
{
	for (unsigned v = 0; v < sim->part->nb_vectors; v++) {
		if (!(waiting(sim) & BIT(v)) || sim->now_ns < sim->intr_ready_ns[v])
			continue;
		sim->intr_ready_ns[v] = sim->now_ns + eitr_ns(sim, v);
		sim->intr_sent |= BIT(v);
		/* Auto-clear and auto-mask happen as the message goes out. */
		if (reg(sim, R_EIAC) & BIT(v)) {
			reg_bits(sim, R_EICR, BIT(v), 0);
			sim->intr_sent &= ~BIT(v);
		}
		if (reg(sim, R_GPIE) & GPIE_EIAME && !sim->conf.qemu)
			reg_bits(sim, R_EIMS, reg(sim, R_EIAM) & BIT(v), 0);
		message(sim, v < IGB_SIM_VECTORS_MAX ? v : 0);
	}
}

static bool is_legacy_asked(const struct igb_sim *sim)
{
	return (reg(sim, R_ICR) & reg(sim, R_IMS)) ||
	       (reg(sim, R_EICR) & reg(sim, R_EIMS) & 0x01ffffff);
}

static void legacy_tick(struct igb_sim *sim)
{
	if (!is_legacy_asked(sim)) {
		sim->is_ic_sent = false;
		return;
	}
	/* A level for INTx: the host's mask decides. An edge for MSI. */
	if ((sim->is_ic_sent && sim->intr_mode != IGB_SIM_INTX) ||
	    sim->now_ns < sim->intr_ready_ns[0])
		return;
	if (sim->intr_mode == IGB_SIM_INTX && sim->is_intx_masked)
		return;
	sim->is_ic_sent = true;
	sim->intr_ready_ns[0] = sim->now_ns + eitr_ns(sim, 0);
	message(sim, 0);
}

void sim_intr_tick(struct igb_sim *sim)
{
	sim->intr_sent &= reg(sim, R_EICR);
	if (is_msix(sim))
		msix_tick(sim);
	else
		legacy_tick(sim);
}

uint64_t sim_intr_next_ns(const struct igb_sim *sim)
{
	uint64_t next = SIM_NEVER;

	if (!is_msix(sim))
		return is_legacy_asked(sim) && !sim->is_ic_sent ? sim->intr_ready_ns[0] : next;
	for (unsigned v = 0; v < sim->part->nb_vectors; v++)
		if (waiting(sim) & BIT(v) && sim->intr_ready_ns[v] < next)
			next = sim->intr_ready_ns[v];
	return next;
}

/* ---- Causes ---- */

static void extended(struct igb_sim *sim, uint32_t bits)
{
	if (is_msix(sim) && bits & 0x01ffffff & ~(BIT(sim->part->nb_vectors) - 1))
		sim_violation(sim, IGB_SIM_V_CONF, "EICR %08x: the %s has %u vectors", bits,
			      sim->part->name, sim->part->nb_vectors);
	/* A cause that is set already is no new edge. */
	reg_bits(sim, R_EICR, 0, bits);
	sim_intr_tick(sim);
}

static void other_cause(struct igb_sim *sim)
{
	uint32_t ivar = reg(sim, R_IVAR_MISC) >> 8;

	if (!is_msix(sim))
		reg_bits(sim, R_EICR, 0, EICR_OTHER);
	else if (ivar & IVAR_VALID)
		extended(sim, BIT(ivar & IVAR_VECTOR));
}

void sim_cause(struct igb_sim *sim, uint32_t icr)
{
	uint32_t old = reg(sim, R_ICR);

	reg_set(sim, R_ICR, old | icr);
	if (icr & ~old & reg(sim, R_IMS))
		other_cause(sim);
	sim_intr_tick(sim);
}

/* A cause that waited behind its mask comes now. */
static void ims_set(struct igb_sim *sim, uint32_t bits)
{
	bits &= ~reg(sim, R_IMS);
	reg_bits(sim, R_IMS, 0, bits);
	if (reg(sim, R_ICR) & bits)
		other_cause(sim);
}

static uint32_t ivar_of(const struct igb_sim *sim, unsigned queue, bool is_tx)
{
	unsigned at, byte;

	if (sim->part->ivar_paired) {
		at = queue >> 1;
		byte = 2 * (queue & 1) + is_tx;
	} else {
		at = queue & 7;
		byte = 2 * (queue >= 8) + is_tx;
	}
	return reg(sim, R_IVAR + 4 * at) >> (8 * byte) & 0xff;
}

uint64_t sim_intr_interval_ns(const struct igb_sim *sim, unsigned queue, bool is_tx)
{
	uint32_t ivar = ivar_of(sim, queue, is_tx);
	unsigned vector = ivar & IVAR_VECTOR;

	if (!(ivar & IVAR_VALID) || vector >= sim->part->nb_vectors)
		return 0;
	return eitr_ns(sim, vector);
}

void sim_cause_queue(struct igb_sim *sim, unsigned queue, bool is_tx)
{
	uint32_t ivar = ivar_of(sim, queue, is_tx);

	if (ivar & IVAR_VALID)
		extended(sim, BIT(ivar & IVAR_VECTOR));
	if (!is_msix(sim))
		sim_cause(sim, is_tx ? ICR_TXDW : ICR_RXDW);
}

void igb_sim_cause(struct igb_sim *sim, uint32_t icr)
{
	sim_enter(sim);
	sim_cause(sim, icr);
	sim_leave(sim);
}

/* ---- Registers ---- */

uint32_t sim_icr_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset), ims = reg(sim, R_IMS);
	bool is_asked = value & ims;

	(void)i;
	if (is_asked)
		value |= BIT(31);
	/* Selective clear: a read by who was not asked leaves the causes. */
	if (is_asked || ims == 0 || reg(sim, R_GPIE) & GPIE_NSICR) {
		reg_set(sim, offset, 0);
		reg_bits(sim, R_EICR, EICR_OTHER, 0);
	}
	if (is_asked && reg(sim, R_CTRL_EXT) & CTRL_EXT_IAME)
		reg_bits(sim, R_IMS, reg(sim, R_IAM), 0);
	sim_intr_tick(sim);
	return value;
}

/* Without MSI-X reading clears; with it software writes. */
uint32_t sim_eicr_read(struct igb_sim *sim, uint32_t offset, unsigned i)
{
	uint32_t value = reg(sim, offset);

	(void)i;
	if (!is_msix(sim))
		reg_set(sim, offset, 0);
	sim_intr_tick(sim);
	return value;
}

void sim_intr_write(struct igb_sim *sim, uint32_t offset, unsigned i, uint32_t value)
{
	switch (offset) {
	case R_ICR:
		reg_bits(sim, R_ICR, value, 0);
		break;
	case R_ICS:
		sim_cause(sim, value);
		break;
	case R_IMS:
		ims_set(sim, value);
		break;
	case R_IMC:
		reg_bits(sim, R_IMS, value, 0);
		break;
	case R_EICS:
		extended(sim, value);
		break;
	case R_EIMS:
		reg_bits(sim, R_EIMS, 0, value);
		break;
	case R_EIMC:
		reg_bits(sim, R_EIMS, value, 0);
		break;
	case R_EICR:
		reg_bits(sim, R_EICR, value, 0);
		break;
	default: /* EITR */
		reg_set(sim, offset, value);
		sim->intr_ready_ns[i] = sim->now_ns;
		break;
	}
	sim_intr_tick(sim);
}

/* ---- The host's side ---- */

void igb_sim_intr_mode(struct igb_sim *sim, enum igb_sim_intr mode, igb_sim_intr_fn fn, void *arg)
{
	sim_enter(sim);
	sim->intr_mode = mode;
	sim->intr_fn = fn;
	sim->intr_arg = arg;
	sim->is_intx_masked = false;
	sim_intr_tick(sim);
	sim_leave(sim);
}

void igb_sim_intx_unmask(struct igb_sim *sim)
{
	sim_enter(sim);
	sim->is_intx_masked = false;
	sim_intr_tick(sim);
	sim_leave(sim);
}

bool igb_sim_has_messages(struct igb_sim *sim)
{
	return !sim->conf.intx_only;
}

unsigned igb_sim_nb_vectors(struct igb_sim *sim)
{
	return sim->conf.qemu && sim->part->nb_vectors > 10 ? 10 : sim->part->nb_vectors;
}

uint64_t igb_sim_intr_count(struct igb_sim *sim, unsigned vector)
{
	uint64_t count;

	sim_enter(sim);
	count = vector < IGB_SIM_VECTORS_MAX ? sim->intr_count[vector] : 0;
	sim_leave(sim);
	return count;
}
