/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VLAN filter: a bit for each of 4096. Data sheets: "VLAN Filter Table Array - VFTA",
 * RCTL.VFE.
 *
 * I350 and I354: a write of VFTA can get lost while frames come in (specification update), so it is
 * repeated; writing the same value again does no harm.
 */
#include <errno.h>

#include "hw.h"

static void write_word(struct igb_hw *hw, unsigned i)
{
	for (unsigned n = 0; n < hw->mac->vfta_writes; n++)
		igb_write(hw, IGB_VFTA(i), hw->filters.vfta[i]);
	igb_flush(hw);
}

int plx_igb_vlan_set(struct igb_hw *hw, unsigned vlan, bool on)
{
	uint32_t *word, bit = PLX_BIT(vlan & 31);

	if (vlan > 4095)
		return -EINVAL;
	word = &hw->filters.vfta[vlan >> 5];
	*word = on ? *word | bit : *word & ~bit;
	write_word(hw, vlan >> 5);
	return plx_igb_alive(hw);
}

void plx_igb_vlans_restore(struct igb_hw *hw)
{
	for (unsigned i = 0; i < IGB_TABLE_WORDS; i++)
		write_word(hw, i);
}
