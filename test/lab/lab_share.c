/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two functions on one INTx line: lab_share [EAL options] -- BDF BDF, both "edu" devices of QEMU.
 * Each raises its interrupt in turn; only the one that did is told, and neither loses any.
 */
#include <inttypes.h>
#include <pollux/pollux.h>
#include <unistd.h>

enum { RAISE = 0x60, ACK = 0x64, CAUSE = 0x24, ROUNDS = 100 };

struct edu {
	struct plx_pci_dev *dev;
	volatile char *regs;
	unsigned nb_own; /* atomic */
};

static bool on_interrupt(void *arg)
{
	struct edu *edu = arg;
	uint32_t cause = plx_mmio_read32(edu->regs + CAUSE);

	plx_mmio_write32(edu->regs + ACK, cause);
	if (cause)
		plx_fetch_add_acq_rel(&edu->nb_own, 1);
	return cause != 0;
}

static int start(struct edu *edu, const char *name, unsigned flags)
{
	struct plx_pci_addr addr;
	struct plx_pci_bar bar;

	if (plx_pci_addr_parse(name, &addr, NULL) || plx_pci_open(&addr, flags, &edu->dev) ||
	    plx_pci_bar_map(edu->dev, 0, &bar))
		return -1;
	edu->regs = bar.addr;
	plx_mmio_write32(edu->regs + ACK, UINT32_MAX);
	return plx_intr_enable(edu->dev, PLX_INTR_INTX, 1) ||
			       plx_intr_handler_set(edu->dev, 0, on_interrupt, edu)
		       ? -1
		       : 0;
}

static bool told(struct edu *edu, unsigned nb)
{
	for (int i = 0; i < 5000 && plx_load_acquire(&edu->nb_own) < nb; i++)
		usleep(1000);
	return plx_load_acquire(&edu->nb_own) == nb;
}

static int take_turns(struct edu *edus)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < 2; i++) {
			plx_mmio_write32(edus[i].regs + RAISE, 1);
			if (!told(&edus[i], round)) {
				printf("round %u: edu %u was told %u times\n", round, i,
				       plx_load_acquire(&edus[i].nb_own));
				return 1;
			}
		}
	}
	/* Both at once. */
	for (unsigned i = 0; i < 2; i++)
		plx_mmio_write32(edus[i].regs + RAISE, 2);
	return told(&edus[0], ROUNDS + 1) && told(&edus[1], ROUNDS + 1) ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct edu edus[2] = {0};
	struct plx_eal_conf conf;
	int first, bad = 3;

	plx_eal_conf_init(&conf);
	first = plx_eal_parse(&conf, argc, argv);
	if (first < 0 || first + 2 != argc || plx_eal_init(&conf))
		return 4;
	if (start(&edus[0], argv[first], conf.allow_unsafe_dma) == 0 &&
	    start(&edus[1], argv[first + 1], conf.allow_unsafe_dma) == 0)
		bad = take_turns(edus);
	for (unsigned i = 0; i < 2; i++) {
		struct plx_intr_stats stats = {0};

		if (edus[i].dev)
			plx_intr_stats(edus[i].dev, 0, &stats);
		printf("edu %u: %" PRIu64 " interrupts, %" PRIu64 " spurious\n", i,
		       stats.interrupts, stats.spurious);
		plx_pci_close(edus[i].dev);
	}
	plx_eal_fini();
	plx_eal_conf_fini(&conf);
	return bad;
}
