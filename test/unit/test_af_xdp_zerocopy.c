/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_af_xdp: what differs in zero-copy mode, where the card reads and writes the packets. No
 * interface here does it, so the queues are told that theirs does, while the kernel copies.
 */
#include "af_xdp_env.h"

#include <sys/syscall.h>

enum { POOL = 4096, BORDER = 65536 };

static struct plx_xdp_rxq *rxq_of(unsigned port)
{
	return plx_port_rx_paths[port][0].queue;
}

static struct plx_xdp_txq *txq_of(unsigned port)
{
	return plx_port_tx_paths[port][0].queue;
}

static bool crosses(const void *from, size_t bytes)
{
	uintptr_t at = (uintptr_t)from;

	return at / BORDER != (at + bytes - 1) / BORDER;
}

static struct plx_xdp_sock *sock_of(unsigned port)
{
	return (struct plx_xdp_sock *)(uintptr_t)&xdp_of(port)->socks[0];
}

/* A card reaches a page: chunks that lie on two are kept from it, and go home at the stop. */
Test(af_xdp_zerocopy, keeps_chunks_on_a_border_from_the_card)
{
	struct rig rig;
	uint32_t on_border = 0;

	rig_up(POOL, &rig);
	rxq_of(rig.port)->page_bytes = BORDER;
	for (unsigned i = 0; i < 4 * POOL; i++) {
		struct plx_mbuf *m;

		peer_send(rig.peer, 100, i);
		m = port_take_one(rig.port);
		assert_frame(m, 100, i);
		/* Those given before are out by now. */
		if (i >= NB_DESC)
			cr_assert(!crosses(m, rig.pool->obj_bytes), "packet %u", i);
		plx_mbuf_free(m);
	}
	for (uint32_t i = 0; i < POOL; i++)
		on_border += crosses(plx_mempool_obj(rig.pool, i), rig.pool->obj_bytes);
	cr_assert_gt(on_border, POOL / 40);
	cr_assert_not_null(rxq_of(rig.port)->aside, "none was put aside");
	cr_assert_geq(plx_mempool_in_use(rig.pool), NB_DESC);
	rig_down(&rig);
}

enum { LEN = 1000 };

static bool data_crosses(const struct plx_mbuf *m)
{
	return crosses((const char *)m->buf_addr + PLX_MBUF_HEADROOM, LEN);
}

/* One whose data lies on a border; two more of that kind are what the pool gives out next. */
static struct plx_mbuf *take_on_border(struct plx_mempool *pool)
{
	struct plx_mbuf *others[POOL], *found[3], *m;
	uint32_t nb_others = 0, nb = 0;

	while (nb < 3) {
		m = plx_mbuf_alloc(pool);
		cr_assert_not_null(m);
		if (data_crosses(m))
			found[nb++] = m;
		else
			others[nb_others++] = m;
	}
	plx_mbuf_free_bulk(others, nb_others);
	plx_mbuf_free_bulk(found + 1, 2);
	return found[0];
}

/* Data on a border goes out as a copy that does not, all other as it is. */
Test(af_xdp_zerocopy, copies_data_on_a_border)
{
	struct rig rig;
	uint64_t copied = 0;
	struct plx_xdp_txq *txq;

	rig_up(POOL, &rig);
	txq = txq_of(rig.port);
	txq->page_bytes = BORDER;
	for (unsigned i = 0; i < 300; i++) {
		uint32_t at = txq->tx.cached_prod;
		const struct xdp_desc *desc =
			&((const struct xdp_desc *)txq->tx.ring)[at & txq->tx.mask];
		struct plx_mbuf *m = i % 3 ? plx_mbuf_alloc(rig.pool) : take_on_border(rig.pool);

		frame_make((unsigned char *)plx_mbuf_append(m, LEN), LEN, i);
		copied += data_crosses(m);
		port_send_all(rig.port, &m, 1);
		assert_peer_gets(rig.peer, LEN, i);
		cr_assert(!crosses(txq->area + xsk_umem__add_offset_to_addr(desc->addr), desc->len),
			  "packet %u", i);
	}
	cr_assert_geq(copied, 100);
	assert_xstat(rig.port, "tx_copied", copied);
	assert_xstat(rig.port, "tx_packets", 300);
	rig_down(&rig);
}

/* One call a burst at most; the card takes what is in the ring by itself. */
Test(af_xdp_zerocopy, counts_packets_when_they_are_given)
{
	struct rig rig;

	rig_up(POOL, &rig);
	txq_of(rig.port)->zero_copy = true;
	for (unsigned i = 0; i < 1000; i++) {
		struct plx_mbuf *m = frame_new(rig.pool, 100, i);

		port_send_all(rig.port, &m, 1);
		assert_xstat(rig.port, "tx_packets", i + 1);
		assert_peer_gets(rig.peer, 100, i);
	}
	assert_xstat(rig.port, "tx_bytes", 100000);
	/* What the call returns is no packet's fate. */
	sh_ok("ip link set dev xb down");
	for (unsigned i = 0; i < 10; i++) {
		struct plx_mbuf *m = frame_new(rig.pool, 100, i);

		port_send_all(rig.port, &m, 1);
	}
	assert_xstat(rig.port, "tx_packets", 1010);
	assert_xstat(rig.port, "tx_errors", 0);
	rig_down(&rig);
}

/* A call that was lost, and no room for more: the next burst calls again. */
Test(af_xdp_zerocopy, calls_again_when_its_ring_is_full)
{
	struct rig rig;
	struct plx_mbuf *m;
	unsigned nb = 0;
	int fd;

	rig_up(POOL, &rig);
	txq_of(rig.port)->zero_copy = true;
	fd = txq_of(rig.port)->fd;
	txq_of(rig.port)->fd = -1;
	m = frame_new(rig.pool, 100, 0);
	while (plx_port_tx_burst(rig.port, 0, &m, 1) == 1)
		m = frame_new(rig.pool, 100, ++nb);
	txq_of(rig.port)->fd = fd;
	cr_assert_gt(nb, 0);
	cr_assert_eq(plx_port_tx_burst(rig.port, 0, &m, 1), 0);
	port_send_all(rig.port, &m, 1);
	assert_peer_gets(rig.peer, 100, 0);
	rig_down(&rig);
}

/* The last bind() of an AF_XDP socket. */
static struct {
	unsigned queue;
	int ret;
} last_bind;

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	int ret = (int)syscall(SYS_bind, fd, addr, len);

	if (addr->sa_family == AF_XDP) {
		last_bind.queue = ((const struct sockaddr_xdp *)(const void *)addr)->sxdp_queue_id;
		last_bind.ret = ret;
	}
	return ret;
}

/* The card may write until its queue is given up: the stop waits for that. */
Test(af_xdp_zerocopy, waits_until_the_card_lets_go)
{
	struct rig rig;

	rig_up(POOL, &rig);
	for (unsigned i = 0; i < 10; i++) {
		unsigned fds = nb_entries("/proc/self/fd");
		struct plx_mbuf *m;

		sock_of(rig.port)->umem->zero_copy = true;
		last_bind.ret = -1;
		last_bind.queue = 99;
		cr_assert_eq(plx_port_stop(rig.port), 0);
		cr_assert_eq(last_bind.queue, 0, "another queue was waited for");
		cr_assert_eq(last_bind.ret, 0, "the queue was not free at the end");
		assert_no_line();
		assert_all_home(rig.pool);
		cr_assert_lt(nb_entries("/proc/self/fd"), fds);
		cr_assert_eq(plx_port_start(rig.port), 0, "%s", log_lines_text(0));
		peer_send(rig.peer, 100, i);
		m = port_take_one(rig.port);
		assert_frame(m, 100, i);
		plx_mbuf_free(m);
	}
	rig_down(&rig);
}
