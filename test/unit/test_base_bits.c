/* SPDX-License-Identifier: BSD-3-Clause */
/* Powers of two, alignment, minimum and maximum: at each power and one beside it. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <pollux/bits.h>

Test(bits, single_bits)
{
	for (unsigned i = 0; i < 32; i++)
		cr_assert_eq(PLX_BIT(i), (uint32_t)1 << i, "bit %u: %#x", i, PLX_BIT(i));
	for (unsigned i = 0; i < 64; i++)
		cr_assert_eq(PLX_BIT64(i), (uint64_t)1 << i, "bit %u: %#" PRIx64, i, PLX_BIT64(i));
}

Test(bits, is_pow2)
{
	cr_assert_not(plx_is_pow2(0));
	for (unsigned i = 0; i < 64; i++) {
		uint64_t power = UINT64_C(1) << i;

		cr_assert(plx_is_pow2(power), "%#" PRIx64, power);
		if (i > 1) {
			cr_assert_not(plx_is_pow2(power - 1), "%#" PRIx64, power - 1);
			cr_assert_not(plx_is_pow2(power + 1), "%#" PRIx64, power + 1);
		}
	}
	cr_assert_not(plx_is_pow2(UINT64_MAX));
}

Test(bits, align)
{
	for (unsigned i = 0; i < 63; i++) {
		uint64_t align = UINT64_C(1) << i;

		cr_assert_eq(plx_align_up(0, align), 0);
		cr_assert_eq(plx_align_up(1, align), align, "1 to %#" PRIx64, align);
		cr_assert_eq(plx_align_up(align, align), align);
		cr_assert_eq(plx_align_up(align + 1, align), i ? 2 * align : 2, "%#" PRIx64 " + 1",
			     align);
		cr_assert_eq(plx_align_down(2 * align - 1, align), align);
		cr_assert_eq(plx_align_down(align, align), align);
		cr_assert_eq(plx_align_down(align - 1, align), 0);
	}
	cr_assert_eq(plx_align_up(UINT64_MAX - 62, 64), UINT64_MAX - 63 + 64, "wraps to 0");
	cr_assert_eq(plx_align_down(UINT64_MAX, 64), UINT64_MAX - 63);
}

Test(bits, next_pow2)
{
	cr_assert_eq(plx_next_pow2_u32(0), 1);
	cr_assert_eq(plx_next_pow2_u32(1), 1);
	cr_assert_eq(plx_next_pow2_u64(0), 1);
	cr_assert_eq(plx_next_pow2_u64(1), 1);
	for (unsigned i = 1; i < 64; i++) {
		uint64_t power = UINT64_C(1) << i;

		cr_assert_eq(plx_next_pow2_u64(power), power, "%#" PRIx64, power);
		cr_assert_eq(plx_next_pow2_u64(power / 2 + 1), power, "%#" PRIx64, power / 2 + 1);
		if (i < 32) {
			cr_assert_eq(plx_next_pow2_u32((uint32_t)power), power, "%#" PRIx64, power);
			cr_assert_eq(plx_next_pow2_u32((uint32_t)power / 2 + 1), power, "%#" PRIx64,
				     power / 2 + 1);
		}
	}
}

Test(bits, log2)
{
	for (uint32_t i = 0; i < 32; i++) {
		uint32_t power = UINT32_C(1) << i;

		cr_assert_eq(plx_log2_u32(power), i, "%#x: %u", power, plx_log2_u32(power));
		cr_assert_eq(plx_log2_u32(power | (power - 1)), i, "%#x: %u", power | (power - 1),
			     plx_log2_u32(power | (power - 1)));
	}
}

Test(bits, min_max)
{
	cr_assert_eq(plx_min_u32(1, UINT32_MAX), 1);
	cr_assert_eq(plx_min_u32(UINT32_MAX, 1), 1);
	cr_assert_eq(plx_max_u32(1, UINT32_MAX), UINT32_MAX);
	cr_assert_eq(plx_max_u32(UINT32_MAX, 1), UINT32_MAX);
	cr_assert_eq(plx_min_u64(UINT64_C(1) << 32, UINT64_MAX), UINT64_C(1) << 32);
	cr_assert_eq(plx_min_u64(UINT64_MAX, UINT64_C(1) << 32), UINT64_C(1) << 32);
	cr_assert_eq(plx_max_u64(UINT64_C(1) << 32, 2), UINT64_C(1) << 32);
	cr_assert_eq(plx_max_u64(2, UINT64_C(1) << 32), UINT64_C(1) << 32);
	cr_assert_eq(plx_min_size(3, SIZE_MAX), 3);
	cr_assert_eq(plx_min_size(SIZE_MAX, 3), 3);
	cr_assert_eq(plx_max_size(3, SIZE_MAX), SIZE_MAX);
	cr_assert_eq(plx_max_size(SIZE_MAX, 3), SIZE_MAX);
	cr_assert_eq(plx_min_u32(7, 7), 7);
	cr_assert_eq(plx_max_u64(7, 7), 7);
}

struct outer {
	char before[24];
	int inner;
};

Test(bits, container_of)
{
	struct outer outer;

	cr_assert_eq(plx_container_of(&outer.inner, struct outer, inner), &outer);
}
