/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rows. Figures: data sheets of the 82576EB, 82580, I350 and I210, chapters 1 (features), 7
 * (inline functions) and 8 (registers). The I354 has the I350's MAC, the I211 the I210's with two
 * queues.
 *
 * Not here: the 82575, an older model whose interrupt routing (MSIXBM), queue windows and RSS table
 * are other registers.
 */
#include "mac.h"

#include "ids.h"
#include "regs.h"

#define COMMON .max_rx_ring = 4096, .max_tx_ring = 4096, .max_frame_bytes = 9728

/* Transmit write-back is 0: only descriptors with RS are written back then. Why these: doc/igb.md,
 * "Receive and transmit units". */
#define THRESHOLDS                                                                                 \
	.rx = {.prefetch = 8, .host = 8, .write_back = 4},                                         \
	.tx = {.prefetch = 8, .host = 1, .write_back = 0}

/* The 82580's blocks and those of its children I350 and I354. */
#define CODED                                                                                      \
	COMMON, .nb_queues = 8, .nb_leds = 4, .nb_pools = 8, .eecd = IGB_EECD, .eerd = IGB_EERD,   \
		.eemngctl = IGB_EEMNGCTL, .nvm_sections = 4, .phy_sync_by_lan = true,              \
		.has_phpm = true, .ivar_paired = true, .rxpb = IGB_RXPB_CODED,                     \
		.clock = IGB_CLOCK_40BIT, .has_rx_stamps = true, .has_tsauxc = true

#define CODED_I350                                                                                 \
	CODED, .nb_addresses = 32, .has_eee = true, .has_dmacr = true, .has_dvmolr = true,         \
	       .tx_switch = IGB_TXSWC_I350, .vfta_writes = 10, .lb_vlan_big_endian = true,         \
	       .has_dev_rst = true

#define SINGLE                                                                                     \
	COMMON, .nb_addresses = 16, .nb_leds = 3, .eecd = IGB_EECD_I210, .eerd = IGB_EERD_I210,    \
		.eemngctl = IGB_EEMNGCTL_I210, .nvm_sections = 1, .has_invm = true,                \
		.has_phpm = true, .has_eee = true, .has_pll_erratum = true, .has_dmacr = true,     \
		.ivar_paired = true, .has_dvmolr = true, .vfta_writes = 1, .rxpb = IGB_RXPB_KB6,   \
		.clock = IGB_CLOCK_SEC_NS, .has_rx_stamps = true, .has_tsauxc = true,              \
		.has_dev_rst = true, .rqdpc_stays = true, .phy_paged = true

const struct igb_mac plx_igb_macs[IGB_NB_MACS] = {
	[IGB_82576] = {COMMON,
		       .rx = {.prefetch = 8, .host = 8, .write_back = 1},
		       .tx = {.prefetch = 8, .host = 1, .write_back = 0},
		       .type = IGB_82576,
		       .name = "82576",
		       .nb_queues = 16,
		       .nb_addresses = 24,
		       .nb_leds = 4,
		       .nb_pools = 8,
		       .eecd = IGB_EECD,
		       .eerd = IGB_EERD,
		       .eemngctl = IGB_EEMNGCTL,
		       .nvm_sections = 1,
		       .has_alt_mac = true,
		       .phy_sync_by_lan = true,
		       .has_gcr_timeout = true,
		       .tx_switch = IGB_DTXSWC_82576,
		       .vfta_writes = 1,
		       .sctp_60_false_error = true,
		       .rxpb = IGB_RXPB_KB,
		       .clock = IGB_CLOCK_SHIFTED},
	[IGB_82580] = {CODED, THRESHOLDS, .type = IGB_82580, .name = "82580", .nb_addresses = 24,
		       .nvm_sections_by_word3 = true, .vfta_writes = 1},
	[IGB_I350] = {CODED_I350, THRESHOLDS, .type = IGB_I350, .name = "I350"},
	[IGB_I354] = {CODED_I350, .type = IGB_I354, .name = "I354",
		      .rx = {.prefetch = 12, .host = 8, .write_back = 4},
		      .tx = {.prefetch = 20, .host = 1, .write_back = 0}},
	[IGB_I210] = {SINGLE, THRESHOLDS, .type = IGB_I210, .name = "I210", .nb_queues = 4},
	[IGB_I211] = {SINGLE, THRESHOLDS, .type = IGB_I211, .name = "I211", .nb_queues = 2},
};

const struct igb_id plx_igb_ids[] = {
#define X(id, mac, media) {id, IGB_##mac, IGB_MEDIA_##media, #mac " (" #media ")"},
	IGB_IDS(X)
#undef X
		{0, IGB_NB_MACS, IGB_MEDIA_COPPER, NULL},
};

const char *plx_igb_media_name(enum igb_media media)
{
	static const char *const names[] = {
		[IGB_MEDIA_COPPER] = "copper", [IGB_MEDIA_KX] = "1000BASE-KX",
		[IGB_MEDIA_SGMII] = "SGMII",   [IGB_MEDIA_SERDES] = "SERDES",
		[IGB_MEDIA_FIBER] = "fiber",   [IGB_MEDIA_STRAPPED] = "by the board",
	};

	return (unsigned)media < PLX_ARRAY_SIZE(names) ? names[media] : "?";
}

const struct igb_id *plx_igb_id_find(uint16_t vendor, uint16_t device)
{
	if (vendor != IGB_PCI_VENDOR)
		return NULL;
	for (const struct igb_id *id = plx_igb_ids; id->name; id++) {
		if (id->device == device)
			return id;
	}
	return NULL;
}
