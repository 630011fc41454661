/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers: order, periods, cancelling, ids of the past, another thread as their runner. */
#include "clock_private.h"
#include "eal_log.h"
#include "eal_run.h"

#include <errno.h>
#include <pollux/ctl.h>
#include <pollux/lcore.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const uint64_t ms = 1000000;
static const uint64_t hour_ns = UINT64_C(3600) * 1000000000;

static sem_t called;
static int nb_calls;

static void prepare(void)
{
	sem_init(&called, 0, 0);
	start_lcores(2);
	plx_ctl_timer_del(plx_clock_timer); /* so that all calls are ours */
}

#define TIMER_TEST(name) Test(timer, name, .init = prepare, .fini = plx_eal_fini)

static void count(void *arg)
{
	(void)arg;
	nb_calls++;
	sem_post(&called);
}

static void nothing(void *arg)
{
	(void)arg;
}

static uint64_t mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

Test(timer, nothing_runs_before_init)
{
	uint64_t id;

	cr_assert_eq(plx_ctl_timer_add(1, 0, nothing, NULL, &id), -ENODEV);
	cr_assert_eq(plx_ctl_timer_del(1), -ENODEV);
	cr_assert_eq(plx_ctl_timers_detach(), -ENODEV);
	cr_assert_eq(plx_ctl_timers_attach(), -ENODEV);
	cr_assert_eq(plx_ctl_run_timers(), -ENODEV);
	cr_assert_eq(plx_ctl_timers_wait_ns(), UINT64_MAX);
}

TIMER_TEST(refusals)
{
	uint64_t id = 77;

	cr_assert_eq(plx_ctl_timer_add(1, 0, NULL, NULL, &id), -EINVAL);
	cr_assert_eq(plx_ctl_timer_add(1, PLX_CTL_PERIOD_MIN_NS - 1, nothing, NULL, &id), -EINVAL);
	cr_assert_eq(id, 77);
	cr_assert_eq(plx_ctl_timer_del(0), -ENOENT);
	cr_assert_eq(plx_ctl_timer_del(UINT64_MAX), -ENOENT);
	cr_assert_eq(plx_ctl_timer_del(77), -ENOENT);
	cr_assert_eq(plx_ctl_run_timers(), -EPERM);
	cr_assert_eq(plx_ctl_timers_attach(), -EALREADY);
}

struct shot {
	uint64_t due_ns;
	uint64_t ran_ns;
	unsigned lcore;
	bool self;
};

static void shoot(void *arg)
{
	struct shot *shot = arg;

	shot->ran_ns = mono_ns();
	shot->lcore = plx_lcore_id();
	shot->self = plx_ctl_is_self();
	sem_post(&called);
}

TIMER_TEST(once_and_never_early)
{
	static const uint64_t delays[] = {0, 1, 1000, 100000, 3000000, 20000000};
	struct shot shot;
	uint64_t id;

	for (size_t i = 0; i < PLX_ARRAY_SIZE(delays); i++) {
		shot.due_ns = mono_ns() + delays[i];
		cr_assert_eq(plx_ctl_timer_add(delays[i], 0, shoot, &shot, &id), 0);
		cr_assert_neq(id, 0);
		sem_wait(&called);
		cr_assert_geq(shot.ran_ns, shot.due_ns, "%ju ns: early by %ju ns",
			      (uintmax_t)delays[i], (uintmax_t)(shot.due_ns - shot.ran_ns));
		cr_assert(shot.self && shot.lcore == PLX_LCORE_NONE);
		cr_assert_eq(plx_ctl_sync(), 0);
		cr_assert_eq(plx_ctl_timer_del(id), -ENOENT, "it has run");
	}
}

/* ---- many at once, run by hand ---- */

enum { MANY = 5000 };

static struct {
	uint64_t delay_ns;
	uint64_t id;
	int ran; /* order of running, from 1; 0: did not */
} many[MANY];

static void note(void *arg)
{
	many[(intptr_t)arg].ran = ++nb_calls;
}

static void run_until(int calls)
{
	while (nb_calls < calls) {
		int ret = plx_ctl_run_timers();

		cr_assert_geq(ret, 0, "%d", ret);
	}
}

static unsigned seed(void)
{
	const char *env = getenv("PLX_TEST_SEED");
	unsigned value = env != NULL ? (unsigned)strtoul(env, NULL, 0) : (unsigned)mono_ns();

	fprintf(stderr, "PLX_TEST_SEED=%u\n", value);
	return value;
}

TIMER_TEST(thousands_in_order)
{
	unsigned state = seed();
	int nb_left = 0, a, b;
	uint64_t base;

	cr_assert_eq(plx_ctl_timers_detach(), 0);
	base = mono_ns() + 50 * ms;
	for (intptr_t i = 0; i < MANY; i++) {
		many[i].delay_ns = ((uint64_t)rand_r(&state) % 50 + 50) * ms / 10;
		/* Deadlines a millisecond's tenth apart or equal, whatever time adding takes. */
		cr_assert_eq(plx_ctl_timer_add(base + many[i].delay_ns - mono_ns(), 0, note,
					       (void *)i, &many[i].id),
			     0);
	}
	for (int i = 0; i < MANY; i++)
		if (rand_r(&state) % 3 == 0) {
			cr_assert_eq(plx_ctl_timer_del(many[i].id), 0, "timer %d", i);
			cr_assert_eq(plx_ctl_timer_del(many[i].id), -ENOENT, "timer %d", i);
			many[i].id = 0;
		} else {
			nb_left++;
		}
	run_until(nb_left);
	plx_delay_us(100);
	plx_ctl_run_timers();
	cr_assert_eq(nb_calls, nb_left, "%d calls of %d", nb_calls, nb_left);
	for (int i = 0; i < 20 * MANY; i++) {
		a = rand_r(&state) % MANY;
		b = rand_r(&state) % MANY;
		cr_assert_eq(many[a].ran != 0, many[a].id != 0, "timer %d", a);
		if (many[a].ran && many[b].ran && many[a].delay_ns < many[b].delay_ns)
			cr_assert_lt(many[a].ran, many[b].ran, "%ju ns after %ju ns",
				     (uintmax_t)many[a].delay_ns, (uintmax_t)many[b].delay_ns);
	}
}

TIMER_TEST(those_without_a_delay_run_in_the_order_added)
{
	cr_assert_eq(plx_ctl_timers_detach(), 0);
	for (intptr_t i = 0; i < 10; i++)
		cr_assert_eq(plx_ctl_timer_add(0, 0, note, (void *)i, NULL), 0);
	run_until(10);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(many[i].ran, i + 1, "timer %d as number %d", i, many[i].ran);
}

TIMER_TEST(delays_beyond_the_end_of_time)
{
	static const uint64_t delays[] = {UINT64_MAX, UINT64_MAX / 2, INT64_MAX};
	uint64_t ids[3], wait;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(plx_ctl_timer_add(delays[i], delays[i], count, NULL, &ids[i]), 0);
	wait = plx_ctl_timers_wait_ns();
	cr_assert_gt(wait, 0);
	usleep(5000);
	cr_assert_eq(nb_calls, 0, "%d", nb_calls);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(plx_ctl_timer_del(ids[i]), 0);
}

/* ---- periods ---- */

TIMER_TEST(a_period)
{
	uint64_t id, start = mono_ns(), took;
	int calls;

	cr_assert_eq(plx_ctl_timer_add(2 * ms, ms, count, NULL, &id), 0);
	for (int i = 0; i < 10; i++)
		sem_wait(&called);
	took = mono_ns() - start;
	cr_assert_eq(plx_ctl_timer_del(id), 0);
	calls = nb_calls;
	cr_assert_geq(took, 11 * ms, "ten calls in %ju ns", (uintmax_t)took);
	usleep(5000);
	cr_assert_eq(nb_calls, calls, "called after del");
	cr_assert_eq(plx_ctl_timer_del(id), -ENOENT);
}

TIMER_TEST(missed_periods_are_left_out)
{
	uint64_t id, start, due;
	int ran, again = 0;

	cr_assert_eq(plx_ctl_timers_detach(), 0);
	cr_assert_eq(plx_ctl_timer_add(ms, ms, count, NULL, &id), 0);
	plx_delay_us(20500);
	start = mono_ns();
	ran = plx_ctl_run_timers();
	cr_assert_eq(ran, 1, "%d calls for twenty periods", ran);
	cr_assert_leq(plx_ctl_timers_wait_ns(), ms, "the next one is within a period");
	for (int i = 0; i < 10; i++)
		again += plx_ctl_run_timers();
	due = (mono_ns() - start) / ms + 1;
	cr_assert_leq((uint64_t)again, due, "%d more calls, %ju can have been due", again,
		      (uintmax_t)due);
	cr_assert_eq(plx_ctl_timer_del(id), 0);
}

static uint64_t self_id;
static int self_ret;

static void delete_self(void *arg)
{
	(void)arg;
	if (++nb_calls == 3) {
		self_ret = plx_ctl_timer_del(self_id);
		sem_post(&called);
	}
}

TIMER_TEST(a_periodic_one_deletes_itself)
{
	self_ret = 1;
	cr_assert_eq(plx_ctl_timer_add(ms, ms / 10, delete_self, NULL, &self_id), 0);
	sem_wait(&called);
	usleep(3000);
	cr_assert(self_ret == 0 && nb_calls == 3, "%d, %d calls", self_ret, nb_calls);
	cr_assert_eq(plx_ctl_timer_del(self_id), -ENOENT);
}

static void chain(void *arg)
{
	intptr_t left = (intptr_t)arg;

	nb_calls++;
	if (left > 1 && plx_ctl_timer_add(0, 0, chain, (void *)(left - 1), NULL) != 0)
		abort();
	if (left == 1)
		sem_post(&called);
}

TIMER_TEST(one_adds_the_next)
{
	cr_assert_eq(plx_ctl_timer_add(0, 0, chain, (void *)(intptr_t)1000, NULL), 0);
	sem_wait(&called);
	cr_assert_eq(nb_calls, 1000, "%d", nb_calls);
}

TIMER_TEST(what_a_callback_adds_waits_for_the_next_call)
{
	cr_assert_eq(plx_ctl_timers_detach(), 0);
	cr_assert_eq(plx_ctl_timer_add(0, 0, chain, (void *)(intptr_t)1000, NULL), 0);
	cr_assert_eq(plx_ctl_run_timers(), 1);
	cr_assert_eq(nb_calls, 1, "%d", nb_calls);
}

/* ---- cancelling ---- */

static void linger(void *arg)
{
	sem_post(&called);
	usleep(30000);
	plx_store_release((bool *)arg, true);
}

TIMER_TEST(del_waits_for_the_callback)
{
	bool done = false;
	uint64_t id;

	cr_assert_eq(plx_ctl_timer_add(0, 0, linger, &done, &id), 0);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_timer_del(id), 0);
	cr_assert(plx_load_acquire(&done), "del returned while the callback ran");
	cr_assert_eq(plx_ctl_timer_del(id), -ENOENT);
}

TIMER_TEST(an_id_of_the_past_names_nobody)
{
	uint64_t first, id;

	cr_assert_eq(plx_ctl_timer_add(hour_ns, 0, count, NULL, &first), 0);
	cr_assert_eq(plx_ctl_timer_del(first), 0);
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(plx_ctl_timer_add(hour_ns, 0, count, NULL, &id), 0);
		cr_assert_neq(id, first);
		cr_assert_eq(plx_ctl_timer_del(first), -ENOENT);
		cr_assert_eq(plx_ctl_timer_del(id), 0);
	}
}

/* ---- another runner ---- */

TIMER_TEST(the_main_lcore_runs_them)
{
	struct shot shot = {0};
	uint64_t id, wait;

	cr_assert_eq(plx_ctl_timers_detach(), 0);
	cr_assert_eq(plx_ctl_timers_detach(), -EALREADY);
	cr_assert_eq(plx_ctl_timer_add(hour_ns, 0, shoot, &shot, &id), 0);
	wait = plx_ctl_timers_wait_ns();
	cr_assert(wait > 0 && wait <= hour_ns, "%ju", (uintmax_t)wait);
	cr_assert_eq(plx_ctl_run_timers(), 0);
	cr_assert_eq(plx_ctl_timer_del(id), 0);
	cr_assert_eq(plx_ctl_timer_add(ms, 0, shoot, &shot, &id), 0);
	usleep(6000);
	cr_assert_eq(shot.ran_ns, 0, "the control thread ran it");
	cr_assert_eq(plx_ctl_timers_wait_ns(), 0);
	cr_assert_eq(plx_ctl_run_timers(), 1);
	cr_assert(shot.ran_ns != 0 && !shot.self && shot.lcore == 0, "lcore %u", shot.lcore);

	cr_assert_eq(plx_ctl_timer_add(3 * ms, 0, shoot, &shot, &id), 0);
	cr_assert_eq(plx_ctl_timers_attach(), 0);
	sem_wait(&called);
	sem_wait(&called);
	cr_assert(shot.self, "the control thread has them again");
}

static int nested[2];

static void run_nested(void *arg)
{
	(void)arg;
	nested[0] = plx_ctl_run_timers();
	nested[1] = plx_ctl_timers_attach();
}

TIMER_TEST(a_runner_is_alone)
{
	cr_assert_eq(plx_ctl_timers_detach(), 0);
	cr_assert_eq(plx_ctl_timer_add(0, 0, run_nested, NULL, NULL), 0);
	cr_assert_eq(plx_ctl_timer_add(0, 0, count, NULL, NULL), 0);
	cr_assert_eq(plx_ctl_run_timers(), 1, "it gave them away in the first");
	cr_assert_eq(nested[0], -EBUSY, "%d", nested[0]);
	cr_assert_eq(nested[1], 0, "%d", nested[1]);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_run_timers(), -EPERM);
}

TIMER_TEST(detach_waits_for_the_control_thread)
{
	bool done = false;

	cr_assert_eq(plx_ctl_timer_add(0, 0, linger, &done, NULL), 0);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_timers_detach(), 0);
	cr_assert(plx_load_acquire(&done), "detach returned while a callback ran");
}

static void end_all(void *arg)
{
	(void)arg;
	nb_calls++;
	plx_eal_fini();
}

static int run_timers(void *arg)
{
	(void)arg;
	while (plx_ctl_run_timers() == 0)
		;
	return 0;
}

static sem_t in_long;

static void take_long(void *arg)
{
	(void)arg;
	sem_post(&in_long);
	usleep(1300000);
}

TIMER_TEST(waiting_for_a_callback_is_told)
{
	sem_init(&in_long, 0, 0);
	cr_assert_eq(plx_ctl_timers_detach(), 0);
	cr_assert_eq(plx_ctl_timer_add(0, 0, take_long, NULL, NULL), 0);
	cr_assert_eq(plx_lcore_launch(1, run_timers, NULL), 0);
	sem_wait(&in_long);
	catch_log();
	cr_assert_eq(plx_ctl_timers_attach(), 0);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert_str_eq(caught.last,
			 "waiting for a timer's callback in another thread: it has not returned "
			 "for 1 s",
			 "'%s'", caught.last);
}

TIMER_TEST(a_callback_of_the_main_lcore_ends_the_eal)
{
	cr_assert_eq(plx_ctl_timers_detach(), 0);
	cr_assert_eq(plx_ctl_timer_add(0, ms, end_all, NULL, NULL), 0);
	cr_assert_eq(plx_ctl_timer_add(0, ms, count, NULL, NULL), 0);
	cr_assert_eq(plx_ctl_run_timers(), 1);
	cr_assert_eq(nb_calls, 1, "%d", nb_calls);
	cr_assert_eq(plx_ctl_run_timers(), -ENODEV);
	start_lcores(2);
	cr_assert_eq(plx_ctl_run_timers(), -EPERM);
}
