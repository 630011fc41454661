/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frames a port takes: addresses, VLANs, lengths. */
#include <string.h>

#include "sim_private.h"

enum { FRAME_MAX = 1518, TAG_BYTES = 4 };

static bool is_broadcast(const uint8_t *mac)
{
	return memcmp(mac, "\xff\xff\xff\xff\xff\xff", 6) == 0;
}

static bool is_own(const struct igb_sim *sim, const uint8_t *mac)
{
	uint32_t low = (uint32_t)mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 |
		       (uint32_t)mac[3] << 24;
	uint32_t high = (uint32_t)mac[4] | (uint32_t)mac[5] << 8;

	for (unsigned i = 0; i < sim->part->nb_addresses; i++) {
		uint32_t at = i < 16 ? R_RAL + 8 * i : R_RAL16 + 8 * (i - 16);
		uint32_t rah = reg(sim, at + 4);

		if (rah & BIT(31) && reg(sim, at) == low && (rah & 0xffff) == high)
			return true;
	}
	return false;
}

/* Twelve bits of the address's last two bytes, by RCTL.MO. */
static bool is_in_table(const struct igb_sim *sim, const uint8_t *mac)
{
	static const unsigned shifts[] = {4, 3, 2, 0};
	unsigned shift = shifts[reg(sim, R_RCTL) >> 12 & 3];
	unsigned hash = (mac[4] >> shift | mac[5] << (8 - shift)) & 0xfff;

	return reg(sim, R_MTA + 4 * (hash >> 5)) >> (hash & 31) & 1;
}

static bool is_for_us(const struct igb_sim *sim, const uint8_t *mac)
{
	uint32_t rctl = reg(sim, R_RCTL);

	if (is_broadcast(mac))
		return rctl & RCTL_BAM || is_in_table(sim, mac);
	if (mac[0] & 1)
		return rctl & RCTL_MPE || is_own(sim, mac) || is_in_table(sim, mac);
	return rctl & RCTL_UPE || is_own(sim, mac);
}

bool sim_filter(const struct igb_sim *sim, const struct sim_frame *frame,
		const struct sim_packet *packet)
{
	unsigned vlan = packet->tag & 0xfff;

	if (!is_for_us(sim, frame->bytes))
		return false;
	if (!(reg(sim, R_RCTL) & RCTL_VFE) || packet->nb_tags == 0)
		return true;
	return reg(sim, R_VFTA + 4 * (vlan >> 5)) >> (vlan & 31) & 1;
}

bool sim_is_oversized(const struct igb_sim *sim, const struct sim_frame *frame,
		      const struct sim_packet *packet)
{
	uint32_t len = frame->len + SIM_FCS_BYTES;

	if (reg(sim, R_RCTL) & RCTL_LPE)
		return len > (reg(sim, R_RLPML) & 0x3fff);
	return len > FRAME_MAX + packet->nb_tags * TAG_BYTES;
}
