/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of the kernel about functions that come and go; and bytes that are none.
 */
#include "../seed.h"
#include "bus_private.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct rng rng;

static int draw(void)
{
	return (int)(rng_next(&rng) >> 33);
}

#define TAIL "DEVPATH=/devices/x\0SUBSYSTEM=pci\0PCI_CLASS=20000\0PCI_SLOT_NAME=0000:02:00.1"

static struct plx_pci_addr addr;
static enum plx_pci_change change;

Test(bus_uevent, messages)
{
	static const struct {
		const char *text;
		size_t len;
		int change; /* -1: not one */
	} cases[] = {
#define MESSAGE(text, change) {text, sizeof(text), change}
		MESSAGE("add@/devices/x\0ACTION=add\0" TAIL, PLX_PCI_CHANGE_ADDED),
		MESSAGE("remove@/devices/x\0ACTION=remove\0" TAIL, PLX_PCI_CHANGE_REMOVED),
		MESSAGE("bind@/devices/x\0ACTION=bind\0" TAIL, PLX_PCI_CHANGE_BOUND),
		MESSAGE("unbind@/devices/x\0ACTION=unbind\0" TAIL, PLX_PCI_CHANGE_UNBOUND),
		MESSAGE("change@/devices/x\0ACTION=change\0" TAIL, -1),
		MESSAGE("add@/devices/x\0" TAIL, -1),
		MESSAGE("add@/x\0ACTION=add\0SUBSYSTEM=usb\0PCI_SLOT_NAME=0000:02:00.1", -1),
		MESSAGE("add@/x\0ACTION=add\0SUBSYSTEM=pci", -1),
		MESSAGE("add@/x\0ACTION=add\0SUBSYSTEM=pci\0PCI_SLOT_NAME=eth0", -1),
		MESSAGE("add@/x\0ACTION=add\0SUBSYSTEM=pci\0PCI_SLOT_NAME", -1),
		MESSAGE("libudev\0ACTION=add", -1),
		MESSAGE("", -1),
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		bool is_one;

		addr = (struct plx_pci_addr){0};
		is_one = plx_uevent_parse(cases[i].text, cases[i].len, &addr, &change);
		cr_assert_eq(is_one, cases[i].change >= 0, "case %zu", i);
		if (!is_one)
			continue;
		cr_expect_eq((int)change, cases[i].change, "case %zu: %d", i, change);
		cr_expect_eq(addr.bus, 2);
		cr_expect_eq(addr.fn, 1);
	}
	cr_expect_not(plx_uevent_parse(cases[0].text, cases[0].len - 1, &addr, &change),
		      "it does not end");
	cr_expect_not(plx_uevent_parse("", 0, &addr, &change));
}

Test(bus_uevent, random_bytes)
{
	static const char good[] = "add@/devices/x\0ACTION=add\0" TAIL;
	unsigned nb_taken = 0;

	rng = rng_start("bus_uevent");
	for (int round = 0; round < 100000; round++) {
		size_t len = 1 + (size_t)draw() % sizeof(good);
		char *copy = malloc(len);

		memcpy(copy, good, len);
		for (int n = draw() % 4; n > 0; n--)
			copy[(size_t)draw() % len] = (char)draw();
		nb_taken += plx_uevent_parse(copy, len, &addr, &change);
		free(copy);
	}
	cr_assert_gt(nb_taken, 0);
}
