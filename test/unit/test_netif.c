/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces described and changed, in a network namespace of the test's own. */
#include "netif_private.h"
#include "netns_env.h"

#include <errno.h>
#include <glob.h>
#include <net/if_arp.h>
#include <pollux/mem.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct plx_netif_info describe_(int at, const char *name)
{
	struct plx_netif_info info;
	int ret = plx_netif_by_name(name, &info);

	cr_assert_eq(ret, 0, "line %d: %s: %d", at, name, ret);
	cr_assert_eq(info.index, if_nametoindex(name), "line %d: index %u", at, info.index);
	return info;
}
#define describe(name) describe_(__LINE__, (name))

Test(netif, describes_a_veth, .init = netns_start)
{
	static const struct ether_addr mac = {{0x02, 0, 0, 0, 0xaa, 1}};
	struct plx_netif_info info, again;

	sh_ok("ip link add name a address 02:00:00:00:aa:01 mtu 1400 numrxqueues 3 numtxqueues 2 "
	      "type veth peer name b");
	sh_ok("ethtool -L a rx 2 tx 1 2>/dev/null");
	info = describe("a");
	cr_assert_str_eq(info.name, "a");
	cr_assert_eq(info.mtu, 1400, "mtu %u", info.mtu);
	cr_assert_eq(info.min_mtu, 68, "min_mtu %u", info.min_mtu);
	cr_assert_geq(info.max_mtu, 9000, "max_mtu %u", info.max_mtu);
	cr_assert_eq(memcmp(&info.mac, &mac, sizeof(mac)), 0);
	cr_assert_eq(info.type, ARPHRD_ETHER, "type %u", info.type);
	cr_assert_eq(info.speed_mbps, 10000, "speed %u", info.speed_mbps);
	cr_assert(info.full_duplex);
	cr_assert_not(info.autoneg);
	cr_assert_eq(info.nb_rx_queues, 2, "rx queues %u", info.nb_rx_queues);
	cr_assert_eq(info.nb_tx_queues, 1, "tx queues %u", info.nb_tx_queues);
	cr_assert_eq(info.node, PLX_NODE_ANY, "node %d", info.node);
	cr_assert_eq(info.flags & IFF_UP, 0);
	cr_assert_not(info.carrier);

	cr_assert_eq(plx_netif_by_index(info.index, &again), 0);
	cr_assert_eq(again.index, info.index);
	cr_assert_str_eq(again.name, info.name);
	cr_assert_eq(again.flags, info.flags);
	cr_assert_eq(again.mtu, info.mtu);
	cr_assert_eq(memcmp(&again.mac, &info.mac, sizeof(info.mac)), 0, "another address");
}

Test(netif, describes_lo_and_its_limits, .init = netns_start)
{
	struct plx_netif_info info = describe("lo");

	cr_assert_eq(info.type, ARPHRD_LOOPBACK, "type %u", info.type);
	cr_assert_eq(info.mtu, 65536, "mtu %u", info.mtu);
	cr_assert_eq(info.max_mtu, UINT32_MAX, "max_mtu %u", info.max_mtu);
	cr_assert_eq(info.speed_mbps, 0, "speed %u", info.speed_mbps);
}

Test(netif, carrier_wants_both_ends_up, .init = netns_start)
{
	sh_ok("ip link add name a type veth peer name b");
	sh_ok("ip link set dev a up");
	cr_assert_not(describe("a").carrier);
	cr_assert_neq(describe("a").flags & IFF_UP, 0);
	sh_ok("ip link set dev b up");
	/* The kernel takes its time to bring it into use. */
	for (unsigned ms = 0; !describe("a").carrier && ms < 5000; ms++)
		usleep(1000);
	cr_assert(describe("a").carrier);
	sh_ok("ip link set dev a down");
	cr_assert_not(describe("a").carrier);
}

Test(netif, no_such_interface, .init = netns_start)
{
	struct plx_netif_info info;
	char name[300];
	unsigned index;

	sh_ok("ip link add name a type veth peer name b");
	index = if_nametoindex("a");
	sh_ok("ip link del dev a");
	cr_assert_eq(plx_netif_by_index(index, &info), -ENODEV);
	cr_assert_eq(plx_netif_by_index(0, &info), -ENODEV);
	cr_assert_eq(plx_netif_by_index(UINT32_MAX, &info), -ENODEV);
	cr_assert_eq(plx_netif_by_name("a", &info), -ENODEV);
	cr_assert_eq(plx_netif_by_name("", &info), -ENODEV);
	memset(name, 'x', sizeof(name));
	for (unsigned len = 1; len < sizeof(name); len++) {
		int ret;

		name[len] = '\0';
		ret = plx_netif_by_name(name, &info);
		cr_assert_eq(ret, -ENODEV, "a name of %u bytes: %d", len, ret);
		name[len] = 'x';
	}
	cr_assert_eq(plx_netif_set_mtu(index, 1400), -ENODEV);
}

Test(netif, found_by_its_second_names, .init = netns_start)
{
	static const char *const names[] = {"short", "one-that-is-longer-than-fifteen-bytes"};
	struct plx_netif_info info;

	sh_ok("ip link add name a type veth peer name b");
	for (unsigned i = 0; i < 2; i++) {
		sh_ok("ip link property add dev a altname %s", names[i]);
		cr_assert_eq(plx_netif_by_name(names[i], &info), 0, "%s", names[i]);
		cr_assert_str_eq(info.name, "a");
	}
}

Test(netif, changes_are_made, .init = netns_start)
{
	static const struct ether_addr mac = {{0x02, 1, 2, 3, 4, 5}};
	static const struct ether_addr multicast = {{0x01, 1, 2, 3, 4, 5}};
	struct plx_netif_info info;
	unsigned index;
	int ret;

	sh_ok("ip link add name a type veth peer name b");
	index = if_nametoindex("a");
	cr_assert_eq(plx_netif_set_up(index, true), 0);
	cr_assert_neq(describe("a").flags & IFF_UP, 0);
	cr_assert_eq(plx_netif_set_up(index, false), 0);
	cr_assert_eq(describe("a").flags & IFF_UP, 0);
	cr_assert_eq(plx_netif_set_mtu(index, 4000), 0);
	cr_assert_eq(plx_netif_set_mac(index, &mac), 0);
	info = describe("a");
	cr_assert_eq(info.mtu, 4000, "mtu %u", info.mtu);
	cr_assert_eq(memcmp(&info.mac, &mac, sizeof(mac)), 0);

	ret = plx_netif_set_mtu(index, 67);
	cr_assert_eq(ret, -EINVAL, "MTU 67: %d", ret);
	ret = plx_netif_set_mac(index, &multicast);
	cr_assert_eq(ret, -EADDRNOTAVAIL, "a multicast address: %d", ret);
	cr_assert_eq(describe("a").mtu, 4000);
}

Test(netif, an_ordinary_user_looks_but_does_not_touch, .init = netns_start)
{
	int status;
	pid_t pid;

	sh_ok("ip link add name a type veth peer name b");
	pid = fork();
	if (pid == 0) {
		struct plx_netif_info info;
		unsigned index = if_nametoindex("a");

		if (setuid(65534) != 0)
			_exit(2);
		if (plx_netif_by_name("a", &info) != 0 || info.speed_mbps != 10000)
			_exit(3);
		_exit(plx_netif_set_mtu(index, 1400) == -EPERM ? 0 : 4);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the user's process: %#x", status);
}

Test(netif, drops_are_the_kernels, .init = netns_start)
{
	veth_up("a", "b");
	sh_ok("ip addr add 10.0.0.1/24 dev a && "
	      "ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev a");
	cr_assert_eq(describe("a").tx_dropped, 0);
	/* The other end does not take what is over its MTU. */
	sh_ok("ip link set dev b mtu 100; ping -q -c 2 -i 0.01 -W 0.01 -s 500 10.0.0.2 >/dev/null; "
	      "test $? = 1");
	cr_assert_eq(describe("a").tx_dropped, 2, "%lu", describe("a").tx_dropped);
	cr_assert_eq(describe("a").rx_dropped, 0);
}

Test(netif, names_all, .init = netns_start)
{
	char text[64];

	cr_assert_str_eq(plx_netif_names(text, sizeof(text)), "lo");
	sh_ok("ip link add name quite-long-one type veth peer name other");
	plx_netif_names(text, sizeof(text));
	cr_assert(strstr(text, "lo") && strstr(text, "quite-long-one") && strstr(text, "other"),
		  "%s", text);
	for (size_t bytes = 1; bytes < 20; bytes++) {
		memset(text, '#', sizeof(text));
		plx_netif_names(text, bytes);
		cr_assert_lt(strlen(text), bytes, "%zu bytes: %s", bytes, text);
		cr_assert_eq(text[bytes], '#', "%zu bytes: written beyond", bytes);
	}
	cr_assert_str_eq(plx_netif_names(text, 16), "lo other ...");
}

Test(netif, node_of_a_device)
{
	glob_t found;

	cr_assert_eq(plx_netif_device_node("pci", "no-such-device"), PLX_NODE_ANY);
	cr_assert_eq(plx_netif_device_node("../../..", "etc"), PLX_NODE_ANY);
	if (glob("/sys/bus/*/devices/*/numa_node", 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char bus[64], device[64];
		FILE *file = fopen(found.gl_pathv[i], "re");
		int want, node;

		cr_assert_eq(
			sscanf(found.gl_pathv[i], "/sys/bus/%63[^/]/devices/%63[^/]", bus, device),
			2);
		cr_assert(file && fscanf(file, "%d", &want) == 1, "%s", found.gl_pathv[i]);
		fclose(file);
		node = plx_netif_device_node(bus, device);
		cr_assert_eq(node, want < 0 ? PLX_NODE_ANY : want, "%s: %d, want %d",
			     found.gl_pathv[i], node, want);
	}
	globfree(&found);
}
