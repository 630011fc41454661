/* SPDX-License-Identifier: BSD-3-Clause */
/* The model of the card: reception into descriptors, filters, RSS, checksums, faults. */
#include "sim_env.h"

#include <errno.h>

/* Microsoft's key and vectors for the verification of RSS. */
static const uint8_t ms_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

enum { RCTL_USUAL = RCTL_SECRC | RCTL_BAM, RXC_ALL = 0x300, RXC_PCSD = 0x2000 };

/* A card with its link up and queue 0 on. */
static struct env *rx_new(enum igb_sim_type type)
{
	struct env *e = env_new(type);

	env_link(e);
	if (type >= IGB_SIM_I350)
		for (unsigned q = 0; q < 2; q++)
			wr(e, R_DVMOLR + 64 * q, BIT(31));
	wr(e, R_RXCSUM, RXC_ALL | RXC_PCSD);
	env_rx(e, 0, RCTL_USUAL, 0);
	return e;
}

static void send_in(struct env *e, const uint8_t *frame, uint32_t len)
{
	cr_assert_eq(igb_sim_inject(e->sim, frame, len, 0), 0);
}

static uint32_t udp(uint8_t *frame, uint32_t payload)
{
	return frame_ipv4(frame, env_mac, 17, 0x0a000001, 0x0a000002, 1000, 2000, payload);
}

Test(sim_rx, a_frame_comes_as_it_was)
{
	struct env *e = rx_new(IGB_SIM_I350);
	const uint8_t *bytes;
	const uint32_t *d;
	uint8_t frame[1514];

	for (uint32_t payload = 18; payload <= 1472; payload += 77) {
		uint32_t len = udp(frame, payload);

		send_in(e, frame, len);
		d = env_took(e, 0, &bytes);
		cr_assert(d, "%u bytes: no frame", len);
		cr_assert_eq(d[3], len);
		cr_assert_eq(d[2] & 0xff, RXS_DD | RXS_EOP | RXS_UDPCS | RXS_L4CS | RXS_IPCS);
		cr_assert_eq(d[0], RXT_IPV4 | RXT_UDP);
		cr_assert_arr_eq(bytes, frame, len);
	}
	cr_assert_eq(rd(e, S_GPRC), 19);
	cr_assert_eq(rd(e, S_GPRC), 0, "not cleared by reading");
	env_clean(e);
	env_end(e);
}

Test(sim_rx, rss_is_microsofts)
{
	static const struct {
		uint32_t src, dst;
		uint16_t sport, dport;
		uint32_t tcp, ip;
	} cases[] = {
		{0x420995bb, 0xa18e6450, 2794, 1766, 0x51ccc178, 0x323e8fc2},
		{0xc75c6f02, 0x41458c53, 14230, 4739, 0xc626b0ea, 0xd718262a},
		{0x1813c65f, 0x0c16cfb8, 12898, 38024, 0x5c2b394a, 0xd2d0a5de},
		{0x261bcd1e, 0xd18ea306, 48228, 2217, 0xafc7327f, 0x82989176},
		{0x9927a3bf, 0xcabc7f02, 44251, 1303, 0x10e828a2, 0x5d1809c5},
	};
	struct env *e = rx_new(IGB_SIM_I350);
	uint8_t frame[256];

	for (unsigned i = 0; i < 10; i++)
		wr(e, R_RSSRK + 4 * i,
		   ms_key[4 * i] | (uint32_t)ms_key[4 * i + 1] << 8 |
			   (uint32_t)ms_key[4 * i + 2] << 16 | (uint32_t)ms_key[4 * i + 3] << 24);
	for (unsigned on = 0; on < 2; on++) {
		wr(e, R_MRQC, 2 | (on ? BIT(16) : BIT(17)));
		for (unsigned i = 0; i < 5; i++) {
			const uint32_t *d;
			uint32_t len = frame_ipv4(frame, env_mac, 6, cases[i].src, cases[i].dst,
						  cases[i].sport, cases[i].dport, 20);

			send_in(e, frame, len);
			d = env_took(e, 0, NULL);
			cr_assert(d);
			cr_assert_eq(d[1], on ? cases[i].tcp : cases[i].ip, "%u: %08x", i, d[1]);
			cr_assert_eq(d[0] & 15, on ? 1 : 2);
		}
	}
	env_clean(e);
	env_end(e);
}

Test(sim_rx, the_table_leads_to_the_queue)
{
	struct env *e = rx_new(IGB_SIM_I350);
	unsigned seen[2] = {0};
	uint8_t frame[256];

	env_rx(e, 1, RCTL_USUAL, 0);
	wr(e, R_MRQC, 2 | BIT(16) | BIT(22));
	wr(e, R_RSSRK, 0x12345678);
	wr(e, R_RSSRK + 4, 0x9abcdef0);
	wr(e, R_RSSRK + 8, 0x0f1e2d3c);
	for (unsigned i = 0; i < 32; i++)
		wr(e, R_RETA + 4 * i, 0x01000100);
	for (unsigned i = 0; i < 24; i++) {
		const uint32_t *d;
		unsigned q;

		send_in(e, frame,
			frame_ipv4(frame, env_mac, 17, 0x0a000001 + i, 0x0a0000ff - i,
				   (uint16_t)(99 + 7 * i), 2000, 40));
		q = (d = env_took(e, 1, NULL)) ? 1 : 0;
		d = d ? d : env_took(e, 0, NULL);
		cr_assert(d);
		cr_assert_eq(d[1] & 1, q, "hash %08x came by queue %u", d[1], q);
		seen[q]++;
	}
	cr_assert(seen[0] && seen[1], "all by one queue");
	/* A frame that is not hashed comes by queue 0. */
	wr(e, R_MRQC, 2);
	send_in(e, frame, udp(frame, 40));
	cr_assert(env_took(e, 0, NULL));
	wr(e, R_RETA, 0x0f0f0f0f);
	env_clean(e);
	env_end(e);
}

Test(sim_rx, checksums_against_the_naive_one)
{
	static const struct {
		uint32_t at; /* byte that is damaged, 0: none */
		uint32_t errors;
	} cases[] = {{0, 0}, {22, RXS_IPE}, {50, RXS_L4E}};
	struct env *e = rx_new(IGB_SIM_82580);
	uint8_t frame[1514];
	const uint32_t *d;

	for (unsigned i = 0; i < 3; i++) {
		for (uint32_t payload = 20; payload < 25; payload++) {
			uint32_t len = frame_ipv4(frame, env_mac, 6, 77, 88, 1, 2, payload);

			if (cases[i].at)
				frame[cases[i].at] ^= 0x10;
			send_in(e, frame, len);
			d = env_took(e, 0, NULL);
			cr_assert(d);
			cr_assert_eq(d[2] & (RXS_IPE | RXS_L4E), cases[i].errors, "case %u: %08x",
				     i, d[2]);
			cr_assert_eq(d[2] & (RXS_IPCS | RXS_L4CS), RXS_IPCS | RXS_L4CS);
		}
	}
	/* A UDP datagram without a checksum was not checked. */
	udp(frame, 40);
	frame[40] = frame[41] = 0;
	send_in(e, frame, 82);
	d = env_took(e, 0, NULL);
	cr_assert_eq(d[2] & (RXS_L4CS | RXS_UDPCS | RXS_IPCS), RXS_IPCS);
	/* Of a fragment only the IP header was. */
	udp(frame, 40);
	frame[20] = 0x20;
	put_be16(frame + 24, 0);
	put_be16(frame + 24, (uint16_t)~naive_sum(frame + 14, 20, 0));
	send_in(e, frame, 82);
	d = env_took(e, 0, NULL);
	cr_assert_eq(d[2] & (RXS_L4CS | RXS_IPCS | RXS_IPE), RXS_IPCS);
	cr_assert_eq(d[0] & 0xfff0, RXT_IPV4);
	env_clean(e);
	env_end(e);
}

/* Put a tag in. */
static uint32_t tag(uint8_t *frame, uint32_t len, uint16_t tci)
{
	memmove(frame + 16, frame + 12, len - 12);
	put_be16(frame + 12, 0x8100);
	put_be16(frame + 14, tci);
	return len + 4;
}

Test(sim_rx, vlan_strip_and_filter)
{
	struct env *e = rx_new(IGB_SIM_I350);
	uint8_t plain[256], frame[256];
	const uint8_t *bytes;
	const uint32_t *d;
	uint32_t len = udp(plain, 60);

	memcpy(frame, plain, len);
	tag(frame, len, 0x6123);
	send_in(e, frame, len + 4);
	d = env_took(e, 0, &bytes);
	cr_assert_eq(d[3], len + 4);
	cr_assert_eq(d[2] & RXS_VP, 0);
	cr_assert_arr_eq(bytes, frame, len + 4);
	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_VME);
	send_in(e, frame, len + 4);
	d = env_took(e, 0, &bytes);
	cr_assert_eq(d[3], len | 0x6123u << 16);
	cr_assert_eq(d[2] & (RXS_VP | RXS_L4CS | RXS_L4E), RXS_VP | RXS_L4CS);
	cr_assert_arr_eq(bytes, plain, len);
	wr(e, R_RCTL, rd(e, R_RCTL) | RCTL_VFE);
	send_in(e, frame, len + 4);
	cr_assert_null(env_took(e, 0, NULL));
	wr(e, R_VFTA + 4 * (0x123 >> 5), BIT(0x123 & 31));
	send_in(e, frame, len + 4);
	cr_assert(env_took(e, 0, NULL));
	cr_assert_eq(igb_sim_drops(e->sim).rx_filtered, 1);
	env_clean(e);
	env_end(e);
}

static bool comes(struct env *e, const char *mac)
{
	uint8_t frame[128];
	uint32_t len = udp(frame, 60);

	memcpy(frame, mac, 6);
	send_in(e, frame, len);
	return env_took(e, 0, NULL);
}

Test(sim_rx, address_filters)
{
	struct env *e = rx_new(IGB_SIM_82576);
	const char *multi = "\x01\x00\x5e\x01\x02\x03", *uni = "\x02\x11\x22\x33\x44\x55";
	uint32_t usual = RCTL_SECRC | RCTL_EN;
	unsigned hash = (0x02 >> 4 | 0x03 << 4) & 0xfff;

	wr(e, R_RCTL, usual);
	cr_assert(comes(e, "\x02\xa0\xc9\0\0\0"));
	cr_assert(!comes(e, uni));
	cr_assert(!comes(e, multi));
	cr_assert(!comes(e, "\xff\xff\xff\xff\xff\xff"));
	wr(e, R_RCTL, usual | RCTL_BAM);
	cr_assert(comes(e, "\xff\xff\xff\xff\xff\xff"));
	wr(e, R_RCTL, usual | RCTL_UPE);
	cr_assert(comes(e, uni) && !comes(e, multi));
	wr(e, R_RCTL, usual | RCTL_MPE);
	cr_assert(!comes(e, uni) && comes(e, multi));
	wr(e, R_RCTL, usual);
	wr(e, R_MTA + 4 * (hash >> 5), BIT(hash & 31));
	cr_assert(comes(e, multi));
	wr(e, R_MTA + 4 * (hash >> 5), 0);
	wr(e, R_RAL16 + 8 * 7, 0x33221102);
	wr(e, R_RAL16 + 8 * 7 + 4, 0x5544);
	cr_assert(!comes(e, uni), "an address that is not valid");
	wr(e, R_RAL16 + 8 * 7 + 4, 0x5544 | BIT(31));
	cr_assert(comes(e, uni));
	env_clean(e);
	env_end(e);
}

Test(sim_rx, every_length_is_delivered_or_counted)
{
	struct env *e = rx_new(IGB_SIM_I350);
	static uint8_t frame[9800];

	memcpy(frame, env_mac, 6);
	send_in(e, frame, 59);
	cr_assert_null(env_took(e, 0, NULL));
	cr_assert_eq(rd(e, S_RUC), 1);
	send_in(e, frame, 60);
	cr_assert(env_took(e, 0, NULL));
	send_in(e, frame, 1514);
	cr_assert(env_took(e, 0, NULL));
	send_in(e, frame, 1515);
	cr_assert_null(env_took(e, 0, NULL));
	cr_assert_eq(rd(e, S_ROC), 1);
	wr(e, R_RLPML, 1600);
	wr(e, R_RCTL, rd(e, R_RCTL) | RCTL_LPE);
	send_in(e, frame, 1596);
	cr_assert(env_took(e, 0, NULL));
	send_in(e, frame, 1597);
	cr_assert_null(env_took(e, 0, NULL));
	cr_assert_eq(rd(e, S_ROC), 1);
	cr_assert_eq(igb_sim_inject(e->sim, frame, 100, IGB_SIM_WIRE_CRC), 0);
	cr_assert_eq(igb_sim_inject(e->sim, frame, 100, IGB_SIM_WIRE_SYMBOL), 0);
	cr_assert_eq(igb_sim_inject(e->sim, frame, 100, IGB_SIM_WIRE_ALIGN), 0);
	cr_assert_eq(igb_sim_inject(e->sim, frame, 100, IGB_SIM_WIRE_LENGTH), 0);
	cr_assert_eq(rd(e, S_CRCERRS), 1);
	cr_assert_eq(rd(e, S_RXERRC), 1);
	cr_assert_eq(rd(e, S_ALGNERRC), 1);
	cr_assert_eq(rd(e, S_RLEC), 1);
	cr_assert_null(env_took(e, 0, NULL));
	wr(e, R_RCTL, rd(e, R_RCTL) | RCTL_SBP);
	cr_assert_eq(igb_sim_inject(e->sim, frame, 100, IGB_SIM_WIRE_CRC), 0);
	cr_assert_eq(env_took(e, 0, NULL)[2] & RXS_RXE, RXS_RXE);
	env_clean(e);
	env_end(e);
}

Test(sim_rx, jumbo_frames_are_scattered)
{
	struct env *e = rx_new(IGB_SIM_I350);
	static uint8_t frame[9216];
	uint32_t at = 0;

	memcpy(frame, env_mac, 6);
	for (unsigned i = 12; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 31 >> 3);
	wr(e, R_RLPML, 9728);
	wr(e, R_RCTL, rd(e, R_RCTL) | RCTL_LPE);
	send_in(e, frame, sizeof(frame));
	for (unsigned i = 0; i < 5; i++) {
		const uint8_t *bytes;
		const uint32_t *d = env_took(e, 0, &bytes);
		uint32_t want = i < 4 ? 2048 : 1024;

		cr_assert(d);
		cr_assert_eq(d[3] & 0xffff, want, "%u: %u", i, d[3]);
		cr_assert_eq(!!(d[2] & RXS_EOP), i == 4);
		cr_assert_arr_eq(bytes, frame + at, want);
		at += want;
	}
	cr_assert_null(env_took(e, 0, NULL));
	env_clean(e);
	env_end(e);
}

Test(sim_rx, the_fcs_stays_unless_it_is_stripped)
{
	struct env *e = rx_new(IGB_SIM_82580);
	const uint8_t *bytes = NULL;
	uint8_t frame[128];
	uint32_t len = udp(frame, 60), crc = UINT32_MAX;

	wr(e, R_RCTL, RCTL_EN);
	send_in(e, frame, len);
	cr_assert_eq(env_took(e, 0, &bytes)[3], len + 4);
	/* Over frame and FCS the CRC leaves its residue. */
	for (uint32_t i = 0; i < len + 4; i++)
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (((crc ^ bytes[i] >> bit) & 1) ? 0xedb88320 : 0);
	cr_assert_eq(crc, 0xdebb20e3u, "%08x", crc);
	env_clean(e);
	env_end(e);
}

Test(sim_rx, without_descriptors_frames_wait_drop_or_are_missed)
{
	struct env *e = rx_new(IGB_SIM_I350);
	uint8_t frame[1514];
	uint32_t len = udp(frame, 1472);
	unsigned waiting;

	for (unsigned i = 0; i < ENV_DESCS - 1; i++)
		send_in(e, frame, len);
	cr_assert_eq(rd(e, R_RDH), rd(e, R_RDT));
	cr_assert_eq(rd(e, S_RNBC), 0);
	for (unsigned i = 0; i < 30; i++)
		send_in(e, frame, len);
	/* 36 KB of packet buffer */
	waiting = igb_sim_waiting(e->sim);
	cr_assert_eq(waiting, 36 * 1024 / 1518, "%u", waiting);
	cr_assert_eq(rd(e, S_MPC), 30 - waiting);
	cr_assert_eq(rd(e, S_RNBC), 1);
	cr_assert(!igb_sim_has_room(e->sim));
	for (unsigned i = 0; i < 5; i++)
		cr_assert(env_took(e, 0, NULL));
	env_give(e, 0);
	wr(e, R_RDT, 4);
	cr_assert_eq(igb_sim_waiting(e->sim), waiting - 5);
	wr(e, R_SRRCTL, rd(e, R_SRRCTL) | BIT(31));
	send_in(e, frame, len);
	cr_assert_eq(igb_sim_waiting(e->sim), 0);
	cr_assert_eq(rd(e, R_RQDPC), waiting - 5 + 1);
	cr_assert_eq(rd(e, R_RQDPC), 0);
	env_clean(e);
	env_end(e);
}

Test(sim_rx, tails_that_are_wrong)
{
	struct env *e = rx_new(IGB_SIM_I350);
	uint8_t frame[128];
	uint32_t len = udp(frame, 60);

	wr(e, R_RDT + 64, 5); /* queue 1 is off: ignored */
	env_violated(e, IGB_SIM_V_TAIL, 1);
	cr_assert_eq(rd(e, R_RDT + 64), 0);
	wr(e, R_RDT, ENV_DESCS);
	env_violated(e, IGB_SIM_V_TAIL, 1);
	wr(e, R_RDT, 0); /* the ring would be full, and look empty */
	env_violated(e, IGB_SIM_V_TAIL, 1);
	wr(e, R_RDT, ENV_DESCS - 1);
	igb_sim_violations_forget(e->sim);
	wr(e, R_RDLEN, 256);
	env_violated(e, IGB_SIM_V_RING, 1);
	wr(e, R_RDLEN, sizeof(e->rx[0]));
	igb_sim_violations_forget(e->sim);
	e->rx[0][0][2] = 1; /* DD was left */
	send_in(e, frame, len);
	env_violated(e, IGB_SIM_V_DESC, 1);
	env_end(e);
}

Test(sim_rx, memory_that_is_not_mapped)
{
	struct env *e = rx_new(IGB_SIM_I350);
	uint64_t wild = 0x1000;
	uint8_t frame[128];
	uint32_t len = udp(frame, 60);

	memcpy(e->rx[0][0], &wild, 8);
	send_in(e, frame, len);
	cr_assert(igb_sim_violations(e->sim, IGB_SIM_V_DMA) >= 1);
	cr_assert(rd(e, R_ICR) & ICR_FER);
	cr_assert(igb_sim_config_read(e->sim, 6, 2) & 0x2000, "no master abort");
	igb_sim_violations_forget(e->sim);
	cr_assert_eq(igb_sim_dma_unmap(e->sim, e, sizeof(*e)), 0);
	env_violated(e, IGB_SIM_V_DMA, 1); /* the ring of queue 0, on */
	cr_assert_eq(igb_sim_dma_unmap(e->sim, e, sizeof(*e)), -ENOENT);
	send_in(e, frame, len);
	cr_assert(igb_sim_violations(e->sim, IGB_SIM_V_DMA) >= 1);
	env_end(e);
}

Test(sim_rx, nothing_comes_without_bus_mastering_or_after_stop)
{
	struct env *e = rx_new(IGB_SIM_I350);
	uint8_t frame[128];
	uint32_t len = udp(frame, 60);

	igb_sim_config_write(e->sim, 4, 2, 2);
	send_in(e, frame, len);
	cr_assert_null(env_took(e, 0, NULL));
	igb_sim_config_write(e->sim, 4, 2, 6);
	cr_assert(env_took(e, 0, NULL));
	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_GIO_MASTER_DISABLE);
	send_in(e, frame, len);
	cr_assert_null(env_took(e, 0, NULL));
	wr(e, R_CTRL, rd(e, R_CTRL) & ~CTRL_GIO_MASTER_DISABLE);
	cr_assert(env_took(e, 0, NULL));
	wr(e, R_RXDCTL, 0);
	cr_assert(rd(e, R_RXDCTL) & QUEUE_ENABLE, "off at once");
	igb_sim_advance(e->sim, 100000);
	cr_assert_eq(rd(e, R_RXDCTL) & QUEUE_ENABLE, 0);
	send_in(e, frame, len);
	cr_assert_eq(igb_sim_drops(e->sim).rx_disabled, 1);
	wr(e, R_RCTL, 0);
	send_in(e, frame, len);
	cr_assert_eq(igb_sim_drops(e->sim).rx_disabled, 2);
	env_clean(e);
	env_end(e);
}

Test(sim_rx, write_back_waits_for_its_threshold_or_the_timer)
{
	struct env *e = env_new(IGB_SIM_I350);
	uint8_t frame[128];
	uint32_t len = udp(frame, 60);

	env_link(e);
	wr(e, R_DVMOLR, BIT(31));
	wr(e, R_IVAR, 0x80 | 1);
	wr(e, R_EITR + 4, 500 << 2);
	env_rx(e, 0, RCTL_USUAL, 4u << 16);
	for (unsigned i = 0; i < 3; i++)
		send_in(e, frame, len);
	cr_assert_null(env_took(e, 0, NULL));
	send_in(e, frame, len);
	for (unsigned i = 0; i < 4; i++)
		cr_assert(env_took(e, 0, NULL), "%u", i);
	send_in(e, frame, len);
	cr_assert_null(env_took(e, 0, NULL));
	igb_sim_advance(e->sim, 510000);
	cr_assert(env_took(e, 0, NULL), "the timer brought nothing");
	env_clean(e);
	env_end(e);
}

Test(sim_rx, a_stamp_before_each_frame)
{
	struct env *e = rx_new(IGB_SIM_I350);
	uint8_t frame[128];
	const uint8_t *bytes;
	const uint32_t *d;
	uint32_t len = udp(frame, 60), low;

	wr(e, R_TSAUXC, 0);
	wr(e, R_TSYNCRXCTL, TSYNC_EN | 4 << 1);
	wr(e, R_SRRCTL, rd(e, R_SRRCTL) | SRRCTL_TIMESTAMP);
	igb_sim_advance(e->sim, 7000000);
	low = rd(e, R_SYSTIML);
	send_in(e, frame, len);
	d = env_took(e, 0, &bytes);
	cr_assert_eq(d[2] & RXS_TSIP, RXS_TSIP);
	cr_assert_eq(d[3], len + 16);
	cr_assert_arr_eq(bytes + 16, frame, len);
	cr_assert(*(const uint32_t *)(bytes + 8) - low < 100000, "%u %u",
		  *(const uint32_t *)(bytes + 8), low);
	env_clean(e);
	env_end(e);
}

Test(sim_rx, what_the_82576_has_not)
{
	struct env *e = rx_new(IGB_SIM_82576);
	uint8_t frame[128];

	wr(e, R_SRRCTL, rd(e, R_SRRCTL) | SRRCTL_TIMESTAMP);
	send_in(e, frame, udp(frame, 60));
	env_violated(e, IGB_SIM_V_CONF, 1);
	env_end(e);
}

Test(sim_rx, faults)
{
	struct env *e = rx_new(IGB_SIM_I350);
	const uint32_t raw[4] = {1, 2, RXS_DD | RXS_EOP | 0x00ffff00, 0xffffffff};
	uint8_t frame[128];
	const uint32_t *d;
	uint32_t len = udp(frame, 60);

	igb_sim_fault(e->sim, IGB_SIM_F_RX_LENGTH, 0x4000);
	send_in(e, frame, len);
	cr_assert_eq(env_took(e, 0, NULL)[3], len | 0x4000);
	igb_sim_fault(e->sim, IGB_SIM_F_RX_LENGTH, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_RX_NO_EOP, 1);
	send_in(e, frame, len);
	cr_assert_eq(env_took(e, 0, NULL)[2] & RXS_EOP, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_RX_NO_EOP, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_RX_STATUS, RXS_RXE);
	send_in(e, frame, len);
	cr_assert_eq(env_took(e, 0, NULL)[2] & RXS_RXE, RXS_RXE);
	igb_sim_fault(e->sim, IGB_SIM_F_RX_STATUS, 0);
	cr_assert_eq(igb_sim_rx_write_back(e->sim, 0, raw), 0);
	d = env_took(e, 0, NULL);
	cr_assert_arr_eq(d, raw, sizeof(raw));
	cr_assert_eq(igb_sim_rx_write_back(e->sim, 1, raw), -EAGAIN);
	igb_sim_fault(e->sim, IGB_SIM_F_RX_NO_DD, 1);
	send_in(e, frame, len);
	cr_assert_null(env_took(e, 0, NULL));
	igb_sim_fault(e->sim, IGB_SIM_F_RX_NO_DD, 0);
	/* Gone within a burst: two more, and no third. */
	e->rx_next[0]++;
	igb_sim_fault(e->sim, IGB_SIM_F_GONE_AFTER, 3);
	for (unsigned i = 0; i < 2; i++)
		send_in(e, frame, len);
	igb_sim_inject(e->sim, frame, len, 0);
	cr_assert(env_took(e, 0, NULL) && env_took(e, 0, NULL) && !env_took(e, 0, NULL));
	cr_assert_eq(rd(e, R_STATUS), UINT32_MAX);
	env_end(e);
}
