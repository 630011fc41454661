/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads that launch on the same lcores and take each other's results, threads that register, end
 * without a word, and watchers that come and go meanwhile. Plain fields are handed over by launch,
 * wait, attach and detach: TSan sees whether these order them.
 */
#include "eal_start.h"

#include <errno.h>
#include <pollux/lcore.h>
#include <pthread.h>

enum { NB_LCORES = 5, NB_LAUNCHERS = 3, NB_FOREIGN = 4 };

static unsigned nb_rounds;

struct job {
	unsigned in, out;
};

static struct job jobs[PLX_LCORE_MAX]; /* of the one who launched on this lcore */
static int launched, taken;

static int work(void *arg)
{
	struct job *job = arg;

	job->out = job->in + 1;
	return 1;
}

/* One thread at a time launches on an lcore and writes its job, until somebody took the result. */
static void *launch_and_take(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg, id, i;
	int ret, err;

	for (i = 0; i < nb_rounds; i++) {
		id = 1 + (unsigned)rand_r(&seed) % (NB_LCORES - 1);
		err = plx_lcore_launch(id, work, &jobs[id]);
		CHECK(err == 0 || err == -EBUSY, "launch on %u: %d", id, err);
		plx_fetch_add_relaxed(&launched, err == 0);
		err = plx_lcore_wait(id, &ret);
		CHECK(err == 0 && (ret == 0 || ret == 1), "wait for %u: %d, %d", id, err, ret);
		plx_fetch_add_relaxed(&taken, ret);
	}
	return NULL;
}

static bool attached[PLX_LCORE_MAX];

static int attach(unsigned id, void *arg)
{
	(void)arg;
	CHECK(!attached[id], "id %u attached twice", id);
	attached[id] = true;
	return 0;
}

static void detach(unsigned id, void *arg)
{
	(void)arg;
	CHECK(attached[id], "id %u detached twice", id);
	attached[id] = false;
}

static int refuse_odd(unsigned id, void *arg)
{
	(void)arg;
	return id % 2 != 0 ? -EPERM : 0;
}

static void *come_and_go(void *arg)
{
	int id, err;

	(void)arg;
	id = plx_lcore_register();
	CHECK(id == -EPERM || (id >= NB_LCORES && id < PLX_LCORE_MAX), "register: %d", id);
	if (id < 0)
		return NULL;
	CHECK(plx_lcore_id() == (unsigned)id && plx_lcore_is_registered((unsigned)id), "id %d", id);
	if (id % 4 == 0)
		return NULL; /* without a word */
	err = plx_lcore_unregister();
	CHECK(err == 0, "unregister: %d", err);
	return NULL;
}

static void *make_threads(void *arg)
{
	pthread_t thread;
	unsigned i;

	for (i = 0; i < nb_rounds / 8 + 1; i++) {
		CHECK(pthread_create(&thread, NULL, come_and_go, arg) == 0, "pthread_create");
		pthread_join(thread, NULL);
	}
	return NULL;
}

static void *watch(void *arg)
{
	struct plx_lcore_watch refusing = {.attach = refuse_odd};
	unsigned i, id;

	for (i = 0; i < nb_rounds; i++) {
		CHECK(plx_lcore_watch_add(&refusing) == 0, "watch_add");
		for (id = 0; id < PLX_LCORE_MAX; id++)
			plx_lcore_is_registered(id);
		CHECK(plx_lcore_watch_del(&refusing) == 0, "watch_del");
	}
	return arg;
}

/* Plain handing over: each field below is written by one side and read by the other. */
static void hand_over(void)
{
	struct job job = {0};
	unsigned i;
	int err, ret;

	for (i = 0; i < nb_rounds; i++) {
		job.in = i;
		err = plx_lcore_launch(1, work, &job);
		CHECK(err == 0, "launch: %d", err);
		err = plx_lcore_wait(1, &ret);
		CHECK(err == 0 && ret == 1 && job.out == i + 1, "%d, %d, %u", err, ret, job.out);
	}
}

int main(int argc, char **argv)
{
	struct plx_lcore_watch counting = {.attach = attach, .detach = detach};
	pthread_t threads[NB_LAUNCHERS + NB_FOREIGN + 1];
	unsigned i, nb = 0;

	nb_rounds = rounds(argc, argv, 1000);
	start_lcores(NB_LCORES);
	hand_over();
	CHECK(plx_lcore_watch_add(&counting) == 0, "watch_add");
	for (i = 0; i < NB_LAUNCHERS; i++)
		pthread_create(&threads[nb++], NULL, launch_and_take, (void *)(uintptr_t)(i + 1));
	for (i = 0; i < NB_FOREIGN; i++)
		pthread_create(&threads[nb++], NULL, make_threads, NULL);
	pthread_create(&threads[nb++], NULL, watch, NULL);
	while (nb > 0)
		pthread_join(threads[--nb], NULL);
	for (i = 1; i < NB_LCORES; i++) {
		int ret;

		plx_lcore_wait(i, &ret);
		taken += ret;
	}
	CHECK(launched == taken, "%d launched, %d results", launched, taken);
	for (i = 0; i < PLX_LCORE_MAX; i++)
		CHECK(!attached[i], "id %u is still attached", i);
	plx_eal_fini();
	printf("%d launches, all results taken once\n", launched);
	return 0;
}
