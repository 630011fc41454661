/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hardware layer of drivers/igb on the lab's igb, without ports and queues:
 * lab_igb_hw [EAL options] -- BDF CHECK... Run by bus.sh in the lab.
 *
 *	life  attach, NVM, link up, pause, counters, dump, reset, clock, link again, give back
 *	mess  leave what a dead process leaves: locks, units, interrupts on; then wait to be killed
 */
#include <inttypes.h>
#include <pollux/pollux.h>
#include <string.h>
#include <unistd.h>

#include "../../drivers/igb/hw.h"
#include "lab_pci.h"

static struct plx_pci_dev *dev;
static struct igb_hw hw;

static int cfg_read(void *arg, uint32_t offset, uint16_t *value)
{
	return plx_pci_cfg_read16(arg, offset, value);
}

static int cfg_write(void *arg, uint32_t offset, uint16_t value)
{
	return plx_pci_cfg_write16(arg, offset, value);
}

static int link_up(void)
{
	struct igb_link link = {0};
	int ret = plx_igb_link_start(&hw, 0, IGB_FC_FULL);

	want(ret == 0, "%d", ret);
	for (unsigned i = 0; i < 500 && !link.up; i++) {
		plx_igb_delay_us(20000);
		ret = plx_igb_link_read(&hw, &link);
		want(ret == 0, "%d", ret);
	}
	want(link.up && link.speed_mbps == 1000 && link.full_duplex, "up %d, %u Mb/s", link.up,
	     link.speed_mbps);
	return 0;
}

static int clock_runs(void)
{
	uint64_t before, after, began;

	want(plx_igb_clock_start(&hw, 1000) == 0, "clock");
	want(plx_igb_clock_set(&hw, UINT64_C(1700000000000000000)) == 0, "clock");
	want(plx_igb_clock_read(&hw, &before) == 0, "clock");
	began = plx_clock_raw_ns();
	plx_igb_delay_us(100000);
	want(plx_igb_clock_read(&hw, &after) == 0, "clock");
	began = plx_clock_raw_ns() - began;
	want(after - before >= 100000000 && after - before <= began + 100000000,
	     "%" PRIu64 " ns in %" PRIu64, after - before, began);
	return 0;
}

static int life(void)
{
	uint16_t words[IGB_NVM_SECTION_WORDS];
	struct igb_nvm_image image;
	uint32_t mac;

	want(plx_igb_nvm_read(&hw, 0, IGB_NVM_SECTION_WORDS, words) == 0, "NVM");
	want(plx_igb_nvm_parse(hw.mac, hw.lan_id, words, IGB_NVM_SECTION_WORDS, &image) == 0,
	     "NVM");
	want(image.bad_sections == 0 && memcmp(image.mac, hw.perm_addr, 6) == 0, "NVM and RAR 0");
	if (link_up() || clock_runs())
		return 1;
	want(plx_igb_mac_set(&hw, (const uint8_t *)"\x02\0\0\0\0\x77") == 0, "address");
	plx_igb_stats_update(&hw);
	want(plx_igb_dump_regs(&hw, stdout, false) == 0, "dump");
	want(plx_igb_dump_nvm(&hw, stdout) == 0, "dump");
	want(plx_igb_reset(&hw) == 0, "reset");
	mac = igb_read(&hw, IGB_RAH(0));
	want((mac & 0xffff) == 0x7700, "0x%08x", mac);
	want(!(igb_read(&hw, IGB_STATUS) & IGB_STATUS_LU), "the link is up after a reset");
	if (link_up())
		return 1;
	want(plx_igb_down(&hw) == 0, "down");
	return 0;
}

static int mess(void)
{
	want(plx_igb_mac_set(&hw, (const uint8_t *)"\x02\0\0\0\0\x78") == 0, "address");
	want(plx_igb_lock(&hw, IGB_SYNC_EEP | plx_igb_phy_lock_bit(&hw)) == 0, "lock");
	(void)igb_read(&hw, IGB_SWSM);
	want(plx_igb_intr_setup(&hw, IGB_INTR_MSIX, 4) == 0, "interrupts");
	plx_igb_intr_other(&hw, true);
	plx_igb_rx_enable(&hw, true);
	plx_igb_tx_enable(&hw, true);
	puts("holding");
	fflush(stdout);
	for (;;)
		pause();
}

static int open_card(const struct plx_pci_addr *addr, bool unsafe)
{
	struct plx_pci_bar bar = {0};

	if (plx_pci_open(addr, unsafe ? PLX_PCI_UNSAFE_DMA : 0, &dev) ||
	    plx_pci_bar_map(dev, 0, &bar))
		return 1;
	hw.bar = bar.addr;
	hw.bar_bytes = bar.len_bytes;
	hw.device = plx_pci_info(dev)->id.device;
	hw.cfg = (struct igb_cfg){cfg_read, cfg_write, dev};
	snprintf(hw.name, sizeof(hw.name), "lab");
	return plx_igb_attach(&hw) != 0 || plx_pci_bus_master(dev, true) != 0;
}

int main(int argc, char **argv)
{
	struct plx_eal_conf conf;
	struct plx_pci_addr addr;
	int first = lab_start_eal(&conf, argc, argv, &addr), bad = 3;

	if (first < 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (open_card(&addr, conf.allow_unsafe_dma) == 0) {
		bad = strcmp(argv[first + 1], "mess") == 0 ? mess() : life();
		plx_igb_detach(&hw);
	}
	plx_pci_close(dev);
	plx_eal_fini();
	plx_eal_conf_fini(&conf);
	return bad;
}
