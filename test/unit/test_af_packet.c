/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_packet: device strings, control path, life. */
#include "afp_env.h"
#include "fork_env.h"

#include <sys/resource.h>
#include <time.h>

TestSuite(af_packet, .init = afp_start, .fini = afp_end);

Test(af_packet, wrong_devices_are_refused_in_one_line)
{
	static const struct {
		const char *args;
		int ret;
		const char *words[4];
	} cases[] = {
		{"", -EINVAL, {"iface"}},
		{",iface=", -EINVAL, {"iface"}},
		{",iface=nothere", -ENODEV, {"nothere", "lo", "ours", "theirs"}},
		{",iface=ours,qpairs=0", -EINVAL, {"qpairs", "1", "16"}},
		{",iface=ours,qpairs=17", -EINVAL, {"qpairs", "17"}},
		{",iface=ours,blocksz=1000", -EINVAL, {"blocksz", "1000"}},
		{",iface=ours,blocksz=12288", -EINVAL, {"blocksz", "power of two"}},
		{",iface=ours,framesz=3000", -EINVAL, {"framesz", "power of two"}},
		{",iface=ours,framesz=1024", -EINVAL, {"framesz", "1628", "1500"}},
		{",iface=ours,blocksz=4096,framesz=8192", -EINVAL, {"framesz", "blocksz"}},
		{",iface=ours,framecnt=0", -EINVAL, {"framecnt"}},
		{",iface=ours,framecnt=511", -EINVAL, {"framecnt", "multiple"}},
		{",iface=ours,qdisc_bypass=2", -EINVAL, {"qdisc_bypass", "2"}},
		{",iface=ours,version=1", -EINVAL, {"version", "2", "3"}},
		{",iface=ours,fanout_mode=any", -EINVAL, {"fanout_mode", "hash", "qm"}},
		{",iface=ours,nokey=1", -EINVAL, {"nokey"}},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		char device[200];
		unsigned port;
		int ret;

		snprintf(device, sizeof(device), "net_af_packet0%s", cases[i].args);
		log_lines_start();
		ret = plx_port_attach(device, &port);
		cr_assert_eq(ret, cases[i].ret, "%s: %d", device, ret);
		cr_assert_eq(log_lines.nb, 1, "%s: %u lines: %s / %s", device, log_lines.nb,
			     log_lines_text(0), log_lines_text(1));
		for (unsigned w = 0; w < 4 && cases[i].words[w]; w++)
			cr_assert(strstr(log_lines_text(0), cases[i].words[w]), "no '%s' in: %s",
				  cases[i].words[w], log_lines_text(0));
	}
	/* A driver's header has a macro of that name. */
	cr_assert_eq(plx_port_count(), 0);
}

Test(af_packet, not_every_interface_is_ethernet)
{
	unsigned port;

	sh_ok("ip tuntap add dev tun7 mode tun");
	log_lines_start();
	cr_assert_eq(plx_port_attach("net_af_packet0,iface=tun7", &port), -EINVAL);
	assert_one_line("port", PLX_LOG_ERR, "net_af_packet0", "tun7", "Ethernet");
}

/* In a child, which gives up root. */
Test(af_packet, without_the_capability_the_line_says_which)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		unsigned port;
		struct plx_eal_conf conf;

		plx_eal_fini();
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		lcore_conf(&conf, 1);
		if (plx_eal_init(&conf) != 0)
			_exit(3);
		log_lines_start();
		if (plx_port_attach("net_af_packet0,iface=ours", &port) != -EPERM)
			_exit(4);
		_exit(log_lines.nb == 1 && strstr(log_lines_text(0), "CAP_NET_RAW") ? 0 : 5);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "the child: %#x", status);
}

/* Packet sockets in the namespace. */
static unsigned nb_packet_sockets(void)
{
	FILE *list = fopen("/proc/self/net/packet", "re");
	char line[256];
	unsigned nb = 0;

	cr_assert_not_null(list);
	while (fgets(line, sizeof(line), list))
		nb++;
	fclose(list);
	return nb;
}

Test(af_packet, closes_while_a_child_of_fork_lives)
{
	unsigned before = nb_packet_sockets();
	unsigned port = port_up("iface=ours");
	pid_t child = ended_child();
	struct plx_mbuf *m;

	cr_assert_eq(nb_packet_sockets(), before + 3);
	peer_send(100, 1);
	m = receive_one(port);
	plx_mbuf_free(m);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_detach(port), 0);
	cr_assert_eq(nb_packet_sockets(), before, "the child keeps some");
	end_child(child);
}

Test(af_packet, says_what_it_can)
{
	static const struct ether_addr mac = {{0x02, 0, 0, 0, 0xbb, 1}};
	struct plx_port_info info;
	struct ether_addr found;
	unsigned port;
	uint32_t mtu;

	sh_ok("ip link set dev ours address 02:00:00:00:bb:01 mtu 1400");
	port = attach("iface=ours,qpairs=4,framecnt=128");
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_str_eq(info.driver, "net_af_packet");
	cr_assert_eq(info.if_index, if_nametoindex("ours"));
	cr_assert_eq(info.max_rx_queues, 4);
	cr_assert_eq(info.max_tx_queues, 4);
	cr_assert_eq(info.rx_ring_default, 128, "%u", info.rx_ring_default);
	cr_assert_eq(info.min_mtu, 68, "%u", info.min_mtu);
	cr_assert_geq(info.max_mtu, 9000, "%u", info.max_mtu);
	cr_assert_eq(info.max_frame_bytes, 1414, "%u", info.max_frame_bytes);
	cr_assert_eq(plx_port_mtu(port, &mtu), 0);
	cr_assert_eq(mtu, 1400, "MTU %u", mtu);
	cr_assert_eq(plx_port_mac(port, &found), 0);
	cr_assert_eq(memcmp(&found, &mac, sizeof(mac)), 0);
	plx_port_detach(port);
	port = attach("iface=ours,framesz=4096,framecnt=64");
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_mtu, 4096 - 128, "%u", info.max_mtu);
	cr_assert_eq(info.max_rx_queues, 1);
}

Test(af_packet, all_options_work)
{
	static const char *const options[] = {
		"blocksz=65536",
		"blocksz=65536,framesz=4096,framecnt=32",
		"framesz=131072,framecnt=4",
		"version=3,framecnt=8",
		"version=3,blocksz=4096",
		"version=3,blocksz=4194304,framecnt=2048",
		"qdisc_bypass=1",
		"qpairs=16,framecnt=2",
		"qpairs=2,fanout_mode=lb",
		"qpairs=2,fanout_mode=cpu",
		"qpairs=2,fanout_mode=rollover",
		"qpairs=2,fanout_mode=rnd",
		"qpairs=2,fanout_mode=qm",
		"version=2,fanout_mode=hash",
	};
	uint8_t frame[200];

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(options); i++) {
		unsigned port = attach("iface=ours,%s", options[i]);
		struct plx_port_info info;
		struct plx_mbuf *m;
		unsigned total = 0;

		plx_port_info(port, &info);
		setup(port, info.max_rx_queues, 0, 0, 0);
		for (unsigned f = 0; f < 2; f++)
			peer_send(200, f);
		for (unsigned ms = 0; total < 2 && ms < AFP_SOON_MS; ms++) {
			for (unsigned q = 0; q < info.max_rx_queues; q++) {
				if (plx_port_rx_burst(port, q, &m, 1) == 0)
					continue;
				total++;
				cr_assert_eq(plx_port_tx_burst(port, q, &m, 1), 1, "%s",
					     options[i]);
			}
			usleep(1000);
		}
		cr_assert_eq(total, 2, "%s: %u came", options[i], total);
		cr_assert_eq(peer_recv(frame, sizeof(frame), AFP_SOON_MS), 200, "%s", options[i]);
		cr_assert_eq(peer_recv(frame, sizeof(frame), AFP_SOON_MS), 200, "%s", options[i]);
		plx_port_stop(port);
		plx_port_detach(port);
	}
}

Test(af_packet, promiscuous_and_addresses_end_with_the_port)
{
	static const struct ether_addr unicast = {{0x02, 0, 0, 0, 0xcc, 1}};
	static const struct ether_addr multicast = {{0x01, 0, 0x5e, 0, 0xcc, 1}};
	unsigned port = attach("iface=ours");

	sh_ok("! ip -d link show dev ours | grep -q 'promiscuity [1-9]'");
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	sh_ok("ip -d link show dev ours | grep -q 'promiscuity 1'");
	cr_assert_eq(plx_port_promisc_set(port, false), 0);
	sh_ok("! ip -d link show dev ours | grep -q 'promiscuity [1-9]'");
	cr_assert_eq(plx_port_allmulti_set(port, true), 0);
	sh_ok("ip -d link show dev ours | grep -q 'allmulti 1'");
	cr_assert_eq(plx_port_mac_add(port, &multicast), 0);
	sh_ok("ip maddr show dev ours | grep -q 01:00:5e:00:cc:01");
	cr_assert_eq(plx_port_mac_add(port, &unicast), 0);
	cr_assert_eq(plx_port_mac_del(port, &unicast), 0);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	plx_port_detach(port);
	sh_ok("! ip -d link show dev ours | grep -q 'promiscuity [1-9]'");
	sh_ok("! ip -d link show dev ours | grep -q 'allmulti [1-9]'");
	sh_ok("! ip maddr show dev ours | grep -q 01:00:5e:00:cc:01");
}

Test(af_packet, mtu_and_address_are_the_interfaces)
{
	static const struct ether_addr mac = {{0x02, 0, 0, 0, 0xdd, 1}};
	unsigned port = port_up("iface=ours");
	struct plx_mbuf *m;
	uint32_t mtu, len;
	uint8_t frame[5000];

	cr_assert_eq(plx_port_mac_set(port, &mac), 0);
	sh_ok("ip link show dev ours | grep -q 02:00:00:00:dd:01");
	sh_ok("ip link set dev theirs mtu 9000");
	/* Each counts at once. */
	for (uint32_t want = 1000; want < 1020; want++) {
		cr_assert_eq(plx_port_mtu_set(port, want), 0);
		for (len = want + 14; len <= want + 15; len++) {
			m = plx_mbuf_alloc(env.pool);
			frame_fill(plx_mbuf_append(m, (uint16_t)len), len, len);
			cr_assert_eq(plx_port_tx_burst(port, 0, &m, 1), 1);
		}
		cr_assert_eq(peer_recv(frame, sizeof(frame), AFP_SOON_MS), want + 14);
		assert_xstat(port, "tx_too_long", want - 999);
	}
	log_lines_start();
	cr_assert_eq(plx_port_mtu_set(port, 2000), -EBUSY);
	assert_one_line("port", PLX_LOG_ERR, "2000", "2048", "stop");
	cr_assert_eq(plx_port_mtu(port, &mtu), 0);
	cr_assert_eq(mtu, 1019, "MTU %u", mtu);
	/* Stopped it works, and the rings grow with it. */
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_mtu_set(port, 2000), 0, "%s", log_lines_text(1));
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(1));
	peer_send(2014, 5);
	m = receive_one(port);
	frame_fill(frame, 2014, 5);
	assert_frame(m, frame, 2014);
	cr_assert_eq(plx_port_tx_burst(port, 0, &m, 1), 1);
	len = peer_recv(frame, sizeof(frame), AFP_SOON_MS);
	cr_assert_eq(len, 2014, "the peer got %u bytes", len);
	cr_assert_eq(plx_port_stop(port), 0);
	plx_port_detach(port);
	sh_ok("ip link show dev ours | grep -q 'mtu 2000'");
	sh_ok("ip link show dev ours | grep -q 02:00:00:00:dd:01");
}

static unsigned removed;

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)arg;
	if (event == PLX_PORT_EVENT_REMOVED)
		plx_fetch_add_relaxed(&removed, 1);
}

/* One ring may be larger than another: made anew while the MTU was smaller. */
Test(af_packet, the_smallest_ring_limits_the_mtu)
{
	unsigned port = port_up("iface=ours");
	const struct plx_port_rxq_conf rxq = {.pool = env.pool, .node = PLX_NODE_ANY};

	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_mtu_set(port, 2000), 0);
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_mtu_set(port, 1500), 0);
	cr_assert_eq(plx_port_rxq_setup(port, 0, &rxq), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	log_lines_start();
	cr_assert_eq(plx_port_mtu_set(port, 2000), -EBUSY);
	assert_one_line("port", PLX_LOG_ERR, "2000", "2048", "stop");
	cr_assert_eq(plx_port_stop(port), 0);
	plx_port_detach(port);
}

Test(af_packet, link_and_removal_are_told)
{
	unsigned port = port_up("iface=ours,qpairs=2");
	struct plx_port_link link;
	struct plx_mbuf *m;

	cr_assert_eq(plx_port_event_add(port, on_event, NULL), 0);
	cr_assert_eq(plx_port_link_wait(port, AFP_SOON_MS, &link), 0);
	cr_assert_eq(link.speed_mbps, 10000, "speed %u", link.speed_mbps);
	cr_assert(link.full_duplex);
	sh_ok("ip link del dev ours");
	for (unsigned ms = 0; plx_load_relaxed(&removed) == 0 && ms < AFP_SOON_MS; ms++)
		usleep(1000);
	cr_assert_eq(removed, 1, "told %u times", removed);
	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert_not(link.up);
	cr_assert_eq(plx_port_rx_burst(port, 0, &m, 1), 0);
	m = packet_new(env.pool, 60, 1);
	cr_assert_eq(plx_port_tx_or_drop(port, 0, &m, 1), 0);
	assert_xstat(port, "tx_dropped", 1);
	cr_assert_eq(plx_port_stop(port), 0);
	log_lines_start();
	cr_assert_eq(plx_port_start(port), -ENODEV);
	assert_one_line("port", PLX_LOG_ERR, "net_af_packet0");
	cr_assert_eq(plx_port_detach(port), 0);
}

Test(af_packet, starts_and_stops_a_thousand_times)
{
	unsigned port = port_up("iface=ours,qpairs=2");
	struct timespec from, to;
	uint8_t want[60];
	struct plx_mbuf *m;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert_eq(plx_port_stop(port), 0);
		cr_assert_eq(plx_port_start(port), 0, "%u. start: %s", i, log_lines_text(0));
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	fprintf(stderr, "1,000 starts and stops: %ld ms\n",
		(to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000);
	peer_send(60, 1);
	frame_fill(want, 60, 1);
	m = receive_one(port);
	assert_frame(m, want, 60);
	plx_mbuf_free(m);
	plx_port_stop(port);
}

Test(af_packet, a_start_while_it_is_down_says_so)
{
	unsigned port;
	uint8_t frame[60];
	struct plx_mbuf *m;

	sh_ok("ip link set dev ours down");
	port = attach("iface=ours");
	log_lines_start();
	setup(port, 1, 0, 0, 0);
	assert_one_line("port", PLX_LOG_WARN, "ours", "ip link set");
	sh_ok("ip link set dev ours up");
	cr_assert_eq(plx_port_link_wait(port, AFP_SOON_MS, NULL), 0);
	wait_running("theirs");
	peer_send(60, 3);
	m = receive_one(port);
	frame_fill(frame, 60, 3);
	assert_frame(m, frame, 60);
	plx_mbuf_free(m);
	plx_port_stop(port);
}

Test(af_packet, two_ports_of_one_interface)
{
	unsigned a = port_up("iface=ours"), b = PLX_PORT_NONE;
	struct plx_mbuf *m;

	cr_assert_eq(plx_port_attach("net_af_packet1,iface=ours,qpairs=2", &b), 0);
	setup(b, 1, 0, 0, 0);
	peer_send(60, 1);
	plx_mbuf_free(receive_one(a));
	plx_mbuf_free(receive_one(b));
	cr_assert_eq(poll_rx(a, 0, &m, 1, 10), 0);
	plx_port_stop(a);
	plx_port_stop(b);
}

Test(af_packet, is_dumped_for_a_human)
{
	unsigned port = port_up("iface=ours");
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	cr_assert_eq(plx_port_dump(port, out), 0);
	fclose(out);
	cr_assert(strstr(text, "ours") && strstr(text, "512 frames of 2048 bytes"), "%s", text);
	free(text);
	plx_port_stop(port);
}

/* A queue that can't be made leaves nothing behind, and the port can go on. */
Test(af_packet, a_queue_that_fails_is_told)
{
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	struct plx_port_rxq_conf rxq = {.pool = env.pool, .node = PLX_NODE_ANY};
	unsigned port = attach("iface=ours");
	int fd;
	struct rlimit old, none;

	cr_assert_eq(plx_port_configure(port, &conf), 0);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	fd = dup(0);
	none = (struct rlimit){(rlim_t)fd, old.rlim_max};
	close(fd);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	log_lines_start();
	cr_assert_eq(plx_port_rxq_setup(port, 0, &rxq), -EMFILE);
	assert_one_line("port", PLX_LOG_ERR, "packet socket");
	log_lines_start();
	cr_assert_eq(plx_port_txq_setup(port, 0, NULL), -EMFILE);
	assert_one_line("port", PLX_LOG_ERR, "packet socket");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	cr_assert_eq(plx_port_rxq_setup(port, 0, &rxq), 0);
	cr_assert_eq(plx_port_txq_setup(port, 0, NULL), 0);
}
