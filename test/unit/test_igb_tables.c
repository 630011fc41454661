/* SPDX-License-Identifier: BSD-3-Clause */
/* The rows of MAC types and ids, and the pure functions: pause, multicast hash. */
#include <criterion/criterion.h>
#include <hw.h>
#include <phy.h>

Test(igb_tables, each_type_has_a_whole_row)
{
	for (unsigned i = 0; i < IGB_NB_MACS; i++) {
		const struct igb_mac *mac = &plx_igb_macs[i];

		cr_assert_eq(mac->type, i, "row %u is of type %u", i, mac->type);
		cr_assert_not_null(mac->name);
		cr_assert(mac->nb_queues >= 2 && mac->nb_queues <= IGB_QUEUES_MAX, "%s: %u",
			  mac->name, mac->nb_queues);
		cr_assert(mac->nb_addresses >= 16 && mac->nb_addresses <= 32, "%s", mac->name);
		cr_assert(mac->max_rx_ring && mac->max_tx_ring && mac->max_frame_bytes, "%s",
			  mac->name);
		cr_assert(mac->eerd && mac->eecd && mac->eemngctl && mac->nvm_sections, "%s",
			  mac->name);
		cr_assert_gt(mac->vfta_writes, 0, "%s: VLAN filters would never be written",
			     mac->name);
		cr_assert_gt(mac->rx.prefetch, 0, "%s", mac->name);
		cr_assert_eq(mac->tx.write_back, 0, "%s: all would be written back", mac->name);
	}
}

Test(igb_tables, ids_are_told_apart)
{
	static const struct {
		uint16_t device;
		enum igb_mac_type mac;
		enum igb_media media;
	} some[] = {
		{0x10c9, IGB_82576, IGB_MEDIA_COPPER},	{0x1521, IGB_I350, IGB_MEDIA_COPPER},
		{0x150e, IGB_82580, IGB_MEDIA_COPPER},	{0x1533, IGB_I210, IGB_MEDIA_COPPER},
		{0x1539, IGB_I211, IGB_MEDIA_COPPER},	{0x1523, IGB_I350, IGB_MEDIA_SERDES},
		{0x1524, IGB_I350, IGB_MEDIA_SGMII},	{0x1522, IGB_I350, IGB_MEDIA_FIBER},
		{0x1f41, IGB_I354, IGB_MEDIA_STRAPPED},
	};

	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		const struct igb_id *id = plx_igb_id_find(0x8086, some[i].device);

		cr_assert_not_null(id, "%04x", some[i].device);
		cr_assert_eq(id->mac, some[i].mac, "%04x: %s", some[i].device, id->name);
		cr_assert_eq(id->media, some[i].media, "%04x: %s", some[i].device, id->name);
	}
	cr_assert_null(plx_igb_id_find(0x8086, 0x10a7), "an 82575 is another model");
	cr_assert_null(plx_igb_id_find(0x8086, 0x10ca), "a virtual function");
	cr_assert_null(plx_igb_id_find(0x8087, 0x1521));
	for (const struct igb_id *a = plx_igb_ids; a->name; a++) {
		for (const struct igb_id *b = a + 1; b->name; b++)
			cr_assert_neq(a->device, b->device, "%04x twice", a->device);
		cr_assert(strstr(a->name, plx_igb_macs[a->mac].name), "%s", a->name);
	}
}

Test(igb_tables, media_have_names)
{
	for (unsigned i = 0; i <= IGB_MEDIA_STRAPPED; i++)
		cr_assert_str_neq(plx_igb_media_name(i), "?");
	cr_assert_str_eq(plx_igb_media_name(IGB_MEDIA_STRAPPED + 1), "?");
}

/* IEEE 802.3 table 28B-3: all sixteen combinations. */
Test(igb_tables, pause_is_resolved_as_the_standard_says)
{
	static const enum igb_flow_control want[4][4] = {
		/* local: none, symmetric, asymmetric, both; partner alike */
		{IGB_FC_NONE, IGB_FC_NONE, IGB_FC_NONE, IGB_FC_NONE},
		{IGB_FC_NONE, IGB_FC_FULL, IGB_FC_NONE, IGB_FC_FULL},
		{IGB_FC_NONE, IGB_FC_NONE, IGB_FC_NONE, IGB_FC_TX_PAUSE},
		{IGB_FC_NONE, IGB_FC_FULL, IGB_FC_RX_PAUSE, IGB_FC_FULL},
	};

	for (unsigned local = 0; local < 4; local++) {
		for (unsigned partner = 0; partner < 4; partner++) {
			/* the other bits of the registers do not count */
			enum igb_flow_control fc =
				plx_igb_fc_resolve((uint16_t)(local << 10 | 0x01e1),
						   (uint16_t)(partner << 10 | 0xc1e1));

			cr_assert_eq(fc, want[local][partner], "local %u, partner %u: %u", local,
				     partner, fc);
		}
	}
}

Test(igb_tables, multicast_hash)
{
	static const struct {
		uint8_t mac[IGB_MAC_BYTES];
		uint32_t hash;
	} some[] = {
		{{0x01, 0, 0x5e, 0, 0, 0x01}, 0x010}, {{0x33, 0x33, 0, 0, 0, 0xfb}, 0xfb0},
		{{0x01, 0, 0x5e, 0, 0x10, 0}, 0x001}, {{0x01, 0xaa, 0x00, 0x12, 0x34, 0x56}, 0x563},
		{{0x01, 0, 0, 0, 0xff, 0xff}, 0xfff},
	};

	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		cr_assert_eq(plx_igb_mta_hash(some[i].mac), some[i].hash, "%u: %03x", i,
			     plx_igb_mta_hash(some[i].mac));
}

Test(igb_tables, registers_of_addresses_and_queues)
{
	cr_assert_eq(IGB_RAL(0), 0x5400);
	cr_assert_eq(IGB_RAH(15), 0x547c);
	cr_assert_eq(IGB_RAL(16), 0x54e0);
	cr_assert_eq(IGB_RAH(31), 0x555c);
	cr_assert_eq(IGB_RDT(15), 0xc3d8);
	cr_assert_eq(IGB_TXDCTL(7), 0xe1e8);
	cr_assert_eq(IGB_PQMPRC(3), 0x10338);
}
