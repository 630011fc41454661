/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to interfaces, and what a port does to them: down, up, gone, addresses, modes; and
 * what can't be had.
 */
#include "netns_env.h"
#include "pcap_env.h"
#include "pcap_peer.h"

#include <linux/capability.h>
#include <pollux/ctl.h>
#include <pollux/netif.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

TestSuite(pcap_iface, .init = start_pair, .fini = end_pair);

static struct plx_mbuf *pkts[64];

static void wait_link_(int at, unsigned port, bool up)
{
	for (unsigned i = 0; i < 3000 && is_up(port) != up; i++)
		usleep(1000);
	cr_assert_eq(is_up(port), up, "line %d: the link does not change", at);
}

#define wait_link(port, up) wait_link_(__LINE__, (port), (up))

static unsigned receive(unsigned port, unsigned want)
{
	unsigned nb = 0;

	for (unsigned i = 0; nb < want && i < 100000; i++)
		nb += plx_port_rx_burst(port, 0, pkts + nb, want - nb);
	return nb;
}

/* Until then what is sent by it is lost without a word. */
static void wait_peer_runs(void)
{
	struct ifreq request = {.ifr_name = "pb"};

	for (unsigned i = 0; i < 3000 && !(request.ifr_flags & IFF_RUNNING); i++) {
		usleep(1000);
		cr_assert_eq(ioctl(peer, SIOCGIFFLAGS, &request), 0);
	}
}

static void check_both_ways(unsigned port, unsigned salt)
{
	wait_peer_runs();
	peer_send(100, salt);
	assert_count(receive(port, 1), 1);
	assert_frame(pkts[0], 100, salt);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	assert_peer_gets(100, salt);
}

Test(pcap_iface, down_when_attached)
{
	unsigned port;

	sh_ok("ip link set dev pa down");
	port = open_port("net_pcap0,iface=pa,filter=ether proto 0x88b5");
	cr_assert_not(is_up(port));
	pkts[0] = frame_new(pcap_pool, 100, 0);
	assert_count(plx_port_rx_burst(port, 0, pkts + 1, 32), 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 0);
	plx_mbuf_free(pkts[0]);
	sh_ok("ip link set dev pa up");
	wait_link(port, true);
	check_both_ways(port, 1);

	/* Stopped when it comes up: it does not receive until it is started. */
	close_port(port);
	sh_ok("ip link set dev pa down");
	port = open_port("net_pcap0,iface=pa");
	cr_assert_eq(plx_port_stop(port), 0);
	sh_ok("ip link set dev pa up");
	usleep(50000);
	peer_send(100, 2);
	cr_assert_eq(plx_port_start(port), 0);
	wait_link(port, true);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	check_both_ways(port, 3);
	assert_count(stats_of(port).rx.missed, 0);
	assert_no_line();
}

Test(pcap_iface, down_and_up_again)
{
	unsigned port = open_port("net_pcap0,iface=pa");
	struct plx_port_link link;

	wait_link(port, true);
	for (unsigned round = 0; round < 5; round++) {
		check_both_ways(port, round);
		sh_ok("ip link set dev pa down");
		wait_link(port, false);
		pkts[0] = frame_new(pcap_pool, 100, 0);
		/* The caller keeps it, as when a card's link is down. */
		assert_count(plx_port_tx_burst(port, 0, pkts, 1), 0);
		plx_mbuf_free(pkts[0]);
		for (unsigned i = 0; i < 200; i++)
			assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
		sh_ok("ip link set dev pa up");
		wait_link(port, true);
	}
	check_both_ways(port, 9);
	assert_count(xstat(port, "tx_full"), 5);
	assert_count(stats_of(port).tx.errors, 0);
	/* The other end goes down: no carrier. */
	sh_ok("ip link set dev pb down");
	wait_link(port, false);
	sh_ok("ip link set dev pb up");
	wait_link(port, true);
	close(peer);
	peer = peer_open("pb");
	check_both_ways(port, 10);
	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert_eq(link.speed_mbps, 10000, "%u", link.speed_mbps);
	assert_no_line();
}

static unsigned nb_removed;

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)arg;
	if (event == PLX_PORT_EVENT_REMOVED)
		plx_store_release(&nb_removed, nb_removed + 1);
}

Test(pcap_iface, gone)
{
	unsigned port = open_port("net_pcap0,iface=pa"), again;

	cr_assert_eq(plx_port_event_add(port, on_event, NULL), 0);
	check_both_ways(port, 0);
	sh_ok("ip link del pa");
	wait_link(port, false);
	for (unsigned i = 0; i < 3000 && plx_load_acquire(&nb_removed) == 0; i++)
		usleep(1000);
	assert_count(plx_load_acquire(&nb_removed), 1);
	for (unsigned i = 0; i < 1000; i++)
		assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	pkts[0] = frame_new(pcap_pool, 100, 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	assert_count(xstat(port, "tx_refused"), 1);
	assert_count(stats_of(port).tx.errors, 1);
	assert_one_line("port", PLX_LOG_WARN, "net_pcap0", "pa", "gone");
	cr_assert_eq(plx_port_event_del(port, on_event, NULL), 0);
	close_port(port);
	assert_count(log_lines.nb, 1);

	/* A new one of that name is another one. */
	close(peer);
	veth_up("pa", "pb");
	peer = peer_open("pb");
	again = open_port("net_pcap0,iface=pa");
	check_both_ways(again, 4);
}

Test(pcap_iface, gone_while_stopped)
{
	unsigned port = open_port("net_pcap0,iface=pa");

	cr_assert_eq(plx_port_stop(port), 0);
	sh_ok("ip link del pa");
	for (unsigned i = 0; i < 3000 && log_lines.nb == 0; i++)
		usleep(1000);
	cr_assert_eq(plx_port_start(port), -ENODEV);
	assert_line(1, "port", PLX_LOG_ERR, "net_pcap0", "gone");
	cr_assert_eq(plx_port_detach(port), 0);
}

static void refused(const char *device, int error, const char *word1, const char *word2)
{
	unsigned port;
	int ret;

	log_lines_start();
	ret = plx_port_attach(device, &port);
	cr_assert_eq(ret, error, "%s: %d, want %d: %s", device, ret, error, log_lines_text(0));
	assert_one_line("port", PLX_LOG_ERR, "net_pcap", word1, word2);
	assert_count(plx_port_count(), 0);
}

Test(pcap_iface, refusals)
{
	unsigned before;

	refused("net_pcap0,iface=pc", -ENODEV, "iface=pc: no such interface", "lo, pb, pa");
	before = nb_entries("/proc/self/fd");
	refused("net_pcap0,iface=any", -ENODEV, "iface=any", "no such interface");
	refused("net_pcap0,iface=pa,filter=these are no words", -EINVAL,
		"filter=", "pcap-filter(7)");
	refused("net_pcap0,iface=pa,phy_mac=x", -EINVAL, "phy_mac", "x");
	sh_ok("ip tuntap add mode tun dev tun0 && ip link set dev tun0 up");
	refused("net_pcap0,iface=tun0", -EINVAL, "iface=tun0: not an Ethernet", "RAW");
	assert_count(nb_entries("/proc/self/fd"), before);
}

/* This thread may do all that an ordinary user may. */
static void drop_net_raw(bool drop)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint32_t bit = 1u << CAP_NET_RAW;

	cr_assert_eq(syscall(SYS_capget, &head, data), 0);
	data[0].effective = drop ? data[0].effective & ~bit : data[0].effective | bit;
	cr_assert_eq(syscall(SYS_capset, &head, data), 0);
}

Test(pcap_iface, without_permission)
{
	drop_net_raw(true);
	refused("net_pcap0,iface=pa", -EPERM, "iface=pa: no permission", "setcap cap_net_raw+ep /");
	sh_ok("ip link set dev pa down");
	refused("net_pcap0,iface=pa", -EPERM, "iface=pa: no permission", "CAP_NET_RAW");
	/* Files need none. */
	make_pcap("in.pcap", 3);
	open_port("net_pcap0,rx_pcap=in.pcap");
	drop_net_raw(false);
}

/* ---- Addresses and modes ---- */

/* How often the interface was made promiscuous, or 0 when `ip` does not show it. */
static unsigned promiscuity(void)
{
	FILE *out = popen("ip -d link show dev pa | sed -n 's/.*promiscuity \\([0-9]*\\).*/\\1/p'",
			  "r");
	unsigned nb = 99;

	cr_assert_eq(fscanf(out, "%u", &nb), 1);
	pclose(out);
	return nb;
}

static bool in_maddr(const char *mac)
{
	char command[128];

	snprintf(command, sizeof(command), "ip maddr show dev pa | grep -q %s", mac);
	return system(command) == 0;
}

Test(pcap_iface, promiscuous)
{
	unsigned port;

	/* As DPDK's port, it is promiscuous while it is there, whatever the application says. */
	port = open_port("net_pcap0,iface=pa");
	assert_count(promiscuity(), 1);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	cr_assert_eq(plx_port_promisc_set(port, false), 0);
	assert_count(promiscuity(), 1);
	close_port(port);
	assert_count(promiscuity(), 0);

	/* To receive by an address that is not its own a veth has to be. */
	port = open_port("net_pcap0,iface=pa,promisc=0,phy_mac=0");
	assert_count(promiscuity(), 1);
	close_port(port);

	/* It is the default. */
	port = open_port("net_pcap0,iface=pa,promisc=0");
	assert_count(promiscuity(), 0);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	assert_count(promiscuity(), 1);
	cr_assert_eq(plx_port_promisc_set(port, false), 0);
	assert_count(promiscuity(), 0);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	/* A handle that is made anew is as the one before it. */
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_mtu_set(port, 1400), 0);
	cr_assert_eq(plx_port_start(port), 0);
	assert_count(promiscuity(), 1);
	assert_no_line();
}

Test(pcap_iface, addresses)
{
	const struct ether_addr group = {{0x01, 0, 0x5e, 0x11, 0x22, 0x33}};
	const struct ether_addr other = {{0x02, 0, 0, 0, 0, 0x77}};
	struct ether_addr mac;
	struct plx_netif_info info;
	unsigned port = open_port("net_pcap3,iface=pa");

	/* The port's own address is DPDK's, and is not the interface's. */
	cr_assert_eq(plx_port_mac(port, &mac), 0);
	cr_assert_eq(memcmp(&mac, "\2pcap\3", 6), 0);
	cr_assert_eq(plx_port_mac_set(port, &other), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_mac(port, &mac), 0);
	cr_assert_eq(memcmp(&mac, &other, 6), 0);
	cr_assert_eq(plx_netif_by_name("pa", &info), 0);
	cr_assert_neq(memcmp(&info.mac, &other, 6), 0);
	cr_assert_eq(plx_port_mac_add(port, &group), 0, "%s", log_lines_text(0));
	cr_assert(in_maddr("01:00:5e:11:22:33"));
	cr_assert_eq(plx_port_mac_add(port, &group), -EEXIST);
	cr_assert_eq(plx_port_mac_del(port, &group), 0, "%s", log_lines_text(0));
	cr_assert_not(in_maddr("01:00:5e:11:22:33"));
	cr_assert_eq(plx_port_mac_add(port, &group), 0);
	cr_assert_eq(plx_port_allmulti_set(port, true), 0);
	cr_assert_eq(plx_port_allmulti_set(port, false), 0);
	close_port(port);
	cr_assert_not(in_maddr("01:00:5e:11:22:33"));
}

Test(pcap_iface, the_address_of_the_interface)
{
	const struct ether_addr other = {{0x02, 0, 0, 0, 0, 0x77}};
	struct plx_netif_info before, info;
	struct ether_addr mac;
	unsigned port;

	cr_assert_eq(plx_netif_by_name("pa", &before), 0);
	port = open_port("net_pcap0,iface=pa,phy_mac=1");
	cr_assert_eq(plx_port_mac(port, &mac), 0);
	cr_assert_eq(memcmp(&mac, &before.mac, 6), 0);
	cr_assert_eq(plx_port_mac_set(port, &other), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_netif_by_name("pa", &info), 0);
	cr_assert_eq(memcmp(&info.mac, &other, 6), 0);
	close_port(port);
	cr_assert_eq(plx_netif_by_name("pa", &info), 0);
	cr_assert_eq(memcmp(&info.mac, &before.mac, 6), 0, "it is not given back");
	assert_no_line();
}

/* An interface has one entry, under the name that the kernel calls it by. */
Test(pcap_iface, by_a_second_name)
{
	char *text = NULL;
	size_t nb_text = 0;
	FILE *out = open_memstream(&text, &nb_text);
	unsigned port;

	sh_ok("ip link property add dev pa altname the-second-name-of-pa");
	port = open_port("net_pcap0,rx_iface_in=the-second-name-of-pa,tx_iface=pa");
	wait_link(port, true);
	check_both_ways(port, 3);
	cr_assert_eq(plx_port_dump(port, out), 0);
	fclose(out);
	cr_assert(strstr(text, "rx queue 0: pa in,"), "%s", text);
	cr_assert(strstr(text, "tx queue 0: pa\n"), "%s", text);
	free(text);
	close_port(port);
}

Test(pcap_iface, what_a_port_says_of_itself)
{
	struct plx_port_info info;
	char *text = NULL;
	size_t nb;
	FILE *out = open_memstream(&text, &nb);
	unsigned port = open_port("net_pcap0,rx_iface_in=pa,tx_iface=pb,tx_iface=pa");

	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.if_index, if_nametoindex("pa"));
	cr_assert_eq(info.max_rx_queues, 1);
	cr_assert_eq(info.max_tx_queues, 2);
	cr_assert_eq(info.max_frame_bytes, 1514, "%u", info.max_frame_bytes);
	cr_assert_eq(info.min_mtu, 68, "%u", info.min_mtu);
	cr_assert_eq(info.max_mtu, 65535, "%u", info.max_mtu);
	cr_assert_eq(plx_port_dump(port, out), 0);
	fclose(out);
	cr_assert(strstr(text, "rx queue 0: pa in, frames of up to 1522 bytes"), "%s", text);
	cr_assert(strstr(text, "tx queue 0: pb\n"), "%s", text);
	free(text);
	/* The link is that of both; pa's carrier is pb's. */
	wait_link(port, true);
	sh_ok("ip link set dev pb down");
	wait_link(port, false);
}

/* From a file to an interface and back into one. */
Test(pcap_iface, files_and_interfaces)
{
	unsigned port, nb = 0;
	int fd = make_file("in.pcap");

	put_head(fd, &dialect_nano, 65535, 1);
	for (unsigned i = 0; i < 30; i++)
		put_packet(fd, &dialect_nano, stamp_of(i), 100, i);
	close(fd);
	port = open_port("net_pcap0,rx_pcap=in.pcap,rx_iface_in=pa,tx_pcap=out.pcap,tx_iface=pa");
	peer_send(300, 8);
	nb = plx_port_rx_burst(port, 0, pkts, 32);
	assert_count(nb, 30);
	assert_count(plx_port_tx_burst(port, 1, pkts, nb), nb);
	for (unsigned i = 0; i < nb; i++) {
		unsigned char frame[FRAME_MAX];
		unsigned tci;

		assert_count(peer_take(frame, 1000, &tci), 100);
		cr_assert_eq(frame[20], byte_of(20, i));
	}
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	cr_assert(is_up(port), "frames may still come from the interface");
	for (unsigned i = 0; nb != 1 && i < 100000; i++)
		nb = plx_port_rx_burst(port, 1, pkts, 32);
	assert_frame(pkts[0], 300, 8);
	assert_count(plx_port_tx_burst(port, 0, pkts, 1), 1);
	assert_count(size_of("out.pcap"), 24 + 16 + 300);
}
