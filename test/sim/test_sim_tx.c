/* SPDX-License-Identifier: BSD-3-Clause */
/* The model of the card: transmission, offloads, cables, flow control. */
#include "sim_env.h"

#include <errno.h>

enum { OL_IXSM = BIT(8), OL_TXSM = BIT(9), TUCMD_IPV4 = BIT(10), TUCMD_TCP = BIT(11) };

#define CMD_VLE BIT(30)
#define CMD_TSE BIT(31)
#define PAYLEN(n) ((uint32_t)(n) << 14)

static const uint8_t far_mac[6] = {2, 0, 0, 0, 0, 1};

static struct env *tx_new(enum igb_sim_type type)
{
	struct env *e = env_new(type);

	env_link(e);
	env_tx(e, 0);
	return e;
}

static void context(struct env *e, uint32_t mac, uint32_t ip, uint32_t tucmd, uint32_t l4,
		    uint32_t mss, uint16_t vlan)
{
	env_desc(e, ip | mac << 9 | (uint32_t)vlan << 16, 0, tucmd | 2u << 20 | BIT(29),
		 l4 << 8 | mss << 16);
}

static uint32_t take(struct env *e, uint8_t *frame)
{
	int len = igb_sim_take(e->sim, frame, IGB_SIM_FRAME_MAX);

	cr_assert_neq(len, IGB_SIM_NONE, "no frame came: %s", igb_sim_violation_text(e->sim, 0));
	return (uint32_t)len;
}

static bool is_done(const struct env *e, unsigned i)
{
	return e->tx[i][3] == 1;
}

Test(sim_tx, frames_leave_and_only_rs_reports)
{
	struct env *e = tx_new(IGB_SIM_I350);
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 100);

	for (unsigned i = 0; i < 3; i++)
		env_data(e, 0, len, CMD_EOP | (i == 2 ? CMD_RS : 0), PAYLEN(len));
	env_bell(e);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(take(e, frame), len);
		cr_assert_arr_eq(frame, e->out, len);
	}
	cr_assert(!is_done(e, 0) && !is_done(e, 1) && is_done(e, 2));
	cr_assert_eq(rd(e, R_TDH), 3);
	cr_assert_eq(rd(e, S_GPTC), 3);
	cr_assert_eq(rd(e, S_GOTCL), 3 * (len + 4));
	cr_assert_eq(rd(e, R_PQGPTC), 3);
	env_clean(e);
	env_end(e);
}

Test(sim_tx, a_packet_of_pieces_is_one_frame)
{
	struct env *e = tx_new(IGB_SIM_82576);
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 1000);

	env_data(e, 0, 14, 0, PAYLEN(len));
	env_data(e, 14, 1, 0, 0);
	env_data(e, 15, len - 15, CMD_EOP | CMD_RS, 0);
	env_bell(e);
	cr_assert_eq(take(e, frame), len);
	cr_assert_arr_eq(frame, e->out, len);
	cr_assert_eq(igb_sim_take(e->sim, frame, sizeof(frame)), IGB_SIM_NONE);
	env_clean(e);
	env_end(e);
}

Test(sim_tx, short_frames_are_padded)
{
	struct env *e = tx_new(IGB_SIM_I350);
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	static const uint8_t zeros[60];

	memset(e->out, 0xee, 60);
	env_data(e, 0, 20, CMD_EOP | CMD_RS, PAYLEN(20));
	env_bell(e);
	cr_assert_eq(take(e, frame), 60);
	cr_assert_arr_eq(frame, e->out, 20);
	cr_assert_arr_eq(frame + 20, zeros, 40);
	env_clean(e);
	env_data(e, 0, 16, CMD_EOP | CMD_RS, PAYLEN(16));
	env_bell(e);
	env_violated(e, IGB_SIM_V_DESC, 1);
	env_end(e);
}

/* The card's checksums are those of the frame made whole by hand. */
Test(sim_tx, checksums_are_the_naive_ones)
{
	static const uint8_t protocols[] = {6, 17};
	static uint8_t want[IGB_SIM_FRAME_MAX], frame[IGB_SIM_FRAME_MAX];
	struct env *e = tx_new(IGB_SIM_I210);

	for (unsigned p = 0; p < 2; p++) {
		uint32_t at = protocols[p] == 6 ? 50 : 40, l4 = protocols[p] == 6 ? 20 : 8;

		for (uint32_t payload = 30; payload < 33; payload++) {
			uint32_t len = frame_ipv4(want, far_mac, protocols[p], 0x0a010203,
						  0xc0a80001, 55, 66, payload);

			memcpy(e->out, want, len);
			put_be16(e->out + 24, 0);
			put_be16(e->out + at, naive_sum(want + 26, 8, protocols[p] + l4 + payload));
			context(e, 14, 20, TUCMD_IPV4 | (p ? 0 : TUCMD_TCP), l4, 0, 0);
			env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len) | OL_IXSM | OL_TXSM);
			env_bell(e);
			cr_assert_eq(take(e, frame), len);
			cr_assert_arr_eq(frame, want, len, "protocol %u", protocols[p]);
		}
	}
	env_clean(e);
	env_end(e);
}

Test(sim_tx, sctp_checksum_is_crc32c)
{
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	struct env *e = tx_new(IGB_SIM_I350);
	/* RFC 3720 B.4: 32 bytes of zero have this CRC32c; here the header is those. */
	static const uint8_t crc[4] = {0xaa, 0x36, 0x91, 0x8a};

	frame_ipv4(e->out, far_mac, 17, 1, 2, 0, 0, 24);
	memset(e->out + 34, 0, 32);
	e->out[23] = 132;
	context(e, 14, 20, TUCMD_IPV4 | 2u << 11, 12, 0, 0);
	env_data(e, 0, 66, CMD_EOP | CMD_RS, PAYLEN(66) | OL_TXSM);
	env_bell(e);
	cr_assert_eq(take(e, frame), 66);
	cr_assert_arr_eq(frame + 42, crc, 4);
	env_clean(e);
	env_end(e);
}

/* Three segments, made by hand: 1000, 1000 and 500 bytes. */
Test(sim_tx, tso_makes_the_segments_one_would_make)
{
	static const struct {
		uint32_t from, len;
		uint8_t flags;
	} segments[] = {{0, 1000, 0x10}, {1000, 1000, 0x10}, {2000, 500, 0x19}};
	static uint8_t want[IGB_SIM_FRAME_MAX], frame[IGB_SIM_FRAME_MAX];
	struct env *e = tx_new(IGB_SIM_I350);
	uint32_t len = frame_ipv4(e->out, far_mac, 6, 0x0a000001, 0x0a000002, 80, 81, 2500);

	e->out[47] = 0x19; /* FIN PSH ACK */
	put_be16(e->out + 16, 0);
	put_be16(e->out + 24, 0);
	put_be16(e->out + 50, naive_sum(e->out + 26, 8, 6)); /* without length */
	context(e, 14, 20, TUCMD_IPV4 | TUCMD_TCP, 20, 1000, 0);
	env_data(e, 0, 54, CMD_TSE, PAYLEN(2500) | OL_IXSM | OL_TXSM);
	env_data(e, 54, len - 54, CMD_TSE | CMD_EOP | CMD_RS, 0);
	env_bell(e);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t n = segments[i].len, sum;

		memcpy(want, e->out, 54);
		memcpy(want + 54, e->out + 54 + segments[i].from, n);
		put_be16(want + 16, 40 + n);
		put_be16(want + 18, 0x1234 + i);
		put_be16(want + 24, 0);
		put_be16(want + 24, (uint16_t)~naive_sum(want + 14, 20, 0));
		put_be16(want + 40, 1 + segments[i].from); /* sequence, low half */
		want[47] = segments[i].flags;
		put_be16(want + 50, 0);
		sum = naive_sum(want + 26, 8, 6 + 20 + n);
		put_be16(want + 50, (uint16_t)~naive_sum(want + 34, 20 + n, sum));
		cr_assert_eq(take(e, frame), 54 + n);
		cr_assert_arr_eq(frame, want, 54 + n, "segment %u", i);
	}
	cr_assert_eq(rd(e, S_TSCTC), 1);
	cr_assert_eq(rd(e, S_GPTC), 3);
	env_clean(e);
	env_end(e);
}

Test(sim_tx, vlan_insert_needs_vme)
{
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	struct env *e = tx_new(IGB_SIM_I350);
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 100);

	for (unsigned on = 0; on < 2; on++) {
		if (on)
			wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_VME);
		context(e, 14, 20, 0, 0, 0, 0xa064);
		env_data(e, 0, len, CMD_EOP | CMD_RS | CMD_VLE, PAYLEN(len));
		env_bell(e);
		cr_assert_eq(take(e, frame), on ? len + 4 : len);
		if (!on)
			env_violated(e, IGB_SIM_V_CONF, 1);
	}
	cr_assert_arr_eq(frame, e->out, 12);
	cr_assert_arr_eq(frame + 12, "\x81\x00\xa0\x64", 4);
	cr_assert_arr_eq(frame + 16, e->out + 12, len - 12);
	env_clean(e);
	env_end(e);
}

Test(sim_tx, write_back_by_threshold_timer_and_head)
{
	struct env *e = env_new(IGB_SIM_I350);
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 100);
	uint64_t head = (uintptr_t)&e->head_written;

	env_link(e);
	wr(e, R_IVAR, (0x80u | 2) << 8);
	wr(e, R_EITR + 8, 200 << 2);
	env_tx(e, 4u << 16);
	for (unsigned i = 0; i < 3; i++)
		env_data(e, 0, len, CMD_EOP, PAYLEN(len));
	env_bell(e);
	cr_assert(!is_done(e, 0));
	igb_sim_advance(e->sim, 210000);
	cr_assert(is_done(e, 0) && is_done(e, 1) && is_done(e, 2));
	for (unsigned i = 0; i < 4; i++)
		env_data(e, 0, len, CMD_EOP, PAYLEN(len));
	env_bell(e);
	cr_assert(is_done(e, 3) && is_done(e, 6), "four at once");
	wr(e, R_TXDCTL, QUEUE_ENABLE);
	wr(e, R_TDWBAH, (uint32_t)(head >> 32));
	wr(e, R_TDWBAL, (uint32_t)head | 1);
	env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(e);
	cr_assert_eq(e->head_written, 8);
	cr_assert(!is_done(e, 7), "head write-back and DD");
	env_clean(e);
	env_end(e);
}

Test(sim_tx, turning_on_zeroes_head_and_tail_and_off_waits)
{
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	struct env *e = env_new(IGB_SIM_I210);
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 100);

	env_link(e);
	wr(e, R_TDT, 3);
	env_violated(e, IGB_SIM_V_TAIL, 1);
	wr(e, R_TDH, 7);
	env_tx(e, 0);
	cr_assert_eq(rd(e, R_TDH), 0);
	igb_sim_plug(e->sim, false);
	env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(e);
	cr_assert(!is_done(e, 0), "sent without a link");
	wr(e, R_TXDCTL, 0);
	igb_sim_advance(e->sim, 10000000);
	cr_assert(rd(e, R_TXDCTL) & QUEUE_ENABLE, "off with a frame in it");
	igb_sim_plug(e->sim, true);
	igb_sim_advance(e->sim, 1000000000);
	igb_sim_advance(e->sim, 1000000);
	cr_assert_eq(take(e, frame), len);
	cr_assert(is_done(e, 0));
	cr_assert_eq(rd(e, R_TXDCTL) & QUEUE_ENABLE, 0);
	env_clean(e);
	env_end(e);
}

Test(sim_tx, descriptors_that_are_wrong)
{
	/* Each is one violation, and stops the queue. */
	static const struct {
		const char *what;
		uint32_t len, cmd, olinfo;
	} cases[] = {
		{"length 0", 0, CMD_EOP, PAYLEN(0)},
		{"PAYLEN", 60, CMD_EOP, PAYLEN(61)},
		{"no context", 60, CMD_EOP, PAYLEN(60) | OL_TXSM},
		{"no EOP", 60, 0, PAYLEN(60)},
		{"too long", 9725, CMD_EOP, PAYLEN(9725)},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static uint8_t frame[IGB_SIM_FRAME_MAX];
		struct env *e = tx_new(IGB_SIM_I350);

		env_data(e, 0, cases[i].len, cases[i].cmd, cases[i].olinfo);
		env_bell(e);
		cr_assert_eq(igb_sim_violations(e->sim, IGB_SIM_V_DESC), 1, "%s: %d", cases[i].what,
			     (int)igb_sim_violations(e->sim, IGB_SIM_V_DESC));
		cr_assert_eq(igb_sim_take(e->sim, frame, sizeof(frame)), IGB_SIM_NONE);
		env_end(e);
	}
}

Test(sim_tx, offloads_that_are_wrong)
{
	static const struct {
		const char *what;
		uint32_t mac, ip, l4, mss, cmd, olinfo;
	} cases[] = {
		{"MACLEN", 13, 20, 20, 0, 0, OL_TXSM},
		{"IPLEN", 14, 19, 20, 0, 0, OL_TXSM},
		{"beyond", 14, 140, 20, 0, 0, OL_TXSM},
		{"L4LEN", 14, 20, 19, 50, CMD_TSE, OL_TXSM | OL_IXSM},
		{"MSS 0", 14, 20, 20, 0, CMD_TSE, OL_TXSM | OL_IXSM},
		{"MSS", 14, 20, 20, 9217, CMD_TSE, OL_TXSM | OL_IXSM},
		{"TXSM", 14, 20, 20, 50, CMD_TSE, OL_IXSM},
		{"IXSM", 14, 20, 20, 50, CMD_TSE, OL_TXSM},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct env *e = tx_new(IGB_SIM_I350);
		uint32_t len = frame_ipv4(e->out, far_mac, 6, 1, 2, 3, 4, 100);
		bool is_tso = cases[i].cmd & CMD_TSE;

		context(e, cases[i].mac, cases[i].ip, TUCMD_IPV4 | TUCMD_TCP, cases[i].l4,
			cases[i].mss, 0);
		env_data(e, 0, len, CMD_EOP | cases[i].cmd,
			 PAYLEN(is_tso ? len - 34 - cases[i].l4 : len) | cases[i].olinfo);
		env_bell(e);
		env_violated(e, IGB_SIM_V_DESC, 1);
		env_end(e);
	}
}

Test(sim_tx, loopback_brings_it_back)
{
	struct env *e = env_new(IGB_SIM_I350);
	const uint8_t *bytes;
	const uint32_t *d;
	uint32_t len = frame_ipv4(e->out, env_mac, 17, 1, 2, 3, 4, 100);

	wr(e, R_DVMOLR, BIT(31));
	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_VME | CTRL_SLU | CTRL_FRCSPD | CTRL_FRCDPX);
	env_rx(e, 0, RCTL_SECRC | RCTL_LBM_MAC, 0);
	env_tx(e, 0);
	context(e, 14, 20, 0, 0, 0, 0x1234);
	env_data(e, 0, len, CMD_EOP | CMD_RS | CMD_VLE, PAYLEN(len));
	env_bell(e);
	d = env_took(e, 0, &bytes);
	cr_assert(d);
	cr_assert_eq(d[2] & (RXS_LB | RXS_VP), RXS_LB | RXS_VP);
	/* The I350 turns the tag of what comes back. */
	cr_assert_eq(d[3], len | 0x3412u << 16, "%08x", d[3]);
	cr_assert_arr_eq(bytes, e->out, len);
	env_clean(e);
	env_end(e);
}

Test(sim_tx, loopback_wants_a_forced_link)
{
	static const uint32_t each[] = {CTRL_SLU, CTRL_FRCSPD, CTRL_FRCDPX};
	const uint32_t all = CTRL_SLU | CTRL_FRCSPD | CTRL_FRCDPX;

	for (unsigned i = 0; i < 3; i++) {
		struct env *e = env_new(IGB_SIM_I350);
		uint32_t len = frame_ipv4(e->out, env_mac, 17, 1, 2, 3, 4, 100);
		const uint8_t *bytes;

		wr(e, R_CTRL, (rd(e, R_CTRL) | all) & ~each[i]);
		env_rx(e, 0, RCTL_SECRC | RCTL_LBM_MAC, 0);
		env_tx(e, 0);
		env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
		env_bell(e);
		cr_assert_not(env_took(e, 0, &bytes));
		env_violated(e, IGB_SIM_V_CONF, 1);
		env_end(e);
	}
}

/* ---- Two cards ---- */

static void pair(struct env **a, struct env **b)
{
	*a = env_new(IGB_SIM_I350);
	*b = env_new(IGB_SIM_82576);
	cr_assert_eq(igb_sim_connect((*a)->sim, (*b)->sim), 0);
	wr(*a, R_CTRL, rd(*a, R_CTRL) | CTRL_SLU);
	wr(*b, R_CTRL, rd(*b, R_CTRL) | CTRL_SLU);
	for (unsigned i = 0; i < 2; i++) {
		igb_sim_advance((*a)->sim, 600000000);
		igb_sim_advance((*b)->sim, 600000000);
	}
	cr_assert(rd(*a, R_STATUS) & STATUS_LU);
	cr_assert(rd(*b, R_STATUS) & STATUS_LU);
	env_tx(*a, 0);
	env_rx(*b, 0, RCTL_SECRC | RCTL_UPE, 0);
}

Test(sim_tx, a_cable_between_two_cards)
{
	struct env *a, *b;
	const uint8_t *bytes;
	uint32_t len;

	pair(&a, &b);
	cr_assert_eq(igb_sim_connect(a->sim, b->sim), -EINVAL);
	len = frame_ipv4(a->out, far_mac, 17, 1, 2, 3, 4, 300);
	for (unsigned i = 0; i < 10; i++)
		env_data(a, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(a);
	for (unsigned i = 0; i < 10; i++) {
		cr_assert(env_took(b, 0, &bytes), "frame %u", i);
		cr_assert_arr_eq(bytes, a->out, len);
	}
	cr_assert_eq(rd(b, S_TPR), rd(a, S_TPT));
	igb_sim_plug(b->sim, false);
	cr_assert_eq(rd(a, R_STATUS) & STATUS_LU, 0, "the other end did not see it");
	env_clean(a);
	env_clean(b);
	env_end(a);
	env_end(b);
}

/* A receiver without descriptors asks for a pause; nothing is lost, and it goes on. */
Test(sim_tx, pause_frames_hold_the_sender)
{
	struct env *a, *b;
	uint32_t len, head;

	pair(&a, &b);
	wr(a, R_CTRL, rd(a, R_CTRL) | CTRL_RFCE);
	wr(a, R_RCTL, RCTL_EN);
	wr(b, R_CTRL, rd(b, R_CTRL) | CTRL_TFCE);
	wr(b, R_FCTTV, 0xffff);
	wr(b, R_FCRTL, 8192 | BIT(31));
	wr(b, R_FCRTH, 16384);
	len = frame_ipv4(a->out, far_mac, 17, 1, 2, 3, 4, 1400);
	/* 31 go to descriptors, and 12 make 16 KB. */
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 31; i++)
			env_data(a, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
		env_bell(a);
	}
	head = rd(a, R_TDH);
	cr_assert_neq(head, a->tx_next, "all was sent");
	cr_assert(rd(a, R_STATUS) & STATUS_TXOFF);
	cr_assert_eq(rd(b, S_XOFFTXC), 1);
	cr_assert_eq(rd(a, S_XOFFRXC), 1);
	for (unsigned i = 0; i < 31; i++)
		cr_assert(env_took(b, 0, NULL));
	env_give(b, 0);
	wr(b, R_RDT, 30 - 1);
	cr_assert_eq(rd(a, S_XONRXC), 1);
	cr_assert_eq(rd(a, R_STATUS) & STATUS_TXOFF, 0);
	cr_assert_eq(rd(a, R_TDH), a->tx_next);
	cr_assert_eq(rd(b, S_MPC), 0);
	env_clean(a);
	env_clean(b);
	env_end(a);
	env_end(b);
}

Test(sim_tx, a_partner_that_takes_nothing_holds_the_card)
{
	const struct igb_sim_conf conf = {
		.type = IGB_SIM_I350, .clock = IGB_SIM_CLOCK_MANUAL, .partner_frames = 4};
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	struct env *e = env_new_conf(&conf);
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 100);

	env_link(e);
	env_tx(e, 0);
	for (unsigned i = 0; i < 6; i++)
		env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(e);
	cr_assert_eq(rd(e, R_TDH), 4);
	take(e, frame);
	cr_assert_eq(rd(e, R_TDH), 5);
	env_clean(e);
	env_end(e);
}

Test(sim_tx, faults)
{
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	struct env *e = tx_new(IGB_SIM_I350);
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 100);

	igb_sim_fault(e->sim, IGB_SIM_F_TX_NO_DD, 1);
	env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(e);
	cr_assert_eq(take(e, frame), len);
	cr_assert(!is_done(e, 0));
	igb_sim_fault(e->sim, IGB_SIM_F_TX_NO_DD, 0);
	igb_sim_fault(e->sim, IGB_SIM_F_TX_HANG, 1);
	env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(e);
	cr_assert_eq(rd(e, R_TDH), 1);
	igb_sim_fault(e->sim, IGB_SIM_F_TX_HANG, 0);
	cr_assert(is_done(e, 1));
	igb_sim_fault(e->sim, IGB_SIM_F_GONE_AFTER, 2);
	for (unsigned i = 0; i < 3; i++)
		env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(e);
	cr_assert(is_done(e, 2) && !is_done(e, 3) && !is_done(e, 4));
	cr_assert_eq(rd(e, R_TDH), UINT32_MAX);
	env_end(e);
}

Test(sim_tx, the_emulations_ways)
{
	const struct igb_sim_conf conf = {
		.type = IGB_SIM_82576, .clock = IGB_SIM_CLOCK_MANUAL, .qemu = true};
	static uint8_t frame[IGB_SIM_FRAME_MAX];
	struct env *e = env_new_conf(&conf);
	uint32_t len = frame_ipv4(e->out, far_mac, 17, 1, 2, 3, 4, 100);

	/* No link: lost, but done. */
	cr_assert(rd(e, R_TXDCTL) & QUEUE_ENABLE);
	cr_assert_eq(rd(e, R_EECD) & BIT(9), 0);
	env_tx(e, 0);
	env_data(e, 0, len, CMD_EOP | CMD_RS, PAYLEN(len));
	env_bell(e);
	cr_assert(e->tx[0][3] & 1);
	cr_assert_eq(e->tx[0][3] >> 14, len, "the rest of the descriptor is gone");
	cr_assert_eq(igb_sim_take(e->sim, frame, sizeof(frame)), IGB_SIM_NONE);
	cr_assert_eq(igb_sim_drops(e->sim).tx_lost, 1);
	cr_assert_eq(rd(e, S_GPTC), 0);
	env_end(e);
}
