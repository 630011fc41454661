/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device of UIO made of files, and threads at it: one lets INTx come while another turns bus
 * mastering on and off, which share a register; some read a BAR while it is lost and found.
 */
#include "race.h"

#include "../../lib/bus/bus_private.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pollux/mmio.h>
#include <pollux/sigbus.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CFG_BYTES = 256, PAGE_BYTES = 4096, BAR_BYTES = 4 * PAGE_BYTES, READERS = 2 };

#define FOLDER "sys/bus/pci/devices/0000:01:00.0/"

static const struct plx_pci_addr addr = {.bus = 1};
static char tree[64];
static struct plx_pci_dev *dev;
static bool is_over;
static struct plx_pci_bar bar;

/* ---- The files ---- */

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", tree, file);
	return path;
}

static void put(const char *file, const void *bytes, size_t len, size_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s", path_of(file));
	for (char *slash = path + strlen(tree) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			race_check(false, "%s: %s", path, strerror(errno));
		*slash = '/';
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	race_check(fd >= 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len &&
			   ftruncate(fd, (off_t)size) == 0,
		   "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void put_text(const char *file, const char *text)
{
	put(file, text, strlen(text), strlen(text));
}

static bool make_device(void)
{
	static const uint8_t cfg[] = {0x86, 0x80, 0xc9, 0x10, 2, 0, 0, 0, 1, 0, 0, 2};
	static char sys[80], slash_dev[80];

	snprintf(tree, sizeof(tree), "/tmp/plx-race-XXXXXX");
	if (!mkdtemp(tree))
		return false;
	put_text(FOLDER "vendor", "0x8086\n");
	put_text(FOLDER "device", "0x10c9\n");
	put_text(FOLDER "irq", "11\n");
	put_text(FOLDER "uio/uio0/name", "x");
	put_text(FOLDER "resource", "0xfe800000 0xfe803fff 0x40200\n");
	put_text("sys/class/uio/uio0/name", "uio_pci_generic\n");
	put_text("dev/x", "");
	put(FOLDER "config", cfg, sizeof(cfg), CFG_BYTES);
	put(FOLDER "resource0", "", 0, BAR_BYTES);
	if (symlink("../drivers/uio_pci_generic", path_of(FOLDER "driver")) != 0 ||
	    mkfifo(path_of("dev/uio0"), 0600) != 0)
		return false;
	snprintf(sys, sizeof(sys), "%s/sys", tree);
	snprintf(slash_dev, sizeof(slash_dev), "%s/dev", tree);
	plx_bus_sys = sys;
	plx_bus_dev = slash_dev;
	return true;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
	(void)st;
	(void)what;
	(void)at;
	return remove(path);
}

/* ---- Bus mastering and INTx ---- */

static void *rearm(void *arg)
{
	(void)arg;
	while (!plx_load_relaxed(&is_over))
		race_check(plx_intr_rearm(dev) == 0, "it can't be rearmed");
	return NULL;
}

static uint16_t command(void)
{
	uint16_t value = 0;

	race_check(plx_pci_cfg_read16(dev, PCI_COMMAND, &value) == 0, "no command register");
	return value;
}

static void master_and_intx(uint64_t rounds)
{
	const uint8_t pin = 1;
	pthread_t thread;

	race_check(plx_pci_cfg_write8(dev, PCI_INTERRUPT_PIN, pin) == 0 &&
			   plx_intr_enable(dev, PLX_INTR_INTX, 1) == 0,
		   "INTx can't be enabled");
	if (pthread_create(&thread, NULL, rearm, NULL) != 0)
		return;
	race_pin(thread, 1);
	for (uint64_t i = 0; i < rounds && !race_is_over(); i++) {
		bool on = i % 2 == 0;

		race_check(plx_pci_bus_master(dev, on) == 0, "bus mastering can't be turned");
		for (unsigned n = 0; n < 4; n++) {
			race_check(!(command() & PCI_COMMAND_MASTER) == !on,
				   "round %ju: bus mastering was turned %s, and is not",
				   (uintmax_t)i, on ? "on" : "off");
			sched_yield();
		}
	}
	plx_store_relaxed(&is_over, true);
	pthread_join(thread, NULL);
	plx_intr_disable(dev);
	race_check(command() & PCI_COMMAND_INTX_DISABLE, "INTx is on");
}

/* ---- A BAR that is lost ---- */

/* The first 4 bytes of each page are 7; what is lost reads ones, and nothing else is seen. */
static void *read_bar(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !plx_load_relaxed(&is_over); i++) {
		uint32_t value =
			plx_mmio_read32((char *)bar.addr + (size_t)i * PAGE_BYTES % BAR_BYTES);

		race_check(value == 7 || value == UINT32_MAX, "a register reads %#x", value);
	}
	return NULL;
}

/* Another file in its place, since a page of this one would be seen before it is filled. */
static void put_bar(void)
{
	static const uint32_t seven = 7;
	char made[256];
	int fd;

	snprintf(made, sizeof(made), "%s", path_of("made"));
	fd = open(made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	race_check(fd >= 0 && ftruncate(fd, BAR_BYTES) == 0, "%s: %s", made, strerror(errno));
	for (off_t at = 0; at < BAR_BYTES; at += PAGE_BYTES)
		race_check(pwrite(fd, &seven, sizeof(seven), at) == sizeof(seven), "%s", made);
	close(fd);
	race_check(rename(made, path_of(FOLDER "resource0")) == 0, "%s", strerror(errno));
}

#ifdef __SANITIZE_THREAD__
static const bool under_tsan = true;
#else
static const bool under_tsan = false;
#endif

static void lost_and_found(uint64_t rounds)
{
	pthread_t threads[READERS];
	unsigned nb = 0;

	put_bar();
	race_check(plx_sigbus_guard_on() == 0 && plx_pci_bar_map(dev, 0, &bar) == 0,
		   "the BAR can't be mapped");
	plx_store_relaxed(&is_over, race_failed);
	for (; nb < READERS; nb++) {
		if (pthread_create(&threads[nb], NULL, read_bar, NULL) != 0)
			break;
		race_pin(threads[nb], nb);
	}
	for (uint64_t i = 0; i < rounds && !race_is_over(); i++) {
		race_check(truncate(path_of(FOLDER "resource0"), 0) == 0, "%s", strerror(errno));
		sched_yield();
		race_check(plx_mmio_read32(bar.addr) == UINT32_MAX, "it is not lost");
		put_bar();
		race_check(plx_pci_bar_map(dev, 0, &bar) == 0, "it can't be mapped again");
	}
	plx_store_relaxed(&is_over, true);
	while (nb > 0)
		pthread_join(threads[--nb], NULL);
	plx_sigbus_guard_off();
}

int main(int argc, char **argv)
{
	uint64_t rounds = race_ops(argc, argv, 2000, 200000);

	if (!make_device()) {
		fprintf(stderr, "no files in /tmp: %s\n", strerror(errno));
		return RACE_FAIL;
	}
	if (plx_pci_open(&addr, PLX_PCI_UNSAFE_DMA, &dev) != 0) {
		race_check(false, "the device can't be opened");
	} else {
		master_and_intx(rounds);
		/* TSan takes mapping a page for writing to it: readers would race with that. */
		lost_and_found(under_tsan ? 0 : rounds / 10);
		plx_pci_close(dev);
	}
	nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return race_end();
}
