/* SPDX-License-Identifier: BSD-3-Clause */
/* A made-up sysfs with PCI functions, for tests of the bus. */
#ifndef TEST_BUS_TREE_H
#define TEST_BUS_TREE_H

#include "../../lib/bus/bus_private.h"
#include "eal_tree.h"
#include "log_lines.h"

#include <fcntl.h>
#include <pollux/eal.h>

/* In `devices/0000:01:00.0/`, or wherever @file says. */
static inline void grow_pci(const char *name, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", name, file);
	grow(path, text);
}

static inline void grow_link(const char *name, const char *file, const char *target)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", tree, name, file);
	unlink(path);
	cr_assert_eq(symlink(target, path), 0, "%s", path);
}

/* The igb of an emulator: five lines of `resource` as the kernel prints them. */
static inline void grow_function(const char *name, const char *driver)
{
	char target[128];

	grow_pci(name, "vendor", "0x8086\n");
	grow_pci(name, "device", "0x10c9\n");
	grow_pci(name, "subsystem_vendor", "0x8086\n");
	grow_pci(name, "subsystem_device", "0xa03c\n");
	grow_pci(name, "class", "0x020000\n");
	grow_pci(name, "revision", "0x01\n");
	grow_pci(name, "numa_node", "-1\n");
	grow_pci(name, "resource",
		 "0x00000000fe800000 0x00000000fe81ffff 0x0000000000040200\n"
		 "0x00000000fe820000 0x00000000fe83ffff 0x0000000000040200\n"
		 "0x000000000000c000 0x000000000000c01f 0x0000000000040101\n"
		 "0x00000000fe840000 0x00000000fe843fff 0x0000000000140204\n"
		 "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		 "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		 "0x00000000fe700000 0x00000000fe7fffff 0x0000000000046200\n");
	if (driver) {
		snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", driver);
		grow_link(name, "driver", target);
	}
}

static inline void plant_bus(void)
{
	static char sys[80], dev[80], proc[80];

	plant_tree();
	snprintf(sys, sizeof(sys), "%s/sys", tree);
	snprintf(dev, sizeof(dev), "%s/dev", tree);
	snprintf(proc, sizeof(proc), "%s/proc", tree);
	plx_bus_sys = sys;
	plx_bus_dev = dev;
	plx_bus_proc = proc;
}

/* One lcore on ordinary pages. */
static inline void start_bus_eal(void)
{
	struct plx_eal_conf conf;

	plx_eal_conf_init(&conf);
	conf.no_huge = true;
	conf.lcores[0].enabled = true;
	CPU_SET(0, &conf.lcores[0].cpus);
	conf.nb_lcores = 1;
	cr_assert_eq(plx_eal_init(&conf), 0, "%s", log_lines_text(0));
	plx_eal_conf_fini(&conf);
}

enum { OWN_FDS_MAX = 256 };

/* Descriptors that are open. */
static inline unsigned nb_own_fds(void)
{
	unsigned nb = 0;

	for (int fd = 0; fd < OWN_FDS_MAX; fd++)
		nb += fcntl(fd, F_GETFD) >= 0;
	return nb;
}

#endif
