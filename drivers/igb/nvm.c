/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NVM: words by EERD, sums, the port's address. Read only: nothing here writes it.
 *
 * Data sheets: "EEPROM Read Register - EERD", "EEPROM/Flash Control Register - EECD (EEC)",
 * checksum word (I210: 6.8.9; I350, 82580, 82576: "Checksum Word" of the EEPROM chapter: words
 * 00h-3Fh add up to BABAh). Sections of ports 1 to 3 begin at words 80h, C0h and 100h. The I210 and
 * I211 can work from one-time memory (iNVM, I210 3.4), which has no sum; its words can be read by
 * iNVM_DATA.
 */
#include <errno.h>
#include <string.h>

#include "hw.h"
#include "nvm.h"

enum {
	BLOCK_WORDS = 64, /* under one lock: some ms, which the firmware can wait */
	EERD_INTERVAL_US = 5,
	EERD_TIMEOUT_US = 100000,
	EERD_OPTIONAL_US = 2000, /* emulators never answer for words that they lack */
	SUM_TRIES = 3,
};

static bool is_present(struct igb_hw *hw)
{
	uint32_t eecd = igb_read(hw, hw->mac->eecd);

	return eecd & (hw->mac->has_invm ? IGB_EECD_FLASH_DETECTED : IGB_EECD_PRES);
}

static int read_block(struct igb_hw *hw, uint32_t word, uint32_t nb, uint16_t *to, bool optional)
{
	struct igb_wait done = {
		.reg = hw->mac->eerd,
		.mask = IGB_EERD_DONE,
		.value = IGB_EERD_DONE,
		.interval_us = EERD_INTERVAL_US,
		.timeout_us = optional ? EERD_OPTIONAL_US : EERD_TIMEOUT_US,
		.what = optional ? NULL : "NVM read",
	};

	for (uint32_t i = 0; i < nb; i++) {
		int ret;

		igb_write(hw, hw->mac->eerd, (word + i) << IGB_EERD_ADDR_SHIFT | IGB_EERD_START);
		ret = plx_igb_wait(hw, &done);
		if (ret)
			return ret;
		to[i] = (uint16_t)(igb_read(hw, hw->mac->eerd) >> IGB_EERD_DATA_SHIFT);
	}
	return plx_igb_suspect(hw, igb_read(hw, hw->mac->eerd));
}

static int read_words(struct igb_hw *hw, uint32_t word, uint32_t nb, uint16_t *to, bool optional)
{
	int ret = 0;

	if (word >= IGB_NVM_WORDS_MAX || nb > IGB_NVM_WORDS_MAX - word)
		return -EINVAL;
	if (!is_present(hw)) {
		ret = plx_igb_alive(hw);
		return ret ? ret : -ENODATA;
	}
	for (uint32_t i = 0; i < nb && ret == 0; i += BLOCK_WORDS) {
		ret = plx_igb_lock(hw, IGB_SYNC_EEP);
		if (ret)
			break;
		ret = read_block(hw, word + i, plx_min_u32(nb - i, BLOCK_WORDS), to + i, optional);
		plx_igb_unlock(hw, IGB_SYNC_EEP);
	}
	return ret;
}

int plx_igb_nvm_read(struct igb_hw *hw, uint32_t word, uint32_t nb, uint16_t *to)
{
	return read_words(hw, word, nb, to, false);
}

int plx_igb_nvm_peek(struct igb_hw *hw, uint32_t word, uint32_t nb, uint16_t *to)
{
	return read_words(hw, word, nb, to, true);
}

uint32_t plx_igb_nvm_section(const struct igb_mac *mac, unsigned lan_id)
{
	return lan_id == 0 || mac->nvm_sections == 1 ? 0 : 0x40 + 0x40 * lan_id;
}

uint16_t plx_igb_nvm_sum(const uint16_t *section)
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < IGB_NVM_SECTION_WORDS; i++)
		sum = (uint16_t)(sum + section[i]);
	return sum;
}

/* A section whose sum is right. A wrong one is read again: the part may still be loading it. */
static int read_section(struct igb_hw *hw, uint32_t at, uint16_t *words)
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < SUM_TRIES; i++) {
		int ret = plx_igb_nvm_read(hw, at, IGB_NVM_SECTION_WORDS, words);

		if (ret)
			return ret;
		sum = plx_igb_nvm_sum(words);
		if (sum == IGB_NVM_SUM)
			return 0;
	}
	igb_log(hw, PLX_LOG_ERR,
		"NVM: words 0x%x-0x%x add up to 0x%04x, want 0x%04x: its content is damaged; the "
		"vendor's update tool writes it anew",
		at, at + IGB_NVM_SECTION_WORDS - 1, sum, IGB_NVM_SUM);
	return -EIO;
}

int plx_igb_nvm_find(struct igb_hw *hw)
{
	uint32_t size = (igb_read(hw, hw->mac->eecd) & IGB_EECD_SIZE_MASK) >> IGB_EECD_SIZE_SHIFT;
	int ret;

	memset(&hw->nvm, 0, sizeof(hw->nvm));
	if (!is_present(hw)) {
		ret = plx_igb_alive(hw);
		if (ret)
			return ret;
		hw->nvm.one_time = hw->mac->has_invm;
		return hw->nvm.one_time ? 0 : -ENODATA;
	}
	hw->nvm.words = size > 9 ? IGB_NVM_WORDS_MAX : 1u << (size + 6);
	if (hw->mac->has_invm)
		hw->nvm.words = 0x800; /* the shadow RAM, 4 KB; EEC has no size field */
	return 0;
}

static void learn(struct igb_hw *hw, const uint16_t *words)
{
	uint16_t image[2] = {0};

	hw->nvm.version = words[IGB_NVM_VERSION];
	hw->nvm.compat = words[IGB_NVM_COMPAT];
	if (plx_igb_nvm_peek(hw, IGB_NVM_IMAGE_ID, 2, image) == 0)
		hw->nvm.image_id = image[0] | (uint32_t)image[1] << 16;
}

int plx_igb_nvm_check(struct igb_hw *hw)
{
	uint16_t words[IGB_NVM_SECTION_WORDS];
	uint32_t own;
	int ret = plx_igb_nvm_find(hw);

	if (ret == -ENODATA) {
		igb_log(hw, PLX_LOG_ERR, "NVM: EECD says that there is none");
		return -EIO;
	}
	if (ret || hw->nvm.one_time)
		return ret;
	ret = read_section(hw, 0, words);
	if (ret)
		return ret;
	learn(hw, words);
	own = plx_igb_nvm_section(hw->mac, hw->lan_id);
	if (own == 0)
		return 0;
	hw->nvm.section = (uint16_t)own;
	if (hw->mac->nvm_sections_by_word3 && !(hw->nvm.compat & IGB_NVM_COMPAT_SECTIONS))
		return 0;
	return read_section(hw, own, words);
}

bool plx_igb_mac_is_usable(const uint8_t *mac)
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]) != 0;
}

static void from_words(const uint16_t *words, uint8_t *mac)
{
	for (unsigned i = 0; i < IGB_MAC_BYTES; i++)
		mac[i] = (uint8_t)(words[i / 2] >> (i & 1 ? 8 : 0));
}

/* 82576: word 37h points to three words for each port; 0 and ffff: to nothing. */
static bool alternate(struct igb_hw *hw, uint8_t *mac)
{
	uint16_t pointer, words[3];

	if (!hw->mac->has_alt_mac || plx_igb_nvm_peek(hw, IGB_NVM_ALT_MAC, 1, &pointer) ||
	    pointer == 0 || pointer == UINT16_MAX)
		return false;
	if (plx_igb_nvm_peek(hw, pointer + 3u * hw->lan_id, 3, words))
		return false;
	from_words(words, mac);
	return plx_igb_mac_is_usable(mac);
}

/*
 * The part has loaded RAR 0 from its NVM, with the alternate address on the 82580 and later; its
 * value counts if it is an address.
 */
int plx_igb_nvm_mac(struct igb_hw *hw, uint8_t mac[IGB_MAC_BYTES])
{
	uint32_t low = igb_read(hw, IGB_RAL(0)), high = igb_read(hw, IGB_RAH(0));
	uint16_t words[3];
	int ret = plx_igb_suspect(hw, low);

	if (ret)
		return ret;
	if (alternate(hw, mac))
		return 0;
	for (unsigned i = 0; i < IGB_MAC_BYTES; i++)
		mac[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
	if (plx_igb_mac_is_usable(mac))
		return 0;
	ret = plx_igb_nvm_peek(hw, plx_igb_nvm_section(hw->mac, hw->lan_id), 3, words);
	if (ret == 0) {
		from_words(words, mac);
		if (hw->mac->nvm_sections == 1) /* two ports, one address: the second's differs */
			mac[5] = (uint8_t)(mac[5] ^ hw->lan_id);
		if (plx_igb_mac_is_usable(mac))
			return 0;
	}
	igb_log(hw, PLX_LOG_ERR,
		"no Ethernet address: RAL0 is 0x%08x, RAH0 0x%08x, and the NVM has none", low,
		high);
	return ret == -ENODEV ? ret : -EIO;
}
