/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words of the NVM and what nvm.c and nvm_parse.c share. Word numbers: "EEPROM Map" (I210: "Flash
 * Map", 6.1).
 */
#ifndef IGB_NVM_H
#define IGB_NVM_H

#include "hw.h"

enum {
	IGB_NVM_SUM = 0xbaba,
	IGB_NVM_MAC = 0x00, /* three words */
	IGB_NVM_COMPAT = 0x03,
	IGB_NVM_COMPAT_SECTIONS = 1 << 15, /* 82580: each port's section has its sum */
	IGB_NVM_VERSION = 0x05,
	IGB_NVM_PBA = 0x08, /* two words */
	IGB_NVM_PBA_IS_POINTER = 0xfafa,
	IGB_NVM_DEVICE = 0x0d,
	IGB_NVM_ALT_MAC = 0x37,
	IGB_NVM_IMAGE_ID = 0x42, /* two words */
};

/** plx_igb_nvm_read() of words that may not be there: no line, a short wait. */
int plx_igb_nvm_peek(struct igb_hw *hw, uint32_t word, uint32_t nb, uint16_t *to);

/** First word of a port's section. */
uint32_t plx_igb_nvm_section(const struct igb_mac *mac, unsigned lan_id);

/** Sum of IGB_NVM_SECTION_WORDS words. */
uint16_t plx_igb_nvm_sum(const uint16_t *section);

/** Unicast and not zero. */
bool plx_igb_mac_is_usable(const uint8_t *mac);

#endif
