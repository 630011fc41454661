/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which card, who has it, and a way to its registers:
 *
 *	a process drives it by VFIO   its descriptor of the device (card_fd.c)
 *	VFIO, nobody has it open      sysfs while it is awake; else it is opened, which resets it
 *	UIO, no driver, the kernel's  sysfs: resource0
 *
 * Nothing is written to configuration space, and registers are mapped read-only unless asked.
 */
#include "card.h"

#include <cfg.h>
#include <errno.h>
#include <fcntl.h>
#include <phy.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BAR_BYTES_MIN = 0x13000 };

int card_fail(const struct card *card, const char *fmt, ...)
{
	char text[512];
	va_list args;

	fflush(stdout);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "plx-igb: %s: %s\n", card->info.name, text);
	return 1;
}

/* ---- Which ---- */

int card_find(struct card *card, const char *text)
{
	struct plx_pci_addr addr;
	char *end;

	*card = (struct card){.cfg_fd = -1};
	if (plx_pci_addr_parse(text, &addr, NULL)) {
		fprintf(stderr, "plx-igb: '%s': want a PCI address, 0000:01:00.0 or 01:00.0\n",
			text);
		return 2;
	}
	if (plx_pci_find(&addr, &card->info)) {
		plx_pci_addr_format(&addr, card->info.name);
		return card_fail(card, "there is no PCI device of that address (`lspci -D` lists "
				       "them)");
	}
	card->hw.id = plx_igb_id_find(card->info.id.vendor, card->info.id.device);
	if (!card->hw.id)
		return card_fail(card,
				 "%04x:%04x is no card of the igb family (82576, 82580, "
				 "I350, I354, I210, I211)",
				 card->info.id.vendor, card->info.id.device);
	card->hw.mac = &plx_igb_macs[card->hw.id->mac];
	card->hw.device = card->info.id.device;
	snprintf(card->hw.name, sizeof(card->hw.name), "%s", card->info.name);
	if (plx_pci_in_use(&card->info, card->user, sizeof(card->user)) &&
	    strncmp(card->user, "process ", 8) == 0)
		card->pid = strtol(card->user + 8, &end, 10);
	return 0;
}

/* ---- Configuration space, as sysfs shows it ---- */

static int cfg_read16(void *arg, uint32_t offset, uint16_t *value)
{
	const struct card *card = arg;

	return pread(card->cfg_fd, value, sizeof(*value), (off_t)offset) == sizeof(*value) ? 0
											   : -EIO;
}

static int cfg_write16(void *arg, uint32_t offset, uint16_t value)
{
	(void)arg;
	(void)offset;
	(void)value;
	return -EPERM;
}

static void sys_path(const struct card *card, const char *file, char *path, size_t bytes)
{
	snprintf(path, bytes, "/sys/bus/pci/devices/%s/%s", card->info.name, file);
}

static int open_cfg(struct card *card)
{
	char path[128];

	sys_path(card, "config", path, sizeof(path));
	card->cfg_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (card->cfg_fd < 0)
		return card_fail(card, "can't open %s: %s", path, strerror(errno));
	card->hw.cfg = (struct igb_cfg){cfg_read16, cfg_write16, card};
	return 0;
}

/* The power state, for who may read the capabilities; else what the kernel says of it. */
static bool is_asleep(struct card *card)
{
	char path[128], text[16] = "";
	uint16_t state;
	FILE *file;
	int pm = plx_igb_cfg_capability(&card->hw.cfg, IGB_CFG_CAP_PM);

	if (pm > 0 && cfg_read16(card, (uint32_t)pm + IGB_CFG_PM_STATE, &state) == 0)
		return (state & IGB_CFG_PM_STATE_MASK) != 0;
	sys_path(card, "power_state", path, sizeof(path));
	file = fopen(path, "re");
	if (file && !fgets(text, sizeof(text), file))
		text[0] = '\0';
	if (file)
		fclose(file);
	return strncmp(text, "D3", 2) == 0;
}

static bool is_deaf(struct card *card)
{
	uint16_t command;

	return cfg_read16(card, IGB_CFG_COMMAND, &command) == 0 &&
	       !(command & IGB_CFG_COMMAND_MEMORY);
}

/* ---- sysfs ---- */

static int refuse_map(struct card *card, int error)
{
	const char *driver = card->info.driver;

	if (error == EACCES)
		return card_fail(card, "its registers are for root (resource0): sudo plx-igb ...");
	if (error == EPERM)
		return card_fail(card, "the kernel is locked down (secure boot) and keeps "
				       "resource0 to itself");
	if (error == EINVAL && card->info.backend == PLX_PCI_KERNEL)
		return card_fail(card,
				 "the kernel keeps the registers to its driver %s: `ethtool -d`, "
				 "or boot with iomem=relaxed",
				 driver);
	if (error == EINVAL)
		return card_fail(card,
				 "the kernel keeps the registers to %s: boot with "
				 "iomem=relaxed",
				 card->user[0] ? card->user : driver);
	return card_fail(card, "resource0 can't be mapped: %s", strerror(error));
}

static int map_sysfs(struct card *card, bool writes)
{
	char path[128];
	int fd, error = 0;

	sys_path(card, "resource0", path, sizeof(path));
	fd = open(path, (writes ? O_RDWR : O_RDONLY) | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	card->map_bytes = card->info.bars[0].len_bytes;
	card->map = mmap(NULL, card->map_bytes, PROT_READ | (writes ? PROT_WRITE : 0), MAP_SHARED,
			 fd, 0);
	if (card->map == MAP_FAILED) {
		error = errno;
		card->map = NULL;
	}
	close(fd);
	card->way = "by sysfs (resource0), as it stands";
	return -error;
}

/* ---- VFIO, with nobody there ---- */

static int open_idle(struct card *card)
{
	struct plx_pci_bar bar;
	int ret;

	fflush(stdout);
	ret = plx_pci_open(&card->info.addr, 0, &card->dev);
	if (ret == 0)
		ret = plx_pci_bar_map(card->dev, 0, &bar);
	if (ret)
		return 1; /* it was logged */
	card->map = bar.addr;
	card->map_bytes = bar.len_bytes;
	card->way = "opened by VFIO, which has reset it";
	fprintf(stderr,
		"plx-igb: %s: nobody has it open, and VFIO resets a card that is opened: "
		"what follows is the state after a reset\n",
		card->info.name);
	return 0;
}

/* ---- A way ---- */

static int find_way(struct card *card, bool writes)
{
	bool is_vfio = card->info.backend == PLX_PCI_VFIO;
	int ret;

	if (is_vfio && card->user[0]) {
		ret = card->pid ? card_map_fd(card) : -EACCES;
		if (ret == 0)
			return 0;
		if (ret == -EPERM || ret == -EACCES)
			return card_fail(card,
					 "%s has it open: only root, or who may debug that "
					 "process, can look over its shoulder",
					 card->user);
	} else if (is_vfio && (is_asleep(card) || is_deaf(card))) {
		return open_idle(card);
	}
	if (is_asleep(card))
		return card_fail(card,
				 "it sleeps (D3): `echo on >/sys/bus/pci/devices/%s/power/control` "
				 "as root wakes it, and whatever drives it may too",
				 card->info.name);
	if (is_deaf(card))
		return card_fail(card, "its registers are off (memory decoding): no driver has "
				       "turned it on, or it was reset from outside");
	ret = map_sysfs(card, writes);
	if (ret == -EACCES && is_vfio && !card->user[0])
		return open_idle(card);
	return ret ? refuse_map(card, -ret) : 0;
}

/* Mapped registers can vanish: a reset, a removal, VFIO with memory decoding off. */
static void on_sigbus(int signo)
{
	static const char text[] = "plx-igb: the registers can't be reached any more: the card was "
				   "reset, put to sleep or taken out\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signo;
	(void)ignored;
	_exit(1);
}

static int identify(struct card *card)
{
	struct igb_hw *hw = &card->hw;

	if (card->map_bytes < BAR_BYTES_MIN)
		return card_fail(card, "BAR 0 has %zu bytes, want %d or more", card->map_bytes,
				 BAR_BYTES_MIN);
	hw->bar = card->map;
	hw->bar_bytes = card->map_bytes;
	if (plx_igb_alive(hw))
		return 1; /* it was logged */
	hw->lan_id = (uint8_t)((igb_read(hw, IGB_STATUS) & IGB_STATUS_LAN_ID_MASK) >>
			       IGB_STATUS_LAN_ID_SHIFT);
	hw->ledctl = igb_read(hw, IGB_LEDCTL);
	hw->phy.addr = IGB_PHY_ADDRESS;
	return 0;
}

int card_open(struct card *card, bool writes)
{
	const struct sigaction action = {.sa_handler = on_sigbus};
	int ret;

	if (card->info.bars[0].kind != PLX_PCI_BAR_MEM)
		return card_fail(card, "BAR 0 is not there: did the firmware give it no memory?");
	sigaction(SIGBUS, &action, NULL);
	ret = open_cfg(card);
	if (ret == 0)
		ret = find_way(card, writes);
	return ret ? ret : identify(card);
}

void card_close(struct card *card)
{
	if (card->map && !card->dev)
		munmap(card->map, card->map_bytes);
	plx_pci_close(card->dev);
	if (card->cfg_fd >= 0)
		close(card->cfg_fd);
}
