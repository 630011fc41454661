/* SPDX-License-Identifier: BSD-3-Clause */
/* What an NVM's words mean: sums of each port, addresses, board numbers, and hostile pointers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <nvm.h>
#include <string.h>

#include "../seed.h"

enum { WORDS = 0x200 };

static uint16_t words[WORDS];
static struct igb_nvm_image got;

static void seal(uint32_t at)
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < 0x3f; i++)
		sum = (uint16_t)(sum + words[at + i]);
	words[at + 0x3f] = (uint16_t)(IGB_NVM_SUM - sum);
}

/* 02:a0:c9:00:00:<port> in each section, all sums right. */
static void start(void)
{
	memset(words, 0, sizeof(words));
	for (unsigned lan = 0; lan < 4; lan++) {
		uint32_t at = lan ? 0x40 + 0x40 * lan : 0;

		words[at] = 0xa002;
		words[at + 1] = 0x00c9;
		words[at + 2] = (uint16_t)(lan << 8);
		seal(at);
	}
	words[IGB_NVM_COMPAT] = IGB_NVM_COMPAT_SECTIONS;
	words[IGB_NVM_VERSION] = 0x1063;
	words[IGB_NVM_DEVICE] = 0x1521;
	words[IGB_NVM_IMAGE_ID] = 0x5678;
	words[IGB_NVM_IMAGE_ID + 1] = 0x8000;
	seal(0);
}

TestSuite(igb_nvm, .init = start);

static int parse(enum igb_mac_type type, unsigned lan)
{
	return plx_igb_nvm_parse(&plx_igb_macs[type], lan, words, WORDS, &got);
}

Test(igb_nvm, what_is_in_it)
{
	cr_assert_eq(parse(IGB_I350, 0), 0);
	cr_assert_eq(got.info.version, 0x1063);
	cr_assert_eq(got.device, 0x1521);
	cr_assert_eq(got.info.image_id, 0x80005678u);
	cr_assert_eq(got.nb_sections, 4, "%u", got.nb_sections);
	cr_assert_eq(got.bad_sections, 0, "0x%x", got.bad_sections);
	cr_assert_str_eq(got.pba, "");
}

Test(igb_nvm, each_port_has_its_address)
{
	for (unsigned lan = 0; lan < 4; lan++) {
		const uint8_t want[] = {0x02, 0xa0, 0xc9, 0x00, 0x00, (uint8_t)lan};

		cr_assert_eq(parse(IGB_I350, lan), 0);
		cr_assert_arr_eq(got.mac, want, sizeof(want), "port %u: ...%02x:%02x", lan,
				 got.mac[4], got.mac[5]);
		cr_assert_eq(got.info.section, lan ? 0x40 + 0x40 * lan : 0);
	}
	/* Of the 82576 the second port's address is the first one's, but for a bit. */
	words[2] = 0x0600;
	for (unsigned lan = 0; lan < 2; lan++) {
		cr_assert_eq(parse(IGB_82576, lan), 0);
		cr_assert_eq(got.mac[5], 6 ^ lan, "%02x", got.mac[5]);
	}
}

Test(igb_nvm, each_wrong_sum_is_found)
{
	for (unsigned lan = 0; lan < 4; lan++) {
		start();
		words[(lan ? 0x40 + 0x40 * lan : 0) + 0x11]++;
		cr_assert_eq(parse(IGB_I350, 0), 0);
		cr_assert_eq(got.bad_sections, 1u << lan, "0x%x", got.bad_sections);
	}
}

Test(igb_nvm, sums_of_sections_that_count)
{
	words[0x80]++;
	cr_assert_eq(parse(IGB_82576, 0), 0);
	cr_assert_eq(got.nb_sections, 1, "%u", got.nb_sections);
	cr_assert_eq(got.bad_sections, 0);
	cr_assert_eq(parse(IGB_82580, 0), 0);
	cr_assert_eq(got.bad_sections, 2, "0x%x", got.bad_sections);
	words[IGB_NVM_COMPAT] = 0;
	seal(0);
	cr_assert_eq(parse(IGB_82580, 0), 0);
	cr_assert_eq(got.nb_sections, 1, "word 3 says that the others have none");
	cr_assert_eq(got.bad_sections, 0);
}

Test(igb_nvm, alternate_address)
{
	words[IGB_NVM_ALT_MAC] = 0x150;
	words[0x153] = 0x1102;
	words[0x154] = 0x3322;
	words[0x155] = 0x5544;
	seal(0);
	cr_assert_eq(parse(IGB_82576, 1), 0);
	cr_assert(got.alternate);
	cr_assert_arr_eq(got.mac, "\x02\x11\x22\x33\x44\x55", 6);
	/* Port 0's is zero: not an address. */
	cr_assert_eq(parse(IGB_82576, 0), 0);
	cr_assert_not(got.alternate);
	cr_assert_arr_eq(got.mac, "\x02\xa0\xc9\x00\x00\x00", 6);
	/* A group address is none either; the pointer is for the 82576 only. */
	words[0x153] = 0x1103;
	cr_assert_eq(parse(IGB_82576, 1), 0);
	cr_assert_not(got.alternate);
	words[0x153] = 0x1102;
	cr_assert_eq(parse(IGB_I350, 1), 0);
	cr_assert_not(got.alternate);
}

Test(igb_nvm, board_number)
{
	words[IGB_NVM_PBA] = 0xe123;
	words[IGB_NVM_PBA + 1] = 0x4503;
	cr_assert_eq(parse(IGB_I350, 0), 0);
	cr_assert_str_eq(got.pba, "E12345-003", "'%s'", got.pba);

	words[IGB_NVM_PBA] = IGB_NVM_PBA_IS_POINTER;
	words[IGB_NVM_PBA + 1] = 0x160;
	words[0x160] = 4;
	words[0x161] = 'G' << 8 | '1';
	words[0x162] = '2' << 8 | '-';
	words[0x163] = '0' << 8 | '\n';
	cr_assert_eq(parse(IGB_I350, 0), 0);
	cr_assert_str_eq(got.pba, "G12-0", "'%s'", got.pba);

	/* What is longer than any board's is cut. */
	words[0x160] = 0x20;
	for (unsigned i = 1; i < 0x20; i++)
		words[0x160 + i] = 'A' << 8 | 'B';
	cr_assert_eq(parse(IGB_I350, 0), 0);
	cr_assert_str_eq(got.pba, "ABABABABAB", "'%s'", got.pba);
}

Test(igb_nvm, pointers_past_the_end)
{
	words[IGB_NVM_ALT_MAC] = WORDS - 2;
	words[IGB_NVM_PBA] = IGB_NVM_PBA_IS_POINTER;
	words[IGB_NVM_PBA + 1] = WORDS - 1;
	words[WORDS - 1] = 0xfffe;
	cr_assert_eq(parse(IGB_82576, 0), 0);
	cr_assert_not(got.alternate);
	cr_assert_str_eq(got.pba, "");
	words[IGB_NVM_ALT_MAC] = 0xfffe;
	words[IGB_NVM_PBA + 1] = 0xffff;
	cr_assert_eq(parse(IGB_82576, 3), 0);
	cr_assert_not(got.alternate);
}

Test(igb_nvm, what_is_no_image)
{
	const struct igb_mac *mac = &plx_igb_macs[IGB_I350];

	cr_assert_eq(plx_igb_nvm_parse(mac, 0, words, 0x3f, &got), -EINVAL);
	cr_assert_eq(plx_igb_nvm_parse(mac, 4, words, WORDS, &got), -EINVAL);
	memset(words, 0xff, sizeof(words));
	cr_assert_eq(parse(IGB_I350, 0), -EINVAL);
	memset(words, 0, sizeof(words));
	cr_assert_eq(parse(IGB_I350, 0), -EINVAL);
}

/* Short images: what is not there is not read (ASan), and not counted. */
Test(igb_nvm, images_of_any_length)
{
	for (uint32_t nb = 0x40; nb <= WORDS; nb++) {
		uint16_t *exact = malloc(nb * sizeof(*exact));

		cr_assert_not_null(exact);
		memcpy(exact, words, nb * sizeof(*exact));
		cr_assert_eq(plx_igb_nvm_parse(&plx_igb_macs[IGB_I350], 3, exact, nb, &got), 0);
		cr_assert_eq(got.nb_sections, 1 + (nb >= 0xc0) + (nb >= 0x100) + (nb >= 0x140),
			     "%u words: %u", nb, got.nb_sections);
		free(exact);
	}
}

Test(igb_nvm, random_words_do_no_harm)
{
	struct rng rng = rng_start("igb_nvm");

	for (unsigned round = 0; round < 20000; round++) {
		uint32_t nb = 0x40 + rng_below(&rng, WORDS - 0x40);
		uint16_t *exact = malloc(nb * sizeof(*exact));

		cr_assert_not_null(exact);
		for (uint32_t i = 0; i < nb; i++)
			exact[i] = (uint16_t)rng_next(&rng);
		if (round & 1)
			exact[IGB_NVM_PBA] = IGB_NVM_PBA_IS_POINTER;
		(void)plx_igb_nvm_parse(&plx_igb_macs[round % IGB_NB_MACS], round & 3, exact, nb,
					&got);
		cr_assert_lt(strnlen(got.pba, sizeof(got.pba)), sizeof(got.pba));
		free(exact);
	}
}
