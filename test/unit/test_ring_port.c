/* SPDX-License-Identifier: BSD-3-Clause */
/* net_ring: what passes through a loop and a cable, and where each packet is counted. */
#include "ring_private.h"
#include "seed.h"
#include "soft_ports.h"

#include <sys/wait.h>
#include <unistd.h>

extern const struct plx_port_driver plx_net_ring_driver;

enum { BURST = 32 };

static void start_ring(void)
{
	soft_start(&plx_net_ring_driver);
}

TestSuite(ring_port, .init = start_ring, .fini = soft_end);

/* Two ports and the cable between them; both are up. */
static void cable_up(unsigned *a, unsigned *b, unsigned nb_queues)
{
	*a = soft_attach("net_ring0");
	*b = soft_attach("net_ring1,peer=net_ring0");
	soft_setup(*a, nb_queues, nb_queues, false, 0);
	soft_setup(*b, nb_queues, nb_queues, false, 0);
	done(plx_port_start(*a));
	done(plx_port_start(*b));
}

static bool is_up(unsigned port)
{
	struct plx_port_link link;

	done(plx_port_link(port, &link));
	return link.up;
}

static uint32_t send(unsigned port, unsigned queue, uint32_t nb)
{
	struct plx_mbuf *pkts[256];
	uint32_t sent;

	packets_make(pkts, nb, 100);
	sent = plx_port_tx_burst(port, queue, pkts, nb);
	plx_mbuf_free_bulk(pkts + sent, nb - sent);
	return sent;
}

/* Take and free. */
static uint32_t take(unsigned port, unsigned queue, uint32_t nb)
{
	struct plx_mbuf *pkts[256];

	nb = plx_port_rx_burst(port, queue, pkts, nb);
	plx_mbuf_free_bulk(pkts, nb);
	return nb;
}

Test(ring_port, a_loop)
{
	unsigned port = soft_up("net_ring0");
	struct plx_mbuf *sent[BURST], *got[BURST];

	cr_assert(is_up(port));
	packets_make(sent, BURST, 200);
	assert_count(plx_port_tx_burst(port, 0, sent, BURST), BURST);
	assert_count(plx_port_rx_burst(port, 0, got, 5), 5);
	assert_count(plx_port_rx_burst(port, 0, got + 5, BURST - 5), BURST - 5);
	assert_count(plx_port_rx_burst(port, 0, got, 1), 0);
	for (uint32_t i = 0; i < BURST; i++) {
		cr_assert_eq(got[i], sent[i], "packet %u is another one", i);
		assert_bytes(got[i], 0, 200, i);
	}
	plx_mbuf_free_bulk(got, BURST);
	assert_count(soft_stats(port).rx.packets, BURST);
	assert_count(soft_stats(port).rx.bytes, BURST * 200);
	assert_count(soft_stats(port).tx.packets, BURST);
	assert_count(soft_stats(port).tx.bytes, BURST * 200);
}

/* What the sender asked for or knew is not what the receiver finds. */
Test(ring_port, descriptors_are_as_after_a_wire)
{
	struct plx_mbuf *pkts[6], *clone;
	unsigned a, b;

	cable_up(&a, &b, 1);
	packets_make(pkts, 6, 64);
	for (unsigned i = 0; i < 6; i++) {
		pkts[i]->flags = PLX_MBUF_F_TX_IPV4 | PLX_MBUF_F_TX_UDP_CSUM |
				 PLX_MBUF_F_RX_RSS_HASH | PLX_MBUF_F_RX_VLAN_STRIPPED;
		pkts[i]->offload = UINT64_MAX;
		pkts[i]->vlan_tci = 7;
		pkts[i]->port = 99;
	}
	clone = plx_mbuf_clone(pkts[5], soft_pool);
	cr_assert_not_null(clone);
	plx_mbuf_free(pkts[5]);
	pkts[5] = clone;
	assert_count(plx_port_tx_burst(a, 0, pkts, 6), 6);
	assert_count(plx_port_rx_burst(b, 0, pkts, 6), 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_count(pkts[i]->flags, i == 5 ? PLX_MBUF_F_CLONE : 0);
		assert_count(pkts[i]->port, b);
		assert_count(pkts[i]->offload, 0);
		assert_bytes(pkts[i], 0, 64, i);
	}
	plx_mbuf_free_bulk(pkts, 6);
}

Test(ring_port, a_cable_both_ways)
{
	unsigned a, b;

	cable_up(&a, &b, 2);
	cr_assert(is_up(a));
	cr_assert(is_up(b));
	for (unsigned q = 0; q < 2; q++) {
		assert_count(send(a, q, 10 + q), 10 + q);
		assert_count(send(b, q, 20 + q), 20 + q);
	}
	for (unsigned q = 0; q < 2; q++) {
		assert_count(take(b, q, 64), 10 + q);
		assert_count(take(a, q, 64), 20 + q);
	}
	assert_count(soft_stats(b).rx.packets, 21);
	assert_count(soft_stats(a).rx.packets, 41);
	assert_count(soft_stats(a).tx.packets, 21);
	assert_count(soft_stats(b).tx.bytes, 4100);
}

/* Queues of one end that the other has not lead to those it has. */
Test(ring_port, unlike_queues)
{
	unsigned a = soft_attach("net_ring0"), b = soft_attach("net_ring1,peer=net_ring0");

	soft_setup(a, 1, 5, false, 0);
	soft_setup(b, 2, 1, false, 0);
	/* The receiver is there before the sender: its queues get wires while it polls. */
	done(plx_port_start(b));
	assert_count(take(b, 0, 64), 0);
	done(plx_port_start(a));
	for (unsigned q = 0; q < 5; q++)
		assert_count(send(a, q, 10), 10);
	assert_count(take(b, 0, 64), 30);
	assert_count(take(b, 1, 64), 20);
	/* In turns, so that no queue is left waiting. */
	for (unsigned q = 0; q < 5; q++)
		assert_count(send(a, q, 10), 10);
	for (unsigned i = 0; i < 6; i++)
		assert_count(take(b, 0, 5), 5);
	assert_count(take(b, 0, 5), 0);
	assert_count(take(b, 1, 64), 20);
	assert_count(send(b, 0, 7), 7);
	assert_count(take(a, 0, 64), 7);

	/* Fewer, and then more again. */
	done(plx_port_stop(a));
	soft_setup(a, 1, 1, false, 0);
	done(plx_port_start(a));
	assert_count(send(a, 0, 3), 3);
	assert_count(take(b, 0, 64), 3);
	done(plx_port_stop(b));
	soft_setup(b, 1, 1, false, 0);
	done(plx_port_start(b));
	assert_count(send(a, 0, 3), 3);
	assert_count(take(b, 0, 64), 3);
}

Test(ring_port, a_receiver_without_queues)
{
	unsigned a = soft_attach("net_ring0,size=16"), b = soft_attach("net_ring1,peer=net_ring0");

	soft_setup(a, 0, 1, false, 0);
	soft_setup(b, 0, 1, false, 0);
	done(plx_port_start(a));
	done(plx_port_start(b));
	assert_count(send(a, 0, 20), 16);
	assert_count(send(a, 0, 20), 0);
	done(plx_port_stop(b));
	assert_count(soft_stats(b).rx.missed, 16);
}

Test(ring_port, full)
{
	unsigned port = soft_up("net_ring0,size=100");
	struct plx_mbuf *pkts[40];

	for (unsigned i = 0; i < 3; i++)
		assert_count(send(port, 0, 40), 40);
	assert_count(send(port, 0, 40), 8);
	assert_count(send(port, 0, 40), 0);
	assert_count(soft_stats(port).tx.bytes, 12800);
	packets_make(pkts, 40, 60);
	assert_count(take(port, 0, 3), 3);
	assert_count(plx_port_tx_or_drop(port, 0, pkts, 40), 3);
	assert_count(soft_stats(port).tx.dropped, 37);
	assert_count(soft_stats(port).tx.packets, 131);
	for (unsigned i = 0; i < 2; i++)
		assert_count(take(port, 0, 64), 64);
	assert_count(take(port, 0, 64), 0);
	assert_count(soft_stats(port).rx.bytes, soft_stats(port).tx.bytes);
}

/* Bursts out end anywhere in those that went in; the ring is full again and again. */
Test(ring_port, bytes_add_up_after_each_burst)
{
	struct rng rng = rng_start("test_ring_port");
	unsigned port = soft_up("net_ring0,size=32");
	uint64_t in = 0, out = 0;
	struct plx_mbuf *pkts[48];

	for (unsigned round = 0; round < 20000; round++) {
		uint32_t nb = rng_between(&rng, 1, rng_below(&rng, 2) ? 8 : 48), done;

		for (uint32_t i = 0; i < nb; i++)
			pkts[i] = packet_new(soft_pool, (uint16_t)rng_between(&rng, 1, 200), i);
		done = plx_port_tx_burst(port, 0, pkts, nb);
		for (uint32_t i = 0; i < done; i++)
			in += pkts[i]->pkt_len;
		plx_mbuf_free_bulk(pkts + done, nb - done);
		assert_count(soft_stats(port).tx.bytes, in);

		nb = rng_between(&rng, 1, rng_below(&rng, 2) ? 8 : 48);
		done = plx_port_rx_burst(port, 0, pkts, nb);
		for (uint32_t i = 0; i < done; i++)
			out += pkts[i]->pkt_len;
		plx_mbuf_free_bulk(pkts, done);
		assert_count(soft_stats(port).rx.bytes, out);
	}
}

/* Whatever is copied several at once, or not, comes out as it went in. */
Test(ring_port, every_burst_from_every_offset)
{
	enum { SLOTS = 128, MOST = 70 };
	unsigned port = soft_attach("net_ring0,size=128");
	struct plx_mbuf *in[MOST], *out[MOST];

	soft_setup(port, 1, 1, false, 0);
	done(plx_port_start(port));
	packets_make(in, MOST, 100);
	for (uint32_t nb = 1, at = 0; nb <= MOST; nb++) {
		for (unsigned i = 0; i < SLOTS; i++, at += nb) {
			memset(out, 0, sizeof(out));
			cr_assert_eq(plx_port_tx_burst(port, 0, in, nb), nb, "%u from %u", nb, at);
			cr_assert_eq(plx_port_rx_burst(port, 0, out, nb), nb, "%u from %u", nb, at);
			for (uint32_t j = 0; j < MOST; j++)
				cr_assert_eq(out[j], j < nb ? in[j] : NULL, "%u from %u: entry %u",
					     nb, at, j);
		}
	}
	plx_mbuf_free_bulk(in, MOST);
}

Test(ring_port, the_link_is_up_while_both_ends_are_started)
{
	unsigned a, b;

	cable_up(&a, &b, 1);
	done(plx_port_stop(b));
	cr_assert_not(is_up(a));
	cr_assert_not(is_up(b));
	assert_count(send(a, 0, 5), 0);
	done(plx_port_start(b));
	cr_assert(is_up(a));
	cr_assert(is_up(b));
	assert_count(send(a, 0, 5), 5);
	done(plx_port_stop(a));
	cr_assert_not(is_up(b));
	/* What was on the way arrives. */
	assert_count(take(b, 0, 64), 5);
	assert_count(send(b, 0, 5), 0);
}

Test(ring_port, packets_in_flight_at_a_stop)
{
	unsigned a, b;

	cable_up(&a, &b, 2);
	assert_count(send(a, 0, 10), 10);
	assert_count(send(a, 1, 20), 20);
	assert_count(send(b, 1, 40), 40);
	assert_count(take(b, 1, 5), 5);
	done(plx_port_stop(b));
	assert_count(soft_stats(b).rx.packets, 5);
	assert_count(soft_stats(b).rx.missed, 25);
	assert_count(soft_xstat(b, "rx_q0_missed"), 10);
	assert_count(soft_xstat(b, "rx_q1_missed"), 15);
	/* The other way nothing is lost: its receiver runs. */
	assert_count(soft_stats(a).rx.missed, 0);
	assert_count(take(a, 1, 64), 40);
	assert_count(soft_stats(a).tx.packets, 30);
	done(plx_port_start(b));
	assert_count(take(b, 0, 64), 0);
	assert_count(send(a, 0, 3), 3);
	assert_count(take(b, 0, 64), 3);
}

Test(ring_port, a_loop_that_is_stopped)
{
	unsigned port = soft_up("net_ring0");

	assert_count(send(port, 0, 33), 33);
	assert_count(take(port, 0, 3), 3);
	done(plx_port_stop(port));
	cr_assert_not(is_up(port));
	assert_count(soft_stats(port).rx.missed, 30);
	assert_count(plx_mempool_in_use(soft_pool), 0);
	done(plx_port_start(port));
	cr_assert(is_up(port));
	assert_count(take(port, 0, 3), 0);
}

Test(ring_port, ends_come_and_go)
{
	unsigned a, b;

	cable_up(&a, &b, 1);
	assert_count(send(a, 0, 9), 9);
	assert_count(send(b, 0, 8), 8);
	done(plx_port_stop(b));
	done(plx_port_detach(b));
	cr_assert_not(is_up(a));
	assert_count(send(a, 0, 1), 0);
	/* Sent before the other end left. */
	assert_count(take(a, 0, 64), 8);

	/* A new one takes the place, while the first runs. */
	b = soft_attach("net_ring5,peer=net_ring0");
	soft_setup(b, 1, 1, false, 0);
	done(plx_port_start(b));
	cr_assert(is_up(a));
	assert_count(send(a, 0, 2), 2);
	assert_count(take(b, 0, 64), 2);
	assert_count(send(b, 0, 3), 3);
	assert_count(take(a, 0, 64), 3);

	/* The end that was there first goes; the other is the place to plug into. */
	done(plx_port_stop(a));
	done(plx_port_detach(a));
	a = soft_attach("net_ring0,peer=net_ring5");
	soft_setup(a, 1, 1, false, 0);
	done(plx_port_start(a));
	assert_count(send(a, 0, 4), 4);
	assert_count(take(b, 0, 64), 4);
}

/*
 * A burst that looked at the link just before the receiver stopped, and goes into the wire after
 * it: what a thread does that loses its CPU in between.
 */
static uint32_t send_late(unsigned port, uint32_t nb)
{
	struct ring_txq *txq = plx_port_tx_paths[port][0].queue;
	const uint32_t *open = txq->open;
	const uint32_t was_open = 100 + 1;
	uint32_t sent;

	txq->open = &was_open;
	sent = send(port, 0, nb);
	txq->open = open;
	return sent;
}

Test(ring_port, late_and_the_receiver_starts_again)
{
	unsigned a, b;

	cable_up(&a, &b, 1);
	done(plx_port_stop(b));
	assert_count(send_late(a, 5), 5);
	done(plx_port_start(b));
	assert_count(take(b, 0, 64), 0);
	assert_count(soft_stats(b).rx.missed, 5);
	/* It had the id of another port then. */
	assert_count(send_late(a, 3), 3);
	assert_count(send(a, 0, 3), 3);
	for (unsigned i = 0; i < 6; i++) {
		struct plx_mbuf *m;

		assert_count(plx_port_rx_burst(b, 0, &m, 1), 1);
		assert_count(m->port, b);
		plx_mbuf_free(m);
	}
	assert_count(send_late(a, 3), 3);
	assert_count(send(a, 0, 3), 3);
	assert_count(take(b, 0, 64), 6);
}

Test(ring_port, late_and_the_sender_stops)
{
	unsigned a, b;

	cable_up(&a, &b, 1);
	done(plx_port_stop(b));
	assert_count(send_late(a, 5), 5);
	done(plx_port_stop(a));
	assert_count(plx_mempool_in_use(soft_pool), 0);
	assert_count(soft_stats(b).rx.missed, 5);
	assert_count(soft_xstat(a, "tx_undelivered"), 0);

	/* Without a queue to count them the port itself does. */
	done(plx_port_start(a));
	done(plx_port_close(b));
	assert_count(send_late(a, 4), 4);
	done(plx_port_stop(a));
	assert_count(soft_stats(b).rx.missed, 9);
}

Test(ring_port, late_and_the_receiver_is_detached)
{
	unsigned a, b;

	cable_up(&a, &b, 1);
	done(plx_port_stop(b));
	assert_count(send_late(a, 5), 5);
	done(plx_port_detach(b));
	assert_count(soft_xstat(a, "tx_undelivered"), 5);
	assert_count(send_late(a, 4), 4);
	done(plx_port_stop(a));
	assert_count(soft_xstat(a, "tx_undelivered"), 9);
	assert_count(soft_stats(a).tx.packets, 9);
	assert_count(plx_mempool_in_use(soft_pool), 0);
}

/* A loop that was in use becomes a cable. */
Test(ring_port, a_loop_gets_a_peer)
{
	unsigned a = soft_up("net_ring0"), b;

	assert_count(send(a, 0, 5), 5);
	assert_refused_device("net_ring1,peer=net_ring0", -EBUSY, "peer");
	done(plx_port_stop(a));
	b = soft_attach("net_ring1,peer=net_ring0");
	soft_setup(b, 1, 1, false, 0);
	done(plx_port_start(a));
	done(plx_port_start(b));
	assert_count(send(a, 0, 6), 6);
	assert_count(take(a, 0, 64), 0);
	assert_count(take(b, 0, 64), 6);
	assert_count(send(b, 0, 7), 7);
	assert_count(take(a, 0, 64), 7);
	assert_count(soft_stats(a).rx.missed, 5);
}

/* Steps that fail in the child of a_child_of_fork_has_no_peers. */
static int attach_anew(void)
{
	unsigned port;

	plx_port_fini();
	plx_eal_fini();
	start_pools();
	if (plx_port_drivers_set(soft_drivers) != 0)
		return 1;
	/* Not the parent's: neither one whose number is free again nor the own one. */
	if (plx_port_attach("net_ring0,peer=net_ring1", &port) != -ENODEV ||
	    plx_port_attach("net_ring7,peer=net_ring7", &port) != -ENODEV)
		return 2;
	if (plx_port_attach("net_ring0", &port) != 0)
		return 3;
	if (plx_port_attach("net_ring1,peer=net_ring0", &port) != 0)
		return 4;
	plx_port_fini();
	return 0;
}

Test(ring_port, a_child_of_fork_has_no_peers)
{
	int status = 0;
	pid_t pid;

	soft_attach("net_ring0");
	soft_attach("net_ring1");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		_exit(attach_anew());
	}
	cr_assert_geq(pid, 0, "fork: %s", strerror(errno));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x (14: it hung), step %d", (unsigned)status,
		     WEXITSTATUS(status));
}

Test(ring_port, device_strings)
{
	assert_refused_device("net_ring0,size=1", -EINVAL, "size");
	assert_refused_device("net_ring0,size=1048577", -EINVAL, "size");
	assert_refused_device("net_ring0,avx2=2", -EINVAL, "avx2");
	assert_refused_device("net_ring0,peer=net_ring0", -ENODEV, "peer");
	assert_refused_device("net_ring0,peer=net_ring7", -ENODEV, "net_ring7");
	assert_refused_device("net_ring0,nodeaction=R0:0:ATTACH", -EINVAL, "peer=DEVICE");
	assert_refused_device("net_ring0,nodeaction=R0:0:DESTROY", -EINVAL, "CREATE");
	assert_refused_device("net_ring0,nodeaction=R0:9999:CREATE", -EINVAL, "nodeaction");
	assert_refused_device("net_ring0,nodeaction=R0:x:CREATE", -EINVAL, "nodeaction");
	assert_refused_device("net_ring0,nodeaction=:0:CREATE", -EINVAL, "nodeaction");
	assert_refused_device("net_ring0,nodeaction=R0", -EINVAL, "nodeaction");
	soft_attach("net_ring0,nodeaction=R0:0:CREATE,size=33");
	assert_refused_device("net_ring1,peer=net_ring0,size=65", -EINVAL, "size");
	assert_refused_device("net_ring1,peer=net_ring0,nodeaction=R0:0:CREATE", -EINVAL,
			      "nodeaction");
	/* Nothing of those refused is left at the cable's end. */
	soft_attach("net_ring1,peer=net_ring0,size=64");
	assert_refused_device("net_ring2,peer=net_ring0", -EBUSY, "peer");
	assert_refused_device("net_ring2,peer=net_ring1", -EBUSY, "peer");
}
