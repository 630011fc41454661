/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Powers of two, alignment, minimum and maximum. All of it folds to constants where the arguments
 * are constants. Any thread.
 */
#ifndef POLLUX_BITS_H
#define POLLUX_BITS_H

#include <pollux/compiler.h>
#include <stdbool.h>

PLX_BEGIN_DECLS

#define PLX_BIT(n) (1u << (n))
#define PLX_BIT64(n) (UINT64_C(1) << (n))

/** True for 1, 2, 4, 8, ...; false for 0. */
PLX_INLINE bool plx_is_pow2(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

/** @v rounded up or down to a multiple of @align, a power of two. Wraps past 2^64. */
PLX_INLINE uint64_t plx_align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

PLX_INLINE uint64_t plx_align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

/** The smallest power of two >= @v; 1 for 0. @v is at most 2^31. */
PLX_INLINE uint32_t plx_next_pow2_u32(uint32_t v)
{
	return v <= 1 ? 1 : 1u << (32 - __builtin_clz(v - 1));
}

/** The smallest power of two >= @v; 1 for 0. @v is at most 2^63. */
PLX_INLINE uint64_t plx_next_pow2_u64(uint64_t v)
{
	return v <= 1 ? 1 : UINT64_C(1) << (64 - __builtin_clzll(v - 1));
}

/** The number of the highest bit that is set in @v. @v is not 0. */
PLX_INLINE uint32_t plx_log2_u32(uint32_t v)
{
	return 31 - (uint32_t)__builtin_clz(v);
}

PLX_INLINE uint32_t plx_min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

PLX_INLINE uint32_t plx_max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

PLX_INLINE uint64_t plx_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

PLX_INLINE uint64_t plx_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

PLX_INLINE size_t plx_min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

PLX_INLINE size_t plx_max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

PLX_END_DECLS

#endif
