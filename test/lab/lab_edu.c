/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device can reach: lab_edu [EAL options] -- BDF dma, an "edu" device of QEMU behind an
 * IOMMU. It writes to memory that is mapped for it, mapped the other way, and not mapped any more;
 * one at a time and by a list. What it must not reach is a canary, in the same pages or around
 * them.
 */
#include <errno.h>
#include <inttypes.h>
#include <pollux/pollux.h>
#include <string.h>
#include <unistd.h>

#include "lab_pci.h"

enum {
	DMA_SRC = 0x80,
	DMA_DST = 0x88,
	DMA_COUNT = 0x90,
	DMA_CMD = 0x98,
	DMA_START = 1,
	DMA_TO_MEMORY = 2,
	OWN = 0x40000, /* the device's memory, as its DMA sees it */
	OWN_BYTES = 4096,
	PAGES = 6,
	PAGE_BYTES = 4096,
	CANARY = 0xc5,
	MARK = 0x3a,
};

static struct plx_pci_dev *dev;
static volatile char *regs;
static uint8_t memory[PAGES * PAGE_BYTES] PLX_ALIGNED(PAGE_BYTES);

static int copy(uint64_t src, uint64_t dst, size_t len, unsigned command)
{
	plx_mmio_write64(regs + DMA_SRC, src);
	plx_mmio_write64(regs + DMA_DST, dst);
	plx_mmio_write64(regs + DMA_COUNT, len);
	plx_mmio_write32(regs + DMA_CMD, DMA_START | command);
	for (unsigned i = 0; i < 5000; i++) {
		if ((plx_mmio_read32(regs + DMA_CMD) & DMA_START) == 0)
			return 0;
		usleep(1000);
	}
	fail("a transfer does not end");
}

static int device_writes(uint64_t iova, size_t len)
{
	return copy(OWN, iova, len, DMA_TO_MEMORY);
}

static int device_reads(uint64_t iova, size_t len)
{
	return copy(iova, OWN, len, 0);
}

/* All of @memory is a canary but for the pieces. */
static int check_memory(const char *when, const struct iovec *pieces, unsigned nb)
{
	for (size_t i = 0; i < sizeof(memory); i++) {
		uint8_t expected = CANARY;

		for (unsigned j = 0; j < nb; j++) {
			const uint8_t *first = pieces[j].iov_base;

			if (&memory[i] >= first && &memory[i] < first + pieces[j].iov_len)
				expected = MARK;
		}
		want(memory[i] == expected, "%s: byte %zu is %#x, want %#x", when, i, memory[i],
		     expected);
	}
	return 0;
}

/* The device's own memory is full of that. */
static int load(int byte)
{
	struct plx_dma_map map;

	memset(memory, byte, PAGE_BYTES);
	want(plx_dma_map(dev, memory, PAGE_BYTES, PLX_DMA_TO_DEVICE, &map) == 0, "map");
	want(device_reads(map.iova, PAGE_BYTES) == 0, "transfer");
	plx_dma_unmap(dev, &map);
	memset(memory, CANARY, sizeof(memory));
	return 0;
}

/* The device's own memory is brought back: does it hold that byte everywhere? */
static int holds(int byte, bool *is_so)
{
	struct plx_dma_map map;

	memset(memory, ~byte, PAGE_BYTES);
	want(plx_dma_map(dev, memory, PAGE_BYTES, PLX_DMA_FROM_DEVICE, &map) == 0, "map");
	want(device_writes(map.iova, PAGE_BYTES) == 0, "transfer");
	plx_dma_unmap(dev, &map);
	*is_so = true;
	for (size_t i = 0; i < PAGE_BYTES; i++)
		*is_so = *is_so && memory[i] == byte;
	memset(memory, CANARY, sizeof(memory));
	return 0;
}

static int one_map(void)
{
	struct iovec piece = {memory + 2 * PAGE_BYTES + 100, 3000};
	struct plx_dma_map map;
	uint64_t iova;

	want(load(MARK) == 0, "load");
	want(plx_dma_map(dev, piece.iov_base, piece.iov_len, PLX_DMA_FROM_DEVICE, &map) == 0,
	     "map");
	iova = map.iova;
	want(device_writes(iova, piece.iov_len) == 0, "transfer");
	want(check_memory("mapped", &piece, 1) == 0, "memory");
	memset(memory, CANARY, sizeof(memory));
	want(device_writes(iova + 2 * PAGE_BYTES, 1000) == 0, "transfer");
	want(check_memory("two pages behind", NULL, 0) == 0, "memory");
	plx_dma_unmap(dev, &map);
	want(device_writes(iova, piece.iov_len) == 0, "transfer");
	want(check_memory("after unmap", NULL, 0) == 0, "memory");
	return 0;
}

/* The other way round nothing can be seen: for Linux's VT-d driver all that is mapped can be
 * read. */
static int directions(void)
{
	struct plx_dma_map map;
	bool is_so;

	want(load(MARK) == 0, "load");
	want(plx_dma_map(dev, memory, PAGE_BYTES, PLX_DMA_TO_DEVICE, &map) == 0, "map");
	want(device_writes(map.iova, PAGE_BYTES) == 0, "transfer");
	want(check_memory("to be read only", NULL, 0) == 0, "memory");
	want(device_reads(map.iova, PAGE_BYTES) == 0, "transfer");
	plx_dma_unmap(dev, &map);
	want(holds(CANARY, &is_so) == 0 && is_so, "it has not read what it may");
	return 0;
}

/* Pieces that are not aligned, one over the end of a page, two in one page. */
static int list(void)
{
	struct iovec pieces[] = {{memory + 1000, 200},
				 {memory + PAGE_BYTES + 4000, 300},
				 {memory + 3 * PAGE_BYTES, 64},
				 {memory + 3 * PAGE_BYTES + 2000, 1}};
	enum { PIECES = PLX_ARRAY_SIZE(pieces) };
	uint64_t iovas[PIECES];
	struct plx_dma_map maps[PIECES];

	want(load(MARK) == 0, "load");
	want(plx_dma_map_sg(dev, pieces, PIECES, PLX_DMA_FROM_DEVICE, maps, PIECES) == PIECES,
	     "map");
	for (unsigned i = 0; i < PIECES; i++) {
		iovas[i] = maps[i].iova;
		want(device_writes(iovas[i], pieces[i].iov_len) == 0, "transfer");
		want(check_memory("list", pieces, i + 1) == 0, "after piece %u", i);
	}
	memset(memory, CANARY, sizeof(memory));
	plx_dma_unmap_sg(dev, maps, PIECES);
	for (unsigned i = 0; i < PIECES; i++)
		want(device_writes(iovas[i], pieces[i].iov_len) == 0, "transfer");
	want(check_memory("after unmap", NULL, 0) == 0, "memory");
	return 0;
}

int main(int argc, char **argv)
{
	struct plx_eal_conf conf;
	struct plx_pci_addr addr;
	struct plx_pci_bar bar;
	int bad = 1;

	if (lab_start_eal(&conf, argc, argv, &addr) < 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (plx_pci_open(&addr, 0, &dev) == 0 && plx_pci_bar_map(dev, 0, &bar) == 0 &&
	    plx_dma_mask_set(dev, (1 << 28) - 1) == 0 && plx_pci_bus_master(dev, true) == 0) {
		regs = bar.addr;
		bad = one_map() || directions() || list();
	}
	if (!bad)
		puts("ok DMA reaches what is mapped, as it is mapped, while it is mapped");
	plx_pci_close(dev);
	plx_eal_fini();
	plx_eal_conf_fini(&conf);
	return bad;
}
