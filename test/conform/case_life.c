/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's life: attach, information, configuration, start and stop, again and again. */
#include "conform.h"
#include "netns.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void limits_are_sane(const struct plx_port_limits *l, uint32_t by_default, const char *what)
{
	check(l->min >= 1 && l->min <= l->max, "%s: [%u, %u]", what, l->min, l->max);
	check(l->step >= 1 && (l->step & (l->step - 1)) == 0, "%s: step %u", what, l->step);
	check(l->min % l->step == 0 && l->max % l->step == 0, "%s: [%u, %u] by steps of %u", what,
	      l->min, l->max, l->step);
	check(by_default >= l->min && by_default <= l->max && by_default % l->step == 0,
	      "%s: %u by default, of [%u, %u] by steps of %u", what, by_default, l->min, l->max,
	      l->step);
}

static void info_is_sane(const struct conform *c)
{
	const struct plx_port_info *i = &c->info;
	uint32_t mtu;

	check(strncmp(i->name, c->device, strlen(i->name)) == 0, "name %s of device %s", i->name,
	      c->device);
	check(strcmp(i->driver, c->variant->driver) == 0, "driver %s, want %s", i->driver,
	      c->variant->driver);
	check(i->max_rx_queues >= 1 && i->max_rx_queues <= PLX_PORT_QUEUES_MAX, "max_rx_queues %u",
	      i->max_rx_queues);
	check(i->max_tx_queues >= 1 && i->max_tx_queues <= PLX_PORT_QUEUES_MAX, "max_tx_queues %u",
	      i->max_tx_queues);
	limits_are_sane(&i->rx_ring, i->rx_ring_default, "rx_ring");
	limits_are_sane(&i->tx_ring, i->tx_ring_default, "tx_ring");
	check(i->burst_default >= 1 && i->burst_default <= PLX_BURST_MAX, "burst_default %u",
	      i->burst_default);
	want_ret(plx_port_mtu(c->port, &mtu), 0);
	check(i->min_mtu >= 1 && i->min_mtu <= mtu && mtu <= i->max_mtu, "MTU %u of [%u, %u]", mtu,
	      i->min_mtu, i->max_mtu);
	check(i->max_frame_bytes >= mtu + FRAME_HEADER_BYTES,
	      "max_frame_bytes %u with an MTU of %u", i->max_frame_bytes, mtu);
	check(i->max_macs >= 1, "max_macs %u", i->max_macs);
	check(!(i->can & PLX_PORT_CAN_MAC_ADD) == (i->max_macs == 1),
	      "max_macs %u, and MAC_ADD is %s", i->max_macs,
	      i->can & PLX_PORT_CAN_MAC_ADD ? "there" : "not there");
	check(!(i->can & PLX_PORT_CAN_RSS) == (i->rss_types == 0),
	      "rss_types %#x, and CAN_RSS is %s", i->rss_types,
	      i->can & PLX_PORT_CAN_RSS ? "there" : "not there");
	check(i->rss_key_bytes <= PLX_PORT_RSS_KEY_MAX && i->reta_size <= PLX_PORT_RETA_MAX,
	      "RSS key of %u bytes, table of %u", i->rss_key_bytes, i->reta_size);
	check(!(i->can & PLX_PORT_CAN_VLAN_FILTER) == !(i->rx_offloads & PLX_PORT_RX_VLAN_FILTER),
	      "VLAN filter: can %#x, rx_offloads %#x", i->can, i->rx_offloads);
	want(i->node, plx_port_node(c->port), "node");
	check(!(c->peer->ops->can & PEER_KERNEL) || i->if_index != 0, "no if_index");
}

static void attach_info(struct conform *c)
{
	struct ether_addr mac;
	char name[PLX_PORT_NAME_MAX];
	unsigned port;

	port_attach(c);
	want(c->info.state, PLX_PORT_ATTACHED, "state");
	want(c->info.nb_rx_queues + c->info.nb_tx_queues, 0, "queues of a port just attached");
	info_is_sane(c);
	want_ret(plx_port_mac(c->port, &mac), 0);
	check(!(mac.ether_addr_octet[0] & 1), "the port's address is a group's");
	want(plx_port_promisc(c->port), 0, "promiscuous after the attach");
	want(plx_port_allmulti(c->port), 0, "all-multicast after the attach");

	snprintf(name, sizeof(name), "%s", c->info.name);
	want_ret(plx_port_by_name(name, &port), 0);
	want(port, c->port, "port by name %s", name);
	want(plx_port_next(PLX_PORT_NONE, c->variant->driver, ""), c->port, "first of the driver");
	want(plx_port_next(PLX_PORT_NONE, "net_nothing", NULL), PLX_PORT_NONE, "no such driver's");
	port_detach(c);
	want_ret(plx_port_by_name(name, &port), -ENODEV);
}

static void attach_twice(struct conform *c)
{
	unsigned port = PLX_PORT_NONE;

	port_attach(c);
	log_lines_forget();
	want_ret(device_attach(c, c->device, &port), -EEXIST);
	want(log_lines_count(), 1, "log lines");
	check(log_lines_have(c->info.name), "no line names the device");
	want(port, PLX_PORT_NONE, "id written by a failed attach");
	port_detach(c);
}

/* An unknown key, a bad value: one line that names it, nothing left behind. */
static void attach_refused(struct conform *c)
{
	char device[300];
	unsigned port, nb = plx_port_count();

	snprintf(device, sizeof(device), "%s,colour=blue", c->variant->device);
	log_lines_forget();
	want_ret(device_attach(c, device, &port), -EINVAL);
	want(log_lines_count(), 1, "log lines");
	check(log_lines_have("colour"), "no line names the key");

	snprintf(device, sizeof(device), "%s_%s", c->variant->driver, "0");
	log_lines_forget();
	want_ret(device_attach(c, device, &port), -EINVAL);
	want(log_lines_count(), 1, "log lines about %s", device);
	want(plx_port_count(), nb, "ports");
	port_attach(c);
	port_detach(c);
}

static void attach_again(struct conform *c)
{
	enum { TIMES = 50 };
	unsigned first = PLX_PORT_NONE;
	uint64_t end = now_ms() + 10000;
	unsigned i;

	for (i = 0; i < TIMES && now_ms() < end; i++) {
		port_attach(c);
		if (i == 0)
			first = c->port;
		want(c->port, first, "id of attach %u", i);
		if (i % 10 == 9) {
			port_setup(c, 1, 1);
			port_start(c);
			traffic(c, i * 1000);
			port_stop(c);
		}
		port_detach(c);
	}
	note("%u times", i);
}

/* Detached in each state but started; closed and set up again. */
static void close_states(struct conform *c)
{
	struct plx_port_link link;
	struct plx_mbuf *m;

	port_attach(c);
	port_setup(c, 1, 1);
	port_detach(c);

	port_attach(c);
	port_setup(c, 1, 1);
	port_start(c);
	want_ret(plx_port_detach(c->port), -EBUSY);
	want_ret(plx_port_close(c->port), 0);
	port_info(c);
	want(c->info.state, PLX_PORT_ATTACHED, "state after the close");
	pool_is_home(c->pool);
	check(plx_port_rx_burst(c->port, 0, &m, 1) == 0, "a closed port receives");
	want_ret(plx_port_link(c->port, &link), 0);
	check(!link.up || c->info.can & PLX_PORT_CAN_LINK, "the link of a closed port is up");
	want_ret(plx_port_start(c->port), -EBUSY);
	port_setup(c, 1, 1);
	port_start(c);
	traffic(c, 1);
	want_ret(plx_port_close(c->port), 0);
	want_ret(plx_port_close(c->port), 0);
	port_detach(c);
}

static void setup_helper(struct conform *c)
{
	port_attach(c);
	want_ret(plx_port_setup(c->port, 1, 1, c->pool), 0);
	c->nb_rx = c->nb_tx = 1;
	port_start(c);
	traffic(c, 1);
	port_down(c);
}

/* Other queue counts each time, without a detach. */
static void reconfigure(struct conform *c)
{
	static const unsigned counts[][2] = {{1, 1}, {2, 2}, {1, 2}, {2, 1},
					     {1, 0}, {0, 1}, {2, 2}, {1, 1}};
	unsigned nb_done = 0;

	port_attach(c);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(counts); i++) {
		unsigned nb_rx = counts[i][0], nb_tx = counts[i][1];
		const struct plx_port_conf conf = {.nb_rx_queues = nb_rx, .nb_tx_queues = nb_tx};

		if (nb_rx > c->info.max_rx_queues || nb_tx > c->info.max_tx_queues) {
			want_ret(plx_port_configure(c->port, &conf), -EINVAL);
			continue;
		}
		port_setup(c, nb_rx, nb_tx);
		port_start(c);
		/* What is for the second queue is another case. */
		if (nb_rx < 2)
			traffic(c, i * 1000);
		port_stop(c);
		nb_done++;
	}
	port_detach(c);
	note("%u configurations", nb_done);
}

/* Queues are made anew while the port is stopped, also with another pool. */
static void queue_anew(struct conform *c)
{
	struct plx_mempool *other = pool_new("other", 4096, 0), *first = c->pool;
	struct plx_port_rxq_conf rxq = {.pool = other, .node = PLX_NODE_ANY};

	port_up(c);
	traffic(c, 1);
	port_stop(c);
	want_ret(plx_port_rxq_setup(c->port, 0, &rxq), 0);
	want_ret(plx_port_txq_setup(c->port, 0, NULL), 0);
	want_ret(plx_port_txq_setup(c->port, 0, NULL), 0);
	c->pool = other;
	port_start(c);
	traffic(c, 1000);
	c->pool = first;
	port_down(c);
	pool_is_home(other);
	plx_mbuf_pool_destroy(other);
}

static void start_stop(struct conform *c)
{
	unsigned times = test_is_long() ? 10000 : 1000, i;

	/* A card's link takes its time. */
	if (c->variant->slow_link)
		times = test_is_long() ? 1000 : 20;
	port_attach(c);
	port_setup(c, 1, 1);
	for (i = 0; i < times; i++) {
		port_start(c);
		if (i % 50 == 0 || c->variant->slow_link)
			traffic(c, i * 1000);
		port_stop(c);
	}
	port_detach(c);
	note("%u times", i);
}

/* What another program on the interface sees is as before when the port is gone. */
static void leaves_nothing(struct conform *c)
{
	unsigned nb_links = links_count();
	struct link before = {0}, after;

	if (c->peer->port_if[0])
		before = link_get(c->peer->port_if);
	port_attach(c);
	port_setup(c, 1, 1);
	want_ret(plx_port_promisc_set(c->port, true),
		 c->info.can & PLX_PORT_CAN_PROMISC ? 0 : -ENOTSUP);
	want_ret(plx_port_allmulti_set(c->port, true),
		 c->info.can & PLX_PORT_CAN_ALLMULTI ? 0 : -ENOTSUP);
	port_start(c);
	traffic(c, 1);
	port_stop(c);
	port_detach(c);
	want(links_count(), nb_links, "interfaces");
	if (!before.there)
		return;
	after = link_get(c->peer->port_if);
	want(after.promiscuity, before.promiscuity, "promiscuity");
	want(after.xdp_programs, before.xdp_programs, "mode of an XDP program");
	want(after.flags, before.flags, "flags");
	want(after.mtu, before.mtu, "MTU");
	check(memcmp(&after.mac, &before.mac, sizeof(after.mac)) == 0, "another address");
}

/*
 * The port sends one frame, and what the peer sees before that is thrown away: all of an earlier
 * process. Frames may wait in the ring of the peer's card until the next one raises an interrupt.
 */
static void peer_catch_up(struct conform *c)
{
	struct stream s = stream_to_peer(c, UINT32_MAX / 2, 1);
	uint8_t frame[FRAME_BYTES_MAX];
	bool is_there = false;
	struct plx_mbuf *m;

	if (!(c->peer->ops->can & PEER_SEES))
		return;
	m = packet_plain(c, frame, frame_make(&s, 0, frame), 0);
	check(m, "no mbuf");
	port_give(c, 0, &m, 1, 1);
	for (uint64_t end = now_ms() + CONFORM_WAIT_MS; !is_there && now_ms() < end;) {
		uint32_t len = c->peer->ops->recv(c->peer, frame, sizeof(frame));

		is_there = len != PEER_NONE && frame_index(&s, frame, len) == 0;
	}
	check(is_there, "the peer did not see the frame in %u ms", CONFORM_WAIT_MS);
}

/* The process that holds the port is killed amid its traffic: the next one finds all as it was. */
static void killed(struct conform *c)
{
	unsigned nb_links = links_count();
	int ready[2], status;
	uint64_t link_end;
	char byte;
	pid_t child;

	check(pipe(ready) == 0, "pipe: %s", strerror(errno));
	child = fork();
	check(child >= 0, "fork: %s", strerror(errno));
	if (child == 0) {
		close(ready[0]);
		alarm(CONFORM_CASE_S);
		world_open(c);
		port_up(c);
		want_ret(plx_port_promisc_set(c->port, true),
			 c->info.can & PLX_PORT_CAN_PROMISC ? 0 : -ENOTSUP);
		for (unsigned i = 0;; i++) {
			traffic(c, i * 1000);
			check(write(ready[1], "", 1) == 1, "pipe: %s", strerror(errno));
		}
	}
	close(ready[1]);
	check(read(ready[0], &byte, 1) == 1, "the process to be killed ended too early");
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "waitpid: %#x", status);
	close(ready[0]);
	link_end = now_ms() + CONFORM_WAIT_MS;
	while (links_count() != nb_links && now_ms() < link_end)
		sleep_us(1000);
	want(links_count(), nb_links, "interfaces after the kill");
	if (c->peer->port_if[0]) {
		struct link link;

		wait_until((link = link_get(c->peer->port_if),
			    link.xdp_programs == 0 && link.promiscuity == 0));
		want(link.xdp_programs, 0, "mode of an XDP program after the kill");
		want(link.promiscuity, 0, "promiscuity after the kill");
	}
	world_open(c);
	port_up(c);
	peer_catch_up(c);
	traffic(c, 1);
	port_down(c);
}

const struct conform_case cases_life[] = {
	{.name = "attach_info", .run = attach_info},
	{.name = "attach_twice", .run = attach_twice},
	{.name = "attach_refused", .run = attach_refused},
	{.name = "attach_again", .run = attach_again},
	{.name = "close_states", .run = close_states},
	{.name = "setup_helper", .run = setup_helper},
	{.name = "reconfigure", .run = reconfigure},
	{.name = "queue_anew", .run = queue_anew},
	{.name = "start_stop", .run = start_stop},
	{.name = "leaves_nothing", .run = leaves_nothing},
	{.name = "killed", .run = killed, .starts_eal = true},
	{.name = NULL},
};
