/* SPDX-License-Identifier: BSD-3-Clause */
/* One exported copy of each register accessor, and the stand-in's place. */
#include <pollux/mmio.h>

const struct plx_mmio_hook *plx_mmio_hook;

extern inline uint32_t plx_mmio_read32_relaxed(const volatile void *addr);
extern inline uint32_t plx_mmio_read32(const volatile void *addr);
extern inline uint64_t plx_mmio_read64(const volatile void *addr);
extern inline void plx_mmio_write32_relaxed(volatile void *addr, uint32_t value);
extern inline void plx_mmio_write32(volatile void *addr, uint32_t value);
extern inline void plx_mmio_write64(volatile void *addr, uint64_t value);
