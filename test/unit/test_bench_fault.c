/* SPDX-License-Identifier: BSD-3-Clause */
/* net_fault, by calls of ports: it does what its plan says, no more and no less. */
#include "fault.h"
#include "seed.h"
#include "soft_ports.h"

#include <pollux/clock.h>
#include <unistd.h>

enum { BYTES = 64, NB = 200, ROOM = 3 * NB };

static unsigned from, to;

static void start_fault(void)
{
	soft_start(&plx_net_fault_driver);
}

TestSuite(bench_fault, .init = start_fault, .fini = soft_end);

/* A cable; @plan is of what is on its way to the second port. */
static void cable(const char *plan)
{
	char device[256];

	snprintf(device, sizeof(device), "net_fault1,peer=net_fault0%s%s", *plan ? "," : "", plan);
	from = soft_up("net_fault0");
	to = soft_up(device);
}

/* Packet @number; the rest is byte_of(). */
static struct plx_mbuf *numbered(uint32_t number)
{
	struct plx_mbuf *m = packet_new(soft_pool, BYTES, 0);

	memcpy(plx_mbuf_data(m), &number, sizeof(number));
	return m;
}

static void send(uint32_t first, uint32_t nb)
{
	struct plx_mbuf *pkts[NB];

	cr_assert_leq(nb, NB);
	for (uint32_t i = 0; i < nb; i++)
		pkts[i] = numbered(first + i);
	assert_count(plx_port_tx_burst(from, 0, pkts, nb), nb);
}

/* ---- What has come ---- */

enum { FOREIGN = 1000000, DAMAGED = 2000000 };

static uint32_t came[ROOM];
static unsigned nb_came;

static uint32_t number_of(const struct plx_mbuf *m)
{
	const uint8_t *data = plx_mbuf_data(m);
	uint32_t number;

	assert_good(m);
	cr_assert_eq(m->port, to);
	memcpy(&number, data, sizeof(number));
	if (m->pkt_len == FAULT_FOREIGN_BYTES && number == UINT32_MAX)
		return FOREIGN;
	cr_assert_eq(m->pkt_len, BYTES, "%u bytes", m->pkt_len);
	for (uint32_t i = sizeof(number); i < BYTES; i++)
		if (data[i] != byte_of(i, 0))
			return number + DAMAGED;
	return number;
}

static unsigned receive(uint32_t burst)
{
	struct plx_mbuf *pkts[NB];
	uint32_t nb = plx_port_rx_burst(to, 0, pkts, burst);

	for (uint32_t i = 0; i < nb; i++) {
		cr_assert_lt(nb_came, ROOM);
		came[nb_came++] = number_of(pkts[i]);
	}
	plx_mbuf_free_bulk(pkts, nb);
	return nb;
}

static void receive_all(void)
{
	while (receive(NB) > 0)
		;
}

/* Numbers, as text: "0 2 1 F 3* 3": F foreign, * damaged. */
static void assert_came(const char *want)
{
	char text[4096] = "";
	size_t at = 0;

	for (unsigned i = 0; i < nb_came && at < sizeof(text) - 16; i++) {
		if (i)
			text[at++] = ' ';
		if (came[i] == FOREIGN)
			at += (size_t)sprintf(text + at, "F");
		else
			at += (size_t)sprintf(text + at, "%u%s", came[i] % DAMAGED,
					      came[i] >= DAMAGED ? "*" : "");
	}
	cr_assert_str_eq(text, want);
	nb_came = 0;
}

static uint64_t done_of(const char *kind)
{
	char name[48];

	snprintf(name, sizeof(name), "rx_fault_%s", kind);
	return soft_xstat(to, name);
}

/* ---- One kind at a time ---- */

Test(bench_fault, a_cable_without_a_plan)
{
	struct plx_port_link link;

	cable("");
	done(plx_port_link(from, &link));
	cr_assert(link.up);
	send(0, 5);
	assert_count(receive(2), 2);
	receive_all();
	assert_came("0 1 2 3 4");
	assert_count(soft_stats(from).tx.packets, 5);
	assert_count(soft_stats(from).tx.bytes, 5 * BYTES);
	assert_count(soft_stats(to).rx.packets, 5);
	assert_count(soft_stats(to).rx.bytes, 5 * BYTES);
	assert_count(done_of("packets"), 5);
	/* And the other way. */
	from ^= to;
	to ^= from;
	from ^= to;
	send(7, 2);
	receive_all();
	assert_came("7 8");
}

Test(bench_fault, plans)
{
	static const struct {
		const char *plan;
		uint32_t nb;
		const char *want, *kind;
		unsigned times;
	} cases[] = {
		{"drop=0", 3, "1 2", "drop", 1},
		{"drop=2", 3, "0 1", "drop", 1},
		{"drop=1+3", 8, "0 2 3 5 6", "drop", 3},
		{"drop=1+3x2", 8, "0 2 3 5 6 7", "drop", 2},
		{"drop=1,drop=3,drop=3+1x2", 8, "0 2 5 6 7", "drop", 3},
		{"drop=0+1", 5, "", "drop", 5},
		{"drop=5", 5, "0 1 2 3 4", "drop", 0},
		{"dup=1", 3, "0 1 1 2", "dup", 1},
		{"dup=0+2", 4, "0 0 1 2 2 3", "dup", 2},
		{"flip=1", 3, "0 1* 2", "flip", 1},
		{"flip=1,flip-bit=32", 3, "0 1* 2", "flip", 1},
		{"swap=1", 4, "0 2 1 3", "swap", 1},
		{"swap=0", 2, "1 0", "swap", 1},
		{"swap=0+2", 6, "1 0 3 2 5 4", "swap", 3},
		{"swap=1,swap=2", 4, "0 2 1 3", "swap", 1},
		{"swap=1,drop=2", 5, "0 3 1 4", "swap", 1},
		{"swap=1,dup=2", 5, "0 2 1 2 3 4", "swap", 1},
		{"insert=0", 2, "F 0 1", "insert", 1},
		{"insert=1+1", 3, "0 F 1 F 2", "insert", 2},
		{"insert=1,drop=1", 3, "0 F 2", "insert", 1},
		{"drop=1,flip=1,dup=1", 3, "0 2", "flip", 0},
		{"flip=1,dup=1", 3, "0 1* 2", "dup", 0},
	};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		cable(cases[i].plan);
		send(0, cases[i].nb);
		receive_all();
		assert_came(cases[i].want);
		assert_count(done_of(cases[i].kind), cases[i].times);
		assert_count(done_of("undone"), 0);
		assert_count(done_of("packets"), cases[i].nb);
		done(plx_port_stop(to));
		done(plx_port_detach(to));
		done(plx_port_stop(from));
		done(plx_port_detach(from));
	}
}

/* Just the bit that was named. */
Test(bench_fault, one_bit_is_flipped)
{
	struct plx_mbuf *m;

	for (unsigned bit = 0; bit < 8 * BYTES + 3; bit += 7) {
		char plan[64];
		uint8_t *data;

		snprintf(plan, sizeof(plan), "flip=0,flip-bit=%u", bit);
		cable(plan);
		m = packet_new(soft_pool, BYTES, 3);
		assert_count(plx_port_tx_burst(from, 0, &m, 1), 1);
		assert_count(plx_port_rx_burst(to, 0, &m, 1), 1);
		data = plx_mbuf_data(m);
		data[bit / 8 % BYTES] ^= (uint8_t)(1 << bit % 8);
		assert_bytes(m, 0, BYTES, 3);
		plx_mbuf_free(m);
		done(plx_port_stop(to));
		done(plx_port_detach(to));
		done(plx_port_stop(from));
		done(plx_port_detach(from));
	}
}

/* ---- Time ---- */

static void wait_until(uint64_t ns)
{
	while (plx_clock_now_ns() < ns)
		usleep(200);
}

Test(bench_fault, held_back_while_others_pass)
{
	uint64_t sent_ns;

	cable("hold=1+2x2,hold-us=20000");
	sent_ns = plx_clock_now_ns();
	send(0, 6);
	receive_all();
	if (plx_clock_now_ns() - sent_ns > 19000000)
		cr_skip_test("this machine was away for 20 ms");
	assert_came("0 2 4 5");
	wait_until(sent_ns + 20000000);
	while (nb_came < 2)
		receive(1);
	cr_assert_geq(plx_clock_now_ns() - sent_ns, 20000000);
	assert_came("1 3");
	assert_count(done_of("hold"), 2);
}

Test(bench_fault, all_behind_it_wait)
{
	uint64_t sent_ns;

	cable("stall=2,stall-us=20000");
	sent_ns = plx_clock_now_ns();
	send(0, 6);
	receive_all();
	if (plx_clock_now_ns() - sent_ns > 19000000)
		cr_skip_test("this machine was away for 20 ms");
	assert_came("0 1");
	while (nb_came < 4)
		receive(NB);
	cr_assert_geq(plx_clock_now_ns() - sent_ns, 20000000);
	assert_came("2 3 4 5");
	assert_count(done_of("stall"), 1);
}

/* Not before another one has passed it; for a while. */
Test(bench_fault, held_back_until_it_is_passed)
{
	uint64_t sent_ns = plx_clock_now_ns();

	cable("hold=0+2,hold-us=1000");
	send(0, 1);
	receive_all();
	wait_until(plx_clock_now_ns() + 20000000);
	receive_all();
	if (plx_clock_now_ns() - sent_ns > 90000000)
		cr_skip_test("this machine was away for 90 ms");
	assert_came("");
	send(1, 2);
	receive_all();
	assert_came("1 0");
	assert_count(done_of("hold"), 1);
	/* Nobody passes number 2. */
	while (nb_came < 1)
		receive(1);
	assert_came("2");
	assert_count(done_of("hold"), 1);
	assert_count(done_of("undone"), 1);
}

/* Nobody comes to be swapped with: it passes at last, and is not counted as swapped. */
Test(bench_fault, swapped_with_nobody)
{
	cable("swap=2");
	send(0, 3);
	receive_all();
	assert_came("0 1");
	while (nb_came < 1)
		receive(1);
	assert_came("2");
	assert_count(done_of("swap"), 0);
	assert_count(done_of("undone"), 1);
}

/* ---- Plans at random, against lists ---- */

struct list {
	uint32_t at[ROOM];
	unsigned nb;
};

static bool named(const bool *set, uint32_t n)
{
	return set[n];
}

/* What a plan makes of numbers 0 to NB - 1. */
static void expect(struct list *list, bool set[FAULT_KINDS][NB])
{
	int waits = -1;

	for (uint32_t n = 0; n < NB; n++) {
		uint32_t number = n, times = 1;

		if (named(set[FAULT_INSERT], n))
			list->at[list->nb++] = FOREIGN;
		if (named(set[FAULT_DROP], n))
			continue;
		if (named(set[FAULT_FLIP], n))
			number += DAMAGED;
		else if (named(set[FAULT_DUP], n))
			times = 2;
		else if (named(set[FAULT_SWAP], n) && waits < 0) {
			waits = (int)n;
			continue;
		}
		list->at[list->nb++] = number;
		if (waits >= 0)
			list->at[list->nb++] = (uint32_t)waits;
		waits = -1;
		if (times == 2)
			list->at[list->nb++] = number;
	}
	if (waits >= 0)
		list->at[list->nb++] = (uint32_t)waits;
}

static void random_plan(struct rng *rng, char *plan, size_t room, bool set[FAULT_KINDS][NB])
{
	static const enum fault_kind kinds[] = {FAULT_DROP, FAULT_FLIP, FAULT_DUP, FAULT_SWAP,
						FAULT_INSERT};
	size_t at = 0;

	plan[0] = '\0';
	for (unsigned i = rng_between(rng, 1, 6); i > 0; i--) {
		enum fault_kind kind = kinds[rng_below(rng, PLX_ARRAY_SIZE(kinds))];
		uint32_t first = rng_below(rng, NB), step = rng_between(rng, 2, 20);
		uint32_t times = rng_between(rng, 1, 30);

		at += (size_t)snprintf(plan + at, room - at, "%s%s=%u+%ux%u", at ? "," : "",
				       plx_net_fault_name(kind), first, step, times);
		for (uint32_t j = 0; j < times && first + j * step < NB; j++)
			set[kind][first + j * step] = true;
	}
}

Test(bench_fault, random_plans)
{
	struct rng rng = rng_start("bench_fault");

	for (unsigned round = 0; round < 150; round++) {
		static bool set[FAULT_KINDS][NB];
		struct list want = {.nb = 0};
		uint32_t sent = 0;
		char plan[256];

		memset(set, 0, sizeof(set));
		random_plan(&rng, plan, sizeof(plan), set);
		expect(&want, set);
		cable(plan);
		nb_came = 0;
		while (sent < NB || nb_came < want.nb) {
			uint32_t nb = rng_below(&rng, NB - sent < 40 ? NB - sent + 1 : 40);

			if (nb > 0)
				send(sent, nb);
			sent += nb;
			receive(rng_between(&rng, 1, 40));
		}
		receive_all();
		cr_assert_eq(nb_came, want.nb, "%s: %u packets, want %u", plan, nb_came, want.nb);
		for (unsigned i = 0; i < nb_came; i++)
			cr_assert_eq(came[i], want.at[i], "%s: at %u came %u, want %u", plan, i,
				     came[i], want.at[i]);
		assert_count(soft_stats(to).rx.packets, want.nb);
		done(plx_port_stop(to));
		done(plx_port_detach(to));
		done(plx_port_stop(from));
		done(plx_port_detach(from));
	}
}

/* ---- Want, and the end ---- */

Test(bench_fault, no_mbuf_for_a_copy)
{
	struct plx_mbuf *rest[SOFT_MBUFS];
	unsigned nb = 0;

	cable("dup=0,insert=1");
	send(0, 3);
	while ((rest[nb] = plx_mbuf_alloc(soft_pool)))
		nb++;
	receive_all();
	plx_mbuf_free_bulk(rest, nb);
	assert_came("0 1 2");
	assert_count(done_of("dup"), 0);
	assert_count(done_of("insert"), 0);
	assert_count(done_of("undone"), 2);
}

Test(bench_fault, a_full_wire)
{
	struct plx_mbuf *pkts[12];

	from = soft_up("net_fault0,size=8");
	to = soft_up("net_fault1,peer=net_fault0");
	for (uint32_t i = 0; i < 12; i++)
		pkts[i] = numbered(i);
	assert_count(plx_port_tx_burst(from, 0, pkts, 12), 8);
	receive_all();
	assert_came("0 1 2 3 4 5 6 7");
	assert_count(plx_port_tx_burst(from, 0, pkts + 8, 4), 4);
	receive_all();
	assert_came("8 9 10 11");
}

/* Whatever waits goes home when the receiver stops, and is counted (see also soft_end()). */
Test(bench_fault, stopped_with_packets_inside)
{
	cable("hold=0,hold-us=10000000,swap=1,stall=2,stall-us=10000000");
	send(0, 100);
	receive_all();
	assert_came("");
	done(plx_port_stop(to));
	assert_count(soft_stats(to).rx.missed, 100);
	assert_count(soft_stats(to).rx.packets, 0);
	assert_count(plx_port_tx_burst(from, 0, (struct plx_mbuf *[]){NULL}, 1), 0);
	done(plx_port_start(to));
	send(3, 2);
	receive_all();
	assert_came("3 4");
}

/* One that was made ready and not taken is one of those. */
Test(bench_fault, stopped_with_a_copy_left)
{
	cable("dup=0");
	send(0, 1);
	assert_count(receive(1), 1);
	assert_came("0");
	done(plx_port_stop(to));
	assert_count(soft_stats(to).rx.missed, 1);
}

Test(bench_fault, link)
{
	struct plx_port_link link;

	from = soft_up("net_fault0,speed=1000");
	done(plx_port_link(from, &link));
	cr_assert_not(link.up, "nobody is at the other end");
	to = soft_attach("net_fault1,peer=net_fault0");
	soft_setup(to, 1, 1, false, 0);
	done(plx_port_link(from, &link));
	cr_assert_not(link.up, "the other end is not started");
	done(plx_port_start(to));
	done(plx_port_link(from, &link));
	cr_assert(link.up);
	assert_count(link.speed_mbps, 1000);
}

Test(bench_fault, too_long_and_chained)
{
	struct plx_mbuf *pkts[2];

	cable("");
	done(plx_port_mtu_set(from, 100));
	packets_make(pkts, 1, 119);
	pkts[1] = chain_new(2, 40);
	assert_count(plx_port_tx_burst(from, 0, pkts, 2), 2);
	assert_count(soft_stats(from).tx.errors, 2);
	assert_count(soft_stats(from).tx.packets, 0);
	receive_all();
	assert_came("");
}

Test(bench_fault, it_tells)
{
	char path[] = "/tmp/bench_fault.XXXXXX", plan[64], text[256] = "";
	int fd = mkstemp(path);
	FILE *file;

	cr_assert_geq(fd, 0);
	close(fd);
	snprintf(plan, sizeof(plan), "drop=1,dup=2+1x2,tell=%s", path);
	cable(plan);
	send(0, 10);
	receive_all();
	done(plx_port_stop(to));
	done(plx_port_detach(to));
	file = fopen(path, "r");
	cr_assert_not_null(fgets(text, sizeof(text), file));
	fclose(file);
	unlink(path);
	cr_assert_str_eq(text,
			 "{\"packets\": 10, \"drop\": 1, \"flip\": 0, \"dup\": 2, \"swap\": 0, "
			 "\"hold\": 0, \"stall\": 0, \"insert\": 0, \"undone\": 0}\n");
}

Test(bench_fault, devices_that_are_refused)
{
	static const char *const wrong[] = {
		"drop=",	   "drop=x",   "drop=-1",     "drop=1+",
		"drop=1+0",	   "drop=1x2", "drop=1+2x",   "drop=1+2x0",
		"dup=1+2x3,dup=y", "swap=1 ",  "hold=1+2x3z", "insert=99999999999999999999"};

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(wrong); i++) {
		char device[64];

		snprintf(device, sizeof(device), "net_fault0,%s", wrong[i]);
		assert_refused_device(device, -EINVAL, "FIRST+STEPxTIMES");
	}
	assert_refused_device("net_fault0,hold-us=0", -EINVAL, "hold-us");
	assert_refused_device("net_fault0,stall-us=99999999", -EINVAL, "stall-us");
	assert_refused_device("net_fault0,peer=net_fault1", -EINVAL, "without a peer");
	assert_refused_device("net_fault0,what=1", -EINVAL, "unknown key");
	soft_attach("net_fault0");
	soft_attach("net_fault1,peer=net_fault0");
	assert_refused_device("net_fault2,peer=net_fault0", -EINVAL, "without a peer");
}
