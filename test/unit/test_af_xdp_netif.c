/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_xdp: the interface under the port, and what a dead process leaves in it. */
#include "af_xdp_env.h"

enum { POOL = 2048 };

static void mac_of(const char *iface, struct ether_addr *mac)
{
	struct plx_netif_info info;

	cr_assert_eq(plx_netif_by_name(iface, &info), 0);
	*mac = info.mac;
}

static uint32_t mtu_of(const char *iface)
{
	struct plx_netif_info info;

	cr_assert_eq(plx_netif_by_name(iface, &info), 0);
	return info.mtu;
}

/* The kernel's count of who wants promiscuous mode, or all multicast. */
static int wanted(const char *iface, const char *what)
{
	char command[200], line[32] = "";
	FILE *out;

	snprintf(command, sizeof(command),
		 "ip -d -o link show dev %s | sed 's/.* %s \\([0-9]*\\).*/\\1/'", iface, what);
	out = popen(command, "r");
	cr_assert_not_null(out);
	cr_assert_not_null(fgets(line, sizeof(line), out));
	pclose(out);
	return atoi(line);
}

Test(af_xdp_netif, changes_the_interface_and_puts_it_back)
{
	const struct ether_addr other = {{2, 1, 2, 3, 4, 5}};
	struct ether_addr old, mac;
	struct plx_mempool *pool;
	unsigned port;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	mac_of("xa", &old);
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	cr_assert_eq(plx_port_mac(port, &mac), 0);
	cr_assert_arr_eq(&mac, &old, sizeof(mac));
	cr_assert_eq(plx_port_mac_set(port, &other), 0, "%s", log_lines_text(0));
	mac_of("xa", &mac);
	cr_assert_arr_eq(&mac, &other, sizeof(mac));
	cr_assert_eq(plx_port_mtu_set(port, 1400), 0, "%s", log_lines_text(0));
	cr_assert_eq(mtu_of("xa"), 1400);

	cr_assert_eq(wanted("xa", "promiscuity"), 0);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	cr_assert_eq(wanted("xa", "promiscuity"), 1);
	cr_assert_eq(plx_port_promisc_set(port, false), 0);
	cr_assert_eq(wanted("xa", "promiscuity"), 0);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	cr_assert_eq(plx_port_allmulti_set(port, true), 0);
	cr_assert_eq(wanted("xa", "allmulti"), 1);

	port_down(port);
	mac_of("xa", &mac);
	cr_assert_arr_eq(&mac, &old, sizeof(mac), "the address stayed");
	cr_assert_eq(mtu_of("xa"), 1500, "the MTU stayed at %u", mtu_of("xa"));
	cr_assert_eq(wanted("xa", "promiscuity"), 0, "promiscuous mode stayed");
	cr_assert_eq(wanted("xa", "allmulti"), 0, "all-multicast mode stayed");
	assert_all_home(pool);
	xdp_end();
}

Test(af_xdp_netif, has_addresses_of_its_own)
{
	const struct ether_addr group = {{0x33, 0x33, 1, 2, 3, 4}}, other = {{2, 9, 9, 9, 9, 9}};
	unsigned port;

	xdp_start(1);
	port = port_new("net_af_xdp0,iface=xa");
	cr_assert_eq(plx_port_mac_add(port, &group), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_mac_add(port, &other), 0, "%s", log_lines_text(0));
	sh_ok("ip maddr show dev xa | grep -q 33:33:01:02:03:04");
	cr_assert_eq(plx_port_mac_del(port, &group), 0);
	sh_ok("! ip maddr show dev xa | grep -q 33:33:01:02:03:04");
	cr_assert_eq(plx_port_mac_del(port, &other), 0);
	cr_assert_eq(plx_port_detach(port), 0);
	xdp_end();
}

/* ---- Link and removal ---- */

static unsigned nb_events[3];

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)arg;
	plx_store_release(&nb_events[event], nb_events[event] + 1);
}

static void await_link(unsigned port, bool up)
{
	uint64_t end = now_ms() + WAIT_MS;
	struct plx_port_link link;

	do {
		cr_assert_eq(plx_port_link(port, &link), 0);
		cr_assert_lt(now_ms(), end, "the link stays %s", link.up ? "up" : "down");
		nap();
	} while (link.up != up);
}

Test(af_xdp_netif, tells_the_link_and_goes_on)
{
	struct plx_mempool *pool;
	unsigned port;
	int peer;

	xdp_start(1);
	sh_ok("ip link set dev xa down");
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	/* The start sets the interface up. */
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	cr_assert_eq(plx_port_link_wait(port, WAIT_MS, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct plx_mbuf *m;

		sh_ok("ip link set dev xb down");
		await_link(port, false);
		sh_ok("ip link set dev xb up");
		await_link(port, true);
		peer_send(peer, 100, i);
		m = port_take_one(port);
		assert_frame(m, 100, i);
		port_send_all(port, &m, 1);
		assert_peer_gets(peer, 100, i);
	}
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

Test(af_xdp_netif, survives_the_end_of_its_interface)
{
	struct plx_mbuf *pkts[32];
	struct plx_mempool *pool;
	uint64_t end;
	unsigned port, sent;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	cr_assert_eq(plx_port_event_add(port, on_event, NULL), 0);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	for (unsigned i = 0; i < 20; i++)
		peer_send(peer, 100, i);
	sh_ok("ip link del xa");
	end = now_ms() + WAIT_MS;
	while (plx_load_acquire(&nb_events[PLX_PORT_EVENT_REMOVED]) == 0) {
		cr_assert_lt(now_ms(), end, "nobody told");
		nap();
	}
	cr_assert_eq(plx_load_acquire(&nb_events[PLX_PORT_EVENT_REMOVED]), 1);
	/* The mode went with the interface: there is nothing to take back. */
	log_lines_start();
	cr_assert_eq(plx_port_promisc_set(port, false), 0, "%s", log_lines_text(0));
	assert_no_line();
	/* Bursts do no harm: what is there comes, what is sent waits for the end. */
	for (unsigned i = 0; i < 50; i++) {
		plx_mbuf_free_bulk(pkts, plx_port_rx_burst(port, 0, pkts, 32));
		for (unsigned k = 0; k < 32; k++)
			pkts[k] = frame_new(pool, 100, k);
		sent = plx_port_tx_burst(port, 0, pkts, 32);
		plx_mbuf_free_bulk(pkts + sent, 32 - sent);
	}
	cr_assert_eq(plx_port_stop(port), 0);
	assert_all_home(pool);
	cr_assert_eq(xstat(port, "tx_packets") + xstat(port, "tx_dropped"), 512, "%llu and %llu",
		     (unsigned long long)xstat(port, "tx_packets"),
		     (unsigned long long)xstat(port, "tx_dropped"));
	cr_assert_eq(plx_port_detach(port), 0);
	xdp_end();
}

/* ---- kill -9 ---- */

static void be_killed(const char *device, int tell)
{
	struct plx_mempool *pool;
	unsigned port;

	start_lcores(1);
	log_lines_start();
	pool = packets_new("pool", POOL, 0, 0);
	cr_assert_eq(plx_port_drivers_set(xdp_drivers), 0);
	port = port_up(device, 1, pool);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	cr_assert_eq(write(tell, "x", 1), 1);
	for (;;) {
		struct plx_mbuf *pkts[32];

		plx_port_tx_or_drop(port, 0, pkts, plx_port_rx_burst(port, 0, pkts, 32));
	}
}

static void killed(const char *device)
{
	uint64_t end;
	int ready[2], peer, status;
	pid_t child;
	char c;

	netns_start();
	veth_up("xa", "xb");
	peer = peer_open("xb");
	cr_assert_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_killed(device, ready[1]);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &c, 1), 1, "the child did not start");
	cr_assert_neq(prog_of("xa"), 0);
	cr_assert_eq(wanted("xa", "promiscuity"), 1);
	/* In the midst of traffic. */
	for (unsigned i = 0; i < 100; i++)
		peer_send(peer, 100, i);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	end = now_ms() + WAIT_MS;
	while (prog_of("xa") != 0) {
		cr_assert_lt(now_ms(), end, "the program stayed");
		nap();
	}
	cr_assert_eq(wanted("xa", "promiscuity"), 0, "promiscuous mode stayed");
}

/* The next process finds the interface as it was, and uses it. */
static void use_again(void)
{
	struct plx_mempool *pool;
	struct plx_mbuf *m;
	unsigned port;
	int peer = peer_open("xb");

	start_lcores(1);
	log_lines_start();
	cr_assert_eq(plx_port_drivers_set(xdp_drivers), 0);
	pool = packets_new("pool", POOL, 0, 0);
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	peer_send(peer, 100, 77);
	m = port_take_one(port);
	assert_frame(m, 100, 77);
	plx_mbuf_free(m);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

Test(af_xdp_netif, leaves_nothing_when_it_is_killed)
{
	killed("net_af_xdp0,iface=xa,mode=native");
	use_again();
}

Test(af_xdp_netif, leaves_nothing_when_it_is_killed_in_skb_mode)
{
	killed("net_af_xdp0,iface=xa,mode=skb");
	use_again();
}
