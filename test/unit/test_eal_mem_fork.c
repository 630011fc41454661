/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child of fork(): each call is refused at once whatever the parent's threads held at that
 * moment, and the child can have memory of its own. A child that hangs is ended by its alarm.
 */
#include "eal_mem.h"

#include <pthread.h>
#include <sys/wait.h>

enum { CHILD_SECONDS = 20 };

static struct plx_mem_watch watch;
static const struct plx_memzone *zone;
static char *block;
static unsigned nb_told;

static int added(void *va, uint64_t iova, size_t len, void *arg)
{
	(void)va;
	(void)iova;
	(void)len;
	(void)arg;
	nb_told++;
	return 0;
}

static void removed(void *va, uint64_t iova, size_t len, void *arg)
{
	added(va, iova, len, arg);
}

static void start(void)
{
	catch_log();
	start_mem(false);
	watch = (struct plx_mem_watch){.added = added, .removed = removed};
	cr_assert_eq(plx_mem_watch_add(&watch), 0);
	cr_assert_eq(plx_memzone_reserve("parents", 5000, PLX_NODE_ANY, 0, 0, 0, &zone), 0);
	block = plx_mem_alloc(MB, 0, PLX_NODE_ANY);
	cr_assert(block, "%s", caught.error);
	memset(block, 7, MB);
}

static void stop(void)
{
	plx_mem_fini();
}

TestSuite(mem_fork, .init = start, .fini = stop);

/* 0, or the line of the first thing that is wrong: Criterion's assertions are not for a child. */
#define WANT(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__ % 250 + 1;                                                 \
	} while (0)

static int nothing(const struct plx_mem_segment *segment, void *arg)
{
	(void)segment;
	(void)arg;
	return 0;
}

static int nothing_of_zones(const struct plx_memzone *mz, void *arg)
{
	(void)mz;
	(void)arg;
	return 0;
}

static int all_is_refused(void)
{
	struct plx_mem_stats stats;
	const struct plx_memzone *mz;
	unsigned before = caught.nb_errors;

	WANT(!plx_mem_alloc(64, 0, PLX_NODE_ANY) && errno == EPERM);
	plx_mem_free(block);
	WANT(plx_memzone_reserve("z", 64, PLX_NODE_ANY, 0, 0, 0, &mz) == -EPERM);
	WANT(!plx_memzone_lookup("parents") && errno == EPERM);
	WANT(plx_memzone_free(zone) == -EPERM);
	WANT(plx_memzone_walk(nothing_of_zones, NULL) == -EPERM);
	WANT(plx_mem_walk(nothing, NULL) == -EPERM);
	WANT(plx_mem_watch_add(&watch) == -EPERM);
	WANT(plx_mem_watch_del(&watch) == -EPERM);
	WANT(plx_mem_stats(&stats) == -EPERM);
	WANT(plx_mem_reap_stale() == -EPERM);
	plx_mem_dump(stderr);
	WANT(caught.nb_errors - before == 12);
	WANT(strstr(caught.error, "a child of fork()"));
	return 0;
}

static int lives(void)
{
	const struct plx_memzone *mz;
	char *p;

	for (int i = 0; i < 3; i++) {
		WANT(plx_mem_init(&mem_conf) == 0);
		WANT(plx_mem_init(&mem_conf) == -EALREADY);
		p = plx_mem_alloc(3 * MB, 0, PLX_NODE_ANY);
		WANT(p && all_bytes(p, 3 * MB, 0));
		memset(p, 9, 3 * MB);
		WANT(!plx_memzone_lookup("parents") && errno == ENOENT);
		WANT(plx_memzone_reserve("parents", 64, PLX_NODE_ANY, 0, 0, 0, &mz) == 0);
		plx_mem_fini();
	}
	WANT(!plx_mem_alloc(64, 0, PLX_NODE_ANY) && errno == ENODEV);
	/* The parent's watch is the parent's. */
	WANT(nb_told == 0);
	return 0;
}

static int child_after_fini(void)
{
	int wrong = all_is_refused();

	if (wrong)
		return wrong;
	plx_mem_fini();
	plx_mem_fini();
	WANT(!plx_mem_alloc(64, 0, PLX_NODE_ANY) && errno == ENODEV);
	return lives();
}

static int child_without_fini(void)
{
	return lives();
}

static void run_child(int (*body)(void))
{
	int status, told = (int)nb_told;
	pid_t pid;

	nb_told = 0;
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		_exit(body());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "the child: signal %d, or line %d (modulo 250)", WTERMSIG(status),
		     WEXITSTATUS(status) - 1);
	nb_told = (unsigned)told;
	cr_expect(all_bytes(block, MB, 7), "the child changed its parent's memory");
	cr_expect_eq(mem_stats().all.nb_blocks, 2);
	check_heaps();
}

Test(mem_fork, all_is_refused_and_then_works)
{
	run_child(child_after_fini);
	run_child(child_without_fini);
}

static pthread_barrier_t barrier;

static int wait_in_callback(const struct plx_mem_segment *segment, void *arg)
{
	(void)segment;
	(void)arg;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return 1;
}

static void *hold_lock(void *arg)
{
	plx_mem_walk(wait_in_callback, NULL);
	return arg;
}

static void fork_while_held(int (*body)(void))
{
	pthread_t holder;
	int status;
	pid_t pid;

	pthread_barrier_init(&barrier, NULL, 2);
	cr_assert_eq(pthread_create(&holder, NULL, hold_lock, NULL), 0);
	pthread_barrier_wait(&barrier);
	nb_told = 0;
	pid = fork();
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		_exit(body());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	pthread_barrier_wait(&barrier);
	pthread_join(holder, NULL);
	cr_expect_eq(status, 0, "the child: signal %d, or line %d (modulo 250)", WTERMSIG(status),
		     WEXITSTATUS(status) - 1);
	cr_expect(all_bytes(block, MB, 7), "the child changed its parent's memory");
}

Test(mem_fork, while_a_thread_of_the_parent_holds_the_lock)
{
	fork_while_held(child_after_fini);
	fork_while_held(child_without_fini);
}

static int child_of_none(void)
{
	WANT(!plx_mem_alloc(64, 0, PLX_NODE_ANY) && errno == ENODEV);
	plx_mem_fini();
	return lives();
}

Test(mem_fork, of_a_parent_whose_eal_has_ended)
{
	int status;
	pid_t pid;

	plx_mem_fini();
	nb_told = 0;
	pid = fork();
	if (pid == 0)
		_exit(child_of_none());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "the child ended with %d", status);
}
