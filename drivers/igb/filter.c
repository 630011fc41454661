/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frames come in by their destination address.
 *
 * Data sheets: "Packet Filtering" (I210: 7.1.1), RAL/RAH, MTA, UTA, RCTL.UPE, MPE, MO.
 *
 * RAR 0 is the port's own address. The others compare exactly, unicast ones first, then multicast;
 * multicast ones that find no room go by hash. Where unicast ones find none the unicast filter is
 * off. The unicast hash table (UTA) stays empty: it takes part with VMDq pools only.
 */
#include <errno.h>
#include <string.h>

#include "hw.h"
#include "nvm.h"

static bool is_group(const uint8_t *mac)
{
	return mac[0] & 1;
}

uint32_t plx_igb_mta_hash(const uint8_t mac[IGB_MAC_BYTES])
{
	return ((uint32_t)mac[4] >> 4 | (uint32_t)mac[5] << 4) & 0xfff;
}

/* A register that is written while receiving: low, flush, high, flush, as the valid bit is in the
 * second. The old address is taken out first, so that a mixture is never valid. */
static void write_rar(struct igb_hw *hw, unsigned n, uint32_t low, uint32_t high)
{
	if (igb_read(hw, IGB_RAL(n)) == low && igb_read(hw, IGB_RAH(n)) == high)
		return;
	igb_write(hw, IGB_RAH(n), 0);
	igb_flush(hw);
	igb_write(hw, IGB_RAL(n), low);
	igb_flush(hw);
	igb_write(hw, IGB_RAH(n), high);
	igb_flush(hw);
}

static void set_rar(struct igb_hw *hw, unsigned n, const uint8_t *mac)
{
	uint32_t low =
		mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;

	write_rar(hw, n, low, mac[4] | (uint32_t)mac[5] << 8 | IGB_RAH_AV);
}

uint32_t plx_igb_filter_rctl(const struct igb_hw *hw)
{
	const struct igb_filters *f = &hw->filters;
	uint32_t rctl = IGB_RCTL_BAM;

	if (f->promisc)
		rctl |= IGB_RCTL_UPE | IGB_RCTL_MPE;
	if (f->allmulti)
		rctl |= IGB_RCTL_MPE;
	if (f->overflow)
		rctl |= IGB_RCTL_UPE;
	if (f->vlan_filter)
		rctl |= IGB_RCTL_VFE;
	return rctl;
}

static void update_rctl(struct igb_hw *hw)
{
	uint32_t rctl = igb_read(hw, IGB_RCTL);
	uint32_t bits = IGB_RCTL_BAM | IGB_RCTL_UPE | IGB_RCTL_MPE | IGB_RCTL_VFE;

	igb_write(hw, IGB_RCTL, (rctl & ~(bits | IGB_RCTL_MO_MASK)) | plx_igb_filter_rctl(hw));
}

enum { REGISTERS_MAX = 32 }; /* of any part */

/* Addresses of a kind for registers from @at on; returns the next free one. */
static unsigned choose(const struct igb_hw *hw, const uint8_t **chosen, unsigned at, bool group)
{
	const struct igb_filters *f = &hw->filters;

	for (unsigned i = 0; i < f->nb; i++) {
		if (is_group(f->address[i]) == group && at < hw->mac->nb_addresses)
			chosen[at++] = f->address[i];
	}
	return at;
}

/*
 * An address that moves is in its new register before it leaves the old one. One more address moves
 * others up, so the highest register comes first; one less moves them down. Returns the first
 * register that is free.
 */
static unsigned place(struct igb_hw *hw, bool is_one_more)
{
	const uint8_t *chosen[REGISTERS_MAX];
	unsigned end = choose(hw, chosen, choose(hw, chosen, 1, false), true);

	for (unsigned i = 1; i < end; i++) {
		unsigned n = is_one_more ? end - i : i;

		set_rar(hw, n, chosen[n]);
	}
	return end;
}

/*
 * Hash bits that are needed are set before an address leaves its register, and cleared at the end:
 * frames to an address that stays are never refused meanwhile.
 */
static void place_all(struct igb_hw *hw, bool is_one_more)
{
	struct igb_filters *f = &hw->filters;
	uint32_t old[IGB_TABLE_WORDS];
	unsigned at, unicast = 0;
	bool overflow;

	memcpy(old, f->mta, sizeof(old));
	memset(f->mta, 0, sizeof(f->mta));
	for (unsigned i = 0; i < f->nb; i++)
		unicast += !is_group(f->address[i]);
	overflow = 1 + unicast > hw->mac->nb_addresses;
	for (unsigned i = 0, group = 0; i < f->nb; i++) {
		uint32_t hash = plx_igb_mta_hash(f->address[i]);

		if (!is_group(f->address[i]) || 1 + unicast + group++ < hw->mac->nb_addresses)
			continue;
		f->mta[hash >> 5] |= PLX_BIT(hash & 31);
	}
	for (unsigned i = 0; i < IGB_TABLE_WORDS; i++) {
		if (f->mta[i] & ~old[i])
			igb_write(hw, IGB_MTA(i), f->mta[i] | old[i]);
	}
	at = place(hw, is_one_more);
	for (; at < hw->mac->nb_addresses; at++)
		write_rar(hw, at, 0, 0);
	for (unsigned i = 0; i < IGB_TABLE_WORDS; i++) {
		if (f->mta[i] != old[i])
			igb_write(hw, IGB_MTA(i), f->mta[i]);
	}
	if (overflow && !f->overflow)
		igb_log(hw, PLX_LOG_NOTICE,
			"%u unicast addresses, the %s compares %u: all unicast frames come in",
			unicast + 1, hw->mac->name, hw->mac->nb_addresses);
	f->overflow = overflow;
	update_rctl(hw);
}

void plx_igb_filters_restore(struct igb_hw *hw)
{
	struct igb_filters *f = &hw->filters;

	set_rar(hw, 0, f->own);
	for (unsigned i = 0; i < IGB_TABLE_WORDS; i++) {
		igb_write(hw, IGB_MTA(i), 0);
		igb_write(hw, IGB_UTA(i), 0);
	}
	memset(f->mta, 0, sizeof(f->mta));
	place_all(hw, false);
	plx_igb_vlans_restore(hw);
	igb_flush(hw);
}

int plx_igb_mac_set(struct igb_hw *hw, const uint8_t mac[IGB_MAC_BYTES])
{
	uint8_t was[IGB_MAC_BYTES];
	int ret;

	if (!plx_igb_mac_is_usable(mac))
		return -EINVAL;
	memcpy(was, hw->filters.own, IGB_MAC_BYTES);
	memcpy(hw->filters.own, mac, IGB_MAC_BYTES);
	set_rar(hw, 0, mac);
	ret = plx_igb_alive(hw);
	if (ret)
		memcpy(hw->filters.own, was, IGB_MAC_BYTES);
	return ret;
}

static int find(const struct igb_hw *hw, const uint8_t *mac)
{
	for (unsigned i = 0; i < hw->filters.nb; i++) {
		if (memcmp(hw->filters.address[i], mac, IGB_MAC_BYTES) == 0)
			return (int)i;
	}
	return -ENOENT;
}

int plx_igb_mac_add(struct igb_hw *hw, const uint8_t mac[IGB_MAC_BYTES])
{
	struct igb_filters *f = &hw->filters, was = *f;
	int ret;

	if (!is_group(mac) && !plx_igb_mac_is_usable(mac))
		return -EINVAL;
	if (find(hw, mac) >= 0 || memcmp(mac, f->own, IGB_MAC_BYTES) == 0)
		return -EEXIST;
	if (f->nb + 1 >= IGB_ADDRESSES_MAX)
		return -ENOSPC;
	memcpy(f->address[f->nb++], mac, IGB_MAC_BYTES);
	place_all(hw, true);
	ret = plx_igb_alive(hw);
	/* Nobody heard it; a reset gives the registers what is remembered. */
	if (ret)
		*f = was;
	return ret;
}

int plx_igb_mac_del(struct igb_hw *hw, const uint8_t mac[IGB_MAC_BYTES])
{
	struct igb_filters *f = &hw->filters, was = *f;
	int at = find(hw, mac), ret;

	if (at < 0)
		return at;
	f->nb--;
	memmove(f->address[at], f->address[at + 1], (f->nb - (unsigned)at) * sizeof(f->address[0]));
	place_all(hw, false);
	ret = plx_igb_alive(hw);
	if (ret)
		*f = was;
	return ret;
}

void plx_igb_promisc_set(struct igb_hw *hw, bool on)
{
	hw->filters.promisc = on;
	update_rctl(hw);
}

void plx_igb_allmulti_set(struct igb_hw *hw, bool on)
{
	hw->filters.allmulti = on;
	update_rctl(hw);
}

void plx_igb_vlan_filter(struct igb_hw *hw, bool on)
{
	hw->filters.vlan_filter = on;
	update_rctl(hw);
}
