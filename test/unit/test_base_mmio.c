/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Register accesses: little-endian in memory, and with the build-time hook each access goes to a
 * stand-in first.
 */
#define PLX_MMIO_HOOK 1

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pollux/mmio.h>
#include <string.h>

static uint8_t bar[64] __attribute__((aligned(8)));

/* A device of four registers at bar[0..15]: what is past that is not its own. */
static struct device {
	unsigned nb_reads, nb_writes;
	const volatile void *addr;
	unsigned bytes;
	uint64_t value;
} device;

static bool mine(const volatile void *addr)
{
	return (const volatile uint8_t *)addr >= bar && (const volatile uint8_t *)addr < bar + 16;
}

static bool on_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value)
{
	struct device *dev = arg;

	if (!mine(addr))
		return false;
	dev->nb_reads++;
	dev->addr = addr;
	dev->bytes = bytes;
	*value = UINT64_C(0x1122334455667788);
	return true;
}

static bool on_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value)
{
	struct device *dev = arg;

	if (!mine(addr))
		return false;
	dev->nb_writes++;
	dev->addr = addr;
	dev->bytes = bytes;
	dev->value = value;
	return true;
}

static const struct plx_mmio_hook hook = {on_read, on_write, &device};

static void start(void)
{
	for (unsigned i = 0; i < sizeof(bar); i++)
		bar[i] = (uint8_t)(i + 1);
	plx_mmio_hook = NULL;
}

TestSuite(mmio, .init = start);

Test(mmio, reads_are_little_endian)
{
	cr_assert_eq(plx_mmio_read32(bar), 0x04030201u, "%#x", plx_mmio_read32(bar));
	cr_assert_eq(plx_mmio_read32_relaxed(bar + 4), 0x08070605u, "%#x",
		     plx_mmio_read32_relaxed(bar + 4));
	cr_assert_eq(plx_mmio_read64(bar + 8), UINT64_C(0x100f0e0d0c0b0a09), "%#" PRIx64,
		     plx_mmio_read64(bar + 8));
}

Test(mmio, writes_are_little_endian_and_touch_nothing_else)
{
	uint8_t want[sizeof(bar)];

	memcpy(want, bar, sizeof(bar));
	memcpy(want + 8, "\xd4\xc3\xb2\xa1", 4);
	memcpy(want + 16, "\x04\x03\x02\x01", 4);
	memcpy(want + 24, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	plx_mmio_write32(bar + 8, 0xa1b2c3d4);
	plx_mmio_write32_relaxed(bar + 16, 0x01020304);
	plx_mmio_write64(bar + 24, UINT64_C(0x1122334455667788));
	cr_assert_arr_eq(bar, want, sizeof(bar));
}

Test(mmio, a_hook_takes_each_access)
{
	uint8_t before[sizeof(bar)];

	memcpy(before, bar, sizeof(bar));
	plx_mmio_hook = &hook;
	cr_assert_eq(plx_mmio_read32(bar + 4), 0x55667788u);
	cr_assert_eq(device.addr, bar + 4);
	cr_assert_eq(device.bytes, 4, "%u", device.bytes);
	cr_assert_eq(plx_mmio_read32_relaxed(bar), 0x55667788u);
	cr_assert_eq(plx_mmio_read64(bar + 8), UINT64_C(0x1122334455667788));
	cr_assert_eq(device.bytes, 8, "%u", device.bytes);
	cr_assert_eq(device.nb_reads, 3, "%u", device.nb_reads);

	plx_mmio_write32(bar, 0x80000001);
	cr_assert_eq(device.value, 0x80000001u, "%#" PRIx64, device.value);
	cr_assert_eq(device.bytes, 4, "%u", device.bytes);
	plx_mmio_write32_relaxed(bar + 12, 3);
	cr_assert_eq(device.addr, bar + 12);
	plx_mmio_write64(bar + 8, UINT64_C(0x8000000000000002));
	cr_assert_eq(device.value, UINT64_C(0x8000000000000002), "%#" PRIx64, device.value);
	cr_assert_eq(device.bytes, 8, "%u", device.bytes);
	cr_assert_eq(device.nb_writes, 3, "%u", device.nb_writes);
	cr_assert_arr_eq(bar, before, sizeof(bar), "memory was written past the hook");
}

Test(mmio, what_the_hook_does_not_take_goes_to_memory)
{
	plx_mmio_hook = &hook;
	cr_assert_eq(plx_mmio_read32(bar + 16), 0x14131211u);
	cr_assert_eq(plx_mmio_read64(bar + 16), UINT64_C(0x1817161514131211));
	plx_mmio_write32(bar + 32, 7);
	plx_mmio_write64(bar + 40, 9);
	cr_assert_eq(bar[32], 7, "%u", bar[32]);
	cr_assert_eq(bar[40], 9, "%u", bar[40]);
	cr_assert_eq(device.nb_reads + device.nb_writes, 0, "%u, %u", device.nb_reads,
		     device.nb_writes);
}

/* The library's own copy is compiled without the hook: no trace of it in what is installed. */
Test(mmio, the_exported_calls_know_no_hook)
{
	uint32_t (*volatile read32)(const volatile void *) = plx_mmio_read32;
	void (*volatile write32)(volatile void *, uint32_t) = plx_mmio_write32;

	plx_mmio_hook = &hook;
	cr_assert_eq(read32(bar), 0x04030201u, "%#x", read32(bar));
	write32(bar, 0);
	cr_assert_eq(bar[0], 0, "%u", bar[0]);
	cr_assert_eq(device.nb_reads + device.nb_writes, 0);
}
