/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lab_igb_rss [EAL options] -- INTERFACE: the same flows to Pollux' port 0, and to the kernel's
 * port INTERFACE at the other end of its cable, with the key and the table that the kernel uses:
 * each has to end in the queue of the same number. The kernel tells its queues by ethtool's
 * counters.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "lab_igb.h"
#include "lab_igb_frames.h"

enum {
	NB_MBUFS = 4096,
	NB_FLOWS = 24, /* of each shape */
	KEY_BYTES = 40,
	QUEUES_MAX = 16,
	STATS_MAX = 512,
	HASH_UDP = RXH_IP_SRC | RXH_IP_DST | RXH_L4_B_0_1 | RXH_L4_B_2_3,
};

static const struct shape shapes[] = {
	{.name = "IPv4 UDP", .family = 4, .protocol = IPPROTO_UDP, .payload = 40},
	{.name = "IPv4 TCP", .family = 4, .protocol = IPPROTO_TCP, .payload = 40},
	{.name = "IPv4 SCTP", .family = 4, .protocol = IPPROTO_SCTP, .payload = 40},
	{.name = "IPv4 fragment",
	 .family = 4,
	 .protocol = IPPROTO_UDP,
	 .payload = 40,
	 .fragment = true},
	{.name = "IPv6 UDP", .family = 6, .protocol = IPPROTO_UDP, .payload = 40},
	{.name = "IPv6 TCP", .family = 6, .protocol = IPPROTO_TCP, .payload = 40},
	{.name = "no IP", .payload = 60},
};

static struct plx_mempool *pool;
static struct lab_ends to_kernel, to_pollux;
static int raw;
static const char *interface;
static unsigned nb_queues;

/* ---- The kernel's port ---- */

static int ethtool(void *command)
{
	struct ifreq request = {.ifr_data = command};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(raw, SIOCETHTOOL, &request);
}

/* Frames that each queue has received. The driver reads all of the card for it. */
static int queue_counts(uint64_t *counts)
{
	/* Answers stand behind their heads. */
	static union {
		struct ethtool_gstrings head;
		uint8_t room[sizeof(struct ethtool_gstrings) + STATS_MAX * ETH_GSTRING_LEN];
	} names;
	static union {
		struct ethtool_stats head;
		uint8_t room[sizeof(struct ethtool_stats) + STATS_MAX * sizeof(uint64_t)];
	} stats;

	if (names.head.len == 0) {
		union {
			struct ethtool_sset_info head;
			uint8_t room[sizeof(struct ethtool_sset_info) + sizeof(uint32_t)];
		} sets = {.head = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1u << ETH_SS_STATS}};

		names.head.cmd = ETHTOOL_GSTRINGS;
		names.head.string_set = ETH_SS_STATS;
		want(ethtool(&sets) == 0 && sets.head.data[0] <= STATS_MAX && ethtool(&names) == 0,
		     "counters: %s", strerror(errno));
	}
	stats.head.cmd = ETHTOOL_GSTATS;
	want(ethtool(&stats) == 0, "counters: %s", strerror(errno));
	for (unsigned i = 0; i < names.head.len; i++) {
		unsigned queue;
		int end = 0;

		sscanf((const char *)&names.head.data[i * ETH_GSTRING_LEN], "rx_queue_%u_packets%n",
		       &queue, &end);
		if (end > 0 && queue < QUEUES_MAX)
			counts[queue] = stats.head.data[i];
	}
	return 0;
}

/* Its key and its table, for Pollux. */
static int take_over(struct plx_port_rss *rss)
{
	static union {
		struct ethtool_rxfh_indir head;
		uint8_t room[sizeof(struct ethtool_rxfh_indir) +
			     PLX_PORT_RETA_MAX * sizeof(uint32_t)];
	} table = {.head = {.cmd = ETHTOOL_GRXFHINDIR, .size = PLX_PORT_RETA_MAX}};
	FILE *file = fopen("/proc/sys/net/core/netdev_rss_key", "re");
	unsigned sum = 0;

	want(file, "%s", strerror(errno));
	for (unsigned i = 0; i < KEY_BYTES; i++) {
		char text[4] = "";

		want(fread(text, 1, 3, file) == 3, "key");
		rss->key[i] = (uint8_t)strtoul(text, NULL, 16);
		sum += rss->key[i];
	}
	fclose(file);
	want(sum > 0, "the kernel has made no key yet");
	rss->key_bytes = KEY_BYTES;
	table.head.size = 0;
	want(ethtool(&table) == 0 && table.head.size <= PLX_PORT_RETA_MAX, "table: %s",
	     strerror(errno));
	want(ethtool(&table) == 0, "table: %s", strerror(errno));
	rss->reta_size = table.head.size;
	for (unsigned i = 0; i < table.head.size; i++) {
		rss->reta[i] = (uint8_t)table.head.ring_index[i];
		if (rss->reta[i] >= nb_queues)
			nb_queues = rss->reta[i] + 1u;
	}
	want(nb_queues >= 2 && nb_queues <= QUEUES_MAX, "%u queues", nb_queues);
	return 0;
}

/* ---- One flow ---- */

/* Other addresses and ports; nobody looks at sums here. */
static void make_flow(struct frame *f, const struct shape *shape, const struct lab_ends *ends,
		      uint32_t seed)
{
	uint32_t state = seed * 2654435761u | 1;
	uint32_t at, end;

	frame_make(f, shape, ends);
	at = f->l2_len + (shape->family == 4 ? 12 : 8);
	end = f->l2_len + f->l3_len + 4;
	if (shape->family)
		for (; at < end; at++)
			f->data[at] = (uint8_t)frame_random(&state);
}

static int kernels_queue(const struct shape *shape, uint32_t seed, unsigned *queue)
{
	const uint64_t end = lab_ms() + LAB_PATIENCE_MS;
	uint64_t before[QUEUES_MAX] = {0}, now[QUEUES_MAX] = {0};
	struct plx_mbuf *m = plx_mbuf_alloc(pool);
	struct frame f;

	want(m, "no mbuf");
	make_flow(&f, shape, &to_kernel, seed);
	memcpy(plx_mbuf_append(m, (uint16_t)f.len), f.data, f.len);
	if (queue_counts(before))
		return 1;
	want(lab_send(0, 0, &m, 1), "%s", shape->name);
	while (lab_ms() < end) {
		if (queue_counts(now))
			return 1;
		for (unsigned i = 0; i < nb_queues; i++)
			if (now[i] != before[i]) {
				*queue = i;
				return 0;
			}
	}
	want(false, "%s: the kernel does not get it", shape->name);
}

static int pollux_queue(const struct shape *shape, uint32_t seed, const struct plx_port_rss *rss,
			unsigned *queue)
{
	const uint64_t end = lab_ms() + LAB_PATIENCE_MS;
	struct plx_mbuf *m = NULL;
	struct frame f;

	make_flow(&f, shape, &to_pollux, seed);
	want(send(raw, f.data, f.len, 0) == (ssize_t)f.len, "%s", strerror(errno));
	for (unsigned i = 0; lab_ms() < end; i = (i + 1) % nb_queues) {
		bool ours, hashed;

		if (plx_port_rx_burst(0, i, &m, 1) == 0)
			continue;
		ours = m->pkt_len == f.len && memcmp(plx_mbuf_data(m), f.data, f.len) == 0;
		hashed = !(m->flags & PLX_MBUF_F_RX_RSS_HASH) ||
			 rss->reta[m->rx.rss_hash % rss->reta_size] == i;
		plx_mbuf_free(m);
		if (!ours)
			continue;
		want(hashed, "%s: queue %u is not its hash's", shape->name, i);
		*queue = i;
		return 0;
	}
	want(false, "%s: Pollux does not get it", shape->name);
}

/* ---- All flows ---- */

static int compare(const struct plx_port_rss *rss, const char *what)
{
	unsigned in_queue[QUEUES_MAX] = {0};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(shapes); i++)
		for (uint32_t flow = 0; flow < NB_FLOWS; flow++) {
			const uint32_t seed = 1 + flow + i * NB_FLOWS;
			unsigned kernels = 0, ours = 0;

			if (kernels_queue(&shapes[i], seed, &kernels) ||
			    pollux_queue(&shapes[i], seed, rss, &ours))
				return 1;
			want(kernels == ours, "%s, %s, flow %u: the kernel's queue is %u, ours %u",
			     what, shapes[i].name, flow, kernels, ours);
			in_queue[ours]++;
		}
	for (unsigned i = 0; i < nb_queues; i++)
		want(in_queue[i] > 0, "%s: queue %u got nothing", what, i);
	printf("%s: %zu flows, queues %u and %u have %u and %u\n", what,
	       PLX_ARRAY_SIZE(shapes) * NB_FLOWS, 0u, 1u, in_queue[0], in_queue[1]);
	return 0;
}

/* The kernel hashes ports of UDP only when told. */
static int hash_udp(uint32_t type)
{
	struct ethtool_rxnfc request = {.cmd = ETHTOOL_SRXFH, .flow_type = type, .data = HASH_UDP};

	want(ethtool(&request) == 0, "%s", strerror(errno));
	return 0;
}

static int set_up(void)
{
	struct ether_addr own;

	raw = lab_raw_socket(interface);
	want(raw >= 0 && lab_address_of(raw, interface, to_kernel.to) == 0, "%s", interface);
	want(plx_port_mac(0, &own) == 0, "address");
	memcpy(to_kernel.from, &own, sizeof(own));
	memcpy(to_pollux.to, &own, sizeof(own));
	memcpy(to_pollux.from, "\x02\0\0\0\x99\x01", ETHER_ADDR_LEN);
	pool = lab_pool("rss", NB_MBUFS);
	want(pool, "no pool");
	return 0;
}

static int check_all(void)
{
	struct plx_port_conf conf = {.rx_offloads = PLX_PORT_RX_RSS_HASH, .nb_tx_queues = 1};

	if (take_over(&conf.rss))
		return 1;
	conf.nb_rx_queues = nb_queues;
	conf.rss.types = PLX_PORT_RSS_IPV4 | PLX_PORT_RSS_IPV4_TCP | PLX_PORT_RSS_IPV6 |
			 PLX_PORT_RSS_IPV6_TCP;
	if (lab_start(0, &conf, pool) || compare(&conf.rss, "without UDP"))
		return 1;
	conf.rss.types |= PLX_PORT_RSS_IPV4_UDP | PLX_PORT_RSS_IPV6_UDP;
	want(plx_port_rss_set(0, &conf.rss) == 0, "RSS");
	return hash_udp(UDP_V4_FLOW) || hash_udp(UDP_V6_FLOW) || compare(&conf.rss, "with UDP");
}

int main(int argc, char **argv)
{
	int taken = plx_init(argc, argv), ret;

	if (taken < 0)
		return plx_init_exit_status(taken, NULL, stdout);
	if (argc <= taken + 1)
		return 2;
	interface = argv[taken + 1];
	ret = set_up() || check_all();
	plx_port_stop(0);
	plx_fini();
	return ret;
}
