/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one list of drivers: what PLX_DRIVERS of CMake chose. No constructors, so that a static
 * library's drivers are there whatever the linker leaves out.
 */
#include "drivers.h"

extern const struct plx_port_driver plx_net_null_driver;
extern const struct plx_port_driver plx_net_ring_driver;
extern const struct plx_port_driver plx_net_pcap_driver;
extern const struct plx_port_driver plx_net_af_packet_driver;
extern const struct plx_port_driver plx_net_af_xdp_driver;
extern const struct plx_port_driver plx_net_tap_driver;
extern const struct plx_port_driver plx_net_igb_driver;

const struct plx_port_driver *const plx_drivers[] = {
#ifdef PLX_HAVE_NET_NULL
	&plx_net_null_driver,
#endif
#ifdef PLX_HAVE_NET_RING
	&plx_net_ring_driver,
#endif
#ifdef PLX_HAVE_NET_PCAP
	&plx_net_pcap_driver,
#endif
#ifdef PLX_HAVE_NET_AF_PACKET
	&plx_net_af_packet_driver,
#endif
#ifdef PLX_HAVE_NET_AF_XDP
	&plx_net_af_xdp_driver,
#endif
#ifdef PLX_HAVE_NET_TAP
	&plx_net_tap_driver,
#endif
#ifdef PLX_HAVE_NET_IGB
	&plx_net_igb_driver,
#endif
	NULL,
};
