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
#define ON_CARD(variant_name, its_peer, is_unsafe, is_emulated)                                    \
	{                                                                                          \
		.name = (variant_name), .driver = "net_igb", .peer = (its_peer), .root = true,     \
		.filters = true, .min_frame_bytes = 60, .whole_kb = true, .slow_link = true,       \
		.unsafe = (is_unsafe), .emulated = (is_emulated)                                   \
	}
	ON_CARD("igb_vfio", &peer_emulated, false, true),
	ON_CARD("igb_uio", &peer_emulated, true, true),
	ON_CARD("igb_card", &peer_netdev, false, false),
#ifdef CONFORM_ON_MODEL
#define ON_MODEL(variant_name, address, is_threaded)                                               \
	{                                                                                          \
		.name = (variant_name), .driver = "net_igb", .device = (address),                  \
		.peer = &peer_model, .filters = true, .min_frame_bytes = 60, .whole_kb = true,     \
		.threaded = (is_threaded)                                                          \
	}
	/* The function's number is the part: enum igb_sim_type. */
	ON_MODEL("igb_82576", "0000:5a:00.0", false),
	ON_MODEL("igb_82580", "0000:5a:00.1", false),
	ON_MODEL("igb_i350", "0000:5a:00.2", false),
	ON_MODEL("igb_i354", "0000:5a:00.3", false),
	ON_MODEL("igb_i210", "0000:5a:00.4", false),
	ON_MODEL("igb_i211", "0000:5a:00.5", false),
	ON_MODEL("igb_thread", "0000:5a:00.2", true),
#endif
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
		fprintf(out, "  %-16s %s, peer: %s\n", v->name,
			v->device ? v->device : "by --device and --partner", v->peer->name);
}
