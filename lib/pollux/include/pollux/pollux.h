/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole of Pollux: every public header, and the two calls that most programs begin and end
 * with.
 *
 *	int ret = plx_init(argc, argv);
 *
 *	if (ret < 0)
 *		return plx_init_exit_status(ret, "usage: app [EAL options] -- [-p MASK]\n", stdout);
 *	argc -= ret;
 *	argv += ret;
 *	...the application's own getopt loop, its work...
 *	plx_fini();
 */
#ifndef POLLUX_POLLUX_H
#define POLLUX_POLLUX_H

#include <pollux/atomic.h>
#include <pollux/bits.h>
#include <pollux/busy.h>
#include <pollux/clock.h>
#include <pollux/compiler.h>
#include <pollux/config.h>
#include <pollux/ctl.h>
#include <pollux/devargs.h>
#include <pollux/dma.h>
#include <pollux/eal.h>
#include <pollux/intr.h>
#include <pollux/lcore.h>
#include <pollux/log.h>
#include <pollux/mbuf.h>
#include <pollux/mbuf_data.h>
#include <pollux/mem.h>
#include <pollux/mempool.h>
#include <pollux/mmio.h>
#include <pollux/netif.h>
#include <pollux/pci.h>
#include <pollux/port.h>
#include <pollux/port_ctl.h>
#include <pollux/port_stats.h>
#include <pollux/ring.h>
#include <pollux/ring_mem.h>
#include <pollux/stats.h>
#include <pollux/uio.h>
#include <stdio.h>

PLX_BEGIN_DECLS

/**
 * Read the command line, start the EAL, then open the devices that it names.
 *
 * @argc   arguments, the program's name included   [1, ..)
 * @argv   as main() got it; argv[ret] is overwritten with argv[0]
 *
 * Returns how many arguments were taken, the program's name and what was the last of them not
 *         counted, as rte_eal_init() counts: after `argc -= ret; argv += ret;` argv[0] is the
 *         program's name again and argv[1] the application's first argument. With PCI functions
 *         the guard of <pollux/sigbus.h> is on: one that is pulled out reads all ones.
 * Errors  -ECANCELED: --help or --version was given, nothing was started. -EINVAL: a wrong
 *         option or value. -ENODEV: a device that can't be had. -EALREADY: it runs. Or those of
 *         plx_eal_init(). One line was logged (none for -ECANCELED), everything was undone.
 * Thread  any thread that is no lcore, it becomes the main lcore; one call at a time.
 */
PLX_API int plx_init(int argc, char **argv) PLX_MUST_CHECK;

/**
 * What main() does when plx_init() failed: print what --help or --version asked for, and choose the
 * exit status: the EAL's options, and the drivers' names and keys for --vdev. The library itself
 * prints nothing and never exits.
 *
 * @ret    what plx_init() returned, below 0
 * @usage  the application's own help text, printed to @out before the EAL's options; NULL: none
 * @out    stdout, usually
 *
 * Returns 0 for help and version, 2 for a wrong option or value, 1 for all else.
 * Thread  the one that called plx_init().
 */
PLX_API int plx_init_exit_status(int ret, const char *usage, FILE *out);

/**
 * Wait for the workers (plx_lcore_quiesce()), detach all ports, stop the EAL; see plx_eal_fini().
 * Does nothing when it does not run. In a child of fork() the ports go on for the parent; a child
 * calls it before it closes or opens any descriptor, since what the ports had open is closed here,
 * by number.
 * Thread  the main lcore; another thread gets one error line and nothing happens.
 */
PLX_API void plx_fini(void);

PLX_END_DECLS

#endif
