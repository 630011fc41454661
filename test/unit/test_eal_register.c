/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads of the application's own as lcores, and the watchers that are told of them. */
#include "eal_log.h"
#include "eal_run.h"

#include <errno.h>
#include <pollux/lcore.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

static void start_two(void)
{
	start_lcores(2);
}

#define REGISTER_TEST(name) Test(register, name, .init = start_two, .fini = plx_eal_fini)

static void in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, fn, arg), 0);
	cr_assert_eq(pthread_join(thread, NULL), 0);
}

struct life {
	int id, again, launch, unregister, unregister_again;
	unsigned before, during, after, count;
	bool registered, enabled, still;
	int cpuset;
	cpu_set_t cpus;
};

static int never(void *arg)
{
	(void)arg;
	return 1;
}

static void *live(void *arg)
{
	struct life *life = arg;

	life->before = plx_lcore_id();
	life->id = plx_lcore_register();
	life->during = plx_lcore_id();
	life->again = plx_lcore_register();
	life->launch = plx_lcore_launch(life->during, never, NULL);
	life->registered = plx_lcore_is_registered(life->during);
	life->enabled = plx_lcore_is_enabled(life->during);
	life->cpuset = plx_lcore_cpuset(life->during, &life->cpus);
	life->count = plx_lcore_count();
	life->unregister = plx_lcore_unregister();
	life->still = plx_lcore_is_registered(life->during);
	life->after = plx_lcore_id();
	life->unregister_again = plx_lcore_unregister();
	return NULL;
}

REGISTER_TEST(a_thread_comes_and_goes)
{
	struct life life;
	cpu_set_t cpus;

	in_thread(live, &life);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	cr_assert_eq(life.before, PLX_LCORE_NONE, "%u", life.before);
	cr_assert_eq(life.id, 2, "the lowest free id is 2, not %d", life.id);
	cr_assert_eq(life.during, 2, "%u", life.during);
	cr_assert_eq(life.again, -EALREADY, "%d", life.again);
	cr_assert_eq(life.launch, -ENODEV, "%d", life.launch);
	cr_assert(life.registered && !life.enabled && !life.still);
	cr_assert_eq(life.cpuset, 0, "%d", life.cpuset);
	cr_assert(CPU_EQUAL(&life.cpus, &cpus), "a thread inherits its maker's CPUs");
	cr_assert_eq(life.count, 2, "%u", life.count);
	cr_assert_eq(life.unregister, 0, "%d", life.unregister);
	cr_assert_eq(life.after, PLX_LCORE_NONE, "%u", life.after);
	cr_assert_eq(life.unregister_again, -EINVAL, "%d", life.unregister_again);
	in_thread(live, &life);
	cr_assert_eq(life.id, 2, "the id is free again: %d", life.id);
}

REGISTER_TEST(lcores_are_no_foreign_threads)
{
	cr_assert_eq(plx_lcore_register(), -EALREADY);
	cr_assert_eq(plx_lcore_unregister(), -EINVAL);
	cr_assert_eq(plx_lcore_id(), 0);
}

/* ---- watchers ---- */

static struct {
	char text[256];
	unsigned in_call;
	int node;
} story;

static int attach(unsigned id, void *arg)
{
	size_t len = strlen(story.text);

	snprintf(story.text + len, sizeof(story.text) - len, "+%s%u ", (const char *)arg, id);
	story.in_call = plx_lcore_id();
	story.node = plx_lcore_node(id);
	return 0;
}

static void detach(unsigned id, void *arg)
{
	size_t len = strlen(story.text);

	snprintf(story.text + len, sizeof(story.text) - len, "-%s%u ", (const char *)arg, id);
	story.in_call = plx_lcore_id();
	story.node = plx_lcore_node(id);
}

static int refuse_by;

static int refuse(unsigned id, void *arg)
{
	(void)id;
	(void)arg;
	return refuse_by;
}

static struct plx_lcore_watch watch_a = {attach, detach, "a", NULL};
static struct plx_lcore_watch watch_b = {attach, detach, "b", NULL};
static struct plx_lcore_watch watch_no = {refuse, detach, "no", NULL};

static void *only_register(void *arg)
{
	*(int *)arg = plx_lcore_register();
	return NULL;
}

static void *register_and_back(void *arg)
{
	*(int *)arg = plx_lcore_register();
	plx_lcore_unregister();
	return NULL;
}

REGISTER_TEST(watchers_are_told_in_order)
{
	int id;

	cr_assert_eq(plx_lcore_watch_add(&watch_a), 0);
	cr_assert_eq(plx_lcore_watch_add(&watch_b), 0);
	in_thread(register_and_back, &id);
	cr_assert_eq(id, 2, "%d", id);
	cr_assert_str_eq(story.text, "+a2 +b2 -b2 -a2 ", "%s", story.text);
	cr_assert_eq(story.in_call, PLX_LCORE_NONE, "%u", story.in_call);
	cr_assert_eq(plx_lcore_watch_del(&watch_a), 0);
	in_thread(register_and_back, &id);
	cr_assert_str_eq(story.text, "+a2 +b2 -b2 -a2 +b2 -b2 ", "%s", story.text);
}

REGISTER_TEST(a_watcher_knows_the_node)
{
	int id, node = plx_lcore_node(0);

	story.node = -2;
	plx_lcore_watch_add(&watch_a);
	in_thread(register_and_back, &id);
	cr_assert_eq(story.node, node, "%d, not %d", story.node, node);
	cr_assert_eq(plx_lcore_node(2), -1, "%d", plx_lcore_node(2));
}

REGISTER_TEST(a_watcher_refuses)
{
	static const struct {
		int by, ret;
	} cases[] = {{-ENOMEM, -ENOMEM}, {-EPERM, -EPERM}, {1, -ECANCELED}};
	int ret;

	plx_lcore_watch_add(&watch_a);
	plx_lcore_watch_add(&watch_b);
	plx_lcore_watch_add(&watch_no);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		story.text[0] = '\0';
		refuse_by = cases[i].by;
		in_thread(only_register, &ret);
		cr_assert_eq(ret, cases[i].ret, "%d, not %d", ret, cases[i].ret);
		cr_assert_str_eq(story.text, "+a2 +b2 -b2 -a2 ", "%s", story.text);
		cr_assert(!plx_lcore_is_registered(2));
	}
	refuse_by = 0;
	in_thread(register_and_back, &ret);
	cr_assert_eq(ret, 2, "%d", ret);
}

REGISTER_TEST(watchers_may_leave_calls_out)
{
	struct plx_lcore_watch none = {NULL, NULL, NULL, NULL};
	int ret;

	cr_assert_eq(plx_lcore_watch_add(&none), 0);
	in_thread(register_and_back, &ret);
	cr_assert_eq(ret, 2, "%d", ret);
	cr_assert_eq(plx_lcore_watch_del(&none), 0);
}

REGISTER_TEST(watcher_refusals)
{
	cr_assert_eq(plx_lcore_watch_add(NULL), -EINVAL);
	cr_assert_eq(plx_lcore_watch_del(&watch_a), -ENOENT);
	cr_assert_eq(plx_lcore_watch_add(&watch_a), 0);
	cr_assert_eq(plx_lcore_watch_add(&watch_a), -EEXIST);
	cr_assert_eq(plx_lcore_watch_add(&watch_b), 0);
	cr_assert_eq(plx_lcore_watch_add(&watch_a), -EEXIST);
	plx_eal_fini();
	cr_assert_eq(plx_lcore_watch_del(&watch_a), -ENOENT, "fini drops watchers");
	cr_assert_eq(plx_lcore_watch_add(&watch_a), -ENODEV);
	start_lcores(2);
	cr_assert_eq(plx_lcore_watch_add(&watch_a), 0, "and they can come back");
}

REGISTER_TEST(a_thread_ends_without_a_word)
{
	int id;

	plx_lcore_watch_add(&watch_a);
	for (int i = 0; i < 200; i++) {
		story.text[0] = '\0';
		in_thread(only_register, &id);
		cr_assert_eq(id, 2, "round %d: %d", i, id);
		cr_assert_str_eq(story.text, "+a2 -a2 ", "%s", story.text);
		cr_assert(!plx_lcore_is_registered(2));
	}
}

static sem_t registered, go;
static unsigned id_after;

static void *stay(void *arg)
{
	*(int *)arg = plx_lcore_register();
	sem_post(&registered);
	sem_wait(&go);
	id_after = plx_lcore_id();
	return NULL;
}

REGISTER_TEST(fini_takes_left_over_ids_away)
{
	pthread_t thread;
	int id = -1;

	sem_init(&registered, 0, 0);
	sem_init(&go, 0, 0);
	plx_lcore_watch_add(&watch_a);
	pthread_create(&thread, NULL, stay, &id);
	sem_wait(&registered);
	cr_assert_eq(id, 2, "%d", id);
	catch_log();
	plx_eal_fini();
	cr_assert(strncmp(caught.last, "lcore 2: a registered thread did not", 36) == 0, "'%s'",
		  caught.last);
	cr_assert_str_eq(story.text, "+a2 -a2 ", "%s", story.text);
	start_lcores(3);
	sem_post(&go);
	pthread_join(thread, NULL);
	cr_assert_eq(id_after, PLX_LCORE_NONE, "%u", id_after);
	cr_assert(plx_lcore_is_enabled(2), "the old thread's end must not touch the new lcore 2");
}

REGISTER_TEST(all_ids_are_taken)
{
	static pthread_t threads[PLX_LCORE_MAX];
	static int ids[PLX_LCORE_MAX];
	static bool seen[PLX_LCORE_MAX];
	pthread_attr_t attr;
	int id, nb = PLX_LCORE_MAX - 2;

	sem_init(&registered, 0, 0);
	sem_init(&go, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	for (int i = 0; i < nb; i++)
		cr_assert_eq(pthread_create(&threads[i], &attr, stay, &ids[i]), 0);
	for (int i = 0; i < nb; i++)
		sem_wait(&registered);
	for (int i = 0; i < nb; i++) {
		cr_assert(ids[i] >= 2 && ids[i] < PLX_LCORE_MAX && !seen[ids[i]], "id %d", ids[i]);
		seen[ids[i]] = true;
	}
	catch_log();
	in_thread(only_register, &id);
	cr_assert_eq(id, -ENOSPC, "%d", id);
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	for (int i = 0; i < nb; i++)
		sem_post(&go);
	for (int i = 0; i < nb; i++)
		pthread_join(threads[i], NULL);
	in_thread(only_register, &id);
	cr_assert_eq(id, 2, "%d", id);
}
