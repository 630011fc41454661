/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of packets share: pools, packets with known bytes, and what "home" means. */
#ifndef TEST_MBUF_ENV_H
#define TEST_MBUF_ENV_H

#include "pool_env.h"

#include <pollux/mbuf.h>
#include <pollux/mbuf_data.h>

static inline struct plx_mempool *packets_new(const char *name, uint32_t nb, uint32_t data_room,
					      uint32_t priv_bytes)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = name,
		.nb_mbufs = nb,
		.cache_size = nb < 16 ? 0 : 8,
		.data_room = data_room,
		.priv_bytes = priv_bytes,
		.node = PLX_NODE_ANY,
	};
	struct plx_mempool *pool = NULL;
	int ret = plx_mbuf_pool_create(&conf, &pool);

	cr_assert_eq(ret, 0, "packet pool '%s': %d, %s", name, ret, log_lines_text(0));
	return pool;
}

static inline unsigned char byte_of(uint32_t i, unsigned salt)
{
	return (unsigned char)(i * 7 + (i >> 8) * 3 + salt);
}

/* A packet of one segment with @len bytes. */
static inline struct plx_mbuf *packet_new(struct plx_mempool *pool, uint16_t len, unsigned salt)
{
	struct plx_mbuf *m = plx_mbuf_alloc(pool);
	unsigned char *data;

	cr_assert_not_null(m, "the pool ran short");
	data = plx_mbuf_append(m, len);
	cr_assert_not_null(data, "%u bytes do not fit", len);
	for (uint32_t i = 0; i < len; i++)
		data[i] = byte_of(i, salt);
	return m;
}

/* The packet's invariants hold. */
#define assert_good(m)                                                                             \
	do {                                                                                       \
		const char *reason_ = NULL;                                                        \
		int ret_ = plx_mbuf_check((m), true, &reason_);                                    \
		cr_assert_eq(ret_, 0, "%s", reason_ ? reason_ : "?");                              \
		cr_assert_null(reason_);                                                           \
	} while (0)

/* The packet is well formed and holds bytes [@from, @from + @len) of byte_of(). */
static inline void assert_bytes_(int at, const struct plx_mbuf *m, uint32_t from, uint32_t len,
				 unsigned salt)
{
	const char *reason = NULL;
	uint32_t i = from;

	cr_assert_eq(plx_mbuf_check(m, true, &reason), 0, "line %d: %s", at, reason);
	cr_assert_eq(m->pkt_len, len, "line %d: %u bytes, want %u", at, m->pkt_len, len);
	for (; m; m = m->next) {
		const unsigned char *data = plx_mbuf_data(m);

		for (uint32_t j = 0; j < m->data_len; j++, i++)
			cr_assert_eq(data[j], byte_of(i, salt), "line %d: byte %u: %u, want %u", at,
				     i, data[j], byte_of(i, salt));
	}
}

#define assert_bytes(m, from, len, salt) assert_bytes_(__LINE__, (m), (from), (len), (salt))

static inline void check_home(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	const struct plx_mbuf *m = obj;
	const char *reason = NULL;
	int at = *(int *)arg;

	(void)index;
	cr_assert_eq(plx_mbuf_check(m, false, &reason), 0, "line %d: %s", at, reason);
	cr_assert_eq(m->refcnt, 1, "line %d: refcnt %u", at, m->refcnt);
	cr_assert_eq(m->nb_segs, 1, "line %d: nb_segs %u", at, m->nb_segs);
	cr_assert_null(m->next, "line %d: next", at);
	cr_assert_eq(m->flags & PLX_MBUF_F_ATTACHED, 0, "line %d: flags %#x", at, m->flags);
	cr_assert_eq(plx_mbuf_pool(m), pool, "line %d: another pool", at);
	cr_assert_eq(m->buf_len, PLX_MBUF_HEADROOM + plx_mbuf_pool_data_room(pool),
		     "line %d: buf_len %u", at, m->buf_len);
	cr_assert_eq(m->buf_iova, plx_mem_virt2iova(m->buf_addr), "line %d: iova %#llx", at,
		     (unsigned long long)m->buf_iova);
	cr_assert_eq((char *)m->buf_addr, (const char *)(m + 1) + m->priv_bytes,
		     "line %d: the buffer is not its own", at);
}

/* All mbufs are at home, once, and as an mbuf at home has to be. */
#define assert_all_home(pool) assert_all_home_(__LINE__, (pool))

static inline void assert_all_home_(int at, struct plx_mempool *pool)
{
	assert_pool_(at, pool, pool->nb_objs);
	plx_mempool_walk(pool, check_home, &at);
}

#endif
