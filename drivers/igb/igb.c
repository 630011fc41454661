/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_igb: ports on Intel 82576, 82580, I350, I354, I210 and I211 by VFIO or UIO. This file is the
 * port driver's table: what a port can do, its device string, what may be set. Start and stop are
 * in igb_life.c, what the card tells meanwhile in igb_watch.c, queues in rx.c and tx.c, bursts in
 * rx_burst.c and tx_burst.c; the card's registers are behind hw.h.
 */
#include <stdlib.h>
#include <string.h>

#include "ids.h"
#include "igb_private.h"

enum {
	MTU_MIN = 68,
	MTU_MAX = 9216,
	RING_DEFAULT = 512,
};

/* ---- What it can do ---- */

static void info(struct plx_port *port, struct plx_port_info *info)
{
	const struct igb_mac *mac = igb_of(port)->hw.mac;
	const struct plx_port_limits ring = {IGB_RING_MIN, mac->max_rx_ring, IGB_RING_STEP};

	info->can = PLX_PORT_CAN_PROMISC | PLX_PORT_CAN_ALLMULTI | PLX_PORT_CAN_MAC_SET |
		    PLX_PORT_CAN_MAC_ADD | PLX_PORT_CAN_MTU_SET | PLX_PORT_CAN_VLAN_FILTER |
		    PLX_PORT_CAN_RSS | PLX_PORT_CAN_LINK | PLX_PORT_CAN_CLOCK;
	if (plx_intr_vectors(port->pci, PLX_INTR_MSIX) > IGB_VECTOR_RXQ)
		info->can |= PLX_PORT_CAN_RX_INTR;
	info->rx_offloads = PLX_PORT_RX_VLAN_STRIP | PLX_PORT_RX_VLAN_FILTER | PLX_PORT_RX_IP_CSUM |
			    IGB_RX_L4_CSUM | PLX_PORT_RX_SCATTER | PLX_PORT_RX_RSS_HASH;
	if (mac->has_rx_stamps)
		info->rx_offloads |= PLX_PORT_RX_TIMESTAMP;
	info->tx_offloads = PLX_PORT_TX_VLAN_INSERT | PLX_PORT_TX_IP_CSUM | PLX_PORT_TX_TCP_CSUM |
			    PLX_PORT_TX_UDP_CSUM | PLX_PORT_TX_SCTP_CSUM | PLX_PORT_TX_TSO |
			    PLX_PORT_TX_MULTI_SEGS;
	info->max_rx_queues = mac->nb_queues;
	info->max_tx_queues = mac->nb_queues;
	info->rx_ring = ring;
	info->tx_ring = ring;
	info->tx_ring.max = mac->max_tx_ring;
	info->rx_ring_default = RING_DEFAULT;
	info->tx_ring_default = RING_DEFAULT;
	info->min_mtu = MTU_MIN;
	info->max_mtu = MTU_MAX;
	info->max_frame_bytes = igb_frame_max(port);
	info->max_macs = IGB_ADDRESSES_MAX;
	info->rss_types = IGB_RSS_TYPES;
	info->rss_key_bytes = IGB_RSS_KEY_BYTES;
	info->reta_size = IGB_RETA_ENTRIES;
}

/* ---- Queues ---- */

static int rxq_setup(struct plx_port *port, struct plx_port_rxq *rxq)
{
	struct igb_port *igb = igb_of(port);
	struct igb_rxq *q = (struct igb_rxq *)rxq;
	int ret = plx_igb_rxq_open(port, q);

	if (ret)
		return ret;
	pthread_mutex_lock(&igb->lock);
	igb->rxqs[rxq->queue] = q;
	pthread_mutex_unlock(&igb->lock);
	return 0;
}

static int txq_setup(struct plx_port *port, struct plx_port_txq *txq)
{
	struct igb_port *igb = igb_of(port);
	struct igb_txq *q = (struct igb_txq *)txq;
	int ret = plx_igb_txq_open(port, q);

	if (ret)
		return ret;
	pthread_mutex_lock(&igb->lock);
	igb->txqs[txq->queue] = q;
	pthread_mutex_unlock(&igb->lock);
	return 0;
}

static void rxq_release(struct plx_port *port, struct plx_port_rxq *rxq)
{
	struct igb_port *igb = igb_of(port);

	pthread_mutex_lock(&igb->lock);
	igb->rxqs[rxq->queue] = NULL;
	pthread_mutex_unlock(&igb->lock);
	plx_igb_rxq_close((struct igb_rxq *)rxq);
}

static void txq_release(struct plx_port *port, struct plx_port_txq *txq)
{
	struct igb_port *igb = igb_of(port);

	pthread_mutex_lock(&igb->lock);
	igb->txqs[txq->queue] = NULL;
	pthread_mutex_unlock(&igb->lock);
	plx_igb_txq_close((struct igb_txq *)txq);
}

/* ---- Addresses, filters, MTU, RSS ---- */

/* Between enter() and leave() the card is ours, if enter() said so. */
static int enter(struct igb_port *igb)
{
	pthread_mutex_lock(&igb->lock);
	return igb->gone ? -ENODEV : 0;
}

static int leave(struct igb_port *igb, int ret)
{
	pthread_mutex_unlock(&igb->lock);
	return ret;
}

static int mtu_set(struct plx_port *port, uint32_t mtu)
{
	if (port->state == PLX_PORT_STARTED) {
		plx_port_log(port, PLX_LOG_ERR, "MTU %u: the port is started: stop it first", mtu);
		return -EBUSY;
	}
	return 0;
}

static int mac_set(struct plx_port *port, const struct ether_addr *mac)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	return leave(igb, ret ? ret : plx_igb_mac_set(&igb->hw, mac->ether_addr_octet));
}

static int mac_add(struct plx_port *port, const struct ether_addr *mac)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	return leave(igb, ret ? ret : plx_igb_mac_add(&igb->hw, mac->ether_addr_octet));
}

static int mac_del(struct plx_port *port, const struct ether_addr *mac)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	return leave(igb, ret ? ret : plx_igb_mac_del(&igb->hw, mac->ether_addr_octet));
}

static int promisc_set(struct plx_port *port, bool on)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	if (ret == 0)
		plx_igb_promisc_set(&igb->hw, on);
	return leave(igb, ret);
}

static int allmulti_set(struct plx_port *port, bool on)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	if (ret == 0)
		plx_igb_allmulti_set(&igb->hw, on);
	return leave(igb, ret);
}

static int vlan_filter(struct plx_port *port, unsigned vlan, bool on)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	return leave(igb, ret ? ret : plx_igb_vlan_set(&igb->hw, vlan, on));
}

static int rss_set(struct plx_port *port, const struct plx_port_rss *rss)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	return leave(igb, ret ? ret : plx_igb_rss_set(&igb->hw, rss));
}

static int rss_get(struct plx_port *port, struct plx_port_rss *rss)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	/* A reset forgets it; start sets it again. */
	if (ret == 0 && !igb->running)
		ret = plx_igb_rss_set(&igb->hw, &port->conf.rss);
	if (ret == 0)
		plx_igb_rss_get(&igb->hw, rss);
	return leave(igb, ret);
}

static int rxq_intr_fd(struct plx_port *port, unsigned queue)
{
	return plx_intr_fd(port->pci, IGB_VECTOR_RXQ + queue);
}

static int rxq_intr_arm(struct plx_port *port, unsigned queue, bool on)
{
	struct igb_port *igb = igb_of(port);
	int ret = enter(igb);

	if (ret == 0 && igb->failed)
		ret = -EIO;
	if (ret == 0)
		plx_igb_intr_rxq(&igb->hw, queue, on);
	return leave(igb, ret);
}

/* ---- Counters ---- */

static void stats_update(struct plx_port *port)
{
	struct igb_port *igb = igb_of(port);

	/* Not of one that was reset from outside: see look() in igb_watch.c. */
	if (enter(igb) == 0 && plx_igb_is_ours(&igb->hw))
		plx_igb_stats_update(&igb->hw);
	plx_igb_outside_update(igb);
	leave(igb, 0);
}

static const struct plx_port_counter rxq_counters[] = {
	{"rx_bad_frame", offsetof(struct igb_rxq, bad_frame), true},
	{"rx_bad_length", offsetof(struct igb_rxq, bad_length), true},
	{"rx_too_long", offsetof(struct igb_rxq, too_long), true},
	{"rx_too_short", offsetof(struct igb_rxq, too_short), true},
	{"rx_without_end", offsetof(struct igb_rxq, unended), true},
	{"rx_flushed", offsetof(struct igb_rxq, flushed), true},
	{"rx_empty_buffers", offsetof(struct igb_rxq, empty_parts), false},
	{"rx_card_packets", offsetof(struct igb_rxq, card_packets), false},
	{"rx_card_bytes", offsetof(struct igb_rxq, card_bytes), false},
	{"rx_card_multicast", offsetof(struct igb_rxq, card_multicast), false},
	{"rx_card_dropped", offsetof(struct igb_rxq, card_dropped), true},
	{NULL, 0, false},
};

static const struct plx_port_counter txq_counters[] = {
	{"tx_too_short", offsetof(struct igb_txq, too_short), true},
	{"tx_too_long", offsetof(struct igb_txq, too_long), true},
	{"tx_bad_length", offsetof(struct igb_txq, bad_length), true},
	{"tx_chained", offsetof(struct igb_txq, chained), true},
	{"tx_bad_offload", offsetof(struct igb_txq, bad_offload), true},
	{"tx_out_of_reach", offsetof(struct igb_txq, unmapped), true},
	{"tx_many_pieces", offsetof(struct igb_txq, in_pieces), true},
	{"tx_flushed", offsetof(struct igb_txq, flushed), true},
	{"tx_copied", offsetof(struct igb_txq, bounced), false},
	{"tx_card_packets", offsetof(struct igb_txq, card_packets), false},
	{"tx_card_bytes", offsetof(struct igb_txq, card_bytes), false},
	{NULL, 0, false},
};

static const struct plx_port_counter port_counters[] = {
#define X(field, reg, name, is_drop) {name, offsetof(struct igb_port, hw.stats.field), is_drop},
	IGB_HW_COUNTERS_32(X) IGB_HW_COUNTERS_64(X)
#undef X
		{"rx_saturated_counters", offsetof(struct igb_port, hw.stats.saturated), false},
	{"rx_device_faults", offsetof(struct igb_port, faults), false},
	{"tx_hangs", offsetof(struct igb_port, tx_hangs), false},
	{"rx_link_changes", offsetof(struct igb_port, link_changes), false},
	{NULL, 0, false},
};

/* ---- For humans ---- */

static const char *intr_name(enum plx_intr_kind kind)
{
	static const char *const names[] = {
		[PLX_INTR_NONE] = "none, it is polled",
		[PLX_INTR_INTX] = "INTx",
		[PLX_INTR_MSI] = "MSI",
		[PLX_INTR_MSIX] = "MSI-X",
	};

	return (unsigned)kind < PLX_ARRAY_SIZE(names) ? names[kind] : "?";
}

static const char *state_name(const struct igb_port *igb)
{
	if (igb->gone)
		return "gone";
	if (igb->failed)
		return "failed";
	return igb->running ? "running" : "quiet";
}

static void dump(struct plx_port *port, FILE *out)
{
	struct igb_port *igb = igb_of(port);
	const struct igb_hw *hw = &igb->hw;

	pthread_mutex_lock(&igb->lock);
	fprintf(out, "  %s, port %u of the card, %s; PHY %s; interrupts %s%s\n", hw->id->name,
		hw->lan_id, state_name(igb), hw->phy.name ? hw->phy.name : "none",
		intr_name(igb->intr), igb->options.loopback ? "; MAC loopback" : "");
	/* By the card: the queues' own indices are their threads'. */
	for (unsigned i = 0; i < IGB_QUEUES_MAX && !igb->gone; i++) {
		const struct igb_rxq *q = igb->rxqs[i];

		if (q)
			fprintf(out, "  receive queue %u: slots %u to %u of %u are the card's\n", i,
				igb_read(hw, IGB_RDH(i)), igb_read(hw, IGB_RDT(i)), q->nb_desc);
	}
	for (unsigned i = 0; i < IGB_QUEUES_MAX && !igb->gone; i++) {
		const struct igb_txq *q = igb->txqs[i];

		if (q)
			fprintf(out,
				"  transmit queue %u: slots %u to %u of %u are the card's, %u "
				"reports awaited\n",
				i, igb_read(hw, IGB_TDH(i)), igb_read(hw, IGB_TDT(i)), q->nb_desc,
				plx_load_relaxed(&q->report_tail) -
					plx_load_relaxed(&q->report_head));
	}
	pthread_mutex_unlock(&igb->lock);
}

static const struct plx_port_ops ops = {
	.info = info,
	.rxq_setup = rxq_setup,
	.txq_setup = txq_setup,
	.rxq_release = rxq_release,
	.txq_release = txq_release,
	.start = plx_igb_start,
	.stop = plx_igb_stop,
	.mtu_set = mtu_set,
	.mac_set = mac_set,
	.mac_add = mac_add,
	.mac_del = mac_del,
	.promisc_set = promisc_set,
	.allmulti_set = allmulti_set,
	.vlan_filter = vlan_filter,
	.rxq_intr_fd = rxq_intr_fd,
	.rxq_intr_arm = rxq_intr_arm,
	.clock_read = plx_igb_port_clock_read,
	.clock_set = plx_igb_port_clock_set,
	.clock_step = plx_igb_port_clock_step,
	.clock_rate = plx_igb_port_clock_rate,
	.rss = rss_get,
	.rss_set = rss_set,
	.stats_update = stats_update,
	.dump = dump,
};

/* ---- The device string ---- */

static const struct plx_devargs_key keys[] = {
	{"fc", false, "none|rx|tx|full: pause frames to obey (rx), to send (tx); full by default"},
	{"speed", false, "auto|10|100|1000: Mb/s to offer to the other end; auto by default"},
	{"intr", false, "auto|msix|msi|intx|none: how link and errors are told; auto by default"},
	{"loopback", false, "0|1: what is sent comes back inside the card; nothing goes out"},
	{"rx-drop", false,
	 "0|1: drop frames for a queue without buffers, rather than hold up all; by default with "
	 "several queues unless fc may pause the sender"},
	{NULL, false, NULL},
};

static int parse_drop(const struct plx_devargs *args, struct igb_options *options)
{
	options->drop_auto = plx_devargs_get(args, "rx-drop") == NULL;
	return plx_devargs_bool(args, "rx-drop", &options->drop);
}

static const char *const intr_words[] = {"auto", "msix", "msi", "intx", "none", NULL};
static const enum plx_intr_kind intr_kinds[] = {PLX_INTR_NONE, PLX_INTR_MSIX, PLX_INTR_MSI,
						PLX_INTR_INTX, PLX_INTR_NONE};

const char *plx_igb_intr_word(enum plx_intr_kind kind)
{
	unsigned i = 1;

	while (intr_kinds[i] != kind)
		i++;
	return intr_words[i];
}

static int parse_options(const struct plx_devargs *args, struct igb_options *options)
{
	static const char *const fc_words[] = {"none", "rx", "tx", "full", NULL};
	static const char *const speed_words[] = {"auto", "10", "100", "1000", NULL};
	static const uint32_t speeds[] = {IGB_ADV_ALL, IGB_ADV_10_HALF | IGB_ADV_10_FULL,
					  IGB_ADV_100_HALF | IGB_ADV_100_FULL, IGB_ADV_1000_FULL};
	unsigned fc = IGB_FC_FULL, speed = 0, intr = 0;
	int ret = plx_devargs_word(args, "fc", fc_words, &fc);

	if (ret == 0)
		ret = plx_devargs_word(args, "speed", speed_words, &speed);
	if (ret == 0)
		ret = plx_devargs_word(args, "intr", intr_words, &intr);
	if (ret == 0)
		ret = plx_devargs_bool(args, "loopback", &options->loopback);
	if (ret == 0)
		ret = parse_drop(args, options);
	if (ret)
		return ret;
	options->fc = (enum igb_flow_control)fc;
	options->advertise = speeds[speed];
	options->intr_auto = intr == 0;
	options->intr = intr_kinds[intr];
	return 0;
}

/* ---- The device ---- */

static int cfg_read16(void *arg, uint32_t offset, uint16_t *value)
{
	return plx_pci_cfg_read16(arg, offset, value);
}

static int cfg_write16(void *arg, uint32_t offset, uint16_t value)
{
	return plx_pci_cfg_write16(arg, offset, value);
}

/* Registers, configuration space, name; then the card as its last user left it is ours. */
static int open_card(struct igb_port *igb)
{
	struct igb_hw *hw = &igb->hw;
	struct plx_pci_bar bar;
	int ret = plx_pci_bar_map(igb->pci, 0, &bar);

	if (ret)
		return ret;
	hw->bar = bar.addr;
	hw->bar_bytes = bar.len_bytes;
	hw->device = plx_pci_info(igb->pci)->id.device;
	hw->cfg = (struct igb_cfg){cfg_read16, cfg_write16, igb->pci};
	hw->on_gone = plx_igb_on_gone;
	hw->on_gone_arg = igb;
	snprintf(hw->name, sizeof(hw->name), "%s", igb->port->name);
	/* Bus mastering stays off, as opening left it: its last user's rings lead to memory that
	 * may be another's by now. */
	return plx_igb_attach(hw);
}

static int pci_probe(struct plx_port *port, struct plx_pci_dev *dev, const struct plx_devargs *args)
{
	struct igb_port *igb = calloc(1, sizeof(*igb));
	int ret;

	if (!igb) {
		plx_port_log(port, PLX_LOG_ERR, "no memory for the device");
		return -ENOMEM;
	}
	igb->port = port;
	igb->pci = dev;
	pthread_mutex_init(&igb->lock, NULL);
	ret = parse_options(args, &igb->options);
	if (ret == 0)
		ret = open_card(igb);
	if (ret)
		goto free_igb;
	port->priv = igb;
	port->mtu = ETHERMTU;
	memcpy(&port->mac, igb->hw.perm_addr, sizeof(port->mac));
	ret = plx_igb_watch_begin(igb);
	if (ret)
		goto detach_card;
	return 0;

detach_card:
	port->priv = NULL;
	plx_igb_detach(&igb->hw);
free_igb:
	pthread_mutex_destroy(&igb->lock);
	free(igb);
	return ret;
}

static void driver_remove(struct plx_port *port)
{
	struct igb_port *igb = igb_of(port);

	plx_igb_watch_end(igb);
	if (!igb->gone)
		plx_igb_detach(&igb->hw);
	pthread_mutex_destroy(&igb->lock);
	free(igb);
	port->priv = NULL;
}

static const struct plx_pci_id pci_ids[] = {
#define X(id, mac, media) PLX_PCI_ID(IGB_PCI_VENDOR, id),
	IGB_IDS(X)
#undef X
		{0},
};

extern const struct plx_port_driver plx_net_igb_driver;
const struct plx_port_driver plx_net_igb_driver = {
	.name = "net_igb",
	.keys = keys,
	.ops = &ops,
	.rxq_bytes = sizeof(struct igb_rxq),
	.txq_bytes = sizeof(struct igb_txq),
	.rxq_counters = rxq_counters,
	.txq_counters = txq_counters,
	.port_counters = port_counters,
	.remove = driver_remove,
	.pci_ids = pci_ids,
	.pci_probe = pci_probe,
};
