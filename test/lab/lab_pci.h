/* SPDX-License-Identifier: BSD-3-Clause */
/* What the lab's programs on PCI functions share: the EAL for one of them, and a check. */
#ifndef LAB_PCI_H
#define LAB_PCI_H

#include <pollux/pollux.h>
#include <stdio.h>

/* Print what is wrong, and make the function end with 1. */
#define fail(fmt, ...)                                                                             \
	do {                                                                                       \
		printf("%s:%d: " fmt "\n", __func__, __LINE__, ##__VA_ARGS__);                     \
		return 1;                                                                          \
	} while (0)
#define want(cond, fmt, ...)                                                                       \
	do {                                                                                       \
		if (!(cond))                                                                       \
			fail("not " #cond ": " fmt, ##__VA_ARGS__);                                \
	} while (0)

/*
 * Start the EAL for the function that stands behind its options, in the IOVA mode that it needs;
 * what to do with it has to follow. Returns the argument's number, -1 after a line.
 */
static inline int lab_start_eal(struct plx_eal_conf *conf, int argc, char **argv,
				struct plx_pci_addr *addr)
{
	struct plx_pci_info about;
	int first;

	plx_eal_conf_init(conf);
	first = plx_eal_parse(conf, argc, argv);
	if (first < 0 || first + 1 >= argc || plx_pci_addr_parse(argv[first], addr, NULL) ||
	    plx_pci_find(addr, &about))
		return -1;
	if (conf->iova_mode == PLX_IOVA_AUTO)
		conf->iova_mode = plx_pci_iova_mode(&about);
	return plx_eal_init(conf) ? -1 : first;
}

#endif
