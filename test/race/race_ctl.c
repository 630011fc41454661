/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers, descriptors and posts added and deleted by several threads while they fire, and the
 * timers changing their runner. What a callback works on is freed as soon as del returned: a
 * callback that still runs then is a use after free and a data race.
 */
#include "eal_start.h"

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/ctl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static unsigned nb_rounds;
static int working;
static int nb_fired, nb_events, nb_posted, nb_ran;

struct target {
	unsigned calls;
	uint64_t id;
	bool deletes_itself;
};

static void fire(void *arg)
{
	struct target *target = arg;

	target->calls++;
	plx_fetch_add_relaxed(&nb_fired, 1);
	if (target->deletes_itself)
		plx_ctl_timer_del(target->id);
}

static void *play_with_timers(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg, i;
	int err;

	for (i = 0; i < nb_rounds; i++) {
		struct target *target = calloc(1, sizeof(*target));
		uint64_t period = rand_r(&seed) % 2 ? 20000 : 0;

		CHECK(target != NULL, "out of memory");
		target->deletes_itself = rand_r(&seed) % 4 == 0;
		err = plx_ctl_timer_add((uint64_t)rand_r(&seed) % 50000, period, fire, target,
					&target->id);
		CHECK(err == 0, "timer_add: %d", err);
		for (unsigned spin = (unsigned)rand_r(&seed) % 4; spin > 0; spin--)
			sched_yield();
		err = plx_ctl_timer_del(target->id);
		CHECK(err == 0 || (err == -ENOENT && (period == 0 || target->deletes_itself)),
		      "timer_del: %d", err);
		free(target);
	}
	return NULL;
}

struct counter {
	unsigned calls;
	int fd;
};

static void on_interrupt(void *arg)
{
	struct counter *counter = arg;

	counter->calls++;
	plx_fetch_add_relaxed(&nb_events, 1);
}

static void on_fd(int fd, uint32_t events, void *arg)
{
	uint64_t count;

	(void)events;
	CHECK(read(fd, &count, sizeof(count)) == 8, "eventfd");
	on_interrupt(arg);
}

static void *play_with_fds(void *arg)
{
	uint64_t one = 1;
	unsigned i;
	int err;

	for (i = 0; i < nb_rounds; i++) {
		struct counter *counter = calloc(1, sizeof(*counter));

		CHECK(counter != NULL, "out of memory");
		counter->fd = eventfd(0, EFD_CLOEXEC);
		err = i % 2 ? plx_ctl_fd_add(counter->fd, EPOLLIN, on_fd, counter)
			    : plx_ctl_intr_add(counter->fd, 8, on_interrupt, counter);
		CHECK(err == 0, "fd_add: %d", err);
		CHECK(write(counter->fd, &one, sizeof(one)) == 8, "eventfd");
		if (i % 3 == 0)
			sched_yield();
		err = plx_ctl_fd_del(counter->fd);
		CHECK(err == 0, "fd_del: %d", err);
		close(counter->fd);
		free(counter);
	}
	return arg;
}

static void run_post(void *arg)
{
	nb_ran += *(int *)arg; /* plain: posts run one at a time */
	free(arg);
}

static void *play_with_posts(void *arg)
{
	unsigned i;
	int err;

	for (i = 0; i < nb_rounds; i++) {
		int *one = malloc(sizeof(*one));

		CHECK(one != NULL, "out of memory");
		*one = 1;
		while ((err = plx_ctl_post(run_post, one)) == -EAGAIN)
			sched_yield();
		CHECK(err == 0, "post: %d", err);
		plx_fetch_add_relaxed(&nb_posted, 1);
		if (i % 50 == 0) {
			err = plx_ctl_sync();
			CHECK(err == 0 || err == -EAGAIN, "sync: %d", err);
		}
	}
	return arg;
}

static void *change_the_runner(void *arg)
{
	int err;

	while (plx_load_acquire(&working)) {
		err = plx_ctl_timers_detach();
		CHECK(err == 0, "detach: %d", err);
		for (int i = 0; i < 20; i++) {
			err = plx_ctl_run_timers();
			CHECK(err >= 0, "run_timers: %d", err);
			plx_ctl_timers_wait_ns();
		}
		err = plx_ctl_timers_attach();
		CHECK(err == 0, "attach: %d", err);
		usleep(200);
	}
	return arg;
}

int main(int argc, char **argv)
{
	static void *(*const plays[])(void *) = {
		play_with_timers, play_with_timers, play_with_timers, play_with_fds,
		play_with_fds,	  play_with_posts,  play_with_posts};
	enum { NB_PLAYS = sizeof(plays) / sizeof(plays[0]) };
	pthread_t threads[NB_PLAYS], changer;
	unsigned i;

	nb_rounds = rounds(argc, argv, 1000);
	start_lcores(2);
	working = 1;
	pthread_create(&changer, NULL, change_the_runner, NULL);
	for (i = 0; i < NB_PLAYS; i++)
		pthread_create(&threads[i], NULL, plays[i], (void *)(uintptr_t)(i + 1));
	for (i = 0; i < NB_PLAYS; i++)
		pthread_join(threads[i], NULL);
	plx_store_release(&working, 0);
	pthread_join(changer, NULL);
	plx_eal_fini(); /* what was posted has run then */
	CHECK(nb_ran == nb_posted, "%d posts, %d ran", nb_posted, nb_ran);
	printf("%d timers fired, %d events, %d posts\n", nb_fired, nb_events, nb_ran);
	return 0;
}
