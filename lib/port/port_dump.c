/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that is known of a port, for a human.
 */
#include "port_private.h"

#include <pollux/mempool.h>
#include <stdlib.h>

static const struct {
	uint32_t bit;
	const char *name;
} abilities[] = {
	{PLX_PORT_CAN_PROMISC, "promisc"}, {PLX_PORT_CAN_ALLMULTI, "allmulti"},
	{PLX_PORT_CAN_MAC_SET, "mac_set"}, {PLX_PORT_CAN_MAC_ADD, "mac_add"},
	{PLX_PORT_CAN_MTU_SET, "mtu_set"}, {PLX_PORT_CAN_VLAN_FILTER, "vlan_filter"},
	{PLX_PORT_CAN_RSS, "rss"},	   {PLX_PORT_CAN_LINK, "link"},
};

static void dump_mac(const struct ether_addr *mac, FILE *out)
{
	const uint8_t *b = mac->ether_addr_octet;

	fprintf(out, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static void dump_head(const struct plx_port *port, const struct plx_port_info *info, FILE *out)
{
	static const char *const states[] = {"attached", "configured", "started"};
	struct plx_port_link link = {0};

	fprintf(out, "port %u: %s, driver %s, %s", port->id, port->name, info->driver,
		states[port->state]);
	if (port->owner[0])
		fprintf(out, ", owner %s", port->owner);
	if (info->if_index)
		fprintf(out, ", interface %u", info->if_index);
	fprintf(out, ", node %d\n", port->node);

	(void)plx_port_link(port->id, &link);
	fprintf(out, "  link: %s", link.up ? "up" : "down");
	if (link.speed_mbps)
		fprintf(out, ", %u Mb/s", link.speed_mbps);
	fprintf(out, ", %s duplex, autonegotiation %s; %u callbacks for events\n",
		link.full_duplex ? "full" : "half", link.autoneg ? "on" : "off",
		plx_port_events_count(port->id));
}

static void dump_settings(const struct plx_port *port, const struct plx_port_info *info, FILE *out)
{
	unsigned nb_vlans = 0;

	fprintf(out, "  mac: ");
	dump_mac(&port->mac, out);
	for (unsigned i = 0; i < port->inner->nb_macs; i++) {
		fprintf(out, " ");
		dump_mac(&port->inner->macs[i], out);
	}
	fprintf(out, " (%u at most)\n", info->max_macs);
	fprintf(out,
		"  mtu: %u of [%u, %u], frames of %u bytes; promiscuous %s, all-multicast %s\n",
		plx_load_relaxed(&port->mtu), info->min_mtu, info->max_mtu, info->max_frame_bytes,
		port->promisc ? "on" : "off", port->allmulti ? "on" : "off");
	fprintf(out,
		"  offloads: receive 0x%x of 0x%x, transmit 0x%x of 0x%x; RSS types 0x%x of 0x%x\n",
		port->conf.rx_offloads, info->rx_offloads, port->conf.tx_offloads,
		info->tx_offloads, port->conf.rss.types, info->rss_types);
	fprintf(out, "  can:");
	for (size_t i = 0; i < PLX_ARRAY_SIZE(abilities); i++)
		if (info->can & abilities[i].bit)
			fprintf(out, " %s", abilities[i].name);
	fprintf(out, "\n");
	for (unsigned vlan = 0; vlan < PLX_PORT_VLANS; vlan++) {
		if (port->inner->vlans[vlan / 64] >> vlan % 64 & 1)
			fprintf(out, "%s %u", nb_vlans++ ? "" : "  VLANs let in:", vlan);
	}
	fprintf(out, "%s", nb_vlans ? "\n" : "");
}

static void dump_queues(const struct plx_port *port, const struct plx_port_info *info, FILE *out)
{
	for (unsigned i = 0; i < info->nb_rx_queues; i++) {
		const struct plx_port_rxq *rxq = port->rxqs[i];

		if (rxq)
			fprintf(out, "  rx queue %u: %u descriptors, pool %s, node %d\n", i,
				rxq->nb_desc, rxq->pool->name, rxq->node);
		else
			fprintf(out, "  rx queue %u: not set up\n", i);
	}
	for (unsigned i = 0; i < info->nb_tx_queues; i++) {
		const struct plx_port_txq *txq = port->txqs[i];

		if (txq)
			fprintf(out, "  tx queue %u: %u descriptors, node %d\n", i, txq->nb_desc,
				txq->node);
		else
			fprintf(out, "  tx queue %u: not set up\n", i);
	}
	fprintf(out, "  queues: %u of %u rx, %u of %u tx\n", info->nb_rx_queues,
		info->max_rx_queues, info->nb_tx_queues, info->max_tx_queues);
}

static void dump_counters(struct plx_port *port, FILE *out)
{
	unsigned nb = plx_port_read_xstats(port, NULL, 0);
	struct plx_port_xstat *xstats = calloc(nb, sizeof(*xstats));

	if (!xstats) {
		fprintf(out, "  counters: out of memory\n");
		return;
	}
	plx_port_read_xstats(port, xstats, nb);
	for (unsigned i = 0; i < nb; i++)
		fprintf(out, "  %s: %ju%s\n", xstats[i].name, (uintmax_t)xstats[i].value,
			xstats[i].is_drop && xstats[i].value ? " (lost)" : "");
	free(xstats);
}

/* Lock held. */
static void dump(struct plx_port *port, FILE *out)
{
	struct plx_port_info info;

	plx_port_fill_info(port, &info);
	dump_head(port, &info, out);
	dump_settings(port, &info, out);
	dump_queues(port, &info, out);
	dump_counters(port, out);
	if (port->driver->ops->dump)
		port->driver->ops->dump(port, out);
}

/* The text is written without the lock: who reads it may take its time, or stop reading. */
int plx_port_dump(unsigned id, FILE *out)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_dump");
	FILE *memory = NULL;
	char *text = NULL;
	size_t bytes = 0;
	int ret = 0;

	if (!port)
		return -ENODEV;
	if (!out) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_dump: out is NULL");
		ret = -EINVAL;
		goto leave;
	}
	memory = open_memstream(&text, &bytes);
	if (memory)
		dump(port, memory);
	if (!memory || fclose(memory) != 0) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_dump: out of memory");
		ret = -ENOMEM;
	}

leave:
	plx_port_leave();
	if (ret == 0)
		fwrite(text, 1, bytes, out);
	free(text);
	return ret;
}
