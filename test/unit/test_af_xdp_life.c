/* SPDX-License-Identifier: BSD-3-Clause */
/* net_af_xdp: attach to detach, what is left behind, pools that run out. */
#include "af_xdp_env.h"
#include "fork_env.h"

enum { POOL = 2048 };

/* ---- Device strings ---- */

static void refuses(const char *device, int want, const char *const *words)
{
	unsigned port;
	int ret;

	log_lines_start();
	ret = plx_port_attach(device, &port);
	cr_assert_eq(ret, want, "%s: %d, want %d: %s", device, ret, want, log_lines_text(0));
	cr_assert_eq(log_lines.nb, 1, "%s: %u lines: %s / %s", device, log_lines.nb,
		     log_lines_text(0), log_lines_text(1));
	assert_line_(__LINE__, 0, log_lines.line[0].module, PLX_LOG_ERR, words);
	cr_assert_eq(plx_port_next(PLX_PORT_NONE, NULL, NULL), PLX_PORT_NONE);
	cr_assert_eq(prog_of("xa"), 0, "%s: a program stayed", device);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(af_xdp_life, refuses_wrong_device_strings)
{
	unsigned fds;

	xdp_start(1);
	refuses("net_af_xdp0", -EINVAL, WORDS("net_af_xdp0", "iface"));
	fds = nb_entries("/proc/self/fd");
	refuses("net_af_xdp0,iface=", -EINVAL, WORDS("net_af_xdp0", "iface"));
	refuses("net_af_xdp0,iface=none0", -ENODEV, WORDS("net_af_xdp0", "none0"));
	refuses("net_af_xdp0,iface=xa,flavour=1", -EINVAL, WORDS("net_af_xdp0", "flavour"));
	refuses("net_af_xdp0,iface=xa,mode=fast", -EINVAL, WORDS("mode", "fast", "skb", "native"));
	refuses("net_af_xdp0,iface=xa,start_queue=99", -EINVAL, WORDS("start_queue", "99"));
	refuses("net_af_xdp0,iface=xa,queue_count=0", -EINVAL, WORDS("queue_count", "0"));
	refuses("net_af_xdp0,iface=xa,queue_count=99", -EINVAL, WORDS("queue_count", "99"));
	refuses("net_af_xdp0,iface=xa,busy_budget=x", -EINVAL, WORDS("busy_budget", "x"));
	refuses("net_af_xdp0,iface=xa,force_copy=2", -EINVAL, WORDS("force_copy", "2"));
	refuses("net_af_xdp0,iface=xa,mode=zerocopy,force_copy=1", -EINVAL, WORDS("force_copy"));
	refuses("net_af_xdp0,iface=xa,shared_umem=maybe", -EINVAL, WORDS("shared_umem", "maybe"));
	refuses("net_af_xdp0,iface=xa,xdp_prog=", -EINVAL, WORDS("xdp_prog"));
	refuses("net_af_xdp0,iface=xa,xdp_prog=/none/x.o", -ENOENT, WORDS("xdp_prog", "/none/x.o"));
	cr_assert_eq(nb_entries("/proc/self/fd"), fds, "%u files stayed open",
		     nb_entries("/proc/self/fd") - fds);
	xdp_end();
}

Test(af_xdp_life, leaves_another_program_alone)
{
	unsigned first;
	uint32_t id;

	xdp_start(1);
	first = port_new("net_af_xdp0,iface=xa");
	id = prog_of("xa");
	cr_assert_neq(id, 0);
	log_lines_start();
	cr_assert_eq(plx_port_attach("net_af_xdp1,iface=xa", NULL), -EBUSY);
	assert_one_line("port", PLX_LOG_ERR, "net_af_xdp1", "xa", "ip link set dev xa xdp off");
	cr_assert_eq(prog_of("xa"), id);
	cr_assert_eq(plx_port_detach(first), 0);
	cr_assert_eq(prog_of("xa"), 0, "the program stayed");
	first = port_new("net_af_xdp1,iface=xa");
	cr_assert_eq(plx_port_detach(first), 0);
	xdp_end();
}

/* veth has no zero-copy: asked for it is refused, else copy mode is what there is. */
Test(af_xdp_life, tells_that_zero_copy_is_not_there)
{
	struct plx_mempool *pool;
	unsigned port;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	port = port_new("net_af_xdp0,iface=xa,mode=zerocopy");
	cr_assert_eq(port_setup(port, 1, 1, pool), 0);
	log_lines_start();
	cr_assert_neq(plx_port_start(port), 0);
	assert_one_line("port", PLX_LOG_ERR, "net_af_xdp0", "zero-copy", "hugepages", "mode=auto");
	assert_all_home(pool);
	cr_assert_eq(plx_port_detach(port), 0);
	xdp_end();
}

/* ---- Pools ---- */

Test(af_xdp_life, tells_which_pools_do)
{
	const struct {
		uint32_t nb, data_room, priv, nb_desc;
		uint32_t mtu;
		const char *word;
	} cases[] = {
		{POOL, 1700, 0, 0, 1500, "data room"}, /* a chunk under 2 KB */
		{POOL, 9000, 0, 0, 1500, "data room"}, /* over a page */
		{POOL, 2048, 0, 0, 1906, NULL},
		{POOL, 2048, 0, 0, 1907, "data room of 2049"},
		{POOL, 3904, 0, 0, 3762, NULL}, /* a page, all of it */
		{POOL, 3905, 0, 0, 1500, "data room"},
		{POOL, 1800, 1024, 0, 1500, NULL},
		{100, 2048, 0, 101, 1500, "101"},
		{100, 2048, 0, 100, 1500, NULL},
	};

	xdp_start(1);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		struct plx_port_conf conf = {.nb_rx_queues = 1, .mtu = cases[i].mtu};
		struct plx_port_rxq_conf rxq = {.node = PLX_NODE_ANY, .nb_desc = cases[i].nb_desc};
		struct plx_mempool *pool =
			packets_new("pool", cases[i].nb, cases[i].data_room, cases[i].priv);
		unsigned port = port_new("net_af_xdp0,iface=xa");
		int ret;

		rxq.pool = pool;
		cr_assert_eq(plx_port_configure(port, &conf), 0, "case %zu: %s", i,
			     log_lines_text(0));
		log_lines_start();
		ret = plx_port_rxq_setup(port, 0, &rxq);
		if (cases[i].word) {
			cr_assert_eq(ret, -EINVAL, "case %zu: %d", i, ret);
			assert_one_line("port", PLX_LOG_ERR, "net_af_xdp0", "pool", cases[i].word);
		} else {
			cr_assert_eq(ret, 0, "case %zu: %s", i, log_lines_text(0));
			cr_assert_eq(plx_port_start(port), 0, "case %zu: %s", i, log_lines_text(0));
			cr_assert_eq(plx_port_stop(port), 0);
		}
		cr_assert_eq(plx_port_detach(port), 0);
		assert_all_home(pool);
		plx_mbuf_pool_destroy(pool);
	}
	xdp_end();
}

Test(af_xdp_life, tells_that_the_pool_is_used_up)
{
	struct plx_mempool *pool;
	struct plx_mbuf *held[500];
	unsigned port;

	xdp_start(1);
	pool = packets_new("pool", 800, 0, 0);
	cr_assert_eq(plx_mbuf_alloc_bulk(pool, held, 500), 500);
	port = port_new("net_af_xdp0,iface=xa");
	cr_assert_eq(port_setup(port, 1, 1, pool), 0);
	log_lines_start();
	cr_assert_eq(plx_port_start(port), -ENOMEM);
	assert_one_line("port", PLX_LOG_ERR, "net_af_xdp0", "pool 'pool'", "512");
	cr_assert_eq(plx_mempool_avail(pool), 300);
	plx_mbuf_free_bulk(held, 500);
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* A port whose packets nobody gives back: all of the pool comes in, then nothing, then again. */
Test(af_xdp_life, goes_on_when_the_pool_has_packets_again)
{
	enum { NB = 1024, ROUNDS = 3 };
	struct plx_mbuf *pkts[NB + 1];
	struct plx_mempool *pool;
	uint64_t sent = 0, taken = 0;
	unsigned port;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", NB, 0, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t nombuf = xstat(port, "rx_nombuf"), missed = xstat(port, "rx_missed");
		uint32_t nb = 0;

		while (nb < NB) {
			peer_send(peer, 100, nb);
			sent++;
			cr_assert_eq(port_take(port, 0, &pkts[nb], 1, WAIT_MS), 1,
				     "round %u: only %u came", round, nb);
			assert_frame(pkts[nb], 100, nb);
			nb++;
		}
		cr_assert_gt(xstat(port, "rx_nombuf"), nombuf);
		/* The kernel has no packet left to receive into: it counts what it drops. */
		for (unsigned i = 0; i < 50; i++)
			peer_send(peer, 100, i);
		sent += 50;
		cr_assert_eq(port_take(port, 0, pkts + nb, 1, QUIET_MS), 0);
		cr_assert_eq(xstat(port, "rx_missed"), missed + 50, "%llu missed",
			     (unsigned long long)(xstat(port, "rx_missed") - missed));
		cr_assert_eq(plx_mempool_avail(pool), 0);
		taken += nb;
		plx_mbuf_free_bulk(pkts, nb);
		/* The next poll gives the kernel what it lacks. */
		cr_assert_eq(plx_port_rx_burst(port, 0, pkts, 32), 0);
		cr_assert_eq(plx_mempool_avail(pool), NB - NB_DESC);
	}
	assert_xstat(port, "rx_packets", taken);
	cr_assert_eq(xstat(port, "rx_packets") + xstat(port, "rx_missed"), sent);
	assert_xstat(port, "rx_q0_kernel_dropped", sent - taken);
	/* The counts of the kernel's socket outlive it, and go on with the next one. */
	cr_assert_eq(plx_port_stop(port), 0);
	assert_xstat(port, "rx_missed", sent - taken);
	assert_xstat(port, "rx_kernel_dropped", sent - taken);
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	assert_xstat(port, "rx_missed", sent - taken);
	assert_xstat(port, "rx_kernel_dropped", sent - taken);
	/* So they do in a new queue, behind a reset. */
	cr_assert_eq(plx_port_stats_reset(port), 0);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(port_setup(port, 1, 1, pool), 0, "%s", log_lines_text(0));
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	assert_xstat(port, "rx_missed", 0);
	assert_xstat(port, "rx_kernel_dropped", 0);
	assert_xstat(port, "rx_q0_kernel_dropped", 0);
	assert_xstat(port, "tx_invalid", 0);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* Copies need an mbuf: without one the packet stays the caller's, and nothing is lost. */
Test(af_xdp_life, copies_nothing_without_packets)
{
	struct plx_mempool *pool, *foreign;
	struct plx_mbuf *held[100], *pkts[10];
	unsigned port;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", NB_DESC + 100, 0, 0);
	foreign = packets_new("foreign", 64, 0, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	cr_assert_eq(plx_mbuf_alloc_bulk(pool, held, 100), 100);
	for (unsigned i = 0; i < 10; i++)
		pkts[i] = frame_new(foreign, 100, i);
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts, 10), 0);
	assert_xstat(port, "tx_nombuf", 1);
	plx_mbuf_free_bulk(held, 100);
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts, 10), 10);
	for (unsigned i = 0; i < 10; i++)
		assert_peer_gets(peer, 100, i);
	assert_all_home(foreign);
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* ---- Stop ---- */

static void packets_wait(const char *device)
{
	struct plx_mbuf *pkts[300];
	struct plx_mempool *pool;
	uint64_t missed = 0, before;
	unsigned port, nb;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	port = port_up(device, 1, pool);
	for (unsigned round = 0; round < 20; round++) {
		const struct plx_xdp_rxq *rxq = plx_port_rx_paths[port][0].queue;

		before = now_ms();
		for (unsigned i = 0; i < 100; i++)
			peer_send(peer, 200, i);
		nb = port_take(port, 0, pkts, round, WAIT_MS);
		cr_assert_eq(nb, round);
		/* All have come, and wait. */
		while (plx_load_acquire(rxq->rx.producer) - rxq->rx.cached_cons < 100 - nb) {
			cr_assert_lt(now_ms(), before + WAIT_MS, "not all came");
			nap();
		}
		plx_mbuf_free_bulk(pkts, nb);
		for (unsigned i = 0; i < 300; i++)
			pkts[i] = frame_new(pool, 1000, i);
		port_send_all(port, pkts, 300);
		missed += 100 - nb;
		cr_assert_eq(plx_port_stop(port), 0);
		assert_all_home(pool);
		assert_xstat(port, "rx_missed", missed);
		assert_xstat(port, "tx_dropped", 0);
		assert_xstat(port, "tx_packets", 300 * (round + 1));
		for (unsigned i = 0; i < 300; i++)
			assert_peer_gets(peer, 1000, i);
		cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	}
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

Test(af_xdp_life, brings_waiting_packets_home)
{
	packets_wait("net_af_xdp0,iface=xa");
}

Test(af_xdp_life, brings_waiting_packets_home_in_skb_mode)
{
	packets_wait("net_af_xdp0,iface=xa,mode=skb");
}

struct noise {
	int fd;
	bool over;
	uint64_t sent;
};

static void *make_noise(void *arg)
{
	struct noise *noise = arg;
	unsigned char frame[FRAME_ROOM];

	frame_make(frame, 100, 0);
	while (!plx_load_relaxed(&noise->over))
		noise->sent += send(noise->fd, frame, 100, MSG_DONTWAIT) == 100;
	return NULL;
}

/* Frames of tests that came to the kernel by @fd's interface since the last call. */
static uint64_t kernel_saw(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);

	cr_assert_eq(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len), 0);
	return stats.tp_packets;
}

/*
 * Packets come in all the time, and are taken slowly. Whenever the port is stopped, no mbuf is lost
 * to the pool, and each packet was taken, or counted, or went to the kernel.
 */
Test(af_xdp_life, starts_and_stops_under_load)
{
	enum { CYCLES = 100 };
	struct plx_mempool *pool;
	struct plx_mbuf *pkts[32];
	struct noise noise = {0};
	unsigned fds, port;
	pthread_t thread;
	uint64_t taken = 0, kernels, missed;
	int kernel;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	noise.fd = peer_open("xb");
	kernel = peer_open("xa");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(pthread_create(&thread, NULL, make_noise, &noise), 0);
	fds = nb_entries("/proc/self/fd");
	for (unsigned i = 0; i < CYCLES; i++) {
		uint64_t end = now_ms() + WAIT_MS;
		uint32_t nb = 0;

		cr_assert_eq(plx_port_start(port), 0, "cycle %u: %s", i, log_lines_text(0));
		while (nb < 64) {
			uint32_t got = plx_port_rx_burst(port, 0, pkts, 8);

			nb += got;
			plx_mbuf_free_bulk(pkts, got);
			cr_assert_lt(now_ms(), end, "cycle %u: %u packets came", i, nb);
		}
		taken += nb;
		cr_assert_eq(plx_port_stop(port), 0);
		cr_assert_eq(plx_mempool_avail(pool), POOL, "cycle %u: %u are away", i,
			     plx_mempool_in_use(pool));
	}
	plx_store_relaxed(&noise.over, true);
	pthread_join(thread, NULL);
	cr_assert_eq(nb_entries("/proc/self/fd"), fds);
	for (int i = 0; i < QUIET_MS; i++) /* what is under way arrives */
		nap();
	kernels = kernel_saw(kernel);
	missed = xstat(port, "rx_missed");
	assert_xstat(port, "rx_packets", taken);
	cr_assert_eq(taken + missed + kernels, noise.sent,
		     "%llu sent; %llu taken, %llu missed, %llu the kernel's",
		     (unsigned long long)noise.sent, (unsigned long long)taken,
		     (unsigned long long)missed, (unsigned long long)kernels);
	cr_assert_gt(missed, 0);
	cr_assert_gt(kernels, 0);
	assert_all_home(pool);
	cr_assert_eq(plx_port_detach(port), 0);
	xdp_end();
}

/* Packets that the kernel did not take when they were sent are sent before the stop. */
Test(af_xdp_life, sends_what_waits_before_it_stops)
{
	struct plx_mbuf *pkts[100];
	struct plx_mempool *pool;
	struct plx_xdp_txq *txq;
	unsigned port;
	int peer, fd;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	txq = plx_port_tx_paths[port][0].queue;
	for (unsigned i = 0; i < 100; i++)
		pkts[i] = frame_new(pool, 60 + i, i);
	fd = txq->fd;
	txq->fd = -1;
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts, 100), 100);
	txq->fd = fd;
	assert_xstat(port, "tx_packets", 0);
	cr_assert_eq(plx_port_stop(port), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_peer_gets(peer, 60 + i, i);
	assert_xstat(port, "tx_packets", 100);
	assert_xstat(port, "tx_dropped", 0);
	assert_all_home(pool);
	cr_assert_eq(plx_port_detach(port), 0);
	xdp_end();
}

/* The ring takes as many as it has descriptors, no more. */
Test(af_xdp_life, is_full_when_nothing_is_sent)
{
	struct plx_mbuf *pkts[100];
	struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1};
	struct plx_port_rxq_conf rxq = {.nb_desc = 1, .node = PLX_NODE_ANY};
	struct plx_port_txq_conf txq = {.nb_desc = 70, .node = PLX_NODE_ANY};
	struct plx_xdp_txq *own;
	struct plx_mempool *pool;
	unsigned port;
	int peer, fd;

	xdp_start(1);
	rxq.pool = pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	port = port_new("net_af_xdp0,iface=xa");
	cr_assert_eq(plx_port_configure(port, &conf), 0);
	cr_assert_eq(plx_port_rxq_setup(port, 0, &rxq), 0);
	cr_assert_eq(plx_port_txq_setup(port, 0, &txq), 0);
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	own = plx_port_tx_paths[port][0].queue;
	for (unsigned i = 0; i < 100; i++)
		pkts[i] = frame_new(pool, 100, i);
	fd = own->fd;
	own->fd = -1;
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts, 50), 50);
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts + 50, 50), 20);
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts + 70, 30), 0);
	own->fd = fd;
	/* A burst that finds it full has the kernel try again. */
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts + 70, 30), 0);
	cr_assert_eq(plx_port_tx_burst(port, 0, pkts + 70, 30), 30);
	for (unsigned i = 0; i < 100; i++)
		assert_peer_gets(peer, 100, i);
	/* A ring of one descriptor receives, too. */
	for (unsigned i = 0; i < 20; i++) {
		struct plx_mbuf *m;

		peer_send(peer, 100, i);
		m = port_take_one(port);
		assert_frame(m, 100, i);
		plx_mbuf_free(m);
	}
	port_down(port);
	assert_all_home(pool);
	xdp_end();
}

/* What the port does not want is the kernel's, also while it is stopped. */
Test(af_xdp_life, leaves_packets_to_the_kernel_while_stopped)
{
	unsigned char frame[FRAME_ROOM];
	struct plx_mempool *pool;
	struct plx_mbuf *m;
	int peer, kernel;
	unsigned port;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	kernel = peer_open("xa");
	port = port_new("net_af_xdp0,iface=xa");
	peer_send(peer, 100, 1);
	assert_peer_gets(kernel, 100, 1);
	cr_assert_eq(port_setup(port, 1, 1, pool), 0);
	cr_assert_eq(plx_port_start(port), 0);
	peer_send(peer, 100, 2);
	m = port_take_one(port);
	assert_frame(m, 100, 2);
	plx_mbuf_free(m);
	cr_assert_eq(peer_read(kernel, frame, QUIET_MS), 0, "the kernel got it too");
	cr_assert_eq(plx_port_stop(port), 0);
	peer_send(peer, 100, 3);
	assert_peer_gets(kernel, 100, 3);
	cr_assert_eq(plx_port_detach(port), 0);
	assert_all_home(pool);
	xdp_end();
}

/* What the kernel finds wrong is counted, holds nothing up, and comes home: some kernels give it
 * back with what was sent, others only at the end. */
Test(af_xdp_life, counts_what_the_kernel_finds_invalid)
{
	struct plx_mempool *pool;
	struct plx_mbuf *pkts[3];
	struct plx_xdp_txq *txq;
	unsigned port;
	int peer, fd;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	txq = plx_port_tx_paths[port][0].queue;
	for (unsigned i = 0; i < 3; i++)
		pkts[i] = frame_new(pool, 100, i);
	fd = txq->fd;
	txq->fd = -1;
	port_send_all(port, pkts, 3);
	xsk_ring_prod__tx_desc(&txq->tx, txq->tx.cached_prod - 2)->len = UINT16_MAX;
	txq->fd = fd;
	pkts[0] = frame_new(pool, 100, 3);
	port_send_all(port, pkts, 1);
	assert_peer_gets(peer, 100, 0);
	assert_peer_gets(peer, 100, 2);
	assert_peer_gets(peer, 100, 3);
	assert_xstat(port, "tx_invalid", 1);
	assert_xstat(port, "tx_errors", 0);
	assert_xstat(port, "tx_packets", 4);
	cr_assert_eq(plx_port_stop(port), 0);
	assert_all_home(pool);
	assert_xstat(port, "tx_invalid", 1);
	assert_xstat(port, "tx_errors", 0);
	assert_xstat(port, "tx_packets", 4);
	cr_assert_eq(plx_port_detach(port), 0);
	xdp_end();
}

/* Its sockets would keep the queues. */
Test(af_xdp_life, starts_again_while_a_child_of_fork_lives)
{
	struct plx_mempool *pool;
	struct plx_mbuf *m;
	unsigned port;
	pid_t child;
	int peer;

	xdp_start(1);
	pool = packets_new("pool", POOL, 0, 0);
	peer = peer_open("xb");
	port = port_up("net_af_xdp0,iface=xa", 1, pool);
	child = ended_child();
	peer_send(peer, 100, 1);
	m = port_take_one(port);
	assert_frame(m, 100, 1);
	plx_mbuf_free(m);
	cr_assert_eq(plx_port_stop(port), 0);
	cr_assert_eq(plx_port_start(port), 0, "%s", log_lines_text(0));
	port_down(port);
	assert_all_home(pool);
	end_child(child);
	xdp_end();
}

/* The files of a child of fork() keep nothing in the interface. */
Test(af_xdp_life, takes_its_program_out_whoever_has_its_files)
{
	unsigned port;
	pid_t child;

	xdp_start(1);
	port = port_new("net_af_xdp0,iface=xa");
	cr_assert_neq(prog_of("xa"), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	cr_assert_gt(child, 0);
	cr_assert_eq(plx_port_detach(port), 0);
	cr_assert_eq(prog_of("xa"), 0, "the program stayed");
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	xdp_end();
}
