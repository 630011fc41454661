/* SPDX-License-Identifier: BSD-3-Clause */
/* The packets of plx-bench: written, read, damaged, and shown to tcpdump. */
#include "packet.h"
#include "seed.h"

#include <criterion/criterion.h>
#include <pcap/pcap.h>
#include <sys/wait.h>

static const uint8_t dst[6] = {2, 0, 0, 0, 0, 2}, src[6] = {2, 0, 0, 0, 0, 1};

static const uint32_t all_bytes[] = {60,   61,	 62,   63,   64,   65,	 66,	    67,
				     68,   91,	 92,   123,  124,  125,	 508,	    1020,
				     1276, 1513, 1514, 2047, 8999, 9014, PACKET_MAX};

static struct packet_form form;
static uint8_t frame[PACKET_MAX + 64];

static uint32_t be16_at(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint64_t be_at(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *at++;
	return value;
}

static void make(uint32_t bytes, uint32_t stream, uint64_t seq, uint64_t ns)
{
	memset(frame, 0xee, sizeof(frame));
	packet_form_make(&form, bytes, stream, dst, src);
	packet_write(frame, &form, seq, ns);
}

static enum packet_kind kind_of(uint32_t bytes)
{
	struct packet_mark mark;

	return packet_read(frame, bytes, &mark);
}

/* ---- The RFCs' own words: 16 bits, big-endian, end-around carry ---- */

static uint32_t plain_sum(const uint8_t *at, uint32_t bytes, uint32_t sum)
{
	for (uint32_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)at[i] << 8 | (i + 1 < bytes ? at[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t plain_ip_check(const uint8_t *data)
{
	uint8_t ip[20];

	memcpy(ip, data + 14, sizeof(ip));
	ip[10] = ip[11] = 0;
	return ~plain_sum(ip, sizeof(ip), 0) & 0xffff;
}

static uint32_t plain_udp_check(const uint8_t *data)
{
	static uint8_t udp[PACKET_MAX];
	uint32_t bytes = be16_at(data + 38), sum;

	memcpy(udp, data + 34, bytes);
	udp[6] = udp[7] = 0;
	sum = plain_sum(data + 26, 8, 17 + bytes);
	sum = ~plain_sum(udp, bytes, sum) & 0xffff;
	return sum ? sum : 0xffff;
}

Test(bench_packet, sums_are_those_of_the_rfc)
{
	struct rng rng = rng_start("bench_packet");
	static uint8_t data[4096];

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t bytes = rng_below(&rng, i % 10 ? 200 : sizeof(data));
		uint32_t want, got;

		for (uint32_t j = 0; j < bytes; j++)
			data[j] = i % 7 ? (uint8_t)rng_next(&rng) : 0xff;
		want = plain_sum(data, bytes, 0);
		got = be16toh(packet_fold(packet_sum(data, bytes)));
		cr_assert_eq(got, want, "%u bytes: %#x, want %#x", bytes, got, want);
	}
	cr_assert_eq(packet_fold(0), 0);
	cr_assert_eq(packet_fold(UINT64_MAX), 0xffff);
	cr_assert_eq(packet_fold(packet_add(UINT64_MAX, 1)), 1);
}

/* ---- What is written ---- */

Test(bench_packet, each_field_is_where_it_should_be)
{
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(all_bytes); i++) {
		uint32_t bytes = all_bytes[i], stream = 7 + i * 40;
		struct packet_mark mark = {0};

		make(bytes, stream, 0x123456789abc, 0xfedcba9876543210);
		cr_assert_eq(form.bytes, bytes);
		cr_assert_eq(memcmp(frame, dst, 6), 0);
		cr_assert_eq(memcmp(frame + 6, src, 6), 0);
		cr_assert_eq(be16_at(frame + 12), 0x0800);
		cr_assert_eq(frame[14], 0x45);
		cr_assert_eq(be16_at(frame + 16), bytes - 14);
		cr_assert_eq(be16_at(frame + 20), 0, "it is no fragment");
		cr_assert_gt(frame[22], 0, "it lives");
		cr_assert_eq(frame[23], 17);
		cr_assert_eq(be_at(frame + 26, 4), 0xc6120001);
		cr_assert_eq(be_at(frame + 30, 4), 0xc6120002);
		cr_assert_eq(be16_at(frame + 34), 49152 + stream);
		cr_assert_eq(be16_at(frame + 36), 9);
		cr_assert_eq(be16_at(frame + 38), bytes - 34);
		cr_assert_eq(memcmp(frame + 42, "PLXB", 4), 0);
		cr_assert_eq(be_at(frame + 46, 6), 0x123456789abc);
		cr_assert_eq(be_at(frame + 52, 8), 0xfedcba9876543210);
		for (uint32_t j = bytes; j < sizeof(frame); j++)
			cr_assert_eq(frame[j], 0xee, "%u bytes: byte %u is not its own", bytes, j);
		cr_assert_eq(be16_at(frame + 24), plain_ip_check(frame), "%u bytes: IP", bytes);
		cr_assert_eq(be16_at(frame + 40), plain_udp_check(frame), "%u bytes: UDP", bytes);

		cr_assert_eq(packet_read(frame, bytes, &mark), PACKET_OURS, "%u bytes", bytes);
		cr_assert_eq(mark.stream, stream);
		cr_assert_eq(mark.seq, 0x123456789abc);
		cr_assert_eq(mark.intended_ns, 0xfedcba9876543210);
		/* Behind the datagram there may be padding. */
		cr_assert_eq(kind_of(bytes + 4), PACKET_OURS, "%u bytes", bytes);
	}
}

Test(bench_packet, checks_of_many_marks)
{
	struct rng rng = rng_start("bench_packet");
	unsigned nb_ones = 0;

	for (unsigned i = 0; i < 400000; i++) {
		uint64_t seq = rng_next(&rng) >> rng_between(&rng, 16, 63);
		uint64_t ns = rng_next(&rng) >> rng_below(&rng, 64);
		struct packet_mark mark;
		uint32_t want;

		if (i % 4096 == 0)
			make(i % 8192 ? 60 : 61, rng_below(&rng, PACKET_STREAMS_MAX), 0, 0);
		/* The same sum, as near to an overflow as it can be. */
		if (i % 8192 == 2048)
			form.sum += (UINT64_MAX - form.sum) / 0xffff * 0xffff;
		packet_mark_write(frame, &form, seq, ns);
		want = plain_udp_check(frame);
		nb_ones += want == 0xffff;
		cr_assert_eq(be16_at(frame + 40), want, "seq %llx, time %llx: %#x, want %#x",
			     (unsigned long long)seq, (unsigned long long)ns, be16_at(frame + 40),
			     want);
		cr_assert_eq(packet_read(frame, form.bytes, &mark), PACKET_OURS);
		cr_assert_eq(mark.seq, seq);
		cr_assert_eq(mark.intended_ns, ns);
	}
	/* One in 65,535: 0 is written as 0xffff, for 0 says that there is none (RFC 768). */
	cr_assert_gt(nb_ones, 0);
}

/* ---- What is read ---- */

/* Only the Ethernet addresses are under no checksum but the FCS, which the hardware keeps. */
Test(bench_packet, each_flipped_bit_is_found)
{
	static const uint32_t few[] = {60, 61, 124, 1514};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(few); i++) {
		make(few[i], 3, 77 + i, 123456789000 + i);
		for (uint32_t bit = 0; bit < 8 * few[i]; bit++) {
			enum packet_kind want = bit < 96 ? PACKET_OURS : PACKET_CORRUPT, got;

			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			got = kind_of(few[i]);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			cr_assert_eq(got, want, "%u bytes, bit %u of byte %u: %d, want %d", few[i],
				     bit % 8, bit / 8, got, want);
		}
		cr_assert_eq(kind_of(few[i]), PACKET_OURS, "it is as before");
	}
}

/* Two words that changed places have the same sum: what the checksum can't find, nobody promises.
 * But bytes that changed theirs, and runs of up to 15 bits, are found. */
Test(bench_packet, bursts_of_bits_are_found)
{
	struct rng rng = rng_start("bench_packet");

	make(128, 1, 5, 6);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t nb_bits = rng_between(&rng, 2, 15);
		uint32_t at = rng_between(&rng, 96, 8 * 128 - nb_bits);
		uint8_t keep[sizeof(frame)];
		uint32_t pattern = rng_below(&rng, 1u << nb_bits) | 1;

		memcpy(keep, frame, 128);
		for (uint32_t j = 0; j < nb_bits; j++)
			if (pattern >> j & 1)
				frame[(at + j) / 8] ^= (uint8_t)(0x80 >> (at + j) % 8);
		cr_assert_neq(kind_of(128), PACKET_OURS, "%u bits from %u: %#x", nb_bits, at,
			      pattern);
		memcpy(frame, keep, 128);
	}
}

/* Cut off anywhere: never ours, and ours that is damaged from the magic word on. */
Test(bench_packet, cut_off)
{
	static uint8_t all[PACKET_MAX];

	make(1514, 0, 1, 2);
	memcpy(all, frame, 1514);
	for (uint32_t bytes = 0; bytes < 1514; bytes++) {
		uint8_t *exact = malloc(bytes + 1); /* so that a sanitizer sees who reads on */
		enum packet_kind want = bytes < 42 ? PACKET_FOREIGN : PACKET_CORRUPT, got;
		struct packet_mark mark;

		cr_assert_not_null(exact);
		memcpy(exact + 1, all, bytes);
		got = packet_read(exact + 1, bytes, &mark);
		free(exact);
		cr_assert_eq(got, want, "%u bytes: %d, want %d", bytes, got, want);
	}
}

static void fix_checks(void)
{
	uint32_t ip = plain_ip_check(frame), udp;

	frame[24] = (uint8_t)(ip >> 8);
	frame[25] = (uint8_t)ip;
	udp = plain_udp_check(frame);
	frame[40] = (uint8_t)(udp >> 8);
	frame[41] = (uint8_t)udp;
}

/* Packets of others, valid as they are. */
Test(bench_packet, foreign)
{
	static const struct {
		const char *name;
		uint32_t at;
		uint8_t byte;
	} cases[] = {
		{"another magic word", 45, 'C'},
		{"another magic word, and another port", 36, 1},
		{"another magic word and address", 29, 77},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		make(60, 0, 1, 2);
		frame[42] ^= 0x20;
		frame[cases[i].at] = cases[i].byte;
		fix_checks();
		cr_assert_eq(kind_of(60), PACKET_FOREIGN, "%s", cases[i].name);
		/* Damaged ones of others, too, if the port or the addresses are not ours. */
		frame[50] ^= 1;
		cr_assert_eq(kind_of(60), i == 0 ? PACKET_CORRUPT : PACKET_FOREIGN, "%s, damaged",
			     cases[i].name);
	}
	memset(frame, 0, sizeof(frame));
	cr_assert_eq(kind_of(60), PACKET_FOREIGN);
	memset(frame, 0xff, sizeof(frame));
	cr_assert_eq(kind_of(1514), PACKET_FOREIGN);
	for (uint32_t bytes = 0; bytes < 60; bytes++)
		cr_assert_eq(kind_of(bytes), PACKET_FOREIGN);
}

/* A valid packet with our magic word whose source port is none of ours has no stream of ours. */
Test(bench_packet, streams)
{
	struct packet_mark mark = {0};

	make(60, PACKET_STREAMS_MAX - 1, 1, 2);
	cr_assert_eq(packet_read(frame, 60, &mark), PACKET_OURS);
	cr_assert_eq(mark.stream, PACKET_STREAMS_MAX - 1);
	frame[34] = 4;
	fix_checks();
	cr_assert_eq(packet_read(frame, 60, &mark), PACKET_OURS);
	cr_assert_geq(mark.stream, PACKET_STREAMS_MAX, "%u", mark.stream);
}

/* Whatever comes: no byte is read beyond it, and the time is bounded. */
Test(bench_packet, noise)
{
	struct rng rng = rng_start("bench_packet");

	for (unsigned i = 0; i < 100000; i++) {
		uint32_t bytes = rng_below(&rng, 200);
		uint8_t *data = malloc(bytes + 1);
		struct packet_mark mark;

		cr_assert_not_null(data);
		make(60 + rng_below(&rng, 100), 1, i, i);
		memcpy(data, frame, bytes);
		for (uint32_t j = rng_below(&rng, 4); j > 0 && bytes; j--)
			data[rng_below(&rng, bytes)] = (uint8_t)rng_next(&rng);
		if (packet_read(data, bytes, &mark) == PACKET_OURS) {
			uint32_t udp_bytes = be16_at(data + 38);
			uint32_t pseudo = plain_sum(data + 26, 8, 17 + udp_bytes);

			cr_assert_leq(34 + udp_bytes, bytes);
			cr_assert_eq(plain_sum(data + 14, 20, 0), 0xffff);
			cr_assert_eq(plain_sum(data + 34, udp_bytes, pseudo), 0xffff);
		}
		free(data);
	}
}

/* ---- What others say ---- */

/* Lines of tcpdump's output that hold @word. */
static unsigned lines_with(const char *command, const char *word)
{
	FILE *out = popen(command, "r");
	char line[512];
	unsigned nb = 0;

	cr_assert_not_null(out);
	while (fgets(line, sizeof(line), out))
		nb += strstr(line, word) != NULL;
	cr_assert_eq(pclose(out), 0, "%s", command);
	return nb;
}

Test(bench_packet, tcpdump_finds_them_valid)
{
	char path[] = "/tmp/bench_packet.XXXXXX", command[128];
	unsigned nb = 0, nb_bad = 0;
	pcap_dumper_t *dumper;
	pcap_t *pcap;
	int fd;

	if (system("command -v tcpdump > /dev/null") != 0)
		cr_skip_test("tcpdump is missing (scripts/setup.sh --dev)");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
	pcap = pcap_open_dead(DLT_EN10MB, 65535);
	dumper = pcap_dump_open(pcap, path);
	cr_assert_not_null(dumper, "%s", pcap_geterr(pcap));
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(all_bytes); i++) {
		for (unsigned j = 0; j < 40; j++) {
			struct pcap_pkthdr head = {.caplen = all_bytes[i], .len = all_bytes[i]};

			make(all_bytes[i], i, j * UINT64_C(7919) << j % 20,
			     UINT64_C(1700000000123456789) + j);
			/* One that it has to find fault with. */
			if (j == 39)
				frame[55] ^= 0x10;
			nb_bad += j == 39;
			nb++;
			pcap_dump((uint8_t *)dumper, &head, frame);
		}
	}
	pcap_dump_close(dumper);
	pcap_close(pcap);
	snprintf(command, sizeof(command), "tcpdump -nvv -r %s 2>&1", path);
	cr_assert_eq(lines_with(command, "udp sum ok"), nb - nb_bad);
	cr_assert_eq(lines_with(command, "bad udp cksum"), nb_bad);
	cr_assert_eq(lines_with(command, "bad cksum"), 0, "of IP");
	cr_assert_eq(lines_with(command, "198.18.0.1.49"), nb);
	cr_assert_eq(lines_with(command, "> 198.18.0.2.9:"), nb);
	unlink(path);
}
