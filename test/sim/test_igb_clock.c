/* SPDX-License-Identifier: BSD-3-Clause */
/* The port's clock (it begins as the host's, is set, stepped and bent, and stamps are of it), and
 * interrupts of receive queues. */
#include "igb_port_env.h"

#include <poll.h>
#include <time.h>

enum { SECOND_NS = 1000000000 };

static uint64_t host_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint64_t card_ns(void)
{
	uint64_t ns = 0;

	done(plx_port_clock_read(env.port, &ns));
	return ns;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

TestSuite(igb_clock);

Test(igb_clock, is_the_hosts_until_it_is_set)
{
	const struct igb_sim_conf conf = env_conf(IGB_SIM_I350);
	uint64_t ns;

	env_attach(&conf, "");
	ns = card_ns();
	cr_expect_lt(distance(ns, host_ns()), 10ull * SECOND_NS, "%llu", (unsigned long long)ns);
	done(plx_port_clock_set(env.port, SECOND_NS));
	ns = card_ns();
	cr_expect(ns >= SECOND_NS && ns < 60ull * SECOND_NS, "%llu", (unsigned long long)ns);
	done(plx_port_clock_step(env.port, 1000ll * SECOND_NS));
	cr_expect_geq(card_ns(), ns + 1000ull * SECOND_NS);
	done(plx_port_clock_step(env.port, -1000ll * SECOND_NS));
	cr_expect_lt(card_ns(), 100ull * SECOND_NS);
	env_clean();
	env_end();
}

/* A tenth of a second at most from the host's own, at the nominal rate; 5 % off when bent. */
Test(igb_clock, runs_faster_when_told)
{
	const struct igb_sim_conf conf = env_conf(IGB_SIM_I210);
	uint64_t ns, host, bent;

	env_attach(&conf, "");
	done(plx_port_clock_set(env.port, SECOND_NS));
	done(plx_port_clock_rate(env.port, 50000000));
	ns = card_ns();
	host = plx_clock_raw_ns();
	usleep(400000);
	bent = card_ns() - ns;
	host = plx_clock_raw_ns() - host;
	cr_expect_gt(bent, host + host / 50, "%llu in %llu", (unsigned long long)bent,
		     (unsigned long long)host);
	env_clean();
	env_end();
}

Test(igb_clock, stamps_are_of_it)
{
	const struct plx_port_conf conf = {
		.nb_rx_queues = 1, .nb_tx_queues = 1, .rx_offloads = PLX_PORT_RX_TIMESTAMP};
	const struct igb_sim_conf sim = env_conf(IGB_SIM_I350);
	struct plx_mbuf *m = NULL;
	uint64_t before, after;

	env_attach(&sim, "");
	env_setup(&conf);
	env_start();
	done(plx_port_clock_set(env.port, 77ull * SECOND_NS));
	before = card_ns();
	env_inject(100, 1);
	after = card_ns();
	env_wait(plx_port_rx_burst(env.port, 0, &m, 1) == 1);
	cr_assert_not_null(m);
	cr_assert_neq(m->flags & PLX_MBUF_F_RX_TIMESTAMP, 0);
	cr_expect(m->timestamp >= before && m->timestamp <= after, "%llu not in %llu..%llu",
		  (unsigned long long)m->timestamp, (unsigned long long)before,
		  (unsigned long long)after);
	plx_mbuf_free(m);
	env_clean();
	env_end();
}

/* Did the queue's interrupt come? Takes it. */
static bool woken(unsigned queue, int timeout_ms)
{
	struct pollfd pollfd = {.fd = plx_port_rxq_intr_fd(env.port, queue), .events = POLLIN};
	uint64_t nb;

	cr_assert_geq(pollfd.fd, 0, "%d", pollfd.fd);
	if (poll(&pollfd, 1, timeout_ms) != 1)
		return false;
	return read(pollfd.fd, &nb, sizeof(nb)) == sizeof(nb);
}

Test(igb_clock, a_packet_wakes_who_sleeps)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 2, .nb_tx_queues = 1, .rx_intr = true};
	const struct igb_sim_conf sim = env_conf(IGB_SIM_I350);

	env_attach(&sim, "");
	env_setup(&conf);
	env_start();
	env_inject(100, 1);
	cr_expect_not(woken(0, 100), "nobody armed it");
	cr_expect_eq(env_drain(), 1);
	/* The first one may still tell of itself, and then it has to be armed again. */
	do {
		done(plx_port_rxq_intr_arm(env.port, 0, true));
	} while (woken(0, 50));
	env_inject(100, 2);
	cr_expect(woken(0, ENV_WAIT_MS));
	cr_expect_not(woken(1, 0), "the other queue has none");
	done(plx_port_rxq_intr_arm(env.port, 0, false));
	woken(0, 0);
	env_inject(100, 3);
	cr_expect_not(woken(0, 100), "it was taken back");
	cr_expect_eq(env_drain(), 2);
	env_clean();
	env_end();
}

Test(igb_clock, without_msix_nobody_is_woken)
{
	const struct plx_port_conf conf = {.nb_rx_queues = 1, .nb_tx_queues = 1, .rx_intr = true};
	const struct igb_sim_conf sim = env_conf(IGB_SIM_I350);

	env_attach(&sim, "intr=msi");
	env_setup(&conf);
	log_lines_start();
	cr_expect_eq(plx_port_start(env.port), -ENOTSUP);
	cr_expect(strstr(log_lines_text(0), "rx_intr wants MSI-X"), "%s", log_lines_text(0));
	env_end();
}
