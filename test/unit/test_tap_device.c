/* SPDX-License-Identifier: BSD-3-Clause */
/* net_tap: the interface in the kernel, from the device string to its end. */
#include "fork_env.h"
#include "tap_env.h"

#include <fcntl.h>
#include <sys/mount.h>

TestSuite(tap_device, .init = start_tap, .fini = soft_end);

static void assert_address(unsigned port, const struct ether_addr *want)
{
	struct plx_netif_info netif = netif_of(port);

	cr_assert_eq(memcmp(&netif.mac, want, sizeof(*want)), 0, "%s has another address",
		     netif.name);
}

Test(tap_device, device_strings)
{
	assert_refused_device("net_tap0,iface=", -EINVAL, "iface");
	assert_refused_device("net_tap0,iface=a/b", -EINVAL, "iface=a/b");
	assert_refused_device("net_tap0,iface=a b", -EINVAL, "iface");
	assert_refused_device("net_tap0,iface=..", -EINVAL, "iface");
	assert_refused_device("net_tap0,iface=sixteenbytesname", -EINVAL, "15");
	assert_refused_device("net_tap0,mac=none", -EINVAL, "mac");
	assert_refused_device("net_tap0,mac=01:00:5e:00:00:01", -EINVAL, "unicast");
	assert_refused_device("net_tap0,mac=00:00:00:00:00:00", -EINVAL, "mac");
	assert_refused_device("net_tap0,remote=lo", -EINVAL, "net_af_packet0,iface=");
	assert_refused_device("net_tap0,persist=maybe", -EINVAL, "persist");
	assert_refused_device("net_tap0,speed=1", -EINVAL, "'speed'");
	cr_assert_eq(if_nametoindex("dtap0"), 0, "a refused device left an interface");
}

Test(tap_device, names)
{
	unsigned first = soft_attach("net_tap0"), named, last;

	cr_assert_str_eq(netif_of(first).name, "dtap0");
	/* The number is the kernel's, the lowest that is free. */
	last = soft_attach("net_tap7");
	cr_assert_str_eq(netif_of(last).name, "dtap1");
	named = soft_attach("net_tap3,iface=fifteenbytes_15");
	cr_assert_str_eq(netif_of(named).name, "fifteenbytes_15");
	done(plx_port_detach(first));
	cr_assert_eq(if_nametoindex("dtap0"), 0, "detached, and the interface is there");
	first = soft_attach("net_tap0,iface=my%d");
	cr_assert_str_eq(netif_of(first).name, "my0");
}

Test(tap_device, names_that_are_taken)
{
	sh_ok("ip link add name veth7 type veth peer name veth8");
	sh_ok("ip tuntap add dev one mode tap");
	sh_ok("ip tuntap add dev many mode tap multi_queue");
	assert_refused_device("net_tap0,iface=veth7", -EBUSY, "veth7");
	assert_refused_device("net_tap0,iface=many", -EBUSY, "persist");
	assert_refused_device("net_tap0,iface=one,persist", -EINVAL, "multi_queue");
	assert_refused_device("net_tap0,iface=veth7,persist", -EINVAL, "veth7");
	soft_attach("net_tap0,iface=many,persist=1");
	soft_attach("net_tap1,iface=mine");
	assert_refused_device("net_tap2,iface=mine", -EBUSY, "mine");
	assert_no_line();
}

Test(tap_device, persistent)
{
	unsigned port = soft_attach("net_tap0,iface=stays,persist");
	struct ether_addr mac = netif_of(port).mac;

	done(plx_port_promisc_set(port, true));
	cr_assert(netif_of(port).flags & IFF_PROMISC);
	done(plx_port_detach(port));
	cr_assert_neq(if_nametoindex("stays"), 0, "it did not stay");
	port = soft_attach("net_tap0,iface=stays,persist");
	assert_address(port, &mac);
	cr_assert_not(netif_of(port).flags & IFF_PROMISC);
	soft_setup(port, 2, 2, false, 0);
	done(plx_port_start(port));
	tap_wait_up(port);
}

Test(tap_device, addresses)
{
	struct ether_addr want, mac;
	unsigned port = soft_attach("net_tap9,mac=fixed");

	ether_aton_r("00:64:74:61:70:09", &want);
	done(plx_port_mac(port, &mac));
	cr_assert_eq(memcmp(&mac, &want, sizeof(mac)), 0);
	assert_address(port, &want);

	port = soft_attach("net_tap1,mac=02:11:22:33:44:55");
	ether_aton_r("02:11:22:33:44:55", &want);
	assert_address(port, &want);
	ether_aton_r("02:11:22:33:44:66", &want);
	done(plx_port_mac_set(port, &want));
	assert_address(port, &want);

	port = soft_attach("net_tap2");
	done(plx_port_mac(port, &mac));
	assert_address(port, &mac);
	cr_assert_eq(mac.ether_addr_octet[0] & 1, 0);
}

Test(tap_device, settings)
{
	unsigned port = soft_attach("net_tap0");
	uint32_t mtu;

	done(plx_port_mtu(port, &mtu));
	assert_count(mtu, 1500);
	done(plx_port_mtu_set(port, 65521));
	assert_count(netif_of(port).mtu, 65521);
	done(plx_port_mtu_set(port, 68));
	assert_count(netif_of(port).mtu, 68);
	cr_assert_eq(plx_port_mtu_set(port, 67), -EINVAL);
	cr_assert_eq(plx_port_mtu_set(port, 65522), -EINVAL);
	done(plx_port_allmulti_set(port, true));
	cr_assert(netif_of(port).flags & IFF_ALLMULTI);
	done(plx_port_allmulti_set(port, false));
	cr_assert_not(netif_of(port).flags & IFF_ALLMULTI);
}

/* The carrier is the port; up and down is the user's. */
Test(tap_device, link)
{
	unsigned port = soft_attach("net_tap0");

	cr_assert(netif_of(port).flags & IFF_UP);
	cr_assert_not(netif_of(port).carrier);
	cr_assert_not(tap_is_up(port));
	soft_setup(port, 3, 2, false, 0);
	done(plx_port_start(port));
	tap_wait_up(port);
	sh_ok("ip link set dev dtap0 down");
	cr_assert(comes(!tap_is_up(port)));
	sh_ok("ip link set dev dtap0 up");
	tap_wait_up(port);
	done(plx_port_stop(port));
	cr_assert(comes(!tap_is_up(port)));
	cr_assert(netif_of(port).flags & IFF_UP);
	cr_assert(comes(!netif_of(port).carrier));
}

static unsigned removed;

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)arg;
	if (event == PLX_PORT_EVENT_REMOVED)
		plx_store_relaxed(&removed, 1);
}

Test(tap_device, deleted_by_another)
{
	unsigned port = soft_up("net_tap0");
	struct plx_mbuf *m = packet_new(soft_pool, 60, 0);

	done(plx_port_event_add(port, on_event, NULL));
	tap_wait_up(port);
	sh_ok("ip link delete dev dtap0");
	cr_assert(comes(plx_load_relaxed(&removed)), "no event");
	cr_assert(comes(!tap_is_up(port)));
	cr_assert_null(port_recv(port, 0));
	assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
	assert_count(soft_stats(port).tx.errors, 1);
	assert_count(soft_xstat(port, "tx_kernel_refused"), 1);
	done(plx_port_stop(port));
	log_lines_start();
	cr_assert_eq(plx_port_start(port), -ENODEV);
	assert_one_line("port", PLX_LOG_ERR, "net_tap0", "detach");
	done(plx_port_detach(port));
}

/* It works on in its new namespace, whatever it is called. */
Test(tap_device, moved_to_another_namespace)
{
	unsigned port = soft_up("net_tap0");
	pid_t other = netns_other();
	struct plx_mbuf *m = packet_new(soft_pool, 60, 0);

	done(plx_port_event_add(port, on_event, NULL));
	tap_wait_up(port);
	sh_ok("ip link set dev dtap0 netns %d", other);
	sh_ok("nsenter -t %d -n ip link set dev dtap0 name moved up", other);
	cr_assert(comes(log_lines_with("namespace") == 1), "%s", log_lines_text(0));
	cr_assert_eq(removed, 0);
	cr_assert(comes(tap_is_up(port)));
	assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
	assert_count(soft_stats(port).tx.packets, 1);
	done(plx_port_stop(port));
	cr_assert_not(tap_is_up(port));
	log_lines_start();
	cr_assert_eq(plx_port_start(port), -ENODEV);
	assert_one_line("port", PLX_LOG_ERR, "namespace");
	netns_other_end(other);
}

Test(tap_device, renamed)
{
	unsigned port = soft_attach("net_tap0");

	sh_ok("ip link set dev dtap0 name other");
	soft_setup(port, 4, 4, false, 0);
	done(plx_port_start(port));
	tap_wait_up(port);
	cr_assert_eq(if_nametoindex("dtap0"), 0, "a second interface was made");
	assert_count(netif_of(port).nb_rx_queues >= 4, 1);
}

/* A child that lives on, after plx_port_fini(), does not keep the interface. */
Test(tap_device, gone_while_a_child_of_fork_lives)
{
	unsigned port = soft_up("net_tap0,iface=tap7");
	pid_t child = ended_child();

	tap_wait_up(port);
	cr_assert_neq(if_nametoindex("tap7"), 0);
	done(plx_port_stop(port));
	done(plx_port_start(port));
	done(plx_port_stop(port));
	done(plx_port_detach(port));
	cr_assert(comes(if_nametoindex("tap7") == 0), "the child keeps it");
	end_child(child);
}

Test(tap_device, gone_with_its_process)
{
	int ready[2];
	pid_t pid;
	char c;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		plx_eal_fini();
		start_lcores(1);
		if (plx_port_drivers_set(soft_drivers) == 0 &&
		    plx_port_attach("net_tap0,iface=child", NULL) == 0 &&
		    write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &c, 1), 1, "the child did not come up");
	cr_assert_neq(if_nametoindex("child"), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert(comes(if_nametoindex("child") == 0), "killed, and the interface is there");
}

/* A mount namespace with another /dev/net, and with none. */
Test(tap_device, without_the_tun_device)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("none", "/dev/net", "tmpfs", 0, NULL), 0, "%m");
	assert_refused_device("net_tap0", -ENOENT, "modprobe tun");
	close(open("/dev/net/tun", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_refused_device("net_tap0", -ENOTTY, "/dev/net/tun");
	cr_assert_eq(seteuid(65534), 0);
	assert_refused_device("net_tap0", -EACCES, "chmod");
	cr_assert_eq(seteuid(0), 0);
}

Test(tap_device, without_the_right_to)
{
	cr_assert_eq(seteuid(65534), 0);
	assert_refused_device("net_tap0", -EPERM, "CAP_NET_ADMIN");
	cr_assert_eq(seteuid(0), 0);
}

Test(tap_device, again_and_again)
{
	unsigned nb_fds = nb_entries("/proc/self/fd");

	for (unsigned i = 0; i < 20; i++) {
		unsigned port = soft_attach("net_tap0");

		soft_setup(port, 1 + i % 16, 1 + i % 5, false, 0);
		done(plx_port_start(port));
		done(plx_port_stop(port));
		done(plx_port_detach(port));
	}
	cr_assert_eq(if_nametoindex("dtap0"), 0);
	cr_assert_leq(nb_entries("/proc/self/fd"), nb_fds + 1, "descriptors are left open");
}
