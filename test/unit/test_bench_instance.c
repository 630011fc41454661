/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two instances of plx-bench at the ends of a cable that damages what passes (net_fault), polled in
 * turn by one thread: what they count is what was done, and latency is charged to whom it belongs.
 */
#include "fault.h"
#include "instance.h"
#include "seed.h"
#include "soft_ports.h"

#include <unistd.h>

enum { ALICE, BOB, FORMS = 3, BURST = 16 };

static struct instance ends[2];
static struct packet_form forms[2][FORMS];
static const uint32_t mix[FORMS] = {60, 124, 1514};

static void start_instances(void)
{
	soft_start(&plx_net_fault_driver);
}

static void end_instances(void)
{
	instance_release(&ends[ALICE]);
	instance_release(&ends[BOB]);
	soft_end();
}

TestSuite(bench_instance, .init = start_instances, .fini = end_instances);

static void segment(void)
{
	instance_reset(&ends[ALICE]);
	instance_reset(&ends[BOB]);
	instance_expect(&ends[ALICE], &ends[BOB]);
	instance_expect(&ends[BOB], &ends[ALICE]);
}

/* @pps of each; @plan: of what is on its way from Alice to Bob. */
static void meet(const char *plan, double pps, unsigned nb_sizes)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	char device[256];

	snprintf(device, sizeof(device), "net_fault1,peer=net_fault0%s%s", *plan ? "," : "", plan);
	for (unsigned i = 0; i < 2; i++) {
		struct instance *end = &ends[i];

		memset(end, 0, sizeof(*end));
		end->port = soft_up(i ? device : "net_fault0");
		end->index = 3 + i;
		end->from = 3 + !i;
		end->pool = soft_pool;
		end->load.pps = pps;
		end->load.burst = BURST;
		end->load.nb_sizes = nb_sizes;
		for (unsigned k = 0; k < nb_sizes; k++) {
			packet_form_make(&forms[i][k], mix[k], end->index, mac, mac);
			end->load.forms[k] = &forms[i][k];
		}
	}
	segment();
}

static void set_phase(enum instance_phase phase)
{
	for (unsigned i = 0; i < 2; i++)
		plx_store_release(&ends[i].phase, phase);
}

static void poll_both(void)
{
	instance_poll(&ends[ALICE]);
	instance_poll(&ends[BOB]);
}

/* Until each has sent @nb at least. */
static void run_until(uint64_t nb)
{
	set_phase(PHASE_SEND);
	while (ends[ALICE].counts.sent < nb || ends[BOB].counts.sent < nb)
		poll_both();
}

static void poll_for(uint64_t ns)
{
	uint64_t start = plx_clock_now_ns();

	while (plx_clock_now_ns() - start < ns)
		poll_both();
}

/* Until nothing has come for 30 ms: longer than any plan holds a packet. */
static void drain(void)
{
	uint64_t seen, now;

	set_phase(PHASE_DRAIN);
	do {
		seen = ends[ALICE].counts.received + ends[BOB].counts.received;
		poll_for(30000000);
		poll_both(); /* after the time, wherever the machine was meanwhile */
		now = ends[ALICE].counts.received + ends[BOB].counts.received;
	} while (now != seen);
}

static uint64_t lost(unsigned end)
{
	return tracker_lost(&ends[end].tracker, ends[!end].counts.sent);
}

/* sent = received + lost; each packet that came is of one kind. */
static void assert_adds_up(void)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct instance *end = &ends[i];

		assert_count(end->tracker.received + lost(i), ends[!i].counts.sent);
		assert_count(end->tracker.received + end->tracker.duplicate + end->tracker.stale +
				     end->corrupt + end->foreign + end->late,
			     end->counts.received);
		assert_count(end->latency.count, end->tracker.received);
		assert_count(end->tracker.stale, 0);
		assert_count(end->nb_held, 0);
	}
}

/* The way from Bob to Alice has no plan. */
static void assert_alice_is_well(void)
{
	const struct instance *end = &ends[ALICE];

	assert_count(lost(ALICE), 0);
	assert_count(end->tracker.received, ends[BOB].counts.sent);
	assert_count(end->tracker.duplicate + end->tracker.reordered + end->corrupt + end->foreign,
		     0);
}

/* ---- What was done is what is counted ---- */

Test(bench_instance, each_fault_is_counted_as_what_it_is)
{
	static const struct {
		const char *plan;
		uint64_t lost, duplicate, reordered, corrupt, foreign;
	} cases[] = {
		{"", 0, 0, 0, 0, 0},
		{"drop=100+100x17", 17, 0, 0, 0, 0},
		{"drop=0", 1, 0, 0, 0, 0},
		{"drop=200+1x700", 700, 0, 0, 0, 0},
		{"dup=5+7x90", 0, 90, 0, 0, 0},
		{"swap=5+7x90", 0, 0, 90, 0, 0},
		{"flip=3+50x30", 30, 0, 0, 30, 0},
		{"flip=3+50x30,flip-bit=96", 30, 0, 0, 30, 0},	/* Ethernet's type */
		{"flip=3+50x30,flip-bit=272", 30, 0, 0, 30, 0}, /* the stream */
		{"flip=3+50x30,flip-bit=336", 30, 0, 0, 30, 0}, /* the magic word */
		{"flip=3+50x30,flip-bit=400", 30, 0, 0, 30, 0}, /* the number */
		{"flip=3+50x30,flip-bit=3", 0, 0, 0, 0, 0},	/* under the FCS only */
		{"insert=9+9x40", 0, 0, 0, 0, 40},
		{"hold=100+100x10,hold-us=3000", 0, 0, 10, 0, 0},
		{"stall=100+500x3,stall-us=2000", 0, 0, 0, 0, 0},
		{"drop=10+40x20,flip=11+40x20,dup=12+40x20,swap=13+40x20,insert=15+40x20", 40, 20,
		 20, 20, 20},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		const struct instance *bob = &ends[BOB];

		meet(cases[i].plan, 0, 1);
		run_until(2000);
		drain();
		assert_adds_up();
		assert_alice_is_well();
		assert_count(lost(BOB), cases[i].lost);
		assert_count(bob->tracker.duplicate, cases[i].duplicate);
		assert_count(bob->tracker.reordered, cases[i].reordered);
		assert_count(bob->corrupt, cases[i].corrupt);
		assert_count(bob->foreign, cases[i].foreign);
		assert_count(soft_xstat(bob->port, "rx_fault_undone"), 0);
		for (unsigned k = 2; k-- > 0;) {
			done(plx_port_stop(ends[k].port));
			done(plx_port_detach(ends[k].port));
		}
	}
}

Test(bench_instance, a_mix_of_sizes)
{
	const struct instance *alice = &ends[ALICE];
	uint64_t rounds, rest;

	meet("", 0, FORMS);
	run_until(3000);
	drain();
	assert_adds_up();
	assert_alice_is_well();
	assert_count(lost(BOB), 0);
	rounds = alice->counts.sent / FORMS;
	rest = alice->counts.sent % FORMS;
	assert_count(alice->counts.sent_bytes,
		     rounds * (60 + 124 + 1514) + (rest > 0 ? 60 : 0) + (rest > 1 ? 124 : 0));
	assert_count(ends[BOB].counts.received_bytes, alice->counts.sent_bytes);
	assert_count(soft_stats(ends[BOB].port).rx.bytes, alice->counts.sent_bytes);
}

/* Packets of somebody else's stream are foreign, however valid. */
Test(bench_instance, another_stream)
{
	meet("", 0, 1);
	ends[BOB].from = 77;
	run_until(500);
	drain();
	assert_count(ends[BOB].foreign, ends[ALICE].counts.sent);
	assert_count(ends[BOB].tracker.received, 0);
	assert_count(ends[BOB].latency.count, 0);
}

/* What was held back comes when the next segment runs: it is late, and no part of that one. */
Test(bench_instance, the_segment_before)
{
	uint64_t start;

	meet("hold=50+1x5,hold-us=100000", 0, 1);
	run_until(500);
	set_phase(PHASE_DRAIN);
	poll_for(2000000);
	if (ends[BOB].tracker.reordered)
		cr_skip_test("this machine was away for 100 ms");
	assert_count(lost(BOB), 5);
	segment();
	run_until(500);
	drain();
	start = plx_clock_now_ns();
	while (ends[BOB].late < 5 && plx_clock_now_ns() - start < UINT64_C(5000000000))
		poll_both();
	drain();
	assert_adds_up();
	assert_count(ends[BOB].late, 5);
	assert_count(lost(BOB), 0);
	assert_count(ends[BOB].tracker.reordered + ends[BOB].tracker.duplicate, 0);
}

/* ---- Time ---- */

/* Packets are due at start + n * interval, and so many are sent; that is their time, too. */
Test(bench_instance, a_fixed_rate)
{
	const double pps = 40000;
	const struct instance *alice = &ends[ALICE];
	double due;

	meet("", pps, 1);
	set_phase(PHASE_SEND);
	poll_for(100000000);
	/* Whatever the machine was away for is caught up on. */
	do {
		poll_both();
		due = (double)(plx_clock_now_ns() - alice->start_ns) * pps / 1e9;
	} while ((double)alice->counts.sent + BURST < due);
	drain();
	assert_adds_up();
	assert_alice_is_well();
	cr_assert_geq(alice->counts.sent, (uint64_t)(0.1 * pps) - BURST);
	due = (double)(alice->end_ns - alice->start_ns) * pps / 1e9;
	cr_assert_leq(alice->counts.sent, due + 1, "%llu sent, %f were due",
		      (unsigned long long)alice->counts.sent, due);
	assert_count(alice->at_end.sent, alice->counts.sent);
}

/* Held back so long: those, and only those, are so late. */
Test(bench_instance, delays_are_in_their_percentile)
{
	const struct hist *latency = &ends[BOB].latency;
	uint64_t sent, held, first, before;

	/* About one in a hundred, and some behind the last of them. */
	meet("hold=99+100x30,hold-us=20000", 40000, 1);
	run_until(4000);
	drain();
	assert_adds_up();
	assert_count(lost(BOB), 0);
	held = soft_xstat(ends[BOB].port, "rx_fault_hold");
	sent = ends[ALICE].counts.sent;
	assert_count(held, 30);
	first = hist_percentile(latency, ((double)(sent - held) + 0.5) / (double)sent);
	cr_assert_geq(first, 20000000 * 0.9995, "the first of them: %llu",
		      (unsigned long long)first);
	cr_assert_geq(latency->max, 20000000);
	/* A machine that is away for 20 ms in 100 shows here, too. */
	before = hist_percentile(latency, (double)(sent - held) / (double)sent);
	if (ends[ALICE].latency.max < 5000000)
		cr_assert_leq(before, 20000000 * 0.9995, "the one before: %llu",
			      (unsigned long long)before);
}

/*
 * Nobody polls for 50 ms in the middle: all that were due meanwhile are late by what was left of
 * it, not the one packet that was just being sent.
 */
Test(bench_instance, no_coordinated_omission)
{
	enum { AWAY_MS = 50 };
	const double pps = 40000;
	const struct hist *latency = &ends[BOB].latency;
	double nb_away = pps * AWAY_MS / 1e3;
	uint64_t nb_half = 0;

	meet("", pps, 1);
	set_phase(PHASE_SEND);
	poll_for(50000000);
	usleep(AWAY_MS * 1000);
	poll_for(100000000);
	drain();
	assert_adds_up();
	assert_count(lost(BOB), 0);
	cr_assert_geq(latency->max, AWAY_MS * 1000000 - 100000, "max is %llu",
		      (unsigned long long)latency->max);
	/* Half of them waited for half of the time or longer. */
	for (uint32_t i = hist_bucket(AWAY_MS * 500000); i < HIST_BUCKETS; i++)
		nb_half += latency->buckets[i];
	cr_assert_geq(nb_half, (uint64_t)(nb_away / 2 * 0.98), "%llu of %f",
		      (unsigned long long)nb_half, nb_away);
}

/* ---- Want, and the end ---- */

/* The port takes fewer than it is given: the rest goes first the next time, nothing is lost. */
Test(bench_instance, a_wire_that_is_full)
{
	const uint8_t mac[6] = {0};
	struct instance *alice = &ends[ALICE];

	meet("", 0, 1);
	packet_form_make(&forms[ALICE][0], 60, alice->index, mac, mac);
	alice->load.burst = BURST - 1;
	plx_store_release(&alice->phase, PHASE_SEND);
	/* The pool, then the wire: Bob takes nothing. */
	for (unsigned i = 0; i < SOFT_MBUFS; i++)
		instance_poll(alice);
	assert_count(alice->counts.sent, SOFT_MBUFS / (BURST - 1) * (BURST - 1));
	for (unsigned i = 0; i < 3000; i++) {
		instance_poll(alice);
		instance_poll(&ends[BOB]);
	}
	drain();
	assert_adds_up();
	assert_count(lost(BOB), 0);
	assert_count(ends[BOB].tracker.reordered, 0);
	assert_count(soft_stats(ends[BOB].port).rx.packets, alice->counts.sent);
}

/* Nobody at the other end: what was made is kept, and freed at the end, and was never sent. */
Test(bench_instance, a_port_that_takes_nothing)
{
	struct instance *alice = &ends[ALICE];

	meet("", 0, 1);
	done(plx_port_stop(ends[BOB].port));
	plx_store_release(&alice->phase, PHASE_SEND);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq(instance_poll(alice), 0);
	assert_count(alice->nb_held, BURST);
	assert_count(alice->counts.sent, 0);
	/* It takes them now: none is given twice, none is left out. */
	done(plx_port_start(ends[BOB].port));
	assert_count(instance_poll(alice), BURST);
	done(plx_port_stop(ends[BOB].port));
	instance_poll(alice);
	assert_count(alice->nb_held, BURST);
	plx_store_release(&alice->phase, PHASE_DRAIN);
	instance_poll(alice);
	assert_count(alice->nb_held, 0);
	assert_count(alice->counts.sent, BURST);
	cr_assert_eq(plx_mempool_in_use(soft_pool), 0, "%u", plx_mempool_in_use(soft_pool));
}

/* Part of a burst is taken, again and again: the order stays. */
Test(bench_instance, parts_of_bursts)
{
	char device[64];

	meet("", 0, 1);
	for (unsigned k = 2; k-- > 0;) {
		done(plx_port_stop(ends[k].port));
		done(plx_port_detach(ends[k].port));
	}
	for (unsigned k = 0; k < 2; k++) {
		snprintf(device, sizeof(device), "net_fault%u%s", k,
			 k ? ",peer=net_fault0" : ",size=4");
		ends[k].port = soft_up(device);
	}
	ends[BOB].load.burst = 3;
	run_until(1000);
	drain();
	assert_adds_up();
	assert_count(lost(BOB), 0);
	assert_count(lost(ALICE), 0);
	assert_count(ends[BOB].tracker.reordered + ends[ALICE].tracker.reordered, 0);
}

/* What a crossing costs is spent at each, twice in a poll that sends. */
Test(bench_instance, a_dearer_crossing)
{
	uint64_t start, ns;

	meet("", 0, 1);
	for (unsigned i = 0; i < 2; i++)
		ends[i].load.delay_cycles = plx_ns_to_cycles(20000);
	set_phase(PHASE_SEND);
	poll_both();
	start = plx_clock_now_ns();
	for (unsigned i = 0; i < 100; i++)
		poll_both();
	ns = plx_clock_now_ns() - start;
	cr_assert_geq(ns, UINT64_C(100) * 2 * 2 * 19990, "%llu ns", (unsigned long long)ns);
	drain();
	assert_adds_up();
}
