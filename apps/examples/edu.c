/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver in user space for a device that is no network card: "edu", the teaching device of QEMU
 * (-device edu; docs/specs/edu of QEMU). It answers by registers, computes factorials and tells by
 * interrupt, and copies between memory and 4 KB of its own by DMA, with 28 address bits.
 *
 * Needed of Pollux: the EAL for options and memory, the bus for all else. No port is involved.
 */
#include <errno.h>
#include <inttypes.h>
#include <pollux/dma.h>
#include <pollux/eal.h>
#include <pollux/intr.h>
#include <pollux/mmio.h>
#include <pollux/pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EDU_ID = 0x00,	 /* 0xRRrr00ed: version RR.rr */
	EDU_LIVE = 0x04, /* reads what was written, inverted */
	EDU_FACTORIAL = 0x08,
	EDU_STATUS = 0x20,
	EDU_INTR_STATUS = 0x24,
	EDU_INTR_ACK = 0x64,
	EDU_DMA_SRC = 0x80,
	EDU_DMA_DST = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_CMD = 0x98,

	EDU_STATUS_BUSY = 0x01,
	EDU_STATUS_INTR = 0x80, /* tell when a factorial is there */
	EDU_INTR_FACTORIAL = 0x001,
	EDU_INTR_DMA = 0x100,
	EDU_DMA_START = 0x01,
	EDU_DMA_TO_MEMORY = 0x02,
	EDU_DMA_INTR = 0x04,

	EDU_BUFFER = 0x40000, /* its own memory, as its DMA sees it */
	EDU_BUFFER_BYTES = 4096,
	EDU_DMA_BITS = 28, /* unless QEMU is told another dma_mask */
};

#define TIMEOUT_NS UINT64_C(2000000000)

static const struct plx_pci_id edu_ids[] = {PLX_PCI_ID(0x1234, 0x11e8), {.vendor = 0}};

struct edu {
	struct plx_pci_dev *dev;
	volatile char *regs;
	struct plx_dma_map memory;
};

static uint32_t edu_read(const struct edu *edu, unsigned reg)
{
	return plx_mmio_read32(edu->regs + reg);
}

static void edu_write(const struct edu *edu, unsigned reg, uint32_t value)
{
	plx_mmio_write32(edu->regs + reg, value);
}

/* ---- Bring-up ---- */

/* MSI where the back end has it (VFIO), else INTx (UIO). */
static int enable_interrupt(const struct edu *edu)
{
	bool has_msi = plx_intr_vectors(edu->dev, PLX_INTR_MSI) > 0;

	edu_write(edu, EDU_INTR_ACK, UINT32_MAX);
	return plx_intr_enable(edu->dev, has_msi ? PLX_INTR_MSI : PLX_INTR_INTX, 1);
}

static int edu_open(struct edu *edu, const struct plx_pci_addr *addr, unsigned flags, unsigned bits)
{
	struct plx_pci_bar bar;
	int ret = plx_pci_open(addr, flags, &edu->dev);

	if (ret)
		return ret;
	ret = plx_pci_bar_map(edu->dev, 0, &bar);
	if (ret)
		goto close_dev;
	edu->regs = bar.addr;
	if ((edu_read(edu, EDU_ID) & 0xffff) != 0xed) {
		fprintf(stderr, "edu: error: its id reads %#x: want 0x...00ed\n",
			edu_read(edu, EDU_ID));
		ret = -EIO;
		goto close_dev;
	}
	ret = plx_dma_mask_set(edu->dev, UINT64_MAX >> (64 - bits));
	if (ret)
		goto close_dev;
	ret = plx_dma_alloc(edu->dev, (size_t)2 * EDU_BUFFER_BYTES, EDU_BUFFER_BYTES, &edu->memory);
	if (ret)
		goto close_dev;
	ret = enable_interrupt(edu);
	if (ret)
		goto free_memory;
	ret = plx_pci_bus_master(edu->dev, true); /* DMA and MSI need it */
	if (ret)
		goto free_memory;
	return 0;

free_memory:
	plx_dma_free(edu->dev, &edu->memory);
close_dev:
	plx_pci_close(edu->dev);
	return ret;
}

static void edu_close(struct edu *edu)
{
	plx_pci_bus_master(edu->dev, false);
	plx_intr_disable(edu->dev);
	plx_dma_free(edu->dev, &edu->memory);
	plx_pci_close(edu->dev);
}

/* ---- Its three arts ---- */

/* Sleep until the device says that it is @cause. On a shared line others may wake us. */
static bool wait_for(const struct edu *edu, uint32_t cause)
{
	while (plx_intr_wait(edu->dev, 0, TIMEOUT_NS) > 0) {
		uint32_t status = edu_read(edu, EDU_INTR_STATUS);

		edu_write(edu, EDU_INTR_ACK, status);
		if (status == 0)
			plx_intr_spurious(edu->dev, 0);
		plx_intr_rearm(edu->dev);
		if (status & cause)
			return true;
	}
	fprintf(stderr, "edu: error: no interrupt %#x came\n", cause);
	return false;
}

static bool is_alive(const struct edu *edu)
{
	edu_write(edu, EDU_LIVE, 0x12345678);
	return edu_read(edu, EDU_LIVE) == ~UINT32_C(0x12345678);
}

static bool factorial(const struct edu *edu, uint32_t n, uint32_t *result)
{
	edu_write(edu, EDU_STATUS, EDU_STATUS_INTR);
	edu_write(edu, EDU_FACTORIAL, n);
	if (!wait_for(edu, EDU_INTR_FACTORIAL))
		return false;
	*result = edu_read(edu, EDU_FACTORIAL);
	return true;
}

static bool copy(const struct edu *edu, uint64_t from, uint64_t to, uint32_t flags)
{
	plx_mmio_write64(edu->regs + EDU_DMA_SRC, from);
	plx_mmio_write64(edu->regs + EDU_DMA_DST, to);
	plx_mmio_write64(edu->regs + EDU_DMA_COUNT, EDU_BUFFER_BYTES);
	plx_mmio_write64(edu->regs + EDU_DMA_CMD, EDU_DMA_START | EDU_DMA_INTR | flags);
	return wait_for(edu, EDU_INTR_DMA);
}

/* First half of our memory -> the device -> second half. */
static bool round_trip(const struct edu *edu)
{
	unsigned char *first = edu->memory.addr, *second = first + EDU_BUFFER_BYTES;

	for (unsigned i = 0; i < EDU_BUFFER_BYTES; i++)
		first[i] = (unsigned char)(i * 7 + i / 256);
	return copy(edu, edu->memory.iova, EDU_BUFFER, 0) &&
	       copy(edu, EDU_BUFFER, edu->memory.iova + EDU_BUFFER_BYTES, EDU_DMA_TO_MEMORY) &&
	       memcmp(first, second, EDU_BUFFER_BYTES) == 0;
}

static int show(const struct edu *edu)
{
	static const char *const kinds[] = {"none", "INTx", "MSI", "MSI-X"};
	struct plx_intr_stats stats = {0};
	uint32_t result = 0;

	printf("edu: version %u.%u, interrupt by %s, memory at IOVA %#" PRIx64 "\n",
	       edu_read(edu, EDU_ID) >> 24, edu_read(edu, EDU_ID) >> 16 & 0xff,
	       kinds[plx_intr_kind(edu->dev)], edu->memory.iova);
	if (!is_alive(edu) || !factorial(edu, 10, &result) || !round_trip(edu)) {
		fprintf(stderr, "edu: error: it answers wrongly\n");
		return 1;
	}
	plx_intr_stats(edu->dev, 0, &stats);
	printf("edu: 10! = %" PRIu32 ", %d bytes there and back, %" PRIu64 " interrupts\n", result,
	       EDU_BUFFER_BYTES, stats.interrupts);
	return 0;
}

/* ---- The program ---- */

static int use_first(const struct plx_pci_info *info, void *arg)
{
	*(struct plx_pci_info *)arg = *info;
	return plx_pci_id_match(edu_ids, &info->id) != NULL;
}

int main(int argc, char **argv)
{
	struct plx_pci_info info;
	struct plx_eal_conf conf;
	struct edu edu = {0};
	unsigned bits = EDU_DMA_BITS;
	int status = 1, first;

	plx_eal_conf_init(&conf);
	first = plx_eal_parse(&conf, argc, argv);
	if (first > 0 && first < argc)
		bits = (unsigned)strtoul(argv[first], NULL, 10);
	if (first < 0 || conf.help || bits < EDU_DMA_BITS || bits > 64) {
		printf("usage: plx-edu [EAL options] [-- BITS]\nDrive the first edu device of "
		       "QEMU, "
		       "whose dma_mask has 28 bits unless told otherwise.\n");
		goto free_conf;
	}
	if (plx_pci_walk(PLX_PCI_WALK_USABLE, use_first, &info) != 1) {
		fprintf(stderr,
			"edu: error: there is none that is bound to vfio-pci or uio_pci_generic\n");
		goto free_conf;
	}
	if (conf.iova_mode == PLX_IOVA_AUTO)
		conf.iova_mode = plx_pci_iova_mode(&info);
	if (plx_eal_init(&conf))
		goto free_conf;
	if (edu_open(&edu, &info.addr, conf.allow_unsafe_dma ? PLX_PCI_UNSAFE_DMA : 0, bits) == 0) {
		status = show(&edu);
		edu_close(&edu);
	}
	plx_eal_fini();

free_conf:
	plx_eal_conf_fini(&conf);
	return status;
}
