/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card and its rings as a test drives them, register by register, without a driver. Include it in
 * tests of the model only; it defines PLX_MMIO_HOOK.
 */
#ifndef SIM_ENV_H
#define SIM_ENV_H

#define PLX_MMIO_HOOK 1

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pollux/mmio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_regs.h"

enum { ENV_DESCS = 32, ENV_BUF_BYTES = 2048, ENV_TX_BYTES = 65536 };

struct env {
	struct igb_sim *sim;
	uint8_t *bar;
	uint32_t rx[4][ENV_DESCS][4] __attribute__((aligned(128)));
	uint32_t tx[ENV_DESCS][4] __attribute__((aligned(128)));
	uint8_t bufs[4][ENV_DESCS][ENV_BUF_BYTES];
	uint8_t out[ENV_TX_BYTES];
	uint32_t head_written;
	unsigned rx_next[4], tx_next;
};

static inline uint32_t rd(const struct env *e, uint32_t offset)
{
	return plx_mmio_read32(e->bar + offset);
}

static inline void wr(const struct env *e, uint32_t offset, uint32_t value)
{
	plx_mmio_write32(e->bar + offset, value);
}

/* No violation, or its text. */
#define env_clean(e)                                                                               \
	cr_assert_eq(igb_sim_violations((e)->sim, IGB_SIM_NB_VIOLATIONS), 0, "%s",                 \
		     igb_sim_violation_text((e)->sim, 0))

/* @nb violations of a kind, and none else; they are forgotten. */
#define env_violated(e, kind, nb)                                                                  \
	do {                                                                                       \
		cr_assert_eq(igb_sim_violations((e)->sim, kind), nb, "%d of %d: %s",               \
			     (int)igb_sim_violations((e)->sim, kind), nb,                          \
			     igb_sim_violation_text((e)->sim, 0));                                 \
		cr_assert_eq(igb_sim_violations((e)->sim, IGB_SIM_NB_VIOLATIONS), nb, "%s",        \
			     igb_sim_violation_text((e)->sim, 1));                                 \
		igb_sim_violations_forget((e)->sim);                                               \
	} while (0)

/* A card with bus mastering on, of a clock that the test winds. */
static inline struct env *env_new_conf(const struct igb_sim_conf *conf)
{
	struct env *e = aligned_alloc(4096, (sizeof(*e) + 4095) / 4096 * 4096);

	cr_assert(e);
	memset(e, 0, sizeof(*e));
	cr_assert_eq(igb_sim_create(conf, &e->sim), 0);
	e->bar = igb_sim_bar(e->sim);
	igb_sim_config_write(e->sim, 4, 2, 6);
	cr_assert_eq(igb_sim_dma_map(e->sim, e, sizeof(*e)), 0);
	return e;
}

static inline struct env *env_new(enum igb_sim_type type)
{
	const struct igb_sim_conf conf = {.type = type, .clock = IGB_SIM_CLOCK_MANUAL};

	return env_new_conf(&conf);
}

static inline void env_end(struct env *e)
{
	igb_sim_destroy(e->sim);
	free(e);
}

static inline void env_link(struct env *e)
{
	wr(e, R_CTRL, rd(e, R_CTRL) | CTRL_SLU);
	igb_sim_advance(e->sim, 1000000000);
	cr_assert(rd(e, R_STATUS) & STATUS_LU, "no link");
}

/* All descriptors of a receive queue as they are given to the card. */
static inline void env_give(struct env *e, unsigned q)
{
	for (unsigned i = 0; i < ENV_DESCS; i++) {
		uint64_t addr = (uintptr_t)e->bufs[q][i];

		memcpy(e->rx[q][i], &addr, 8);
		e->rx[q][i][2] = e->rx[q][i][3] = 0;
	}
}

/* Receive queue on, all buffers given but one; RCTL as @rctl with EN. */
static inline void env_rx(struct env *e, unsigned q, uint32_t rctl, uint32_t rxdctl)
{
	uint64_t base = (uintptr_t)e->rx[q];

	env_give(e, q);
	wr(e, R_RDBAL + 64 * q, (uint32_t)base);
	wr(e, R_RDBAH + 64 * q, (uint32_t)(base >> 32));
	wr(e, R_RDLEN + 64 * q, sizeof(e->rx[q]));
	wr(e, R_SRRCTL + 64 * q, 2 | 1u << 25);
	wr(e, R_RXDCTL + 64 * q, rxdctl | QUEUE_ENABLE);
	igb_sim_advance(e->sim, 100000);
	cr_assert(rd(e, R_RXDCTL + 64 * q) & QUEUE_ENABLE, "queue %u is off", q);
	wr(e, R_RCTL, rctl | RCTL_EN);
	wr(e, R_RDT + 64 * q, ENV_DESCS - 1);
	e->rx_next[q] = 0;
}

static inline void env_tx(struct env *e, uint32_t txdctl)
{
	uint64_t base = (uintptr_t)e->tx;

	wr(e, R_TDBAL, (uint32_t)base);
	wr(e, R_TDBAH, (uint32_t)(base >> 32));
	wr(e, R_TDLEN, sizeof(e->tx));
	wr(e, R_TXDCTL, txdctl | QUEUE_ENABLE);
	igb_sim_advance(e->sim, 100000);
	cr_assert(rd(e, R_TXDCTL) & QUEUE_ENABLE, "queue is off");
	wr(e, R_TCTL, rd(e, R_TCTL) | TCTL_EN);
	e->tx_next = 0;
}

/* The next descriptor of a receive queue; NULL: not done. */
static inline const uint32_t *env_took(struct env *e, unsigned q, const uint8_t **bytes)
{
	unsigned i = e->rx_next[q];
	const uint32_t *d = e->rx[q][i];

	if (!(d[2] & RXS_DD))
		return NULL;
	if (bytes)
		*bytes = e->bufs[q][i];
	e->rx_next[q] = (i + 1) % ENV_DESCS;
	return d;
}

static inline void env_desc(struct env *e, uint32_t dw0, uint32_t dw1, uint32_t dw2, uint32_t dw3)
{
	uint32_t *d = e->tx[e->tx_next];

	d[0] = dw0;
	d[1] = dw1;
	d[2] = dw2;
	d[3] = dw3;
	e->tx_next = (e->tx_next + 1) % ENV_DESCS;
}

/* A data descriptor for e->out[from, from + len). @cmd: EOP, RS and so on are the caller's. */
static inline void env_data(struct env *e, uint32_t from, uint32_t len, uint32_t cmd,
			    uint32_t olinfo)
{
	uint64_t addr = (uintptr_t)(e->out + from);

	env_desc(e, (uint32_t)addr, (uint32_t)(addr >> 32),
		 len | 3u << 20 | BIT(25) | BIT(29) | cmd, olinfo);
}

static inline void env_bell(struct env *e)
{
	wr(e, R_TDT, e->tx_next);
}

enum { CMD_EOP = BIT(24), CMD_RS = BIT(27) };

/* ---- Frames ---- */

static inline void put_be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The naive checksum: one's complement, one addition at a time. */
static inline uint16_t naive_sum(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
		sum = sum > 0xffff ? sum - 0xffff : sum;
	}
	return (uint16_t)sum;
}

/* Ethernet, IPv4, then TCP (6) or UDP (17), and @payload bytes; checksums are right. Returns its
 * length. Addresses and ports in host order. */
static inline uint32_t frame_ipv4(uint8_t *f, const uint8_t *to, uint8_t protocol, uint32_t src,
				  uint32_t dst, uint16_t sport, uint16_t dport, uint32_t payload)
{
	uint32_t l4 = protocol == 6 ? 20 : 8, total = 20 + l4 + payload, n;
	uint8_t *ip = f + 14, *t = f + 34;

	memset(f, 0, 14 + total);
	memcpy(f, to, 6);
	memcpy(f + 6, "\x02\0\0\0\0\x99", 6);
	put_be16(f + 12, 0x0800);
	ip[0] = 0x45;
	put_be16(ip + 2, total);
	put_be16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = protocol;
	n = htonl(src);
	memcpy(ip + 12, &n, 4);
	n = htonl(dst);
	memcpy(ip + 16, &n, 4);
	put_be16(ip + 10, (uint16_t)~naive_sum(ip, 20, 0));
	put_be16(t, sport);
	put_be16(t + 2, dport);
	if (protocol == 6) {
		t[3 + 4] = 1;
		t[12] = 0x50;
		t[13] = 0x18;
	} else {
		put_be16(t + 4, l4 + payload);
	}
	for (uint32_t i = 0; i < payload; i++)
		t[l4 + i] = (uint8_t)(i * 7 + 3);
	n = naive_sum(ip + 12, 8, protocol + l4 + payload);
	n = (uint16_t)~naive_sum(t, l4 + payload, n);
	put_be16(t + (protocol == 6 ? 16 : 6), n);
	return 14 + total;
}

static const uint8_t env_mac[6] __attribute__((unused)) = {0x02, 0xa0, 0xc9, 0, 0, 0};

#endif
