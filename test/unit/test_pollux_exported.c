/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path as other languages have it: every inline call by its address, once out of
 * libpollux.a and once out of libpollux.so by dlsym().
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <pollux/mbuf_data.h>
#include <pollux/pollux.h>
#include <pollux/port_driver.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_CALLS(X)                                                                              \
	X(plx_ring_init)                                                                           \
	X(plx_ring_size)                                                                           \
	X(plx_ring_count)                                                                          \
	X(plx_ring_free_count)                                                                     \
	X(plx_ring_is_empty)                                                                       \
	X(plx_ring_is_full)                                                                        \
	X(plx_ring_sp_enqueue_bulk)                                                                \
	X(plx_ring_sp_enqueue_burst)                                                               \
	X(plx_ring_sp_enqueue)                                                                     \
	X(plx_ring_mp_enqueue_bulk)                                                                \
	X(plx_ring_mp_enqueue_burst)                                                               \
	X(plx_ring_mp_enqueue)                                                                     \
	X(plx_ring_sc_dequeue_bulk)                                                                \
	X(plx_ring_sc_dequeue_burst)                                                               \
	X(plx_ring_sc_dequeue)                                                                     \
	X(plx_ring_mc_dequeue_bulk)                                                                \
	X(plx_ring_mc_dequeue_burst)                                                               \
	X(plx_ring_mc_dequeue)                                                                     \
	X(plx_ring_span_get)                                                                       \
	X(plx_ring_span_set)                                                                       \
	X(plx_ring_sp_room)                                                                        \
	X(plx_ring_sp_reserve)                                                                     \
	X(plx_ring_mp_reserve)                                                                     \
	X(plx_ring_sp_commit)                                                                      \
	X(plx_ring_mp_commit)                                                                      \
	X(plx_ring_sc_peek)                                                                        \
	X(plx_ring_mc_peek)                                                                        \
	X(plx_ring_sc_advance)                                                                     \
	X(plx_ring_mc_advance)

#define EAL_CALLS(X)                                                                               \
	X(plx_eal_conf_init)                                                                       \
	X(plx_eal_init)                                                                            \
	X(plx_eal_fini)                                                                            \
	X(plx_lcore_id)                                                                            \
	X(plx_lcore_main)                                                                          \
	X(plx_stop_requested)                                                                      \
	X(plx_stop_request)                                                                        \
	X(plx_stop_reset)                                                                          \
	X(plx_cycles)                                                                              \
	X(plx_cycles_ordered)                                                                      \
	X(plx_clock_scale)                                                                         \
	X(plx_cycles_to_ns)                                                                        \
	X(plx_ns_to_cycles)

#define POOL_CALLS(X)                                                                              \
	X(plx_mempool_create)                                                                      \
	X(plx_mempool_destroy)                                                                     \
	X(plx_mempool_avail)                                                                       \
	X(plx_mempool_priv)                                                                        \
	X(plx_mempool_get_bulk)                                                                    \
	X(plx_mempool_get)                                                                         \
	X(plx_mempool_put_bulk)                                                                    \
	X(plx_mempool_put)

#define MBUF_CALLS(X)                                                                              \
	X(plx_mbuf_pool_create)                                                                    \
	X(plx_mbuf_pool_destroy)                                                                   \
	X(plx_mbuf_pass)                                                                           \
	X(plx_mbuf_reset)                                                                          \
	X(plx_mbuf_reset_full)                                                                     \
	X(plx_mbuf_raw_alloc)                                                                      \
	X(plx_mbuf_raw_alloc_bulk)                                                                 \
	X(plx_mbuf_alloc)                                                                          \
	X(plx_mbuf_alloc_bulk)                                                                     \
	X(plx_mbuf_raw_free)                                                                       \
	X(plx_mbuf_free)                                                                           \
	X(plx_mbuf_free_seg)                                                                       \
	X(plx_mbuf_free_bulk)                                                                      \
	X(plx_mbuf_data)                                                                           \
	X(plx_mbuf_iova)                                                                           \
	X(plx_mbuf_headroom)                                                                       \
	X(plx_mbuf_tailroom)                                                                       \
	X(plx_mbuf_priv)                                                                           \
	X(plx_mbuf_pool)                                                                           \
	X(plx_mbuf_last)                                                                           \
	X(plx_mbuf_is_contiguous)                                                                  \
	X(plx_mbuf_prepend)                                                                        \
	X(plx_mbuf_append)                                                                         \
	X(plx_mbuf_adj)                                                                            \
	X(plx_mbuf_trim)                                                                           \
	X(plx_mbuf_refcnt)                                                                         \
	X(plx_mbuf_refcnt_add)                                                                     \
	X(plx_mbuf_share)                                                                          \
	X(plx_mbuf_chain)

#define PORT_CALLS(X)                                                                              \
	X(plx_port_drivers_set)                                                                    \
	X(plx_port_attach)                                                                         \
	X(plx_port_setup)                                                                          \
	X(plx_port_start)                                                                          \
	X(plx_port_stop)                                                                           \
	X(plx_port_fini)                                                                           \
	X(plx_port_tx_buffer_init)                                                                 \
	X(plx_port_rx_burst)                                                                       \
	X(plx_port_tx_burst)                                                                       \
	X(plx_port_tx_or_drop)                                                                     \
	X(plx_port_tx_buffer)                                                                      \
	X(plx_port_tx_flush)                                                                       \
	X(plx_busy_note)                                                                           \
	X(plx_busy_cycles)

#define ALL_CALLS(X) RING_CALLS(X) EAL_CALLS(X) POOL_CALLS(X) MBUF_CALLS(X) PORT_CALLS(X)

/* Volatile: the compiler must not see through to the inline copy. */
#define AS_POINTER(name) __typeof__(&(name)) volatile name##_;
#define AS_ADDRESS(name) calls.name##_ = &(name);
#define AS_SYMBOL(name)                                                                            \
	load(library, #name, &address), memcpy((void *)&calls.name##_, &address, sizeof(address));

static struct calls {
	ALL_CALLS(AS_POINTER)
} calls;

static void load(void *library, const char *name, void **address)
{
	*address = dlsym(library, name);
	cr_assert_not_null(*address, "%s is not in libpollux.so", name);
}

static void take_static(void)
{
	ALL_CALLS(AS_ADDRESS)
}

static void take_shared(void)
{
	const char *dir = getenv("PLX_BUILD_DIR");
	void *library, *address;
	char path[1024];

	if (!dir)
		cr_skip_test("needs PLX_BUILD_DIR, which ctest sets");
	snprintf(path, sizeof(path), "%s/lib/libpollux.so", dir);
	if (access(path, R_OK) != 0)
		cr_skip_test("needs libpollux.so: -DPLX_BUILD_SHARED=ON");
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	cr_assert_not_null(library, "%s", dlerror());
	ALL_CALLS(AS_SYMBOL)
	cr_assert_neq((void *)calls.plx_ring_count_, (void *)&plx_ring_count,
		      "it is the static one again");
}

/* ---- Each call once, with what it has to do ---- */

static void use_producers(struct plx_ring *ring, void **objs)
{
	struct plx_ring_span span = {0};

	cr_assert_eq(calls.plx_ring_sp_enqueue_bulk_(ring, objs, 2), 2);
	cr_assert_eq(calls.plx_ring_sp_enqueue_burst_(ring, objs + 2, 2), 2);
	cr_assert_eq(calls.plx_ring_sp_enqueue_(ring, objs[4]), 1);
	cr_assert_eq(calls.plx_ring_mp_enqueue_bulk_(ring, objs + 5, 2), 2);
	cr_assert_eq(calls.plx_ring_mp_enqueue_burst_(ring, objs + 7, 2), 2);
	cr_assert_eq(calls.plx_ring_mp_enqueue_(ring, objs[9]), 1);
	cr_assert_geq(calls.plx_ring_sp_room_(ring, 3), 3);
	cr_assert_eq(calls.plx_ring_sp_reserve_(ring, 3, &span), 3);
	for (uint32_t i = 0; i < 3; i++)
		calls.plx_ring_span_set_(&span, i, objs[10 + i]);
	calls.plx_ring_sp_commit_(ring, 3);
	cr_assert_eq(calls.plx_ring_mp_reserve_(ring, 9, &span), 3);
	for (uint32_t i = 0; i < 3; i++)
		calls.plx_ring_span_set_(&span, i, objs[13 + i]);
	calls.plx_ring_mp_commit_(ring, 3);
}

static void use_consumers(struct plx_ring *ring, void **got)
{
	struct plx_ring_span span = {0};

	cr_assert_eq(calls.plx_ring_sc_dequeue_bulk_(ring, got, 2), 2);
	cr_assert_eq(calls.plx_ring_sc_dequeue_burst_(ring, got + 2, 2), 2);
	cr_assert_eq(calls.plx_ring_sc_dequeue_(ring, got + 4), 1);
	cr_assert_eq(calls.plx_ring_mc_dequeue_bulk_(ring, got + 5, 2), 2);
	cr_assert_eq(calls.plx_ring_mc_dequeue_burst_(ring, got + 7, 2), 2);
	cr_assert_eq(calls.plx_ring_mc_dequeue_(ring, got + 9), 1);
	cr_assert_eq(calls.plx_ring_sc_peek_(ring, 3, &span), 3);
	for (uint32_t i = 0; i < 3; i++)
		got[10 + i] = calls.plx_ring_span_get_(&span, i);
	calls.plx_ring_sc_advance_(ring, 3);
	cr_assert_eq(calls.plx_ring_mc_peek_(ring, 9, &span), 3);
	for (uint32_t i = 0; i < 3; i++)
		got[13 + i] = calls.plx_ring_span_get_(&span, i);
	calls.plx_ring_mc_advance_(ring, 3);
}

static void use_ring(void)
{
	struct plx_ring *ring = aligned_alloc(PLX_CACHE_LINE, plx_ring_bytes(16));
	void *objs[16], *got[16] = {NULL};

	for (int i = 0; i < 16; i++)
		objs[i] = &objs[i];
	cr_assert_eq(calls.plx_ring_init_(ring, "r", 16), 0);
	cr_assert_eq(calls.plx_ring_size_(ring), 16);
	cr_assert(calls.plx_ring_is_empty_(ring));
	use_producers(ring, objs);
	cr_assert(calls.plx_ring_is_full_(ring));
	cr_assert_eq(calls.plx_ring_count_(ring), 16);
	use_consumers(ring, got);
	cr_assert_eq(calls.plx_ring_free_count_(ring), 16);
	cr_assert_arr_eq(got, objs, sizeof(objs));
	free(ring);
}

static void start_eal(void)
{
	static struct plx_eal_conf conf;

	calls.plx_eal_conf_init_(&conf);
	conf.no_huge = true;
	cr_assert_eq(calls.plx_eal_init_(&conf), 0);
	cr_assert_eq(calls.plx_lcore_id_(), calls.plx_lcore_main_(), "%u", calls.plx_lcore_id_());
}

static void use_clock(void)
{
	uint64_t first = calls.plx_cycles_(), second = calls.plx_cycles_ordered_();

	cr_assert_geq(second, first);
	cr_assert_eq(calls.plx_clock_scale_(1000, UINT64_C(1) << PLX_CLOCK_SHIFT), 1000);
	cr_assert_gt(calls.plx_cycles_to_ns_(1000000), 0);
	cr_assert_gt(calls.plx_ns_to_cycles_(1000000), 0);
	cr_assert_not(calls.plx_stop_requested_());
	calls.plx_stop_request_();
	cr_assert(calls.plx_stop_requested_());
	calls.plx_stop_reset_();
}

static void use_pool(void)
{
	struct plx_mempool_conf conf = {.name = "p",
					.nb_objs = 16,
					.obj_bytes = 64,
					.cache_size = 4,
					.node = PLX_NODE_ANY,
					.priv_bytes = 8};
	struct plx_mempool *pool;
	void *objs[8], *obj;

	cr_assert_eq(calls.plx_mempool_create_(&conf, &pool), 0);
	cr_assert_not_null(calls.plx_mempool_priv_(pool));
	cr_assert_eq(calls.plx_mempool_get_bulk_(pool, objs, 8), 8);
	obj = calls.plx_mempool_get_(pool);
	cr_assert_not_null(obj);
	cr_assert_eq(calls.plx_mempool_avail_(pool), 7);
	calls.plx_mempool_put_bulk_(pool, objs, 8);
	calls.plx_mempool_put_(pool, obj);
	cr_assert_eq(calls.plx_mempool_avail_(pool), 16);
	calls.plx_mempool_destroy_(pool);
}

static void use_data(struct plx_mempool *pool, struct plx_mbuf *m, struct plx_mbuf *tail)
{
	char *data = calls.plx_mbuf_data_(m);

	cr_assert_eq(calls.plx_mbuf_headroom_(m), PLX_MBUF_HEADROOM);
	cr_assert_eq(calls.plx_mbuf_tailroom_(m), 64);
	cr_assert_eq(calls.plx_mbuf_iova_(m), m->buf_iova + PLX_MBUF_HEADROOM);
	cr_assert_eq(calls.plx_mbuf_priv_(m), m + 1);
	cr_assert_eq(calls.plx_mbuf_pool_(m), pool);
	cr_assert_eq(calls.plx_mbuf_append_(m, 10), data);
	cr_assert_eq(calls.plx_mbuf_prepend_(m, 4), data - 4);
	cr_assert_eq(calls.plx_mbuf_adj_(m, 6), data + 2);
	cr_assert_eq(calls.plx_mbuf_trim_(m, 3), 0);
	cr_assert_eq(m->pkt_len, 5, "%u", m->pkt_len);
	cr_assert(calls.plx_mbuf_is_contiguous_(m));
	cr_assert_eq(calls.plx_mbuf_chain_(m, tail), 0);
	cr_assert_not(calls.plx_mbuf_is_contiguous_(m));
	cr_assert_eq(calls.plx_mbuf_last_(m), tail);
	cr_assert_eq(calls.plx_mbuf_refcnt_add_(m, 1), 2);
	cr_assert_eq(calls.plx_mbuf_refcnt_(m), 2);
	calls.plx_mbuf_free_seg_(m);
	calls.plx_mbuf_share_(m, 1);
	calls.plx_mbuf_free_(m);
	calls.plx_mbuf_free_(m);
}

static void use_mbuf(void)
{
	struct plx_mbuf_pool_conf conf = {.name = "m",
					  .nb_mbufs = 16,
					  .cache_size = 4,
					  .data_room = 64,
					  .node = PLX_NODE_ANY};
	struct plx_mempool *pool;
	struct plx_mbuf *pkts[4], *m;

	cr_assert_eq(calls.plx_mbuf_pool_create_(&conf, &pool), 0);
	cr_assert_eq(calls.plx_mbuf_alloc_bulk_(pool, pkts, 4), 4);
	calls.plx_mbuf_pass_(pkts[0]);
	use_data(pool, pkts[0], pkts[1]);
	calls.plx_mbuf_free_bulk_(pkts + 2, 2);
	cr_assert_eq(calls.plx_mbuf_raw_alloc_bulk_(pool, pkts, 4), 4);
	for (int i = 0; i < 4; i++)
		calls.plx_mbuf_raw_free_(pkts[i]);
	m = calls.plx_mbuf_raw_alloc_(pool);
	cr_assert_not_null(m);
	m->port = 1;
	calls.plx_mbuf_reset_(m);
	cr_assert_eq(m->port, PLX_MBUF_PORT_NONE);
	m->nb_segs = 9;
	calls.plx_mbuf_reset_full_(m);
	cr_assert_eq(m->nb_segs, 1);
	calls.plx_mbuf_free_(m);
	m = calls.plx_mbuf_alloc_(pool);
	calls.plx_mbuf_free_(m);
	cr_assert_eq(calls.plx_mempool_avail_(pool), 16);
	calls.plx_mbuf_pool_destroy_(pool);
}

/* ---- A driver that sends back what it gets ---- */

static struct loop {
	void *rxq, *txq;
	struct plx_mbuf *pkts[16];
	uint32_t nb;
} loop;

static uint32_t loop_rx(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	cr_assert_eq(queue, loop.rxq);
	nb = nb < loop.nb ? nb : loop.nb;
	for (uint32_t i = 0; i < nb; i++)
		pkts[i] = loop.pkts[--loop.nb];
	return nb;
}

static uint32_t loop_tx(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	cr_assert_eq(queue, loop.txq);
	nb = nb < 4 - loop.nb ? nb : 4 - loop.nb;
	for (uint32_t i = 0; i < nb; i++)
		loop.pkts[loop.nb++] = pkts[i];
	return nb;
}

static int loop_start(struct plx_port *port)
{
	loop.rxq = port->rxqs[0];
	loop.txq = port->txqs[0];
	port->rxqs[0]->burst = loop_rx;
	port->txqs[0]->burst = loop_tx;
	return 0;
}

static void loop_stop(struct plx_port *port)
{
	(void)port;
	calls.plx_mbuf_free_bulk_(loop.pkts, loop.nb);
	loop.nb = 0;
}

static int loop_probe(struct plx_port *port, const struct plx_devargs *args)
{
	(void)port;
	(void)args;
	return 0;
}

static void loop_remove(struct plx_port *port)
{
	(void)port;
}

static const struct plx_port_ops loop_ops = {
	.start = loop_start,
	.stop = loop_stop,
};

static const struct plx_port_driver loop_driver = {
	.name = "net_loop", .ops = &loop_ops, .probe = loop_probe, .remove = loop_remove};

static const struct plx_port_driver *const loop_drivers[] = {&loop_driver, NULL};

static void use_port(void)
{
	struct plx_mbuf_pool_conf conf = {.name = "port", .nb_mbufs = 16, .node = PLX_NODE_ANY};
	struct plx_mbuf *table[4], *pkts[4];
	struct plx_port_tx_buffer buffer;
	struct plx_mempool *pool;
	unsigned port;

	cr_assert_eq(calls.plx_mbuf_pool_create_(&conf, &pool), 0);
	cr_assert_eq(calls.plx_port_drivers_set_(loop_drivers), 0);
	cr_assert_eq(calls.plx_port_attach_("net_loop0", &port), 0);
	cr_assert_eq(calls.plx_port_setup_(port, 1, 1, pool), 0);
	cr_assert_eq(calls.plx_port_start_(port), 0);
	cr_assert_eq(calls.plx_port_tx_buffer_init_(&buffer, table, 4, NULL, NULL), 0);
	cr_assert_eq(calls.plx_mbuf_alloc_bulk_(pool, pkts, 4), 4);
	cr_assert_eq(calls.plx_port_tx_burst_(port, 0, pkts, 3), 3);
	cr_assert_eq(calls.plx_port_tx_buffer_(port, 0, &buffer, pkts[3]), 0);
	cr_assert_eq(calls.plx_port_tx_flush_(port, 0, &buffer), 1);
	cr_assert_eq(calls.plx_port_rx_burst_(port, 0, pkts, 4), 4);
	cr_assert_eq(calls.plx_port_tx_or_drop_(port, 0, pkts, 4), 4);
	cr_assert_eq(calls.plx_port_stop_(port), 0);
	cr_assert_eq(calls.plx_mempool_avail_(pool), 16);
	calls.plx_port_fini_();
	calls.plx_mbuf_pool_destroy_(pool);
	calls.plx_busy_note_(true);
	calls.plx_busy_note_(false);
#if PLX_BUSY
	cr_assert_gt(calls.plx_busy_cycles_(calls.plx_lcore_id_()), 0);
#endif
}

static void use_all(void)
{
	use_ring();
	start_eal();
	use_clock();
	use_pool();
	use_mbuf();
	use_port();
	calls.plx_eal_fini_();
}

Test(exported, every_data_path_call_out_of_the_static_library)
{
	take_static();
	use_all();
}

Test(exported, every_data_path_call_out_of_the_shared_library)
{
	take_shared();
	use_all();
}
