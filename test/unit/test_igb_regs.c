/* SPDX-License-Identifier: BSD-3-Clause */
/* What is written where: filters, VLANs, RSS, interrupt routes, LEDs, units; on a memory image. */
#include "igb_image.h"

static struct igb_hw hw;

static void start(void)
{
	image_start(&hw, IGB_I350);
}

TestSuite(igb_regs, .init = start);

static void address(uint8_t *mac, bool group, unsigned n)
{
	const uint8_t to[] = {group ? 0x01 : 0x02, 0x10, 0x20, 0x30, (uint8_t)(n >> 8), (uint8_t)n};

	memcpy(mac, to, sizeof(to));
}

/* The register that holds an address, or -1. */
static int rar_of(const uint8_t *mac)
{
	uint32_t low = mac[0] | mac[1] << 8 | mac[2] << 16 | (uint32_t)mac[3] << 24;
	uint32_t high = IGB_RAH_AV | mac[4] | mac[5] << 8;

	for (unsigned i = 0; i < hw.mac->nb_addresses; i++) {
		if (*image_reg(IGB_RAL(i)) == low && *image_reg(IGB_RAH(i)) == high)
			return (int)i;
	}
	return -1;
}

static bool mta_has(const uint8_t *mac)
{
	uint32_t hash = plx_igb_mta_hash(mac);

	return *image_reg(IGB_MTA(hash >> 5)) >> (hash & 31) & 1;
}

static unsigned mta_bits(void)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < IGB_TABLE_WORDS; i++)
		nb += (unsigned)__builtin_popcount(*image_reg(IGB_MTA(i)));
	return nb;
}

Test(igb_regs, own_address_is_in_register_0)
{
	const uint8_t mac[] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

	cr_assert_eq(plx_igb_mac_set(&hw, mac), 0);
	assert_reg(IGB_RAL(0), 0x33221102);
	assert_reg(IGB_RAH(0), IGB_RAH_AV | 0x5544);
	cr_assert_eq(plx_igb_mac_set(&hw, (const uint8_t *)"\x01\0\0\0\0\1"), -EINVAL);
	cr_assert_eq(plx_igb_mac_set(&hw, (const uint8_t *)"\0\0\0\0\0\0"), -EINVAL);
	assert_reg(IGB_RAL(0), 0x33221102);
}

Test(igb_regs, addresses_fill_registers_then_the_hash_table)
{
	uint8_t mac[IGB_MAC_BYTES];

	for (unsigned i = 0; i < 20; i++) {
		address(mac, false, i);
		cr_assert_eq(plx_igb_mac_add(&hw, mac), 0, "%u", i);
		address(mac, true, i);
		cr_assert_eq(plx_igb_mac_add(&hw, mac), 0, "%u", i);
	}
	/* 32 registers: the own address, 20 unicast, 11 multicast; 9 by hash. */
	for (unsigned i = 0; i < 20; i++) {
		address(mac, false, i);
		cr_assert_geq(rar_of(mac), 1, "unicast %u", i);
		address(mac, true, i);
		cr_assert(rar_of(mac) >= 1 || mta_has(mac), "multicast %u", i);
		cr_assert_eq(rar_of(mac) >= 1, i < 11, "multicast %u: %d", i, rar_of(mac));
	}
	cr_assert_eq(mta_bits(), 9, "%u", mta_bits());
	cr_assert_eq(*image_reg(IGB_RCTL) & IGB_RCTL_UPE, 0);
	address(mac, true, 3);
	cr_assert_eq(plx_igb_mac_add(&hw, mac), -EEXIST);
	cr_assert_eq(plx_igb_mac_add(&hw, hw.filters.own), -EEXIST);

	/* One multicast less: another takes its register, its hash bit goes. */
	cr_assert_eq(plx_igb_mac_del(&hw, mac), 0);
	cr_assert_eq(plx_igb_mac_del(&hw, mac), -ENOENT);
	cr_assert_eq(rar_of(mac), -1);
	cr_assert_eq(mta_bits(), 8, "%u", mta_bits());
	assert_no_line();
}

Test(igb_regs, more_unicast_than_registers_opens_the_filter)
{
	uint8_t mac[IGB_MAC_BYTES];

	for (unsigned i = 1; i < IGB_ADDRESSES_MAX; i++) {
		address(mac, false, i);
		cr_assert_eq(plx_igb_mac_add(&hw, mac), 0, "%u", i);
		cr_assert_eq(!!(*image_reg(IGB_RCTL) & IGB_RCTL_UPE), i > 31, "%u", i);
	}
	assert_one_line("igb", PLX_LOG_NOTICE, "0000:01:00.0", "all unicast");
	address(mac, false, 999);
	cr_assert_eq(plx_igb_mac_add(&hw, mac), -ENOSPC);
	for (unsigned i = 32; i < IGB_ADDRESSES_MAX; i++) {
		address(mac, false, i);
		cr_assert_eq(plx_igb_mac_del(&hw, mac), 0, "%u", i);
	}
	cr_assert_eq(*image_reg(IGB_RCTL) & IGB_RCTL_UPE, 0, "it stays open");
}

Test(igb_regs, modes)
{
	const uint32_t all = IGB_RCTL_UPE | IGB_RCTL_MPE | IGB_RCTL_VFE;

	*image_reg(IGB_RCTL) = IGB_RCTL_EN | IGB_RCTL_SECRC;
	plx_igb_promisc_set(&hw, true);
	cr_assert_eq(*image_reg(IGB_RCTL) & all, IGB_RCTL_UPE | IGB_RCTL_MPE);
	plx_igb_allmulti_set(&hw, true);
	plx_igb_promisc_set(&hw, false);
	cr_assert_eq(*image_reg(IGB_RCTL) & all, IGB_RCTL_MPE);
	plx_igb_vlan_filter(&hw, true);
	plx_igb_allmulti_set(&hw, false);
	assert_reg(IGB_RCTL, IGB_RCTL_EN | IGB_RCTL_SECRC | IGB_RCTL_VFE | IGB_RCTL_BAM);
}

Test(igb_regs, vlans)
{
	cr_assert_eq(plx_igb_vlan_set(&hw, 0, true), 0);
	cr_assert_eq(plx_igb_vlan_set(&hw, 4095, true), 0);
	cr_assert_eq(plx_igb_vlan_set(&hw, 4096, true), -EINVAL);
	cr_assert_eq(plx_igb_vlan_set(&hw, 33, true), 0);
	cr_assert_eq(plx_igb_vlan_set(&hw, 34, true), 0);
	cr_assert_eq(plx_igb_vlan_set(&hw, 33, false), 0);
	assert_reg(IGB_VFTA(0), 1);
	assert_reg(IGB_VFTA(1), 4);
	assert_reg(IGB_VFTA(127), 0x80000000);
}

/* As after a reset: tables hold what they held, and what was asked for is there again. */
Test(igb_regs, filters_come_back_after_a_reset)
{
	uint8_t mac[IGB_MAC_BYTES], group[IGB_MAC_BYTES];

	address(mac, false, 7);
	address(group, true, 8);
	cr_assert_eq(plx_igb_mac_add(&hw, mac), 0);
	cr_assert_eq(plx_igb_mac_add(&hw, group), 0);
	cr_assert_eq(plx_igb_vlan_set(&hw, 100, true), 0);
	for (unsigned i = 0; i < IGB_TABLE_WORDS; i++)
		*image_reg(IGB_MTA(i)) = *image_reg(IGB_UTA(i)) = *image_reg(IGB_VFTA(i)) = ~i;
	for (unsigned i = 0; i < hw.mac->nb_addresses; i++)
		*image_reg(IGB_RAH(i)) = IGB_RAH_AV | i;
	plx_igb_filters_restore(&hw);
	cr_assert_eq(rar_of(hw.filters.own), 0);
	cr_assert_eq(rar_of(mac), 1);
	cr_assert_eq(rar_of(group), 2);
	for (unsigned i = 3; i < hw.mac->nb_addresses; i++)
		assert_reg(IGB_RAH(i), 0);
	for (unsigned i = 0; i < IGB_TABLE_WORDS; i++) {
		assert_reg(IGB_MTA(i), 0);
		assert_reg(IGB_UTA(i), 0);
		assert_reg(IGB_VFTA(i), i == 3 ? 16 : 0);
	}
}

Test(igb_regs, rss_key_table_and_types)
{
	struct plx_port_rss rss = {.types = PLX_PORT_RSS_IPV4 | PLX_PORT_RSS_IPV6_UDP,
				   .key_bytes = 40,
				   .reta_size = 128};
	struct plx_port_rss back;

	for (unsigned i = 0; i < 40; i++)
		rss.key[i] = (uint8_t)(i + 1);
	for (unsigned i = 0; i < 128; i++)
		rss.reta[i] = (uint8_t)(i * 5 % 8);
	cr_assert_eq(plx_igb_rss_set(&hw, &rss), 0);
	assert_reg(IGB_RSSRK(0), 0x04030201);
	assert_reg(IGB_RSSRK(9), 0x28272625);
	assert_reg(IGB_RETA(0), 0x07020500);
	assert_reg(IGB_MRQC, 2 | IGB_MRQC_IPV4 | IGB_MRQC_UDP_IPV6);
	plx_igb_rss_get(&hw, &back);
	cr_assert_eq(back.types, rss.types, "0x%x", back.types);
	cr_assert_eq(back.key_bytes, 40);
	cr_assert_arr_eq(back.key, rss.key, 40);
	cr_assert_arr_eq(back.reta, rss.reta, 128);

	rss.types = 0;
	cr_assert_eq(plx_igb_rss_set(&hw, &rss), 0);
	assert_reg(IGB_MRQC, 0);
	plx_igb_rss_get(&hw, &back);
	cr_assert_eq(back.types, 0);
	cr_assert_eq(back.reta_size, 0);
}

/* TCP over IPv6 has two, as with Linux's igb: QEMU's card hashes by the second alone. */
Test(igb_regs, rss_types_have_their_bits)
{
	uint32_t seen = 0;

	for (unsigned i = 0; i < 6; i++) {
		struct plx_port_rss rss = {.types = 1u << i, .reta_size = 128};
		uint32_t bits;

		cr_assert_eq(plx_igb_rss_set(&hw, &rss), 0);
		bits = *image_reg(IGB_MRQC) & ~IGB_MRQC_MODE_MASK;
		cr_assert_eq(__builtin_popcount(bits), 1u << i == PLX_PORT_RSS_IPV6_TCP ? 2 : 1,
			     "type %u: 0x%x", i, bits);
		if (1u << i == PLX_PORT_RSS_IPV6_TCP)
			cr_assert_eq(bits, IGB_MRQC_TCP_IPV6 | IGB_MRQC_TCP_IPV6_EX);
		cr_assert_eq(bits & seen, 0, "type %u: 0x%x", i, bits);
		seen |= bits;
	}
	assert_reg(IGB_RSSRK(0), 0xda565a6d); /* the driver's own key */
}

Test(igb_regs, rss_refuses)
{
	struct plx_port_rss rss = {.types = PLX_PORT_RSS_IPV4, .reta_size = 128};

	rss.reta[127] = 8;
	cr_assert_eq(plx_igb_rss_set(&hw, &rss), -EINVAL);
	assert_one_line("igb", PLX_LOG_ERR, "RSS", "below 8");
	rss.reta[127] = 7;
	cr_assert_eq(plx_igb_rss_set(&hw, &rss), 0);
	rss.key_bytes = 39;
	cr_assert_eq(plx_igb_rss_set(&hw, &rss), -EINVAL);
	rss.key_bytes = 0;
	rss.reta_size = 64;
	cr_assert_eq(plx_igb_rss_set(&hw, &rss), -EINVAL);
	rss.reta_size = 128;
	rss.types = 1 << 6;
	cr_assert_eq(plx_igb_rss_set(&hw, &rss), -EINVAL);
}

/* Vector of a receive queue by the layout of each part. */
static uint32_t route_of(unsigned q)
{
	uint32_t reg = hw.mac->ivar_paired ? IGB_IVAR(q / 2) : IGB_IVAR(q & 7);
	unsigned shift = hw.mac->ivar_paired ? 16 * (q & 1) : 16 * (q / 8);

	return *image_reg(reg) >> shift & 0xff;
}

Test(igb_regs, msix_routes)
{
	for (unsigned type = 0; type < IGB_NB_MACS; type++) {
		unsigned nb;

		image_start(&hw, type);
		nb = hw.mac->nb_queues > 9 ? 9 : hw.mac->nb_queues;
		for (unsigned i = 0; i < 8; i++)
			*image_reg(IGB_IVAR(i)) = UINT32_MAX;
		cr_assert_eq(plx_igb_intr_setup(&hw, IGB_INTR_MSIX, nb), 0);
		for (unsigned q = 0; q < nb; q++)
			cr_assert_eq(route_of(q), 0x80 | (1 + q), "%s queue %u: 0x%x", hw.mac->name,
				     q, route_of(q));
		for (unsigned q = nb; q < hw.mac->nb_queues; q++)
			cr_assert_eq(route_of(q), 0, "%s queue %u", hw.mac->name, q);
		assert_reg(IGB_IVAR_MISC, 0x8000);
		assert_reg(IGB_EIAC, (2u << nb) - 1);
		assert_reg(IGB_EIAM, (2u << nb) - 2);
		cr_assert(*image_reg(IGB_GPIE) & IGB_GPIE_MSIX);
	}
}

/* Transmit causes are never routed: the bytes between are 0. */
Test(igb_regs, single_vector_routes)
{
	for (unsigned type = 0; type < IGB_NB_MACS; type++) {
		image_start(&hw, type);
		cr_assert_eq(plx_igb_intr_setup(&hw, IGB_INTR_INTX, 0), 0);
		for (unsigned q = 0; q < hw.mac->nb_queues; q++)
			cr_assert_eq(route_of(q), 0x80, "%s queue %u", hw.mac->name, q);
		for (unsigned i = 0; i < 8; i++)
			cr_assert_eq(*image_reg(IGB_IVAR(i)) & 0xff00ff00, 0);
		assert_reg(IGB_GPIE, IGB_GPIE_NSICR);
	}
	cr_assert_eq(plx_igb_intr_setup(&hw, IGB_INTR_MSI, 1), -EINVAL);
	cr_assert_eq(plx_igb_intr_setup(&hw, IGB_INTR_MSIX, hw.mac->nb_queues + 1), -EINVAL);
}

Test(igb_regs, arming)
{
	cr_assert_eq(plx_igb_intr_setup(&hw, IGB_INTR_MSIX, 8), 0);
	plx_igb_intr_rxq(&hw, 7, true);
	assert_reg(IGB_EIMS, 1 << 8);
	plx_igb_intr_rxq(&hw, 2, false);
	assert_reg(IGB_EIMC, 1 << 3);
	plx_igb_intr_other(&hw, true);
	assert_reg(IGB_EIMS, 1);
	cr_assert(*image_reg(IGB_IMS) & IGB_INT_LSC);
	plx_igb_intr_throttle(&hw, 3, 100);
	assert_reg(IGB_EITR(3), IGB_EITR_CNT_IGNR | 400);
	plx_igb_intr_throttle(&hw, 3, 100000);
	assert_reg(IGB_EITR(3), IGB_EITR_CNT_IGNR | 0x7ffc);
	plx_igb_intr_off(&hw);
	assert_reg(IGB_EIMC, UINT32_MAX);
	assert_reg(IGB_IMC, UINT32_MAX);
	assert_reg(IGB_EIAC, 0);
}

Test(igb_regs, causes)
{
	static const struct {
		uint32_t icr, cause;
	} some[] = {
		{IGB_INT_LSC | IGB_INT_INTA, IGB_CAUSE_LINK},
		{IGB_INT_DRSTA, IGB_CAUSE_RESET},
		{IGB_INT_FER, IGB_CAUSE_FATAL},
		{IGB_INT_DOUTSYNC | IGB_INT_RXDW, IGB_CAUSE_FATAL | IGB_CAUSE_RX},
		{IGB_INT_INTA, 0},
		{0, 0},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(some); i++) {
		*image_reg(IGB_ICR) = some[i].icr;
		cr_assert_eq(plx_igb_intr_causes(&hw), some[i].cause, "0x%x", some[i].icr);
	}
	*image_reg(IGB_ICR) = *image_reg(IGB_STATUS) = UINT32_MAX;
	image.config_gone = true;
	cr_assert_eq(plx_igb_intr_causes(&hw), IGB_CAUSE_GONE);
}

Test(igb_regs, leds)
{
	hw.ledctl = 0x07068302;
	plx_igb_led(&hw, IGB_LED_ON);
	assert_reg(IGB_LEDCTL, 0x0e0e0e0e);
	plx_igb_led(&hw, IGB_LED_BLINKING);
	assert_reg(IGB_LEDCTL, 0x8e8e8e8e);
	plx_igb_led(&hw, IGB_LED_OFF);
	assert_reg(IGB_LEDCTL, 0x0f0f0f0f);
	plx_igb_led(&hw, IGB_LED_NORMAL);
	assert_reg(IGB_LEDCTL, 0x07068302);
	hw.ledctl = 0x40404040; /* low-active ones stay so */
	plx_igb_led(&hw, IGB_LED_ON);
	assert_reg(IGB_LEDCTL, 0x4e4e4e4e);
}

Test(igb_regs, receive_unit)
{
	struct igb_rx_conf conf = {.max_frame_bytes = 1522};

	cr_assert_eq(plx_igb_rx_setup(&hw, &conf), 0);
	assert_reg(IGB_RLPML, 1522);
	assert_reg(IGB_RXCSUM, IGB_RXCSUM_PCSD);
	assert_reg(IGB_RCTL, IGB_RCTL_LPE | IGB_RCTL_SECRC | IGB_RCTL_BAM);
	for (unsigned q = 0; q < 8; q++)
		assert_reg(IGB_DVMOLR(q), IGB_DVMOLR_STRCRC);
	conf = (struct igb_rx_conf){.max_frame_bytes = 9728,
				    .ip_csum = true,
				    .l4_csum = true,
				    .vlan_strip = true,
				    .stamps = true,
				    .loopback = true};
	cr_assert_eq(plx_igb_rx_setup(&hw, &conf), 0);
	assert_reg(IGB_RXCSUM,
		   IGB_RXCSUM_PCSD | IGB_RXCSUM_IPOFL | IGB_RXCSUM_TUOFL | IGB_RXCSUM_CRCOFL);
	cr_assert(*image_reg(IGB_CTRL) & IGB_CTRL_VME);
	cr_assert(*image_reg(IGB_RCTL) & IGB_RCTL_LBM_MAC);
	assert_reg(IGB_TSYNCRXCTL, IGB_TSYNCRXCTL_EN | 4 << 1);
	conf.max_frame_bytes = 9729;
	cr_assert_eq(plx_igb_rx_setup(&hw, &conf), -EINVAL);
	conf.max_frame_bytes = 63;
	cr_assert_eq(plx_igb_rx_setup(&hw, &conf), -EINVAL);
	image_start(&hw, IGB_82576);
	conf.max_frame_bytes = 1522;
	cr_assert_eq(plx_igb_rx_setup(&hw, &conf), -ENOTSUP);
	assert_one_line("igb", PLX_LOG_ERR, "82576", "stamp");
}

/* XOFF leaves room for two frames, and 10 % at least. */
Test(igb_regs, flow_control_marks)
{
	static const struct {
		uint32_t buffer, frame, high;
	} some[] = {{36 * 1024, 1522, 33168}, {36 * 1024, 9728, 17408}, {16 * 1024, 9728, 32}};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(some); i++) {
		hw.rx_buffer_bytes = some[i].buffer;
		hw.max_frame_bytes = some[i].frame;
		plx_igb_fc_setup(&hw);
		assert_reg(IGB_FCRTH, some[i].high);
		assert_reg(IGB_FCRTL, (some[i].high - 16) | IGB_FCRTL_XONE);
	}
	assert_reg(IGB_FCAL, 0x00c28001);
	assert_reg(IGB_FCT, 0x8808);
}

Test(igb_regs, the_i210_has_three_leds)
{
	image_start(&hw, IGB_I210);
	hw.ledctl = 0x00830602;
	plx_igb_led(&hw, IGB_LED_BLINKING);
	assert_reg(IGB_LEDCTL, 0x008e8e8e);
}
