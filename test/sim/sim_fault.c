/* SPDX-License-Identifier: BSD-3-Clause */
/* Misbehaviour on command, violations, configuration space. */
#include <stdio.h>
#include <string.h>

#include "sim_private.h"

/* ---- Violations ---- */

void sim_violation(struct igb_sim *sim, enum igb_sim_violation kind, const char *fmt, ...)
{
	va_list args;

	sim->nb_violations[kind]++;
	if (sim->nb_texts == SIM_TEXTS)
		return;
	va_start(args, fmt);
	vsnprintf(sim->texts[sim->nb_texts++], SIM_TEXT_BYTES, fmt, args);
	va_end(args);
}

uint64_t igb_sim_violations(struct igb_sim *sim, enum igb_sim_violation kind)
{
	uint64_t nb = 0;

	sim_enter(sim);
	for (unsigned i = 0; i < IGB_SIM_NB_VIOLATIONS; i++)
		if (kind == i || kind == IGB_SIM_NB_VIOLATIONS)
			nb += sim->nb_violations[i];
	sim_leave(sim);
	return nb;
}

const char *igb_sim_violation_text(struct igb_sim *sim, unsigned i)
{
	const char *text;

	sim_enter(sim);
	text = i < sim->nb_texts ? sim->texts[i] : "";
	sim_leave(sim);
	return text;
}

void igb_sim_violations_forget(struct igb_sim *sim)
{
	sim_enter(sim);
	memset(sim->nb_violations, 0, sizeof(sim->nb_violations));
	sim->nb_texts = 0;
	sim_leave(sim);
}

struct igb_sim_drops igb_sim_drops(struct igb_sim *sim)
{
	struct igb_sim_drops drops;

	sim_enter(sim);
	drops = sim->drops;
	sim_leave(sim);
	return drops;
}

/* ---- Faults ---- */

void igb_sim_fault(struct igb_sim *sim, enum igb_sim_fault which, uint32_t value)
{
	if (which >= IGB_SIM_NB_FAULTS)
		return;
	sim_enter(sim);
	sim->faults[which] = value;
	if (which == IGB_SIM_F_SMBI_HELD && value == 0)
		reg_bits(sim, R_SWSM, SWSM_SMBI, 0);
	if (which == IGB_SIM_F_RESET_STUCK && value == 0)
		reg_bits(sim, R_CTRL, BIT(26) | BIT(29), 0);
	sim_tick(sim);
	sim_kick(sim);
	sim_leave(sim);
}

void sim_descriptor_done(struct igb_sim *sim)
{
	uint32_t *left = &sim->faults[IGB_SIM_F_GONE_AFTER];

	if (*left && --*left == 0)
		sim->faults[IGB_SIM_F_GONE_ONES] = 1;
}

/* ---- Configuration space ---- */

enum { CFG_COMMAND = 4, CFG_STATUS = 6, CFG_PM = 0x44, CFG_DEVCTL = 0xa8, CFG_DEVSTA = 0xaa };

uint32_t igb_sim_config_read(struct igb_sim *sim, unsigned offset, unsigned bytes)
{
	uint32_t value = UINT32_MAX;

	sim_enter(sim);
	if (!sim_is_gone(sim) && offset + bytes <= IGB_SIM_CONFIG_BYTES && bytes <= 4) {
		value = 0;
		memcpy(&value, sim->config + offset, bytes);
	}
	sim_leave(sim);
	return bytes < 4 ? value & ((1u << 8 * bytes) - 1) : value;
}

/* Bits of each byte that may be written; those of status registers are cleared by ones. */
static uint8_t writable(unsigned offset)
{
	static const struct {
		uint16_t offset;
		uint8_t mask;
	} bytes[] = {
		{CFG_COMMAND, 0x47},	{CFG_COMMAND + 1, 0x05},
		{0x0c, 0xff},		{0x3c, 0xff},
		{CFG_PM, 0x03},		{0x52, 0x71},
		{0x73, 0xc0},		{CFG_DEVCTL, 0xff},
		{CFG_DEVCTL + 1, 0xff}, {0xb0, 0xff},
		{0xc8, 0xff},
	};

	for (unsigned i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		if (bytes[i].offset == offset)
			return bytes[i].mask;
	return offset >= 0x10 && offset < 0x28 ? 0xff : 0;
}

static void config_byte(struct igb_sim *sim, unsigned offset, uint8_t value)
{
	uint8_t *at = &sim->config[offset], mask = writable(offset);

	if (offset == CFG_STATUS + 1 || offset == CFG_DEVSTA)
		*at = (uint8_t)(*at & ~value);
	else
		*at = (uint8_t)((*at & ~mask) | (value & mask));
}

static void flr(struct igb_sim *sim)
{
	memset(sim->config + CFG_COMMAND, 0, 2);
	sim->config[CFG_STATUS + 1] = 0;
	sim->config[CFG_PM] &= 0xfc;
	sim->config[CFG_DEVCTL + 1] &= 0x7f;
	sim_reset(sim);
	sim_tick(sim);
	/* 100 ms have passed, says who may touch it again. */
	sim->touch_ns = 0;
}

void igb_sim_config_write(struct igb_sim *sim, unsigned offset, unsigned bytes, uint32_t value)
{
	sim_enter(sim);
	if (!sim_is_gone(sim) && offset + bytes <= IGB_SIM_CONFIG_BYTES && bytes <= 4)
		for (unsigned i = 0; i < bytes; i++)
			config_byte(sim, offset + i, (uint8_t)(value >> (8 * i)));
	if (sim->config[CFG_DEVCTL + 1] & 0x80)
		flr(sim);
	sim_kick(sim);
	sim_leave(sim);
}

void igb_sim_flr(struct igb_sim *sim)
{
	sim_enter(sim);
	flr(sim);
	sim_leave(sim);
}
