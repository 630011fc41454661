/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive-side scaling. Data sheets: "Receive Side Scaling" (I210: 7.1.2.10), MRQC, RSSRK, RETA
 * registers. The hash goes into the descriptor with RXCSUM.PCSD, which plx_igb_rx_setup() sets.
 *
 * The key's bytes lie in the registers as in memory of a little-endian machine; entry i of the
 * table is byte i.
 */
#include <errno.h>
#include <string.h>

#include "hw.h"

/* Microsoft's, of "Verifying the RSS Hash Calculation": tests and other drivers know it. */
static const uint8_t default_key[IGB_RSS_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* TCP over IPv6 by both of its bits, as Linux's igb: QEMU's card knows the second alone. */
static const struct {
	uint32_t type, mrqc;
} types[] = {
	{PLX_PORT_RSS_IPV4, IGB_MRQC_IPV4},
	{PLX_PORT_RSS_IPV4_TCP, IGB_MRQC_TCP_IPV4},
	{PLX_PORT_RSS_IPV4_UDP, IGB_MRQC_UDP_IPV4},
	{PLX_PORT_RSS_IPV6, IGB_MRQC_IPV6},
	{PLX_PORT_RSS_IPV6_TCP, IGB_MRQC_TCP_IPV6 | IGB_MRQC_TCP_IPV6_EX},
	{PLX_PORT_RSS_IPV6_UDP, IGB_MRQC_UDP_IPV6},
};

static uint32_t le32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static int check(struct igb_hw *hw, const struct plx_port_rss *rss)
{
	if (rss->types & ~(uint32_t)IGB_RSS_TYPES ||
	    (rss->key_bytes != 0 && rss->key_bytes != IGB_RSS_KEY_BYTES) ||
	    rss->reta_size != IGB_RETA_ENTRIES)
		goto refuse;
	for (unsigned i = 0; i < IGB_RETA_ENTRIES; i++) {
		if (rss->reta[i] >= hw->mac->nb_queues)
			goto refuse;
	}
	return 0;

refuse:
	igb_log(hw, PLX_LOG_ERR,
		"RSS: types 0x%x, key of %u bytes, table of %u: allowed are 0x%x, %u, %u with "
		"queues below %u",
		rss->types, rss->key_bytes, rss->reta_size, IGB_RSS_TYPES, IGB_RSS_KEY_BYTES,
		IGB_RETA_ENTRIES, hw->mac->nb_queues);
	return -EINVAL;
}

int plx_igb_rss_set(struct igb_hw *hw, const struct plx_port_rss *rss)
{
	const uint8_t *key = rss->key_bytes ? rss->key : default_key;
	uint32_t mrqc = IGB_MRQC_MODE_RSS;
	int ret;

	if (rss->types == 0) {
		igb_write(hw, IGB_MRQC, 0);
		return plx_igb_alive(hw);
	}
	ret = check(hw, rss);
	if (ret)
		return ret;
	for (unsigned i = 0; i < IGB_RSS_KEY_BYTES / 4; i++)
		igb_write(hw, IGB_RSSRK(i), le32(key + 4 * i));
	for (unsigned i = 0; i < IGB_RETA_ENTRIES / 4; i++)
		igb_write(hw, IGB_RETA(i), le32(rss->reta + 4 * i) << hw->mac->reta_shift);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(types); i++) {
		if (rss->types & types[i].type)
			mrqc |= types[i].mrqc;
	}
	igb_write(hw, IGB_MRQC, mrqc);
	return plx_igb_alive(hw);
}

void plx_igb_rss_get(struct igb_hw *hw, struct plx_port_rss *rss)
{
	uint32_t mrqc = igb_read(hw, IGB_MRQC);

	memset(rss, 0, sizeof(*rss));
	if ((mrqc & IGB_MRQC_MODE_MASK) != IGB_MRQC_MODE_RSS || plx_igb_suspect(hw, mrqc))
		return;
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(types); i++) {
		if (mrqc & types[i].mrqc)
			rss->types |= types[i].type;
	}
	rss->key_bytes = IGB_RSS_KEY_BYTES;
	rss->reta_size = IGB_RETA_ENTRIES;
	for (unsigned i = 0; i < IGB_RSS_KEY_BYTES; i++)
		rss->key[i] = (uint8_t)(igb_read(hw, IGB_RSSRK(i / 4)) >> 8 * (i & 3));
	for (unsigned i = 0; i < IGB_RETA_ENTRIES; i++)
		rss->reta[i] = (uint8_t)((igb_read(hw, IGB_RETA(i / 4)) >> hw->mac->reta_shift >>
					  8 * (i & 3)) &
					 15);
}
