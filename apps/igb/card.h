/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of plx-igb share: a card looked at from outside. No call of this program resets a
 * card or makes it its own, but for one case: a card of VFIO that nobody has open and that sleeps
 * can be reached by opening it only, and then the kernel resets it.
 *
 *	main.c     arguments
 *	card.c     which card, and a way to its registers
 *	card_fd.c  the way that leads over another process's descriptor
 *	status.c   plx-igb status, plx-igb led
 *	rings.c    plx-igb rings
 *	memory.c   another process's memory, by the addresses that the card sees
 */
#ifndef IGB_TOOL_CARD_H
#define IGB_TOOL_CARD_H

#include <hw.h>
#include <pollux/pci.h>
#include <stdarg.h>

struct card {
	struct igb_hw hw; /* mac, id, lan_id, nvm are set by card_open() */
	struct plx_pci_info info;
	char user[64];	 /* who uses it, "" for nobody */
	long pid;	 /* the process that has it open; 0: none, or not known */
	const char *way; /* how it is reached, for people; NULL: not yet */

	struct plx_pci_dev *dev; /* when this program opened it */
	void *map;
	size_t map_bytes;
	int cfg_fd;
};

/** One line on stderr: "plx-igb: 0000:01:00.0: ..."; returns 1, the exit status. */
int card_fail(const struct card *card, const char *fmt, ...) PLX_PRINTF(2, 3);

/** Learn what sysfs knows of the card named @text. Returns the exit status: 0; 1 or 2 and a
 * line. */
int card_find(struct card *card, const char *text);

/** Find a way to its registers. @writes: they will be written. Returns 0; 1 and a line. */
int card_open(struct card *card, bool writes);

/** Also of one that was not opened. */
void card_close(struct card *card);

/** BAR 0 by a descriptor of card->pid. Returns 0, -errno; -ENOENT: it has none of this card. */
int card_map_fd(struct card *card);

int card_status(struct card *card);
int card_led(struct card *card, const char *mode, unsigned seconds);

enum { RINGS_ALL = -1 };
enum rings_dir { RINGS_RX = 1, RINGS_TX = 2 };
/** @queue  RINGS_ALL: those that are on    @dirs  of enum rings_dir */
int card_rings(struct card *card, int queue, unsigned dirs);

/**
 * Read memory at an address as the card sees it.
 *
 * @why   out, when it fails: why not, for people
 * Returns 0, -errno.
 */
int memory_read(const struct card *card, uint64_t iova, void *to, size_t len, const char **why);

#endif
