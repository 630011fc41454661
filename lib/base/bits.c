/* SPDX-License-Identifier: BSD-3-Clause */
/* One exported copy of each small helper, for other languages and debuggers. */
#include <pollux/bits.h>

extern inline void plx_pause(void);
extern inline void plx_prefetch(const void *addr);
extern inline void plx_prefetch_write(const void *addr);
extern inline bool plx_is_pow2(uint64_t v);
extern inline uint64_t plx_align_up(uint64_t v, uint64_t align);
extern inline uint64_t plx_align_down(uint64_t v, uint64_t align);
extern inline uint32_t plx_next_pow2_u32(uint32_t v);
extern inline uint64_t plx_next_pow2_u64(uint64_t v);
extern inline uint32_t plx_log2_u32(uint32_t v);
extern inline uint32_t plx_min_u32(uint32_t a, uint32_t b);
extern inline uint32_t plx_max_u32(uint32_t a, uint32_t b);
extern inline uint64_t plx_min_u64(uint64_t a, uint64_t b);
extern inline uint64_t plx_max_u64(uint64_t a, uint64_t b);
extern inline size_t plx_min_size(size_t a, size_t b);
extern inline size_t plx_max_size(size_t a, size_t b);
