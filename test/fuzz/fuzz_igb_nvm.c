/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An NVM of any content, for any part and port. The source is compiled in, so that libFuzzer sees
 * its branches; the words end where their allocation ends.
 *
 *	byte 0   which part      byte 1   which port; 4 and more are refused      rest   words
 */
#include "../../drivers/igb/nvm_parse.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What a user of the image relies on. */
static void check(const struct igb_mac *mac, unsigned lan, const uint16_t *words, uint32_t nb,
		  const struct igb_nvm_image *image)
{
	size_t pba_len = strnlen(image->pba, sizeof(image->pba));

	if (lan > 3 || nb < IGB_NVM_SECTION_WORDS || image->info.words != nb ||
	    image->info.section > 0x100)
		abort();
	if (image->nb_sections < 1 || image->nb_sections > 4 ||
	    image->bad_sections >> image->nb_sections)
		abort();
	for (unsigned i = 0; i < image->nb_sections; i++) {
		uint32_t at = plx_igb_nvm_section(mac, i);

		if (at + IGB_NVM_SECTION_WORDS > nb ||
		    (plx_igb_nvm_sum(words + at) == IGB_NVM_SUM) != !(image->bad_sections >> i & 1))
			abort();
	}
	if (image->alternate && (!mac->has_alt_mac || !plx_igb_mac_is_usable(image->mac)))
		abort();
	if (pba_len == sizeof(image->pba))
		abort();
	for (size_t i = 0; i < pba_len; i++)
		if (image->pba[i] < ' ' || image->pba[i] > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct igb_mac *mac;
	struct igb_nvm_image image, again;
	uint32_t nb;
	uint16_t *words;
	unsigned lan;

	if (len < 2)
		return 0;
	mac = &plx_igb_macs[data[0] % IGB_NB_MACS];
	lan = data[1];
	nb = (uint32_t)((len - 2) / 2);
	words = malloc(2 * (size_t)nb);
	if (!words)
		return 0;
	memcpy(words, data + 2, 2 * (size_t)nb);
	if (plx_igb_nvm_parse(mac, lan, words, nb, &image) == 0) {
		check(mac, lan, words, nb, &image);
		if (plx_igb_nvm_parse(mac, lan, words, nb, &again) ||
		    memcmp(image.mac, again.mac, sizeof(image.mac)) != 0 ||
		    strcmp(image.pba, again.pba) != 0)
			abort();
	}
	free(words);
	return 0;
}
