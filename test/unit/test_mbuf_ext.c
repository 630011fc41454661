/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffers with more than one user: clones, references, external buffers; freed in every order. */
#include "mbuf_env.h"

TestSuite(mbuf_ext, .init = start_pools, .fini = end_pools);

/* ---- Clones ---- */

Test(mbuf_ext, a_clone_has_the_same_data_and_its_own_lengths)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0), *heads = packets_new("h", 8, 64, 0);
	struct plx_mbuf *m = packet_new(pool, 100, 0), *copy;

	m->port = 3;
	m->vlan_tci = 5;
	m->timestamp = 7;
	m->flags = PLX_MBUF_F_TX_IPV6;
	m->tx.l2_len = 14;
	copy = plx_mbuf_clone(m, heads);
	cr_assert_eq(plx_mbuf_data(copy), plx_mbuf_data(m));
	cr_assert_eq(plx_mbuf_iova(copy), plx_mbuf_iova(m));
	cr_assert_eq(plx_mbuf_pool(copy), heads);
	cr_assert_eq(plx_mbuf_refcnt(m), 2, "%u", plx_mbuf_refcnt(m));
	cr_assert_eq(plx_mbuf_refcnt(copy), 1, "%u", plx_mbuf_refcnt(copy));
	cr_assert(plx_mbuf_is_shared(m));
	cr_assert(plx_mbuf_is_shared(copy));
	cr_assert_eq(copy->flags, PLX_MBUF_F_TX_IPV6 | PLX_MBUF_F_CLONE, "%#x", copy->flags);
	cr_assert_eq(copy->port, 3);
	cr_assert_eq(copy->vlan_tci, 5);
	cr_assert_eq(copy->timestamp, 7);
	cr_assert_eq(copy->tx.l2_len, 14);
	assert_bytes(copy, 0, 100, 0);
	cr_assert_not_null(plx_mbuf_adj(copy, 20));
	cr_assert_eq(plx_mbuf_trim(copy, 30), 0);
	assert_bytes(copy, 20, 50, 0);
	assert_bytes(m, 0, 100, 0);
	plx_mbuf_free(m);
	assert_bytes(copy, 20, 50, 0);
	cr_assert_not(plx_mbuf_is_shared(copy), "the clone is the only user now");
	cr_assert_eq(plx_mempool_in_use(pool), 1);
	plx_mbuf_free(copy);
	assert_all_home(pool);
	assert_all_home(heads);
}

Test(mbuf_ext, a_clone_of_a_clone_uses_the_first_buffer)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 100, 0), *copy = plx_mbuf_clone(m, pool), *third;

	third = plx_mbuf_clone(copy, pool);
	cr_assert_eq(plx_mbuf_data(third), plx_mbuf_data(m));
	cr_assert_eq(plx_mbuf_refcnt(m), 3, "%u", plx_mbuf_refcnt(m));
	cr_assert_eq(plx_mbuf_refcnt(copy), 1, "%u", plx_mbuf_refcnt(copy));
	plx_mbuf_free(copy);
	cr_assert_eq(plx_mbuf_refcnt(m), 2, "%u", plx_mbuf_refcnt(m));
	plx_mbuf_free(m);
	cr_assert_eq(plx_mempool_in_use(pool), 2);
	assert_bytes(third, 0, 100, 0);
	plx_mbuf_free(third);
	assert_all_home(pool);
}

Test(mbuf_ext, a_clone_of_a_chain)
{
	struct plx_mempool *pool = packets_new("p", 600, 64, 0);
	struct plx_mbuf *m = packet_new(pool, 1, 0), *copy;

	for (uint32_t i = 1; i < PLX_MBUF_SEGS_MAX; i++)
		cr_assert_eq(plx_mbuf_chain(m, packet_new(pool, 1, byte_of(i, 0))), 0);
	copy = plx_mbuf_clone(m, pool);
	cr_assert_eq(copy->nb_segs, PLX_MBUF_SEGS_MAX);
	assert_bytes(copy, 0, 255, 0);
	plx_mbuf_free(m);
	assert_bytes(copy, 0, 255, 0);
	cr_assert_eq(plx_mempool_in_use(pool), 510);
	plx_mbuf_free(copy);
	assert_all_home(pool);
}

Test(mbuf_ext, a_header_in_front_of_a_clone)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 100, byte_of(14, 0)),
			*header = packet_new(pool, 14, 0);

	cr_assert_eq(plx_mbuf_chain(header, plx_mbuf_clone(m, pool)), 0);
	assert_bytes(header, 0, 114, 0);
	plx_mbuf_free(m);
	assert_bytes(header, 0, 114, 0);
	plx_mbuf_free(header);
	assert_all_home(pool);
}

Test(mbuf_ext, a_clone_without_room_gives_all_back)
{
	struct plx_mempool *pool = packets_new("p", 8, 64, 0), *few = packets_new("f", 2, 64, 0);
	struct plx_mbuf *m = packet_new(pool, 10, 0), *copy;

	for (int i = 0; i < 2; i++)
		cr_assert_eq(plx_mbuf_chain(m, packet_new(pool, 10, 0)), 0);
	cr_assert_null(plx_mbuf_clone(m, few), "three segments");
	assert_all_home(few);
	for (struct plx_mbuf *seg = m; seg; seg = seg->next)
		cr_assert_eq(plx_mbuf_refcnt(seg), 1, "%u", plx_mbuf_refcnt(seg));
	copy = plx_mbuf_alloc(few);
	cr_assert_not_null(plx_mbuf_alloc(few));
	cr_assert_null(plx_mbuf_clone(m, few));
	cr_assert_eq(plx_mbuf_refcnt(m), 1);
	plx_mbuf_free(copy);
	plx_mbuf_free(m);
	assert_all_home(pool);
}

/* ---- Every order of free ---- */

enum { USERS = 5 };

static unsigned nb_called;
static void *called_with[2];

static void on_free(void *addr, void *arg)
{
	nb_called++;
	called_with[0] = addr;
	called_with[1] = arg;
}

/* All permutations of [0, USERS), by Heap's algorithm. */
static void permute(int *order, int n, void (*fn)(const int *order, void *arg), void *arg)
{
	if (n == 1) {
		fn(order, arg);
		return;
	}
	for (int i = 0; i < n; i++) {
		int other = n % 2 ? 0 : i, kept;

		permute(order, n - 1, fn, arg);
		kept = order[other];
		order[other] = order[n - 1];
		order[n - 1] = kept;
	}
}

struct orders {
	struct plx_mempool *pool;
	bool external;
	unsigned nb;
};

/* An original, clones of it and of a clone, a chain that a clone is in, and a clone of that. */
static void one_order(const int *order, void *arg)
{
	struct orders *orders = arg;
	struct plx_mempool *pool = orders->pool;
	struct plx_mbuf *users[USERS], *m;
	static unsigned char buffer[100];
	struct plx_mbuf_ext ext;

	orders->nb++;
	nb_called = 0;
	if (orders->external) {
		m = plx_mbuf_alloc(pool);
		plx_mbuf_ext_init(&ext, buffer, on_free, orders);
		cr_assert_eq(plx_mbuf_attach_ext(m, buffer, PLX_IOVA_BAD, 100, &ext), 0);
		plx_mbuf_ext_release(&ext);
		for (uint32_t i = 0; i < 100; i++)
			buffer[i] = byte_of(i, 0);
		cr_assert_not_null(plx_mbuf_append(m, 100));
	} else {
		m = packet_new(pool, 100, 0);
	}
	users[0] = m;
	users[1] = plx_mbuf_clone(m, pool);
	users[2] = plx_mbuf_clone(users[1], pool);
	users[3] = packet_new(pool, 0, 0);
	cr_assert_eq(plx_mbuf_chain(users[3], plx_mbuf_clone(users[2], pool)), 0);
	users[4] = plx_mbuf_clone(users[3], pool);
	for (int i = 0; i < USERS; i++) {
		cr_assert_eq(nb_called, 0, "called before the last user is gone");
		for (int j = i; j < USERS; j++)
			assert_bytes(users[order[j]], 0, 100, 0);
		plx_mbuf_free(users[order[i]]);
	}
	cr_assert_eq(nb_called, orders->external ? 1 : 0, "%u calls", nb_called);
	if (orders->external) {
		cr_assert_eq(called_with[0], buffer);
		cr_assert_eq(called_with[1], orders);
		cr_assert_eq(ext.refcnt, 0, "%u", ext.refcnt);
	}
	assert_all_home(pool);
}

Test(mbuf_ext, clones_freed_in_every_order)
{
	struct orders orders = {.pool = packets_new("p", 16, 0, 0)};
	int order[USERS] = {0, 1, 2, 3, 4};

	permute(order, USERS, one_order, &orders);
	cr_assert_eq(orders.nb, 120, "%u orders", orders.nb);
	assert_no_line();
}

Test(mbuf_ext, users_of_an_external_buffer_freed_in_every_order)
{
	struct orders orders = {.pool = packets_new("p", 16, 0, 0), .external = true};
	int order[USERS] = {0, 1, 2, 3, 4};

	permute(order, USERS, one_order, &orders);
	cr_assert_eq(orders.nb, 120, "%u orders", orders.nb);
	assert_no_line();
}

/* ---- References ---- */

Test(mbuf_ext, each_reference_is_freed_once)
{
	struct plx_mempool *pool = packets_new("p", 4, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 10, 0);

	cr_assert_eq(plx_mbuf_refcnt_add(m, 3), 4);
	cr_assert_eq(plx_mbuf_refcnt(m), 4);
	cr_assert(plx_mbuf_is_shared(m));
	plx_mbuf_free(m);
	plx_mbuf_free_seg(m);
	plx_mbuf_free_bulk(&m, 1);
	cr_assert_eq(plx_mbuf_refcnt(m), 1, "%u", plx_mbuf_refcnt(m));
	cr_assert_not(plx_mbuf_is_shared(m));
	assert_bytes(m, 0, 10, 0);
	cr_assert_eq(plx_mempool_in_use(pool), 1);
	plx_mbuf_free(m);
	assert_all_home(pool);
}

Test(mbuf_ext, a_packet_with_more_owners_is_freed_once_by_each)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 10, 0);

	cr_assert_eq(plx_mbuf_chain(m, packet_new(pool, 10, byte_of(10, 0))), 0);
	cr_assert_eq(plx_mbuf_chain(m, plx_mbuf_clone(m, pool)), 0);
	cr_assert_eq(m->nb_segs, 4);
	plx_mbuf_share(m, 2);
	for (struct plx_mbuf *seg = m; seg; seg = seg->next)
		cr_assert_geq(plx_mbuf_refcnt(seg), 3, "%u", plx_mbuf_refcnt(seg));
	plx_mbuf_free(m);
	plx_mbuf_free(m);
	assert_good(m);
	cr_assert_eq(plx_mempool_in_use(pool), 4, "%u", plx_mempool_in_use(pool));
	plx_mbuf_free(m);
	assert_all_home(pool);
	assert_no_line();
}

/* ---- Attach and detach ---- */

Test(mbuf_ext, attach_and_detach)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 50, 0), *user = plx_mbuf_alloc(pool), before = *user;

	cr_assert_eq(plx_mbuf_detach(user), -EINVAL, "nothing to detach from");
	cr_assert_eq(memcmp(&before, user, sizeof(before)), 0);
	cr_assert_eq(plx_mbuf_attach(user, m), 0);
	assert_bytes(user, 0, 50, 0);
	cr_assert_eq(plx_mbuf_attach(user, m), -EBUSY, "attached already");
	cr_assert_eq(plx_mbuf_refcnt(m), 2);
	plx_mbuf_refcnt_add(user, 1);
	cr_assert_eq(plx_mbuf_detach(user), -EBUSY, "it has another owner");
	assert_bytes(user, 0, 50, 0);
	plx_mbuf_free(user);
	cr_assert_eq(plx_mbuf_detach(user), 0);
	cr_assert_eq(plx_mbuf_refcnt(m), 1);
	cr_assert_eq(memcmp(&before, user, sizeof(before)), 0, "not as it was");
	cr_assert_eq(plx_mbuf_append(user, 2048) != NULL, true);
	plx_mbuf_free(m);
	plx_mbuf_free(user);
	assert_all_home(pool);
}

Test(mbuf_ext, detaching_the_last_user_sends_the_buffer_home)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 50, 0), *user = plx_mbuf_clone(m, pool);

	plx_mbuf_free(m);
	cr_assert_eq(plx_mempool_in_use(pool), 2);
	cr_assert_eq(plx_mbuf_detach(user), 0);
	cr_assert_eq(plx_mempool_in_use(pool), 1);
	cr_assert_eq(user->data_len, 0);
	plx_mbuf_free(user);
	assert_all_home(pool);
}

Test(mbuf_ext, what_can_not_be_attached)
{
	struct plx_mempool *pool = packets_new("p", 8, 0, 0);
	struct plx_mbuf *m = packet_new(pool, 50, 0), *shared = packet_new(pool, 1, 0);
	struct plx_mbuf *chained = packet_new(pool, 1, 0), *user = plx_mbuf_clone(shared, pool);
	static char buffer[64];
	struct plx_mbuf_ext ext;

	cr_assert_eq(plx_mbuf_chain(chained, packet_new(pool, 1, 0)), 0);
	plx_mbuf_ext_init(&ext, buffer, on_free, NULL);
	cr_assert_eq(plx_mbuf_attach(shared, m), -EBUSY);
	cr_assert_eq(plx_mbuf_attach(user, m), -EBUSY);
	cr_assert_eq(plx_mbuf_attach(chained, m), -EBUSY);
	cr_assert_eq(plx_mbuf_attach_ext(shared, buffer, PLX_IOVA_BAD, 64, &ext), -EBUSY);
	cr_assert_eq(plx_mbuf_attach_ext(user, buffer, PLX_IOVA_BAD, 64, &ext), -EBUSY);
	cr_assert_eq(plx_mbuf_attach_ext(chained, buffer, PLX_IOVA_BAD, 64, &ext), -EBUSY);
	cr_assert_eq(ext.refcnt, 1, "%u", ext.refcnt);
	cr_assert_eq(plx_mbuf_refcnt(m), 1, "%u", plx_mbuf_refcnt(m));
	assert_bytes(shared, 0, 1, 0);
	assert_bytes(user, 0, 1, 0);
	assert_good(chained);
	plx_mbuf_free(m);
	plx_mbuf_free(shared);
	plx_mbuf_free(chained);
	plx_mbuf_free(user);
	assert_all_home(pool);
	cr_assert_eq(nb_called, 0);
}

/* ---- External buffers ---- */

Test(mbuf_ext, an_external_buffer_starts_empty)
{
	struct plx_mempool *pool = packets_new("p", 8, 64, 8);
	struct plx_mbuf *m = packet_new(pool, 9, 0);
	static char buffer[65535];
	struct plx_mbuf_ext ext;

	plx_mbuf_ext_init(&ext, buffer, on_free, &pool);
	cr_assert_eq(plx_mbuf_attach_ext(m, buffer, 0x1000, 65535, &ext), 0);
	cr_assert_eq(m->pkt_len, 0, "%u", m->pkt_len);
	cr_assert_eq(m->data_len, 0, "%u", m->data_len);
	cr_assert_eq(plx_mbuf_headroom(m), 0, "%u", plx_mbuf_headroom(m));
	cr_assert_eq(plx_mbuf_tailroom(m), 65535, "%u", plx_mbuf_tailroom(m));
	cr_assert_eq(plx_mbuf_data(m), buffer);
	cr_assert_eq(plx_mbuf_iova(m), 0x1000);
	cr_assert(plx_mbuf_is_shared(m), "with the application, until that releases it");
	plx_mbuf_ext_release(&ext);
	cr_assert_not(plx_mbuf_is_shared(m));
	cr_assert_null(plx_mbuf_prepend(m, 1));
	cr_assert_eq(plx_mbuf_append(m, 65535), buffer);
	cr_assert_null(plx_mbuf_append(m, 1));
	assert_good(m);
	cr_assert_eq(plx_mbuf_detach(m), 0);
	cr_assert_eq(nb_called, 1, "%u", nb_called);
	cr_assert_eq(called_with[0], buffer);
	cr_assert_eq(called_with[1], &pool);
	cr_assert_eq(plx_mbuf_tailroom(m), 64);
	plx_mbuf_free(m);
	cr_assert_eq(nb_called, 1, "%u", nb_called);
	assert_all_home(pool);
}

Test(mbuf_ext, an_external_buffer_of_no_bytes_and_without_a_callback)
{
	struct plx_mempool *pool = packets_new("p", 8, 64, 0);
	struct plx_mbuf *m = plx_mbuf_alloc(pool);
	struct plx_mbuf_ext ext;
	char byte;

	plx_mbuf_ext_init(&ext, &byte, NULL, NULL);
	cr_assert_eq(plx_mbuf_attach_ext(m, &byte, PLX_IOVA_BAD, 0, &ext), 0);
	plx_mbuf_ext_release(&ext);
	cr_assert_eq(plx_mbuf_tailroom(m), 0);
	assert_good(m);
	plx_mbuf_free(m);
	assert_all_home(pool);
}

/* Parts of one buffer in mbufs one after the other: one callback, once all are done. */
Test(mbuf_ext, one_buffer_in_many_mbufs)
{
	struct plx_mempool *pool = packets_new("p", 8, 64, 0);
	struct plx_mbuf *one = plx_mbuf_alloc(pool), *two = plx_mbuf_alloc(pool);
	static char buffer[200];
	struct plx_mbuf_ext ext;

	plx_mbuf_ext_init(&ext, buffer, on_free, NULL);
	cr_assert_eq(plx_mbuf_attach_ext(one, buffer, PLX_IOVA_BAD, 100, &ext), 0);
	plx_mbuf_free(one);
	cr_assert_eq(nb_called, 0, "called while the application may attach more");
	one = plx_mbuf_alloc(pool);
	cr_assert_eq(plx_mbuf_attach_ext(one, buffer, PLX_IOVA_BAD, 100, &ext), 0);
	cr_assert_eq(plx_mbuf_attach_ext(two, buffer + 100, PLX_IOVA_BAD, 100, &ext), 0);
	plx_mbuf_ext_release(&ext);
	cr_assert_eq(ext.refcnt, 2, "%u", ext.refcnt);
	cr_assert(plx_mbuf_is_shared(one));
	plx_mbuf_free(one);
	cr_assert_eq(nb_called, 0);
	cr_assert_not(plx_mbuf_is_shared(two));
	plx_mbuf_free(two);
	cr_assert_eq(nb_called, 1);
	cr_assert_eq(called_with[0], buffer, "not what init was given");
	assert_all_home(pool);
}

Test(mbuf_ext, releasing_a_buffer_that_was_never_attached)
{
	static char buffer[64];
	struct plx_mbuf_ext ext;

	plx_mbuf_ext_init(&ext, buffer, on_free, &ext);
	plx_mbuf_ext_release(&ext);
	cr_assert_eq(nb_called, 1, "%u", nb_called);
	cr_assert_eq(called_with[0], buffer);
	cr_assert_eq(called_with[1], &ext);
	plx_mbuf_ext_init(&ext, buffer, NULL, NULL);
	plx_mbuf_ext_release(&ext);
}

/* The callback may free what the struct lies in, and take and free packets. */
struct heap_buffer {
	struct plx_mbuf_ext ext;
	struct plx_mempool *pool;
	char data[100];
};

static void on_free_heap(void *addr, void *arg)
{
	struct heap_buffer *buffer = arg;
	struct plx_mbuf *m = plx_mbuf_alloc(buffer->pool);

	nb_called += addr == buffer->data && m;
	plx_mbuf_free(m);
	free(buffer);
}

Test(mbuf_ext, the_callback_may_free_the_buffer_with_its_struct)
{
	struct plx_mempool *pool = packets_new("p", 8, 64, 0);

	for (unsigned i = 0; i < 10; i++) {
		struct heap_buffer *buffer = malloc(sizeof(*buffer));
		struct plx_mbuf *m = plx_mbuf_alloc(pool), *copy;

		buffer->pool = pool;
		plx_mbuf_ext_init(&buffer->ext, buffer->data, on_free_heap, buffer);
		cr_assert_eq(plx_mbuf_attach_ext(m, buffer->data, PLX_IOVA_BAD, 100, &buffer->ext),
			     0);
		plx_mbuf_ext_release(&buffer->ext);
		copy = plx_mbuf_clone(m, pool);
		cr_assert_eq(copy->flags & PLX_MBUF_F_ATTACHED, PLX_MBUF_F_EXTERNAL, "%#x",
			     copy->flags);
		plx_mbuf_free(m);
		cr_assert_eq(nb_called, i);
		plx_mbuf_free(copy);
		cr_assert_eq(nb_called, i + 1, "%u, want %u", nb_called, i + 1);
	}
	assert_all_home(pool);
}
