/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive-side scaling: the Toeplitz hash over the headers that MRQC names, and the queue. */
#include <netinet/in.h>
#include <string.h>

#include "sim_private.h"

enum {
	MRQC_MODE = 7,
	MODE_RSS = 2,
	KEY_BYTES = 40,
	/* MRQC */
	ON_TCP4 = BIT(16),
	ON_IP4 = BIT(17),
	ON_TCP6EX = BIT(18),
	ON_IP6EX = BIT(19),
	ON_IP6 = BIT(20),
	ON_TCP6 = BIT(21),
	ON_UDP4 = BIT(22),
	ON_UDP6 = BIT(23),
	ON_UDP6EX = BIT(24),
};

uint32_t sim_toeplitz(const uint8_t *key, const uint8_t *input, uint32_t len)
{
	uint32_t hash = 0;
	uint64_t window = 0;

	for (unsigned i = 0; i < 8; i++)
		window = window << 8 | key[i];
	for (uint32_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			if (input[i] >> (7 - bit) & 1)
				hash ^= (uint32_t)(window >> (32 - bit));
		}
		window = window << 8 | (i + 8 < KEY_BYTES ? key[i + 8] : 0);
	}
	return hash;
}

/* The number in the descriptor, 0: not hashed; *ports: with them. */
static uint32_t hash_type(uint32_t on, const struct sim_packet *p, bool *ports)
{
	*ports = true;
	if (p->is_ipv4) {
		if (p->l4 == IPPROTO_TCP && on & ON_TCP4)
			return 1;
		if (p->l4 == IPPROTO_UDP && on & ON_UDP4)
			return 7;
		*ports = false;
		return on & ON_IP4 ? 2 : 0;
	}
	if (!p->is_ipv6)
		return 0;
	if (p->l4 == IPPROTO_TCP && on & ON_TCP6 && !p->has_ext)
		return 3;
	if (p->l4 == IPPROTO_TCP && on & ON_TCP6EX)
		return 6;
	if (p->l4 == IPPROTO_UDP && on & ON_UDP6 && !p->has_ext)
		return 8;
	if (p->l4 == IPPROTO_UDP && on & ON_UDP6EX)
		return 9;
	*ports = false;
	if (on & ON_IP6 && !p->has_ext)
		return 5;
	return on & ON_IP6EX ? 4 : 0;
}

struct sim_rss sim_rss(const struct igb_sim *sim, const uint8_t *bytes, const struct sim_packet *p)
{
	uint32_t mrqc = reg(sim, R_MRQC), len = p->is_ipv4 ? 8 : 32;
	struct sim_rss rss = {0};
	uint8_t input[36], key[KEY_BYTES], entry;
	bool ports;

	if ((mrqc & MRQC_MODE) != MODE_RSS)
		return rss;
	/* The emulation goes by the bit of those with extension headers. */
	rss.type = hash_type(sim->conf.qemu ? mrqc & ~ON_TCP6 : mrqc, p, &ports);
	if (rss.type == 0)
		return rss;
	memcpy(input, bytes + p->l3 + (p->is_ipv4 ? 12 : 8), len);
	if (ports)
		memcpy(input + len, bytes + p->l3 + p->l3_len, 4);
	memcpy(key, &sim->regs[R_RSSRK / 4], KEY_BYTES);
	rss.hash = sim_toeplitz(key, input, len + (ports ? 4 : 0));
	entry = (uint8_t)(reg(sim, R_RETA + (rss.hash & 0x7c)) >> (8 * (rss.hash & 3)));
	rss.queue = entry % SIM_QUEUES_MAX;
	return rss;
}
