/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sysfs tells of a UIO device, of PCI or not: its name, its driver, the interrupts it told so
 * far, its memory and port regions.
 */
#ifndef POLLUX_UIO_H
#define POLLUX_UIO_H

#include <pollux/compiler.h>
#include <pollux/pci.h>

PLX_BEGIN_DECLS

enum {
	PLX_UIO_MAPS_MAX = 5, /* the kernel's MAX_UIO_MAPS */
	PLX_UIO_TEXT_MAX = 32,
};

struct plx_uio_map {
	char name[PLX_UIO_TEXT_MAX];
	uint64_t addr;	       /* physical; of ports: the first */
	uint64_t len_bytes;    /* of ports: how many */
	uint64_t offset_bytes; /* of the region within its first page */
};

struct plx_uio_info {
	unsigned minor;		     /* /dev/uioN */
	char name[PLX_UIO_TEXT_MAX]; /* "uio_pci_generic" */
	char version[PLX_UIO_TEXT_MAX];
	uint64_t events; /* interrupts since it was bound */
	unsigned nb_maps, nb_ports;
	/* Map n is had by mmap of /dev/uioN at n pages; uio_pci_generic has none: its BARs are
	 * had by plx_pci_bar_map(). */
	struct plx_uio_map maps[PLX_UIO_MAPS_MAX];
	struct plx_uio_map ports[PLX_UIO_MAPS_MAX];
};

/** Of /dev/uio@minor. Returns 0, -ENODEV (without a line). Any thread. */
PLX_API int plx_uio_read(unsigned minor, struct plx_uio_info *info);

/** Of a PCI function that is bound to a UIO driver. Returns 0, -ENODEV. Any thread. */
PLX_API int plx_uio_of_pci(const struct plx_pci_addr *addr, struct plx_uio_info *info);

PLX_END_DECLS

#endif
