/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of drivers for plx-bench-fault. The linker finds it here before it looks into
 * libpollux.a, and so leaves lib/pollux/drivers.c there.
 */
#include "drivers.h"

extern const struct plx_port_driver plx_net_null_driver;
extern const struct plx_port_driver plx_net_ring_driver;
extern const struct plx_port_driver plx_net_pcap_driver;
extern const struct plx_port_driver plx_net_af_packet_driver;
extern const struct plx_port_driver plx_net_af_xdp_driver;
extern const struct plx_port_driver plx_net_tap_driver;
extern const struct plx_port_driver plx_net_fault_driver;

const struct plx_port_driver *const plx_drivers[] = {
	&plx_net_null_driver,	&plx_net_ring_driver,
	&plx_net_pcap_driver,	&plx_net_af_packet_driver,
	&plx_net_af_xdp_driver, &plx_net_tap_driver,
	&plx_net_fault_driver,	NULL,
};
