/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rx_pcap=: files of each kind, whole and damaged, and what each packet and each loss counts as.
 */
#include "fork_env.h"
#include "pcap_env.h"

#include <pollux/ctl.h>

TestSuite(pcap_read, .init = start_pcap, .fini = end_pcap);

enum { ROOM = 192 };

static struct plx_mbuf *pkts[ROOM];

/* Packets [@first, @first + @nb) of make_pcap() are at @got. */
static void check_packets(struct plx_mbuf **got, unsigned first, unsigned nb, uint64_t unit_ns)
{
	for (unsigned i = 0; i < nb; i++) {
		uint64_t stamp = stamp_of(first + i) / unit_ns * unit_ns;

		assert_bytes(got[i], 0, length_of(first + i), first + i);
		assert_count(got[i]->timestamp, stamp);
		cr_assert(got[i]->flags & PLX_MBUF_F_RX_TIMESTAMP);
	}
}

Test(pcap_read, each_dialect)
{
	static const struct dialect dialects[] = {
		{"micro", 0xa1b2c3d4, false, false},
		{"nano", 0xa1b23c4d, false, true},
		{"micro swapped", 0xa1b2c3d4, true, false},
		{"nano swapped", 0xa1b23c4d, true, true},
	};

	for (unsigned k = 0; k < 4; k++) {
		const struct dialect *dialect = &dialects[k];
		int fd = make_file("in.pcap");
		unsigned port;

		put_head(fd, dialect, 65535, 1);
		for (unsigned i = 0; i < 40; i++)
			put_packet(fd, dialect, stamp_of(i), length_of(i), i);
		close(fd);
		port = open_port("net_pcap0,rx_pcap=in.pcap");
		cr_assert(is_up(port));
		assert_count(receive_all(port, pkts, ROOM), 40);
		check_packets(pkts, 0, 40, dialect->is_nano ? 1 : 1000);
		cr_assert_eq(pkts[7]->port, port);
		plx_mbuf_free_bulk(pkts, 40);
		assert_count(stats_of(port).rx.packets, 40);
		close_port(port);
		assert_no_line();
	}
}

static void put_block(int fd, uint32_t type, const void *body, uint32_t nb)
{
	static const char zeros[4];
	uint32_t padded = (nb + 3) / 4 * 4, total = padded + 12;

	put(fd, &type, 4);
	put(fd, &total, 4);
	put(fd, body, nb);
	put(fd, zeros, padded - nb);
	put(fd, &total, 4);
}

Test(pcap_read, pcapng)
{
	/* byte order, version 1.0, length not known; Ethernet, stamps in 10^-9 s */
	static const uint32_t section[] = {0x1a2b3c4d, 1, 0xffffffff, 0xffffffff};
	static const uint32_t interface[] = {1, 262144, 9 | 1 << 16, 9, 0};
	unsigned char packet[20 + 1600];
	int fd = make_file("in.pcapng");
	unsigned port;

	put_block(fd, 0x0a0d0d0a, section, sizeof(section));
	put_block(fd, 1, interface, sizeof(interface));
	for (unsigned i = 0; i < 5; i++) {
		uint64_t stamp = stamp_of(i);
		uint32_t len = length_of(i);
		uint32_t words[5] = {0, (uint32_t)(stamp >> 32), (uint32_t)stamp, len, len};

		memcpy(packet, words, 20);
		for (uint32_t b = 0; b < len; b++)
			packet[20 + b] = byte_of(b, i);
		put_block(fd, 6, packet, 20 + len);
	}
	close(fd);
	port = open_port("net_pcap0,rx_pcap=in.pcapng");
	assert_count(receive_all(port, pkts, ROOM), 5);
	check_packets(pkts, 0, 5, 1);
	plx_mbuf_free_bulk(pkts, 5);
}

/* What may be wrong at the beginning of a file, and the words of its one line. */
static void refused(const char *device, int error, const char *word1, const char *word2)
{
	unsigned port = 99;
	int ret;

	log_lines_start();
	ret = plx_port_attach(device, &port);
	cr_assert_eq(ret, error, "%s: %d, want %d: %s", device, ret, error, log_lines_text(0));
	assert_one_line("port", PLX_LOG_ERR, "net_pcap", word1, word2);
	assert_count(plx_port_count(), 0);
}

Test(pcap_read, refused_at_the_beginning)
{
	int fd = make_file("cooked.pcap");

	put_head(fd, &dialect_nano, 65535, 113);
	close(fd);
	fd = make_file("odd.pcap");
	put_head(fd, &dialect_nano, 65535, 65000);
	close(fd);
	fd = make_file("short.pcap");
	put(fd, &dialect_nano.magic, 4);
	put(fd, "\2\0\4\0", 4);
	close(fd);
	make_text("empty.pcap", "");
	make_text("letter.txt", "Dear Sir, this is no capture file at all.\n");
	make_pcap("good.pcap", 3);
	make_pcap("none.pcap", 0);
	cr_assert_eq(mkfifo("fifo", 0600), 0);

	refused("net_pcap0,rx_pcap=cooked.pcap", -EINVAL, "cooked.pcap", "LINUX_SLL");
	refused("net_pcap0,rx_pcap=odd.pcap", -EINVAL, "odd.pcap", "65000");
	refused("net_pcap0,rx_pcap=short.pcap", -EINVAL, "short.pcap", "truncated");
	refused("net_pcap0,rx_pcap=empty.pcap", -EINVAL, "empty.pcap", "truncated");
	refused("net_pcap0,rx_pcap=letter.txt", -EINVAL, "letter.txt", "unknown file format");
	refused("net_pcap0,rx_pcap=gone.pcap", -ENOENT, "gone.pcap", "No such file");
	refused("net_pcap0,rx_pcap=fifo", -EINVAL, "rx_pcap=fifo", "regular file");
	refused("net_pcap0,rx_pcap=.", -EINVAL, "rx_pcap=.", "regular file");
	refused("net_pcap0,rx_pcap=none.pcap,infinite_rx=1", -EINVAL, "none.pcap", "no packets");
	refused("net_pcap0,rx_pcap=good.pcap,filter=no such words", -EINVAL,
		"filter=", "pcap-filter(7)");
}

Test(pcap_read, refused_strings)
{
	char many[1024] = "net_pcap0";

	make_pcap("a.pcap", 3);
	refused("net_pcap0", -EINVAL, "nothing to receive from", "rx_pcap=");
	refused("net_pcap0,promisc=1", -EINVAL, "nothing to receive from", "iface=");
	refused("net_pcap0,rx_pcap=", -EINVAL, "rx_pcap", "file");
	refused("net_pcap0,rx_iface=", -EINVAL, "rx_iface", "interface");
	refused("net_pcap0,rx_pcap=a.pcap,nonsense=1", -EINVAL, "nonsense", "known");
	refused("net_pcap0,rx_pcap=a.pcap,phy_mac=1", -EINVAL, "phy_mac", "interface");
	refused("net_pcap0,rx_pcap=a.pcap,phy_mac=2", -EINVAL, "phy_mac", "2");
	refused("net_pcap0,tx_pcap=b.pcap,infinite_rx=1", -EINVAL, "infinite_rx", "rx_pcap");
	refused("net_pcap0,rx_pcap=a.pcap,snaplen=13", -EINVAL, "snaplen", "14");
	refused("net_pcap0,rx_pcap=a.pcap,rate_pps=0", -EINVAL, "rate_pps", "1");
	refused("net_pcap0,rx_pcap=a.pcap,rate_pps=1,replay=fast", -EINVAL, "replay", "rate_pps");
	refused("net_pcap0,rx_pcap=a.pcap,replay=slow", -EINVAL, "replay", "recorded");
	refused("net_pcap0,rx_pcap=a.pcap,tx_stamp=never", -EINVAL, "tx_stamp", "now");
	refused("net_pcap0,rx_pcap=a.pcap,filter=", -EINVAL, "filter", "pcap-filter(7)");
	refused("net_pcap0,rx_pcap=a.pcap,buffer_bytes=1", -EINVAL, "buffer_bytes", "65536");
	refused("net_pcap0,iface=lo,rx_pcap=a.pcap", -EINVAL, "iface", "no other stream");
	refused("net_pcap0,iface=lo,tx_iface=lo", -EINVAL, "iface", "no other stream");
	refused("net_pcap0,iface=nosuch0", -ENODEV, "no such interface", "lo");
	for (unsigned i = 0; i < 17; i++)
		strcat(many, ",rx_pcap=a.pcap");
	refused(many, -EINVAL, "rx_pcap", "more than 16");
	cr_assert_neq(access("b.pcap", F_OK), 0, "a refused device made a file");
}

/* A file that ends early: what is before it comes, one line says where and why, the link goes
 * down. */
static void check_damage(unsigned nb_good, const char *word)
{
	char where[32];
	unsigned port = open_port("net_pcap0,rx_pcap=in.pcap");

	log_lines_start();
	snprintf(where, sizeof(where), "packet %u:", nb_good + 1);
	cr_assert(is_up(port));
	assert_count(receive_all(port, pkts, ROOM), nb_good);
	check_packets(pkts, 0, nb_good, 1);
	plx_mbuf_free_bulk(pkts, nb_good);
	assert_one_line("port", PLX_LOG_ERR, "net_pcap0", "in.pcap", where, word);
	for (unsigned i = 0; i < 10; i++)
		assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	cr_assert_not(is_up(port));
	assert_count(log_lines.nb, 1);
	assert_count(stats_of(port).rx.packets, nb_good);
	assert_count(stats_of(port).rx.errors, 1);
	assert_count(xstat(port, "rx_damaged"), 1);
	assert_count(xstat(port, "rx_eof"), 1);
	close_port(port);
}

Test(pcap_read, cut_off)
{
	const unsigned nbs[] = {0, 1, 31, 32, 70};

	for (unsigned k = 0; k < PLX_ARRAY_SIZE(nbs); k++) {
		size_t end = 24;

		for (unsigned i = 0; i < nbs[k]; i++)
			end += 16 + length_of(i);
		make_pcap("in.pcap", 100);
		/* within the next packet's header, and within its data */
		cr_assert_eq(truncate("in.pcap", (off_t)end + 7), 0);
		check_damage(nbs[k], "truncated");
		make_pcap("in.pcap", 100);
		cr_assert_eq(truncate("in.pcap", (off_t)end + 16 + length_of(nbs[k]) - 1), 0);
		check_damage(nbs[k], "truncated");
		make_pcap("in.pcap", 100);
		cr_assert_eq(truncate("in.pcap", (off_t)end + 16), 0);
		check_damage(nbs[k], "truncated");
	}
}

Test(pcap_read, absurd_length)
{
	static const uint32_t claims[] = {262145, 0x7fffffff, 0x80000000, 0xffffffff};

	for (unsigned k = 0; k < PLX_ARRAY_SIZE(claims); k++) {
		int fd = make_file("in.pcap");

		put_head(fd, &dialect_nano, 262144, 1);
		put_packet(fd, &dialect_nano, stamp_of(0), length_of(0), 0);
		put_record_head(fd, &dialect_nano, stamp_of(1), claims[k], claims[k]);
		put_frame(fd, 1000, 1);
		close(fd);
		check_damage(1, "length");
	}
}

Test(pcap_read, without_packets)
{
	unsigned port;

	make_pcap("in.pcap", 0);
	port = open_port("net_pcap0,rx_pcap=in.pcap");
	cr_assert(is_up(port));
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 0);
	cr_assert_not(is_up(port));
	assert_count(xstat(port, "rx_eof"), 1);
	assert_count(stats_of(port).rx.errors, 0);
	assert_no_line();
}

/* Records that are odd each for itself: the ones around them come. */
Test(pcap_read, odd_records)
{
	static const struct {
		uint32_t caplen, len;
	} odd[] = {{100, 1000}, {1000, 100}, {0, 0}, {13, 13}, {0, 500}, {13, 60}};
	unsigned port, nb = 0;
	int fd = make_file("in.pcap");

	put_head(fd, &dialect_nano, 262144, 1);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(odd); i++) {
		put_packet(fd, &dialect_nano, stamp_of(nb), length_of(nb), nb);
		nb++;
		put_record_head(fd, &dialect_nano, 1, odd[i].caplen, odd[i].len);
		put_frame(fd, odd[i].caplen, 200);
	}
	put_packet(fd, &dialect_nano, stamp_of(nb), length_of(nb), nb);
	nb++;
	close(fd);

	port = open_port("net_pcap0,rx_pcap=in.pcap");
	assert_count(receive_all(port, pkts, ROOM), nb);
	check_packets(pkts, 0, nb, 1);
	plx_mbuf_free_bulk(pkts, nb);
	assert_count(xstat(port, "rx_damaged"), 3);
	assert_count(xstat(port, "rx_truncated"), 3);
	assert_count(stats_of(port).rx.errors, 6);
	close_port(port);

	/* With snaplen= cut packets are what is asked for. */
	port = open_port("net_pcap0,rx_pcap=in.pcap,snaplen=80");
	nb = receive_all(port, pkts, ROOM);
	assert_count(nb, 8);
	assert_bytes(pkts[0], 0, 60, 0);
	assert_bytes(pkts[1], 0, 80, 200);
	assert_bytes(pkts[2], 0, 80, 1);
	plx_mbuf_free_bulk(pkts, nb);
	assert_count(xstat(port, "rx_cut"), 7);
	assert_count(xstat(port, "rx_truncated"), 2);
	assert_count(stats_of(port).rx.errors, 5);
}

static unsigned nb_link_events;

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	struct plx_port_link link = {.up = true};

	plx_port_link(port, &link);
	if (event == PLX_PORT_EVENT_LINK && !link.up)
		plx_fetch_add_acq_rel(&nb_link_events, 1);
	(void)arg;
}

/* All that was raised so far has been told: also when the first one ends amid a turn, before the
 * events. */
static void settle(void)
{
	cr_assert_eq(plx_ctl_sync(), 0);
	cr_assert_eq(plx_ctl_sync(), 0);
}

Test(pcap_read, the_link_goes_down_when_all_files_ended)
{
	unsigned port;

	make_pcap("a.pcap", 3);
	make_pcap("b.pcap", 5);
	port = open_port("net_pcap0,rx_pcap=a.pcap,rx_pcap=b.pcap");
	/* That it went up with the start is told by now, else it would be as it goes down. */
	settle();
	cr_assert_eq(plx_port_event_add(port, on_event, NULL), 0);
	assert_count(receive_all(port, pkts, ROOM), 3);
	plx_mbuf_free_bulk(pkts, 3);
	cr_assert(is_up(port), "the other file is not at its end");
	assert_count(plx_port_rx_burst(port, 1, pkts, 32), 5);
	check_packets(pkts, 0, 5, 1);
	plx_mbuf_free_bulk(pkts, 5);
	assert_count(plx_port_rx_burst(port, 1, pkts, 32), 0);
	cr_assert_not(is_up(port));
	settle();
	assert_count(plx_load_acquire(&nb_link_events), 1);
	cr_assert_eq(plx_port_event_del(port, on_event, NULL), 0);
}

Test(pcap_read, a_start_is_at_the_first_packet)
{
	unsigned port;

	make_pcap("in.pcap", 100);
	port = open_port("net_pcap0,rx_pcap=in.pcap");
	for (unsigned round = 0; round < 3; round++) {
		unsigned nb = round == 1 ? 100 : 45;

		cr_assert(is_up(port));
		assert_count(receive_all(port, pkts, nb), nb);
		check_packets(pkts, 0, nb, 1);
		plx_mbuf_free_bulk(pkts, nb);
		if (round == 1)
			assert_count(plx_port_rx_burst(port, 0, pkts, 1), 0);
		cr_assert_eq(plx_port_stop(port), 0);
		cr_assert_not(is_up(port));
		cr_assert_eq(plx_port_start(port), 0);
	}
	assert_count(stats_of(port).rx.packets, 190);
}

/* The file was damaged meanwhile: each start says so, until it is mended. */
Test(pcap_read, a_start_that_fails_and_the_next_ones)
{
	unsigned port;

	make_pcap("in.pcap", 10);
	port = open_port("net_pcap0,rx_pcap=in.pcap");
	assert_count(receive_all(port, pkts, 5), 5);
	plx_mbuf_free_bulk(pkts, 5);
	cr_assert_eq(plx_port_stop(port), 0);
	make_text("in.pcap", "not a capture file any more");
	for (unsigned i = 0; i < 3; i++) {
		log_lines_start();
		cr_assert_eq(plx_port_start(port), -EINVAL);
		cr_assert_geq(log_lines.nb, 1);
		assert_count(plx_port_rx_burst(port, 0, pkts, ROOM), 0);
	}
	make_pcap("in.pcap", 10);
	cr_assert_eq(plx_port_start(port), 0);
	assert_count(receive_all(port, pkts, ROOM), 10);
	check_packets(pkts, 0, 10, 1);
	plx_mbuf_free_bulk(pkts, 10);
}

Test(pcap_read, starts_and_stops_leave_no_descriptor)
{
	unsigned port, before;

	make_pcap("in.pcap", 10);
	port = open_port("net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap");
	before = nb_entries("/proc/self/fd");
	for (unsigned i = 0; i < 1000; i++) {
		assert_count(plx_port_rx_burst(port, 0, pkts, 4), 4);
		plx_mbuf_free_bulk(pkts, 4);
		cr_assert_eq(plx_port_stop(port), 0);
		cr_assert_eq(plx_port_start(port), 0);
	}
	assert_count(nb_entries("/proc/self/fd"), before);
	close_port(port);
	for (unsigned i = 0; i < 100; i++)
		close_port(open_port("net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap"));
	assert_count(nb_entries("/proc/self/fd"), before - 3);
	assert_no_line();
}

Test(pcap_read, bursts_of_each_size)
{
	make_pcap("in.pcap", 100);
	for (unsigned burst = 1; burst <= 64; burst++) {
		unsigned port = open_port("net_pcap0,rx_pcap=in.pcap"), nb = 0, got;

		while ((got = plx_port_rx_burst(port, 0, pkts + nb, burst)) > 0) {
			cr_assert_leq(got, burst);
			nb += got;
		}
		assert_count(nb, 100);
		check_packets(pkts, 0, 100, 1);
		plx_mbuf_free_bulk(pkts, 100);
		close_port(port);
	}
}

Test(pcap_read, a_pool_that_runs_short_makes_them_wait)
{
	struct plx_mempool *pool = packets_new("small", 10, 0, 0);
	unsigned port;

	make_pcap("in.pcap", 25);
	port = open_port_(__LINE__, "net_pcap0,rx_pcap=in.pcap", 0, 0, pool);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 10);
	assert_count(stats_of(port).rx.nombuf, 1);
	assert_count(plx_port_rx_burst(port, 0, pkts + 10, 32), 0);
	assert_count(stats_of(port).rx.nombuf, 2);
	check_packets(pkts, 0, 10, 1);
	plx_mbuf_free_bulk(pkts, 3);
	assert_count(plx_port_rx_burst(port, 0, pkts, 3), 3);
	assert_count(stats_of(port).rx.nombuf, 2);
	check_packets(pkts, 10, 3, 1);
	plx_mbuf_free_bulk(pkts, 10);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 10);
	check_packets(pkts, 13, 10, 1);
	plx_mbuf_free_bulk(pkts, 10);
	assert_count(plx_port_rx_burst(port, 0, pkts, 32), 2);
	check_packets(pkts, 23, 2, 1);
	plx_mbuf_free_bulk(pkts, 2);
	assert_count(stats_of(port).rx.packets, 25);
	/* At the end an empty pool makes nobody wait. */
	assert_count(stats_of(port).rx.nombuf, 3);
	close_port(port);
	assert_all_home(pool);
	plx_mbuf_pool_destroy(pool);
}

Test(pcap_read, long_frames_are_chained)
{
	struct plx_mempool *pool = packets_new("chains", 16, 0, 0);
	static const uint32_t lens[] = {2047, 2048, 2049, 4224, 4225, 9000, 9018};
	int fd = make_file("in.pcap");
	unsigned port;

	put_head(fd, &dialect_nano, 262144, 1);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(lens); i++)
		put_packet(fd, &dialect_nano, stamp_of(i), lens[i], i);
	put_packet(fd, &dialect_nano, 1, 65535, 7);
	close(fd);

	/* Without scatter they are lost, and counted. */
	port = open_port_(__LINE__, "net_pcap0,rx_pcap=in.pcap", 0, 0, pool);
	assert_count(receive_all(port, pkts, ROOM), 2);
	plx_mbuf_free_bulk(pkts, 2);
	assert_count(xstat(port, "rx_too_long"), 6);
	assert_count(stats_of(port).rx.errors, 6);
	close_port(port);

	/* 7 packets of 20 segments, of which there are 16: the last one waits. The one of 65,535
	 * bytes would wait for ever. */
	port = open_port_(__LINE__, "net_pcap0,rx_pcap=in.pcap", PLX_PORT_RX_SCATTER, 0, pool);
	assert_count(plx_port_rx_burst(port, 0, pkts, 8), 6);
	for (unsigned i = 0; i < 6; i++)
		assert_bytes(pkts[i], 0, lens[i], i);
	cr_assert_eq(pkts[5]->nb_segs, 5, "%u", pkts[5]->nb_segs);
	assert_count(stats_of(port).rx.nombuf, 1);
	plx_mbuf_free_bulk(pkts, 6);
	assert_count(plx_port_rx_burst(port, 0, pkts, 8), 1);
	assert_bytes(pkts[0], 0, lens[6], 6);
	cr_assert_eq(pkts[0]->timestamp, stamp_of(6));
	plx_mbuf_free_bulk(pkts, 1);
	assert_count(stats_of(port).rx.packets, 7);
	assert_count(xstat(port, "rx_too_long"), 1);
	close_port(port);
	assert_all_home(pool);
	plx_mbuf_pool_destroy(pool);
}

Test(pcap_read, a_filter)
{
	unsigned port;

	make_pcap("in.pcap", 100);
	port = open_port("net_pcap0,rx_pcap=in.pcap,filter=greater 700 and less 800");
	for (unsigned i = 0, nb = receive_all(port, pkts, ROOM), next = 0; i < nb; i++) {
		while (length_of(next) < 700 || length_of(next) > 800)
			next++;
		check_packets(&pkts[i], next++, 1, 1);
		plx_mbuf_free(pkts[i]);
	}
	cr_assert_gt(stats_of(port).rx.packets, 3);
	assert_count(stats_of(port).rx.errors, 0);
	close_port(port);
	port = open_port("net_pcap0,rx_pcap=in.pcap,filter=ether[0] = 0x03");
	assert_count(receive_all(port, pkts, ROOM), 1);
	check_packets(pkts, 3, 1, 1);
	plx_mbuf_free(pkts[0]);
}

/* A child that lives on keeps no lock on a file; one that exits does not move the parent, which
 * has read half of the file. */
Test(pcap_read, a_child_of_fork_leaves_the_files)
{
	enum { NB = 1000, AT_ONCE = 100 };
	unsigned port, reader;
	pid_t child = 0;

	make_pcap("in.pcap", NB);
	cr_assert_gt(size_of("in.pcap"), 512 * 1024, "what is read ahead is not all");
	port = open_port("net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap");
	for (unsigned nb = 0; nb < NB; nb += AT_ONCE) {
		assert_count(receive_all(port, pkts, AT_ONCE), AT_ONCE);
		check_packets(pkts, nb, AT_ONCE, 1);
		assert_count(plx_port_tx_burst(port, 0, pkts, AT_ONCE), AT_ONCE);
		if (nb > 0)
			continue;
		child_that_exits();
		child = ended_child();
	}
	close_port(port);
	assert_same_files("in.pcap", "out.pcap");
	reader = open_port("net_pcap0,rx_pcap=out.pcap");
	close_port(reader);
	end_child(child);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Numbers of the files that are closed stay closed, and the one that is used anew is left alone. */
static int close_files_and_end(void)
{
	struct stat in, out, own, st;
	int numbers[8], nb = 0;

	if (stat("in.pcap", &in) || stat("out.pcap", &out))
		return 1;
	for (int fd = 3; fd < 64 && nb < 8; fd++)
		if (fstat(fd, &st) == 0 && (is_same(&st, &in) || is_same(&st, &out)))
			numbers[nb++] = fd;
	if (nb != 3)
		return 2;
	for (int i = 0; i < nb; i++)
		close(numbers[i]);
	if (open("own", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) != numbers[0] || stat("own", &own))
		return 3;
	plx_port_fini();
	if (fstat(numbers[0], &st) || !is_same(&st, &own))
		return 4;
	return fcntl(numbers[1], F_GETFD) < 0 && fcntl(numbers[2], F_GETFD) < 0 ? 0 : 5;
}

Test(pcap_read, a_child_of_fork_that_has_closed_the_files)
{
	int status = -1;
	pid_t pid;

	make_pcap("in.pcap", 3);
	open_port("net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		_exit(close_files_and_end());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x", status);
}

/* ---- infinite_rx and the pace ---- */

Test(pcap_read, infinite)
{
	unsigned port;

	make_pcap("in.pcap", 7);
	port = open_port("net_pcap0,rx_pcap=in.pcap,infinite_rx=1");
	for (unsigned round = 0; round < 100; round++) {
		assert_count(plx_port_rx_burst(port, 0, pkts, 35), 35);
		for (unsigned i = 0; i < 35; i += 7)
			check_packets(pkts + i, 0, 7, 1);
		plx_mbuf_free_bulk(pkts, 35);
	}
	cr_assert(is_up(port));
	assert_count(stats_of(port).rx.packets, 3500);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_start(port), 0);
	assert_count(plx_port_rx_burst(port, 0, pkts, 3), 3);
	check_packets(pkts, 0, 3, 1);
	plx_mbuf_free_bulk(pkts, 3);
}

/* Receive for 50 ms, then all that is due. As many as were due came, neither less nor more: a
 * packet each @gap_ns from the first poll on. */
static void check_pace(unsigned port, uint64_t gap_ns)
{
	uint64_t begin_ns = plx_clock_now_ns(), first_ns = 0, last_ns;
	uint64_t end_ns = begin_ns + 50 * 1000 * 1000, nb = 0;
	unsigned got;

	do {
		last_ns = plx_clock_now_ns();
		got = plx_port_rx_burst(port, 0, pkts, 32);
		if (first_ns == 0)
			first_ns = plx_clock_now_ns();
		plx_mbuf_free_bulk(pkts, got);
		nb += got;
	} while ((got > 0 || last_ns < end_ns) && nb < 100000);
	cr_assert_leq(nb, (plx_clock_now_ns() - begin_ns) / gap_ns + 1, "%llu",
		      (unsigned long long)nb);
	cr_assert_geq(nb, (last_ns - first_ns) / gap_ns, "%llu, want %llu", (unsigned long long)nb,
		      (unsigned long long)((last_ns - first_ns) / gap_ns));
}

Test(pcap_read, at_a_rate)
{
	unsigned port;

	make_pcap("in.pcap", 50);
	port = open_port("net_pcap0,rx_pcap=in.pcap,infinite_rx=1,rate_pps=10000");
	check_pace(port, 100000);
	cr_assert_eq(plx_port_stop(port), 0);
	usleep(20000);
	/* What was not polled for meanwhile is not due. */
	cr_assert_eq(plx_port_start(port), 0);
	check_pace(port, 100000);
}

/* Packets of make_pcap() are 1.000001 ms apart, and so are the last one and the first. */
Test(pcap_read, as_recorded_for_ever)
{
	unsigned port;

	make_pcap("in.pcap", 5);
	port = open_port("net_pcap0,rx_pcap=in.pcap,infinite_rx=1,replay=recorded");
	check_pace(port, 1000001);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_start(port), 0);
	check_pace(port, 1000001);
}

/* A clock that was set while packets were recorded, by years. */
Test(pcap_read, as_recorded_over_a_jump_of_the_clock)
{
	const uint64_t year_ns = UINT64_C(365) * 86400 * 1000000000;
	uint64_t begin_ns;
	unsigned port, nb = 0;
	int fd = make_file("in.pcap");

	put_head(fd, &dialect_nano, 262144, 1);
	for (unsigned i = 0; i < 3; i++)
		put_packet(fd, &dialect_nano, stamp_of(0) + i * year_ns, 60, i);
	put_packet(fd, &dialect_nano, stamp_of(0) + 2 * year_ns + 20000000, 60, 3);
	close(fd);
	port = open_port("net_pcap0,rx_pcap=in.pcap,replay=recorded");
	begin_ns = plx_clock_now_ns();
	while (nb < 4 && plx_clock_now_ns() - begin_ns < UINT64_C(10000000000))
		nb += plx_port_rx_burst(port, 0, pkts + nb, 4 - nb);
	assert_count(nb, 4);
	cr_assert_geq(plx_clock_now_ns() - begin_ns, 20000000, "the pauses after it are kept");
	plx_mbuf_free_bulk(pkts, 4);
	assert_one_line("port", PLX_LOG_WARN, "rx_pcap=in.pcap", "a day");
}

/* A clock that was set back while packets were recorded: neither do those after it come at once,
 * nor do they wait for the time that comes twice. */
Test(pcap_read, as_recorded_over_a_step_back_of_the_clock)
{
	static const char *const devices[] = {
		"net_pcap0,rx_pcap=in.pcap,replay=recorded",
		"net_pcap0,rx_pcap=in.pcap,infinite_rx=1,replay=recorded",
	};
	const uint64_t hour_ns = UINT64_C(3600) * 1000000000;
	int fd = make_file("in.pcap");

	put_head(fd, &dialect_nano, 65535, 1);
	for (unsigned i = 0; i < 6; i++)
		put_packet(fd, &dialect_nano, stamp_of(20 * i) - i / 2 * hour_ns, 60, i);
	close(fd);
	for (unsigned k = 0; k < PLX_ARRAY_SIZE(devices); k++) {
		/* 0, 20, 20, 40, 40, 60, and 80 with the first of the second pass. */
		unsigned port = open_port(devices[k]), nb = 0, wanted = 6 + k;
		uint64_t begin_ns = plx_clock_now_ns();

		while (nb < wanted && plx_clock_now_ns() - begin_ns < UINT64_C(10000000000))
			nb += plx_port_rx_burst(port, 0, pkts + nb, wanted - nb);
		assert_count(nb, wanted);
		cr_assert_geq(plx_clock_now_ns() - begin_ns, (60 + 20 * k) * 1000000);
		for (unsigned i = 0; i < wanted; i++)
			assert_bytes(pkts[i], 0, 60, i % 6);
		plx_mbuf_free_bulk(pkts, wanted);
		close_port(port);
		assert_one_line("port", PLX_LOG_WARN, "rx_pcap=in.pcap", "a second before");
		log_lines_start();
	}
}

/* Such a pause would come again with each pass, and be a part of the one between passes. */
Test(pcap_read, as_recorded_for_ever_over_a_jump_of_the_clock)
{
	const uint64_t hour_ns = UINT64_C(3600) * 1000000000;
	uint64_t begin_ns;
	unsigned port, nb = 0;
	int fd = make_file("in.pcap");

	put_head(fd, &dialect_nano, 262144, 1);
	for (unsigned i = 0; i < 4; i++)
		put_packet(fd, &dialect_nano, stamp_of(i) + i / 2 * hour_ns, 60, i);
	close(fd);
	port = open_port("net_pcap0,rx_pcap=in.pcap,infinite_rx=1,replay=recorded");
	begin_ns = plx_clock_now_ns();
	while (nb < 12 && plx_clock_now_ns() - begin_ns < UINT64_C(10000000000))
		nb += plx_port_rx_burst(port, 0, pkts + nb, 12 - nb);
	assert_count(nb, 12);
	cr_assert_geq(plx_clock_now_ns() - begin_ns, 8 * 1000000, "the other pauses are kept");
	for (unsigned i = 0; i < 12; i += 4)
		for (unsigned j = 0; j < 4; j++)
			assert_bytes(pkts[i + j], 0, 60, j);
	plx_mbuf_free_bulk(pkts, 12);
	assert_one_line("port", PLX_LOG_WARN, "rx_pcap=in.pcap", "a minute");
}

/* Nothing says how long a pass takes. */
Test(pcap_read, as_recorded_for_ever_with_one_packet)
{
	unsigned port;

	make_pcap("in.pcap", 1);
	port = open_port("net_pcap0,rx_pcap=in.pcap,infinite_rx=1,replay=recorded");
	check_pace(port, 1000000000);
}

Test(pcap_read, as_recorded)
{
	static const unsigned at_ms[] = {0, 0, 20, 10, 40};
	uint64_t begin_ns, came_ns[5];
	unsigned port, nb = 0;
	int fd = make_file("in.pcap");

	put_head(fd, &dialect_nano, 262144, 1);
	for (unsigned i = 0; i < 5; i++)
		put_packet(fd, &dialect_nano, stamp_of(0) + at_ms[i] * UINT64_C(1000000), 60, i);
	close(fd);
	port = open_port("net_pcap0,rx_pcap=in.pcap,replay=recorded");
	usleep(30000);
	begin_ns = plx_clock_now_ns();
	while (nb < 5) {
		unsigned got = plx_port_rx_burst(port, 0, pkts + nb, 5 - nb);

		while (got-- > 0)
			came_ns[nb++] = plx_clock_now_ns() - begin_ns;
	}
	plx_mbuf_free_bulk(pkts, 5);
	/* The one that is recorded as older than the one before it comes with that. */
	cr_assert_geq(came_ns[2], 20 * 1000 * 1000, "%llu", (unsigned long long)came_ns[2]);
	cr_assert_geq(came_ns[4], 40 * 1000 * 1000, "%llu", (unsigned long long)came_ns[4]);
}
