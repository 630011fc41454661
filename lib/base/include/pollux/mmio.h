/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Register accesses of a memory-mapped device. Devices are little-endian.
 *
 * Order: a write goes to the device after every earlier write to memory is visible to it (the
 * descriptors before the doorbell). A read is done before every later access to memory. On x86-64
 * uncached accesses are ordered by the CPU, so a compiler barrier is enough; arm64 needs dmb.
 * The `_relaxed` forms order against other register accesses only.
 *
 * A test build of a driver (compiled with PLX_MMIO_HOOK=1) sends each access to *plx_mmio_hook
 * first, so that a program can stand in for the device; other builds hold no trace of it.
 */
#ifndef POLLUX_MMIO_H
#define POLLUX_MMIO_H

#include <pollux/compiler.h>
#include <stdbool.h>

#ifndef PLX_MMIO_HOOK
#define PLX_MMIO_HOOK 0
#endif

PLX_BEGIN_DECLS

/**
 * Stands in for a device. Each call says whether it took the access; an address that is not its
 * own is answered with false and then goes to memory.
 *
 * @addr   the register's address       @bytes  4 or 8
 * Thread  whichever accesses the register; the hook locks for itself.
 */
struct plx_mmio_hook {
	bool (*read)(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value);
	bool (*write)(void *arg, volatile void *addr, unsigned bytes, uint64_t value);
	void *arg;
};

/* NULL: no stand-in. Set it before the first access and clear it after the last. */
PLX_API extern const struct plx_mmio_hook *plx_mmio_hook;

#if defined(__x86_64__) || defined(__i386__)
#define PLX_MMIO_BEFORE_WRITE() __asm__ volatile("" ::: "memory")
#define PLX_MMIO_AFTER_READ() __asm__ volatile("" ::: "memory")
#elif defined(__aarch64__)
#define PLX_MMIO_BEFORE_WRITE() __asm__ volatile("dmb oshst" ::: "memory")
#define PLX_MMIO_AFTER_READ() __asm__ volatile("dmb oshld" ::: "memory")
#else
#define PLX_MMIO_BEFORE_WRITE() __sync_synchronize()
#define PLX_MMIO_AFTER_READ() __sync_synchronize()
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define PLX_MMIO_LE32(v) (v)
#define PLX_MMIO_LE64(v) (v)
#else
#define PLX_MMIO_LE32(v) __builtin_bswap32(v)
#define PLX_MMIO_LE64(v) __builtin_bswap64(v)
#endif

/**
 * Read a register.
 *
 * @addr   a mapped register, aligned to its size
 * Returns the value in the CPU's byte order; all ones (emulators: zero) when the device is gone.
 * Thread  any; what may race is the device's business.
 */
PLX_INLINE uint32_t plx_mmio_read32_relaxed(const volatile void *addr)
{
#if PLX_MMIO_HOOK
	uint64_t value;

	if (plx_mmio_hook && plx_mmio_hook->read(plx_mmio_hook->arg, addr, 4, &value))
		return (uint32_t)value;
#endif
	return PLX_MMIO_LE32(*(const volatile uint32_t *)addr);
}

PLX_INLINE uint32_t plx_mmio_read32(const volatile void *addr)
{
	uint32_t value = plx_mmio_read32_relaxed(addr);

	PLX_MMIO_AFTER_READ();
	return value;
}

PLX_INLINE uint64_t plx_mmio_read64(const volatile void *addr)
{
	uint64_t value;

#if PLX_MMIO_HOOK
	if (plx_mmio_hook && plx_mmio_hook->read(plx_mmio_hook->arg, addr, 8, &value))
		return value;
#endif
	value = PLX_MMIO_LE64(*(const volatile uint64_t *)addr);
	PLX_MMIO_AFTER_READ();
	return value;
}

/**
 * Write a register. The write is posted: it has arrived once a later read of the device is back.
 *
 * @addr   a mapped register, aligned to its size
 * @value  in the CPU's byte order
 * Thread  any; what may race is the device's business.
 */
PLX_INLINE void plx_mmio_write32_relaxed(volatile void *addr, uint32_t value)
{
#if PLX_MMIO_HOOK
	if (plx_mmio_hook && plx_mmio_hook->write(plx_mmio_hook->arg, addr, 4, value))
		return;
#endif
	*(volatile uint32_t *)addr = PLX_MMIO_LE32(value);
}

PLX_INLINE void plx_mmio_write32(volatile void *addr, uint32_t value)
{
	PLX_MMIO_BEFORE_WRITE();
	plx_mmio_write32_relaxed(addr, value);
}

PLX_INLINE void plx_mmio_write64(volatile void *addr, uint64_t value)
{
	PLX_MMIO_BEFORE_WRITE();
#if PLX_MMIO_HOOK
	if (plx_mmio_hook && plx_mmio_hook->write(plx_mmio_hook->arg, addr, 8, value))
		return;
#endif
	*(volatile uint64_t *)addr = PLX_MMIO_LE64(value);
}

PLX_END_DECLS

#endif
