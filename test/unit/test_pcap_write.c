/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tx_pcap=: what is written byte for byte, what is on the disk at any time, and disks that are
 * full.
 */
#include "pcap_env.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

TestSuite(pcap_write, .init = start_pcap, .fini = end_pcap);

enum { ROOM = 128, HEAD = 24 };

static struct plx_mbuf *pkts[ROOM];

/* Bring packets from one port to another until there are no more. */
static unsigned forward(unsigned from, unsigned to, unsigned burst)
{
	unsigned nb = 0, got;

	while ((got = plx_port_rx_burst(from, 0, pkts, burst)) > 0) {
		assert_count(plx_port_tx_burst(to, 0, pkts, got), got);
		nb += got;
	}
	return nb;
}

Test(pcap_write, what_comes_goes_byte_for_byte)
{
	unsigned port;

	make_pcap("in.pcap", 1000);
	for (unsigned burst = 1; burst <= 64; burst = burst * 2 + 1) {
		port = open_port("net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap");
		assert_count(forward(port, port, burst), 1000);
		assert_same_files("in.pcap", "out.pcap");
		assert_count(stats_of(port).tx.packets, 1000);
		assert_count(stats_of(port).tx.bytes, stats_of(port).rx.bytes);
		assert_count(stats_of(port).tx.bytes, size_of("in.pcap") - HEAD - 16 * 1000);
		close_port(port);
		assert_same_files("in.pcap", "out.pcap");
	}
	assert_no_line();
}

/* After each burst the file is whole: whatever then kills the process. */
Test(pcap_write, whole_after_each_burst)
{
	unsigned port, nb = 0;
	size_t end = HEAD;

	make_pcap("in.pcap", 50);
	port = open_port("net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap");
	assert_count(size_of("out.pcap"), end);
	for (unsigned burst = 1; nb < 50; burst++) {
		unsigned got = plx_port_rx_burst(port, 0, pkts, burst);

		for (unsigned i = 0; i < got; i++)
			end += 16 + pkts[i]->pkt_len;
		assert_count(plx_port_tx_burst(port, 0, pkts, got), got);
		assert_count(size_of("out.pcap"), end);
		nb += got;
	}
	assert_same_files("in.pcap", "out.pcap");
}

Test(pcap_write, a_start_goes_on_where_it_was)
{
	unsigned port;

	make_pcap("in.pcap", 40);
	make_pcap("old.pcap", 90);
	port = open_port("net_pcap0,rx_pcap=in.pcap,tx_pcap=old.pcap");
	forward(port, port, 32);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_start(port), 0);
	forward(port, port, 32);
	assert_count(size_of("old.pcap"), 2 * size_of("in.pcap") - HEAD);
	close_port(port);
	port = open_port("net_pcap0,tx_pcap=old.pcap");
	assert_count(size_of("old.pcap"), HEAD);
}

/* The stamp of the last of the packets in a file. */
static uint64_t last_stamp(const char *name, uint32_t len)
{
	size_t nb;
	unsigned char *bytes = slurp(name, &nb);
	uint32_t words[2];

	memcpy(words, bytes + nb - len - 16, 8);
	free(bytes);
	return words[0] * UINT64_C(1000000000) + words[1];
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

Test(pcap_write, stamps)
{
	unsigned port = open_port("net_pcap0,tx_pcap=out.pcap");
	uint64_t before_ns = wall_ns(), stamp_ns;
	struct plx_mbuf *m = packet_new(pcap_pool, 100, 1);

	/* A packet that never had a stamp gets the time it is sent at. */
	assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
	stamp_ns = last_stamp("out.pcap", 100);
	cr_assert(stamp_ns >= before_ns && stamp_ns <= wall_ns());

	m = packet_new(pcap_pool, 60, 1);
	m->timestamp = UINT64_C(4294967295999999999);
	m->flags = PLX_MBUF_F_RX_TIMESTAMP;
	assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
	assert_count(last_stamp("out.pcap", 60), UINT64_C(4294967295999999999));
	close_port(port);

	port = open_port("net_pcap0,tx_pcap=out.pcap,tx_stamp=now");
	before_ns = wall_ns();
	m = packet_new(pcap_pool, 60, 1);
	m->timestamp = 5;
	m->flags = PLX_MBUF_F_RX_TIMESTAMP;
	assert_count(plx_port_tx_burst(port, 0, &m, 1), 1);
	stamp_ns = last_stamp("out.pcap", 60);
	cr_assert(stamp_ns >= before_ns && stamp_ns <= wall_ns());
}

static struct plx_mbuf *chain_of(struct plx_mempool *pool, unsigned nb, uint16_t len)
{
	struct plx_mbuf *head = packet_new(pool, len, 0);

	for (unsigned i = 1; i < nb; i++)
		cr_assert_eq(plx_mbuf_chain(head, packet_new(pool, len, 3 * i)), 0);
	return head;
}

Test(pcap_write, chains)
{
	struct plx_mempool *pool = packets_new("big", 16, 65280, 0);
	unsigned port;
	size_t nb;
	unsigned char *bytes;

	port = open_port_(__LINE__, "net_pcap0,tx_pcap=out.pcap", 0, PLX_PORT_TX_MULTI_SEGS, pool);
	pkts[0] = chain_of(pool, 3, 700);
	pkts[1] = chain_of(pool, 5, 52429); /* one byte over the largest record */
	pkts[2] = chain_of(pool, 4, 65280);
	assert_count(plx_port_tx_burst(port, 0, pkts, 3), 3);
	assert_count(xstat(port, "tx_too_long"), 1);
	assert_count(stats_of(port).tx.errors, 1);
	assert_count(stats_of(port).tx.packets, 2);
	assert_count(stats_of(port).tx.bytes, 3 * 700 + 4 * 65280);
	bytes = slurp("out.pcap", &nb);
	assert_count(nb, HEAD + 16 + 2100 + 16 + 4 * 65280);
	for (unsigned i = 0; i < 2100; i++)
		cr_assert_eq(bytes[HEAD + 16 + i], byte_of(i % 700, 3 * (i / 700)), "byte %u", i);
	free(bytes);
	close_port(port);

	/* Chains that were not asked for are refused. */
	port = open_port_(__LINE__, "net_pcap0,tx_pcap=out.pcap", 0, 0, pool);
	pkts[0] = chain_of(pool, 2, 100);
	pkts[1] = packet_new(pool, 100, 0);
	assert_count(plx_port_tx_burst(port, 0, pkts, 2), 2);
	assert_count(xstat(port, "tx_refused"), 1);
	assert_count(stats_of(port).tx.errors, 1);
	assert_count(stats_of(port).tx.packets, 1);
	assert_count(size_of("out.pcap"), HEAD + 16 + 100);
	close_port(port);
	assert_all_home(pool);
	plx_mbuf_pool_destroy(pool);
}

/* More than the buffer that bursts are put together in. */
Test(pcap_write, large_bursts)
{
	struct plx_mempool *pool = packets_new("big", 64, 65280, 0);
	unsigned port = open_port("net_pcap0,tx_pcap=out.pcap");

	for (unsigned i = 0; i < 64; i++)
		pkts[i] = packet_new(pool, 65280, i);
	assert_count(plx_port_tx_burst(port, 0, pkts, 64), 64);
	assert_count(size_of("out.pcap"), HEAD + 64 * (16 + 65280));
	assert_count(stats_of(port).tx.packets, 64);
	close_port(port);
	port = open_port_(__LINE__, "net_pcap0,rx_pcap=out.pcap", 0, 0, pool);
	assert_count(receive_all(port, pkts, 64), 64);
	for (unsigned i = 0; i < 64; i++)
		assert_bytes(pkts[i], 0, 65280, i);
	plx_mbuf_free_bulk(pkts, 64);
	close_port(port);
	assert_all_home(pool);
	plx_mbuf_pool_destroy(pool);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void send_burst(unsigned port, unsigned nb)
{
	for (unsigned i = 0; i < nb; i++)
		pkts[i] = packet_new(pcap_pool, 100, i);
	assert_count(plx_port_tx_burst(port, 0, pkts, nb), nb);
}

/* A full disk: whole bursts are in the file or counted as lost, and writing goes on when there is
 * room again. */
Test(pcap_write, a_full_disk)
{
	unsigned port = open_port("net_pcap0,tx_pcap=out.pcap");

	signal(SIGXFSZ, SIG_IGN);
	limit_files(HEAD + 25 * 116 + 50);
	send_burst(port, 10);
	send_burst(port, 10);
	assert_no_line();
	send_burst(port, 10);
	assert_one_line("port", PLX_LOG_ERR, "net_pcap0", "tx_pcap=out.pcap", "File too large");
	assert_count(size_of("out.pcap"), HEAD + 20 * 116);
	send_burst(port, 7);
	assert_count(log_lines.nb, 1);
	send_burst(port, 5);
	assert_count(stats_of(port).tx.packets, 25);
	assert_count(stats_of(port).tx.errors, 17);
	assert_count(xstat(port, "tx_write_failed"), 17);
	limit_files(RLIM_INFINITY);
	send_burst(port, 10);
	assert_count(size_of("out.pcap"), HEAD + 35 * 116);
	close_port(port);
	port = open_port("net_pcap0,rx_pcap=out.pcap");
	assert_count(receive_all(port, pkts, ROOM), 35);
	plx_mbuf_free_bulk(pkts, 35);
}

/* What was written by half can't be cut off: nothing is written after it. */
Test(pcap_write, a_file_that_cannot_be_cut_back)
{
	int fd = memfd_create("out", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char device[64];
	struct stat st;
	unsigned port;

	cr_assert_geq(fd, 0, "%s", strerror(errno));
	snprintf(device, sizeof(device), "net_pcap0,tx_pcap=/proc/self/fd/%d", fd);
	port = open_port(device);
	send_burst(port, 10);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit_files(HEAD + 10 * 116 + 50);
	send_burst(port, 10);
	assert_one_line("port", PLX_LOG_ERR, "net_pcap0", "File too large", "not whole");
	limit_files(RLIM_INFINITY);
	send_burst(port, 10);
	cr_assert_eq(fstat(fd, &st), 0);
	assert_count((unsigned long long)st.st_size, HEAD + 10 * 116 + 50);
	assert_count(stats_of(port).tx.packets, 10);
	assert_count(xstat(port, "tx_write_failed"), 20);
	assert_count(log_lines.nb, 1);
	close_port(port);
	close(fd);
}

static void refused(const char *device, int error, const char *word1, const char *word2)
{
	unsigned port;
	int ret;

	log_lines_start();
	ret = plx_port_attach(device, &port);
	cr_assert_eq(ret, error, "%s: %d, want %d: %s", device, ret, error, log_lines_text(0));
	assert_one_line("port", PLX_LOG_ERR, "net_pcap", word1, word2);
}

Test(pcap_write, refusals)
{
	unsigned port;

	make_pcap("in.pcap", 10);
	make_pcap("precious.pcap", 10);
	cr_assert_eq(mkfifo("fifo", 0600), 0);
	/* Somebody reads it, so that it can be opened. */
	cr_assert_geq(open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC), 0);

	refused("net_pcap0,tx_pcap=no/such/folder", -ENOENT, "no/such/folder", "No such file");
	refused("net_pcap0,tx_pcap=fifo", -EINVAL, "tx_pcap=fifo", "regular file");
	refused("net_pcap0,tx_pcap=/dev/full", -ENOSPC, "/dev/full", "No space left");
	refused("net_pcap0,rx_pcap=in.pcap,tx_pcap=in.pcap", -EBUSY, "tx_pcap=in.pcap",
		"very file");
	cr_assert_eq(link("in.pcap", "link.pcap"), 0);
	refused("net_pcap0,rx_pcap=in.pcap,tx_pcap=link.pcap", -EBUSY, "link.pcap", "very file");
	refused("net_pcap0,tx_pcap=a.pcap,tx_pcap=a.pcap", -EBUSY, "tx_pcap=a.pcap", "already");
	port = attach("net_pcap1,rx_pcap=in.pcap,tx_pcap=b.pcap");
	refused("net_pcap0,tx_pcap=in.pcap", -EBUSY, "tx_pcap=in.pcap", "already");
	refused("net_pcap0,tx_pcap=b.pcap", -EBUSY, "tx_pcap=b.pcap", "already");
	refused("net_pcap0,rx_pcap=b.pcap", -EBUSY, "rx_pcap=b.pcap", "writes");
	assert_count(size_of("in.pcap"), size_of("precious.pcap"));
	cr_assert_eq(plx_port_detach(port), 0);

	/* A device that is refused for another reason has emptied nothing. */
	refused("net_pcap0,tx_pcap=precious.pcap,rx_pcap=gone.pcap", -ENOENT, "gone.pcap", "No ");
	refused("net_pcap0,tx_pcap=precious.pcap,snaplen=x", -EINVAL, "snaplen", "x");
	refused("net_pcap0,tx_pcap=precious.pcap,rx_iface=nosuch0", -ENODEV, "nosuch0", "no such");
	assert_same_files("in.pcap", "precious.pcap");
	/* Two may read one file. */
	log_lines_start();
	attach("net_pcap3,rx_pcap=in.pcap");
	attach("net_pcap4,rx_pcap=in.pcap");
	assert_no_line();
}

/* The way that nothing is said of: as many queues as the other one; what is sent is taken
 * and counts as gone nowhere. */
Test(pcap_write, one_way)
{
	struct plx_port_info info;
	unsigned port;

	make_pcap("in.pcap", 30);
	port = open_port("net_pcap0,rx_pcap=in.pcap,rx_pcap=in.pcap");
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_tx_queues, 2, "%u", info.max_tx_queues);
	assert_count(forward(port, port, 32), 30);
	assert_count(stats_of(port).tx.packets, 0);
	assert_count(stats_of(port).tx.bytes, 0);
	assert_count(stats_of(port).tx.errors, 30);
	assert_count(xstat(port, "tx_no_sink"), 30);
	assert_count(xstat(port, "tx_q0_no_sink"), 30);
	close_port(port);

	port = open_port("net_pcap0,tx_pcap=a.pcap,tx_pcap=b.pcap,tx_pcap=c.pcap");
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_eq(info.max_rx_queues, 3, "%u", info.max_rx_queues);
	for (unsigned i = 0; i < 3; i++)
		assert_count(plx_port_rx_burst(port, i, pkts, 32), 0);
	cr_assert(is_up(port));
	for (unsigned i = 0; i < 3; i++) {
		struct plx_mbuf *m = packet_new(pcap_pool, (uint16_t)(60 + i), i);

		assert_count(plx_port_tx_burst(port, i, &m, 1), 1);
	}
	assert_count(size_of("a.pcap"), HEAD + 16 + 60);
	assert_count(size_of("b.pcap"), HEAD + 16 + 61);
	assert_count(size_of("c.pcap"), HEAD + 16 + 62);
}

Test(pcap_write, what_a_port_of_files_says_of_itself)
{
	static const uint8_t dpdk[] = {0x02, 0x70, 0x63, 0x61, 0x70, 0x0c};
	struct plx_port_info info;
	struct ether_addr mac;
	char *text = NULL;
	size_t nb;
	FILE *out = open_memstream(&text, &nb);
	unsigned port;

	make_pcap("in.pcap", 30);
	port = open_port("net_pcap12,rx_pcap=in.pcap,tx_pcap=out.pcap,filter=ip");
	cr_assert_eq(plx_port_info(port, &info), 0);
	cr_assert_str_eq(info.driver, "net_pcap");
	cr_assert_eq(info.if_index, 0);
	cr_assert_eq(info.max_frame_bytes, 2048, "%u", info.max_frame_bytes);
	cr_assert(info.can & PLX_PORT_CAN_LINK);
	cr_assert_not(info.can & PLX_PORT_CAN_MTU_SET);
	cr_assert_eq(plx_port_mac(port, &mac), 0);
	cr_assert_arr_eq(&mac, dpdk, 6);
	cr_assert_eq(plx_port_promisc_set(port, true), 0);
	cr_assert_eq(plx_port_promisc(port), 1);
	cr_assert_eq(plx_port_dump(port, out), 0);
	fclose(out);
	cr_assert(strstr(text, "rx queue 0: in.pcap, not at its end"), "%s", text);
	cr_assert(strstr(text, "tx queue 0: out.pcap"), "%s", text);
	cr_assert(strstr(text, "filter: ip"), "%s", text);
	free(text);
}
