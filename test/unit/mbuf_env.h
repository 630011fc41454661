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

/* What is wrong with an mbuf that should be as mbufs at home are; NULL: nothing. */
static inline const char *home_fault(struct plx_mempool *pool, const struct plx_mbuf *m)
{
	static char text[160];
	const char *reason = NULL;

	if (plx_mbuf_check(m, false, &reason))
		return reason;
	if (m->refcnt != 1 || m->nb_segs != 1 || m->next || (m->flags & PLX_MBUF_F_ATTACHED) ||
	    plx_mbuf_pool(m) != pool)
		snprintf(text, sizeof(text), "refcnt %u, nb_segs %u, next %p, flags %#x, %s pool",
			 m->refcnt, m->nb_segs, (void *)m->next, m->flags,
			 plx_mbuf_pool(m) == pool ? "its" : "another");
	else if (m->buf_len != PLX_MBUF_HEADROOM + plx_mbuf_pool_data_room(pool) ||
		 (char *)m->buf_addr != (const char *)(m + 1) + m->priv_bytes ||
		 m->buf_iova != plx_mem_virt2iova(m->buf_addr))
		snprintf(text, sizeof(text),
			 "the buffer is not its own: %u bytes at %p, iova %#llx", m->buf_len,
			 m->buf_addr, (unsigned long long)m->buf_iova);
	else
		return NULL;
	return text;
}

static inline void find_fault_(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	const char **fault = arg;

	(void)index;
	if (!*fault)
		*fault = home_fault(pool, obj);
}

/* All mbufs are at home, once, and as an mbuf at home has to be. */
#define assert_all_home(pool) assert_all_home_(__LINE__, (pool))

static inline void assert_all_home_(int at, struct plx_mempool *pool)
{
	const char *fault = NULL;

	assert_pool_(at, pool, pool->nb_objs);
	plx_mempool_walk(pool, find_fault_, &fault);
	cr_assert_null(fault, "line %d: %s", at, fault);
}

/* ---- The end of a test ---- */

static size_t bytes_before;

/* Before what is to leave nothing behind. */
static inline void note_memory(void)
{
	bytes_before = mem_stats().all.used_bytes;
}

/* All mbufs are at home; the pool goes, and no more memory is in use than note_memory() found. */
static inline void end_packets(struct plx_mempool *pool)
{
	const char *fault = NULL;
	uint32_t nb_out = plx_mempool_in_use(pool);
	size_t bytes;

	assert_or_abort(nb_out == 0, "pool '%s': %u packets are not at home", pool->name, nb_out);
	assert_or_abort(plx_mempool_audit(pool) == 0, "pool '%s': the audit", pool->name);
	plx_mempool_walk(pool, find_fault_, &fault);
	assert_or_abort(!fault, "pool '%s': %s", pool->name, fault);
	plx_mbuf_pool_destroy(pool);
	bytes = mem_stats().all.used_bytes;
	assert_or_abort(bytes == bytes_before, "%zu bytes are in use, %zu before", bytes,
			bytes_before);
}

#endif
