/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an image of the NVM means. Pure: the words may come from a card, a file or a fuzzer, and
 * nothing they say is used as an index before it is checked against their number.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nvm.h"

static void take_mac(const uint16_t *words, uint8_t *mac)
{
	for (unsigned i = 0; i < IGB_MAC_BYTES; i++)
		mac[i] = (uint8_t)(words[i / 2] >> (i & 1 ? 8 : 0));
}

static bool is_blank(const uint16_t *words)
{
	for (unsigned i = 1; i < IGB_NVM_SECTION_WORDS; i++) {
		if (words[i] != words[0])
			return false;
	}
	return words[0] == 0 || words[0] == UINT16_MAX;
}

static void check_sums(const struct igb_mac *mac, const uint16_t *words, uint32_t nb,
		       struct igb_nvm_image *image)
{
	unsigned sections = mac->nvm_sections;

	if (mac->nvm_sections_by_word3 && !(image->info.compat & IGB_NVM_COMPAT_SECTIONS))
		sections = 1;
	for (unsigned lan = 0; lan < sections; lan++) {
		uint32_t at = plx_igb_nvm_section(mac, lan);

		if (at + IGB_NVM_SECTION_WORDS > nb)
			break;
		image->nb_sections++;
		if (plx_igb_nvm_sum(words + at) != IGB_NVM_SUM)
			image->bad_sections = (uint8_t)(image->bad_sections | 1u << lan);
	}
}

static void find_mac(const struct igb_mac *mac, unsigned lan_id, const uint16_t *words, uint32_t nb,
		     struct igb_nvm_image *image)
{
	uint32_t at = plx_igb_nvm_section(mac, lan_id);
	uint16_t pointer = words[IGB_NVM_ALT_MAC];

	if (at + 3 <= nb) {
		take_mac(words + at, image->mac);
		if (mac->nvm_sections == 1)
			image->mac[5] = (uint8_t)(image->mac[5] ^ lan_id);
	}
	if (!mac->has_alt_mac || pointer == 0 || pointer == UINT16_MAX)
		return;
	at = pointer + 3u * lan_id;
	if (at + 3 <= nb) {
		uint8_t alternate[IGB_MAC_BYTES];

		take_mac(words + at, alternate);
		if (plx_igb_mac_is_usable(alternate)) {
			memcpy(image->mac, alternate, sizeof(alternate));
			image->alternate = true;
		}
	}
}

/*
 * Six digits, a dash, three digits, packed as hex ("E12345-003"); newer boards have a marker and a
 * pointer to text instead: its length in words, itself counted, then two characters a word.
 */
static void find_pba(const uint16_t *words, uint32_t nb, struct igb_nvm_image *image)
{
	uint16_t first = words[IGB_NVM_PBA], second = words[IGB_NVM_PBA + 1];
	uint32_t length, out = 0;

	if (first != IGB_NVM_PBA_IS_POINTER) {
		if (first != 0 && first != UINT16_MAX)
			snprintf(image->pba, sizeof(image->pba), "%04X%02X-%03X", first,
				 second >> 8, second & 0xff);
		return;
	}
	if (second >= nb)
		return;
	length = words[second];
	for (uint32_t i = 1; i < length && second + i < nb && out + 2 < sizeof(image->pba); i++) {
		uint16_t pair = words[second + i];

		image->pba[out++] = (char)(pair >> 8);
		image->pba[out++] = (char)(pair & 0xff);
	}
	for (uint32_t i = 0; i < out; i++) {
		if (image->pba[i] < ' ' || image->pba[i] > '~')
			image->pba[i] = '\0';
	}
}

int plx_igb_nvm_parse(const struct igb_mac *mac, unsigned lan_id, const uint16_t *words,
		      uint32_t nb, struct igb_nvm_image *image)
{
	memset(image, 0, sizeof(*image));
	if (lan_id > 3 || nb < IGB_NVM_SECTION_WORDS || nb > IGB_NVM_WORDS_MAX || is_blank(words))
		return -EINVAL;
	image->info.words = nb;
	image->info.section = (uint16_t)plx_igb_nvm_section(mac, lan_id);
	image->info.version = words[IGB_NVM_VERSION];
	image->info.compat = words[IGB_NVM_COMPAT];
	if (nb > IGB_NVM_IMAGE_ID + 1)
		image->info.image_id =
			words[IGB_NVM_IMAGE_ID] | (uint32_t)words[IGB_NVM_IMAGE_ID + 1] << 16;
	image->device = words[IGB_NVM_DEVICE];
	check_sums(mac, words, nb, image);
	find_mac(mac, lan_id, words, nb, image);
	find_pba(words, nb, image);
	return 0;
}
