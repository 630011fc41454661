/* SPDX-License-Identifier: BSD-3-Clause */
/* plx_mbuf_check() on each kind of damage, and what a dump looks like. */
#include "mbuf_env.h"

static struct plx_mempool *pool;
static struct plx_mbuf *m, *second, *third, *copy;

/* A packet of three segments, and a clone of its first one. */
static void start(void)
{
	start_pools();
	pool = packets_new("p", 20, 0, 0);
	m = packet_new(pool, 10, 0);
	copy = plx_mbuf_clone(m, pool);
	second = packet_new(pool, 20, 10);
	third = packet_new(pool, 30, 30);
	cr_assert_not_null(copy);
	cr_assert_eq(plx_mbuf_chain(m, second), 0);
	cr_assert_eq(plx_mbuf_chain(m, third), 0);
}

TestSuite(mbuf_check, .init = start, .fini = end_pools);

static void expect(const struct plx_mbuf *pkt, bool is_head, const char *want)
{
	const char *reason = "unset";
	int ret = plx_mbuf_check(pkt, is_head, &reason);

	cr_assert_eq(ret, want ? -EINVAL : 0, "%d: %s", ret, reason);
	cr_assert_eq(plx_mbuf_check(pkt, is_head, NULL), ret);
	if (want)
		cr_assert(reason && strstr(reason, want), "'%s', want '%s'", reason, want);
	else
		cr_assert_null(reason);
}

Test(mbuf_check, good_ones)
{
	expect(m, true, NULL);
	expect(m, false, NULL);
	expect(second, false, NULL);
	expect(third, false, NULL);
	expect(copy, true, NULL);
}

Test(mbuf_check, null)
{
	expect(NULL, true, "NULL");
	expect(NULL, false, "NULL");
}

Test(mbuf_check, a_pool_that_is_gone)
{
	second->pool_id = 200;
	expect(m, true, "pool is gone");
	expect(second, false, "pool is gone");
}

Test(mbuf_check, not_one_of_its_pools)
{
	struct plx_mbuf on_stack = *m;

	expect(&on_stack, true, "not one of its pool's");
	expect(&on_stack, false, "not one of its pool's");
}

Test(mbuf_check, no_buffer)
{
	third->buf_addr = NULL;
	expect(m, true, "no buffer");
	expect(third, false, "no buffer");
	expect(second, false, NULL);
}

Test(mbuf_check, no_users)
{
	second->refcnt = 0;
	expect(m, true, "reference count is 0");
	expect(second, false, "reference count is 0");
}

Test(mbuf_check, clone_and_external)
{
	copy->flags |= PLX_MBUF_F_EXTERNAL;
	expect(copy, true, "clone and external");
}

Test(mbuf_check, anothers_buffer)
{
	second->buf_addr = third->buf_addr;
	expect(m, true, "not its own");
	copy->flags &= ~(uint32_t)PLX_MBUF_F_CLONE;
	expect(copy, true, "not its own");
}

Test(mbuf_check, data_beyond_the_buffer)
{
	second->data_off = (uint16_t)(second->buf_len + 1);
	expect(m, true, "data_off");
	second->data_off = second->buf_len;
	expect(m, true, "data_len");
	second->data_off = (uint16_t)(second->buf_len - 20);
	expect(m, true, NULL);
	second->data_off++;
	expect(second, false, "data_len");
}

Test(mbuf_check, wrong_counts)
{
	m->nb_segs = 2;
	expect(m, true, "more segments than nb_segs");
	expect(m, false, NULL);
	m->nb_segs = 0;
	expect(m, true, "more segments than nb_segs");
	m->nb_segs = 4;
	expect(m, true, "fewer segments than nb_segs");
	m->nb_segs = 3;
	m->pkt_len = 59;
	expect(m, true, "pkt_len is less");
	m->pkt_len = 5;
	expect(m, true, "pkt_len is less");
	m->pkt_len = 61;
	expect(m, true, "pkt_len is more");
	m->pkt_len = 60;
	expect(m, true, NULL);
}

Test(mbuf_check, a_loop_ends)
{
	third->next = m;
	expect(m, true, "more segments than nb_segs");
}

/* ---- Dump ---- */

static char *dump(uint32_t bytes)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	plx_mbuf_dump(m, bytes, out);
	fclose(out);
	return text;
}

static unsigned nb_hex(const char *text)
{
	unsigned nb = 0;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "    ", 4) != 0)
			continue;
		for (line += 4; line[0] && line[0] != '\n'; line += 2 + (line[2] == ' '))
			nb++;
	}
	return nb;
}

Test(mbuf_check, dump_tells_all_segments)
{
	static const uint32_t bytes[] = {0, 1, 10, 11, 30, 45, 60, 1000};
	char *text;

	m->port = 3;
	m->vlan_tci = 77;
	m->timestamp = 123456789;
	m->flags = PLX_MBUF_F_RX_VLAN;
	text = dump(0);
	cr_assert(strstr(text, "pool 'p': 60 bytes in 3 segments, port 3, flags 0x1"), "%s", text);
	cr_assert(strstr(text, "vlan 77"), "%s", text);
	cr_assert(strstr(text, "timestamp 123456789"), "%s", text);
	cr_assert(strstr(text, "segment 0"), "%s", text);
	cr_assert(strstr(text, "data at 128 + 10 of 2176, refcnt 2\n"), "%s", text);
	cr_assert(strstr(text, "data at 128 + 20 of 2176, refcnt 1\n"), "%s", text);
	cr_assert(strstr(text, "segment 2"), "%s", text);
	cr_assert_null(strstr(text, "segment 3"), "%s", text);
	free(text);
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(bytes); i++) {
		uint32_t want = bytes[i] < 60 ? bytes[i] : 60;

		text = dump(bytes[i]);
		cr_assert_eq(nb_hex(text), want, "%u bytes of %u:\n%s", nb_hex(text), want, text);
		free(text);
	}
	text = dump(12);
	cr_assert(strstr(text, "    00 07 0e 15 1c 23 2a 31 38 3f\n"), "%s", text);
	cr_assert(strstr(text, "    0a 11\n"), "%s", text);
	free(text);
}

Test(mbuf_check, dump_tells_clones_and_externals)
{
	struct plx_mbuf_ext ext;
	struct plx_mbuf *external = plx_mbuf_alloc(pool);
	static char buffer[64];
	char *text;

	plx_mbuf_free(m);
	m = copy;
	text = dump(0);
	cr_assert(strstr(text, ", clone\n"), "%s", text);
	free(text);
	plx_mbuf_ext_init(&ext, buffer, NULL, NULL);
	cr_assert_eq(plx_mbuf_attach_ext(external, buffer, PLX_IOVA_BAD, 64, &ext), 0);
	m = external;
	text = dump(0);
	cr_assert(strstr(text, ", external\n"), "%s", text);
	cr_assert(strstr(text, "data at 0 + 0 of 64"), "%s", text);
	free(text);
}
