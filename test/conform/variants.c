/* SPDX-License-Identifier: BSD-3-Clause */
/* The drivers and ways of using them that the suite is run on. */
#include "conform.h"

#include <string.h>

static const struct variant variants[] = {
	{
		.name = "null",
		.driver = "net_null",
		.device = "net_null0",
		.peer = &peer_none,
		.endless = true,
	},
	{
		.name = "null_copy",
		.driver = "net_null",
		.device = "net_null0,size=1514,copy=1",
		.peer = &peer_none,
		.endless = true,
	},
	{
		.name = "ring",
		.driver = "net_ring",
		.device = "net_ring0",
		.cable = "net_ring1,peer=net_ring0",
		.peer = &peer_cable,
		.zero_copy = true,
	},
	{
		.name = "pcap",
		.driver = "net_pcap",
		.device = "net_pcap0,iface=plxport,promisc=0",
		.peer = &peer_veth,
	},
	{
		.name = "af_packet",
		.driver = "net_af_packet",
		.device = "net_af_packet0,iface=plxport,qpairs=2",
		.peer = &peer_veth,
	},
	{
		.name = "af_packet_v3",
		.driver = "net_af_packet",
		.device = "net_af_packet0,iface=plxport,qpairs=2,version=3",
		.peer = &peer_veth,
	},
	{
		.name = "af_packet_qdisc",
		.driver = "net_af_packet",
		.device = "net_af_packet0,iface=plxport,qpairs=2,qdisc_bypass=0",
		.peer = &peer_veth,
	},
	{
		.name = "af_xdp",
		.driver = "net_af_xdp",
		.device = "net_af_xdp0,iface=plxport,mode=native",
		.peer = &peer_veth,
		.root = true,
	},
	{
		.name = "af_xdp_skb",
		.driver = "net_af_xdp",
		.device = "net_af_xdp0,iface=plxport,mode=skb",
		.peer = &peer_veth,
		.more_tx_queues = 1,
		.root = true,
	},
	{
		.name = "tap",
		.driver = "net_tap",
		.device = "net_tap0",
		.peer = &peer_tap,
	},
	{.name = NULL},
};

const struct variant *variant_by_name(const char *name)
{
	for (const struct variant *v = variants; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

void variants_print(FILE *out)
{
	for (const struct variant *v = variants; v->name; v++)
		fprintf(out, "  %-16s %s, peer: %s\n", v->name, v->device, v->peer->name);
}
