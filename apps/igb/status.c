/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-igb status: a card at a glance; plx-igb led. STATUS and CTRL tell the link; the PHY is asked
 * by MDIO under the card's own lock, which driver and firmware keep to as well. PHY registers that
 * reading changes (1: the latched link, 6, 10) are left alone.
 */
#include <errno.h>
#include <phy.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "card.h"

static void print_owner(const struct card *card)
{
	char path[64], comm[32] = "";
	FILE *file;

	printf("driver      %s", card->info.driver[0] ? card->info.driver : "none");
	if (card->info.iommu_group >= 0)
		printf(", IOMMU group %d", card->info.iommu_group);
	printf("\nused by     ");
	if (card->pid == 0) {
		printf("%s\n", card->user[0] ? card->user : "nobody");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%ld/comm", card->pid);
	file = fopen(path, "re");
	if (file && fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = '\0';
	if (file)
		fclose(file);
	printf("%s (%s)\n", card->user, comm);
}

static void print_link(const struct igb_hw *hw)
{
	static const unsigned speeds[] = {10, 100, 1000, 1000};
	static const char *const pauses[] = {"no pause frames", "obeys pause frames",
					     "sends pause frames", "pause frames both ways"};
	uint32_t status = igb_read(hw, IGB_STATUS), ctrl = igb_read(hw, IGB_CTRL);

	if (!(status & IGB_STATUS_LU)) {
		printf("link        down%s\n", ctrl & IGB_CTRL_SLU ? "" : ", not asked for (SLU)");
		return;
	}
	printf("link        up, %u Mb/s, %s duplex, %s%s\n",
	       speeds[(status & IGB_STATUS_SPEED_MASK) >> IGB_STATUS_SPEED_SHIFT],
	       status & IGB_STATUS_FD ? "full" : "half",
	       pauses[!!(ctrl & IGB_CTRL_RFCE) + 2 * !!(ctrl & IGB_CTRL_TFCE)],
	       status & IGB_STATUS_TXOFF ? ", paused by the partner now" : "");
}

static void print_address(const struct igb_hw *hw)
{
	uint32_t low = igb_read(hw, IGB_RAL(0)), high = igb_read(hw, IGB_RAH(0));

	printf("address     %02x:%02x:%02x:%02x:%02x:%02x%s\n", low & 0xff, low >> 8 & 0xff,
	       low >> 16 & 0xff, low >> 24, high & 0xff, high >> 8 & 0xff,
	       high & IGB_RAH_AV ? "" : " (not valid)");
}

static void print_phy(struct igb_hw *hw)
{
	static const struct {
		unsigned reg;
		const char *name;
	} regs[] = {{PHY_CONTROL, "control"},
		    {PHY_ADVERTISE, "advertises"},
		    {PHY_PARTNER, "partner"},
		    {PHY_GIG_CONTROL, "gigabit"}};

	if (plx_igb_phy_find(hw)) {
		printf("PHY         does not answer\n");
		return;
	}
	printf("PHY         %s, id %08x", hw->phy.name, hw->phy.id);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(regs); i++) {
		uint16_t value;

		if (plx_igb_phy_read(hw, regs[i].reg, &value) == 0)
			printf(", %s %04x", regs[i].name, value);
	}
	printf("\n");
}

static void print_queues(const struct igb_hw *hw, const char *name, bool is_rx)
{
	bool any = false;

	printf("%s       ", name);
	for (unsigned n = 0; n < hw->mac->nb_queues; n++) {
		uint32_t dctl = igb_read(hw, is_rx ? IGB_RXDCTL(n) : IGB_TXDCTL(n));

		if (!(dctl & IGB_DCTL_ENABLE))
			continue;
		printf(" %u (head %u, tail %u)", n, igb_read(hw, is_rx ? IGB_RDH(n) : IGB_TDH(n)),
		       igb_read(hw, is_rx ? IGB_RDT(n) : IGB_TDT(n)));
		any = true;
	}
	printf("%s\n", any ? "" : " none is on");
}

static void print_units(const struct igb_hw *hw)
{
	uint32_t sync = igb_read(hw, IGB_SW_FW_SYNC);

	printf("receiver    %s, transmitter %s, bus master %s, driver %s\n",
	       igb_read(hw, IGB_RCTL) & IGB_RCTL_EN ? "on" : "off",
	       igb_read(hw, IGB_TCTL) & IGB_TCTL_EN ? "on" : "off",
	       igb_read(hw, IGB_CTRL) & IGB_CTRL_GIO_MASTER_DISABLE ? "off" : "on",
	       igb_read(hw, IGB_CTRL_EXT) & IGB_CTRL_EXT_DRV_LOAD ? "loaded (DRV_LOAD)" : "none");
	print_queues(hw, "rx on", true);
	print_queues(hw, "tx on", false);
	printf("locks       software %04x, firmware %04x\n", sync & 0xffff,
	       sync >> IGB_SYNC_FW_SHIFT);
}

int card_status(struct card *card)
{
	int ret;

	printf("%s %s\n", card->info.name, card->hw.mac->name);
	print_owner(card);
	ret = card_open(card, true);
	if (ret)
		return ret;
	printf("reached     %s\n", card->way);
	print_address(&card->hw);
	print_link(&card->hw);
	print_units(&card->hw);
	print_phy(&card->hw);
	return plx_igb_alive(&card->hw) ? 1 : 0;
}

/* ---- LEDs ---- */

int card_led(struct card *card, const char *mode, unsigned seconds)
{
	static const struct {
		const char *word;
		enum igb_led led;
	} modes[] = {{"on", IGB_LED_ON}, {"off", IGB_LED_OFF}, {"blink", IGB_LED_BLINKING}};
	const struct timespec time = {.tv_sec = seconds};
	sigset_t ends;
	int ret;

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(modes); i++) {
		if (strcmp(mode, modes[i].word) != 0)
			continue;
		sigemptyset(&ends);
		sigaddset(&ends, SIGINT);
		sigaddset(&ends, SIGTERM);
		sigaddset(&ends, SIGHUP);
		sigprocmask(SIG_BLOCK, &ends, NULL);
		ret = card_open(card, true);
		if (ret)
			return ret;
		plx_igb_led(&card->hw, modes[i].led);
		sigtimedwait(&ends, NULL, &time);
		if (plx_igb_alive(&card->hw))
			return 1;
		plx_igb_led(&card->hw, IGB_LED_NORMAL);
		return 0;
	}
	fprintf(stderr, "plx-igb: led '%s': want on, off or blink\n", mode);
	return 2;
}
