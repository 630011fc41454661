/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The members of the family: one row for each MAC type, with all that differs between them, and the
 * PCI ids. Code asks a field of the row, never the type.
 */
#ifndef IGB_MAC_H
#define IGB_MAC_H

#include <pollux/compiler.h>
#include <stdbool.h>

enum { IGB_PCI_VENDOR = 0x8086 };

enum igb_mac_type {
	IGB_82576,
	IGB_82580,
	IGB_I350,
	IGB_I354,
	IGB_I210,
	IGB_I211,
	IGB_NB_MACS,
};

/* What the port's pins lead to. Only copper is driven; the others are refused by their names. */
enum igb_media {
	IGB_MEDIA_COPPER,
	IGB_MEDIA_KX,	 /* 1000BASE-KX backplane */
	IGB_MEDIA_SGMII, /* a module or an external PHY */
	IGB_MEDIA_SERDES,
	IGB_MEDIA_FIBER,
	IGB_MEDIA_STRAPPED, /* the id does not say it: CTRL_EXT.LINK_MODE does */
};

/* How RXPBS tells the size of the receive packet buffer. */
enum igb_rxpb {
	IGB_RXPB_KB,	/* bits 6:0: KB (82576) */
	IGB_RXPB_CODED, /* bits 3:0: a code (82580, I350, I354) */
	IGB_RXPB_KB6,	/* bits 5:0: KB (I210, I211) */
};

/* What SYSTIM counts. */
enum igb_clock {
	IGB_CLOCK_SHIFTED, /* 64 bits of ns << 19, by what this driver puts into TIMINCA (82576) */
	IGB_CLOCK_40BIT,   /* 40 bits of ns (82580, I350, I354) */
	IGB_CLOCK_SEC_NS,  /* seconds in SYSTIMH, ns in SYSTIML (I210, I211) */
};

struct igb_thresholds {
	uint8_t prefetch, host, write_back; /* PTHRESH, HTHRESH, WTHRESH */
};

struct igb_mac {
	enum igb_mac_type type;
	const char *name; /* "I350" */

	uint8_t nb_queues;    /* of receive, and as many of transmit */
	uint8_t nb_addresses; /* receive addresses, RAL/RAH */
	uint8_t nb_leds;
	uint8_t nb_pools;		   /* VMOLR registers; 0: no virtualization */
	uint16_t max_rx_ring, max_tx_ring; /* descriptors */
	uint16_t max_frame_bytes;	   /* that it receives, with FCS */

	/* NVM */
	uint32_t eecd, eerd, eemngctl; /* registers that moved */
	uint8_t nvm_sections;	       /* checksums, one a port; of 82580: if word 3 says so */
	bool nvm_sections_by_word3;
	bool has_alt_mac; /* an address at NVM word 37h beats the one of words 0..2 */
	bool has_invm;	  /* works without a flash, from one-time memory */

	/* PHY */
	bool phy_sync_by_lan; /* each port's PHY has a lock of its own; else PHY0 */
	bool has_phpm;
	bool has_eee;
	bool phy_paged;	      /* register 22 selects a page */
	bool has_pll_erratum; /* I210: the PHY's PLL may come up unconfigured */

	/* reset */
	bool has_gcr_timeout; /* PCIe completion timeout by GCR */
	bool has_dmacr;
	bool has_dev_rst; /* CTRL.DEV_RST and STATUS.DEV_RST_SET mean something */

	/* queues and filters */
	bool ivar_paired; /* IVAR[q / 2]; else IVAR[q % 8] */
	bool has_dvmolr;
	uint32_t tx_switch;	  /* register of the VF switch; 0: none */
	uint8_t vfta_writes;	  /* times that a VLAN filter word must be written */
	bool lb_vlan_big_endian;  /* tag of a looped-back packet, descriptor bit LB */
	bool sctp_60_false_error; /* L4E on good SCTP frames of 60 bytes */
	struct igb_thresholds rx, tx;
	uint8_t reta_shift; /* where a queue's number lies in a RETA byte */
	bool rqdpc_stays;   /* RQDPC is cleared by writing, not by reading */
	enum igb_rxpb rxpb;

	/* 1588 */
	enum igb_clock clock;
	bool has_rx_stamps; /* a stamp before each frame, SRRCTL.TIMESTAMP */
	bool has_tsauxc;
};

struct igb_id {
	uint16_t device; /* of vendor IGB_PCI_VENDOR */
	enum igb_mac_type mac;
	enum igb_media media;
	const char *name; /* "I350 (copper)" */
};

/* Ends with a NULL name. Ids of media that are refused are in it, to be refused by name. */
extern const struct igb_id plx_igb_ids[];

extern const struct igb_mac plx_igb_macs[IGB_NB_MACS];

/** "copper", "SGMII", ...; "?" for anything else. */
const char *plx_igb_media_name(enum igb_media media);

/** The row of an id; NULL: not of this driver. Logs nothing. */
const struct igb_id *plx_igb_id_find(uint16_t vendor, uint16_t device);

#endif
