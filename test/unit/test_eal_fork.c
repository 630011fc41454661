/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children of fork(): the parent's threads keep the locks busy meanwhile, so that a child which
 * takes one hangs; an alarm ends it then.
 */
#include "eal_run.h"

#include <errno.h>
#include <pollux/ctl.h>
#include <pollux/lcore.h>
#include <pollux/log.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED
#endif

enum { CHILDREN = 20, NB_BUSY = 2 };

static bool enough;
static struct plx_log_module noisy = PLX_LOG_MODULE("noisy");

static void swallow(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)level;
	(void)text;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void on_fd(int fd, uint32_t events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
}

/* Holds the locks of log, timers and control thread most of the time. */
static void *keep_busy(void *arg)
{
	uint64_t id;

	(void)arg;
	while (!plx_load_relaxed(&enough)) {
		plx_log(&noisy, PLX_LOG_ERR, "line");
		plx_ctl_post(nothing, NULL);
		if (plx_ctl_timer_add(1, 0, nothing, NULL, &id) == 0)
			plx_ctl_timer_del(id);
	}
	return NULL;
}

static int return_seven(void *arg)
{
	(void)arg;
	return 7;
}

/* In the child: 0, or the step that failed. */
static int start_anew(unsigned nb_fds)
{
	static struct plx_eal_conf conf;
	cpu_set_t cpus;
	int ret;

	lcore_conf(&conf, 1);
	plx_log(&noisy, PLX_LOG_ERR, "a child may log");
	if (plx_eal_init(&conf) != -EALREADY)
		return 1;
	plx_eal_fini();
	if (plx_lcore_id() != PLX_LCORE_NONE || plx_eal_conf() != NULL || plx_lcore_count() != 0)
		return 2;
	if (nb_entries("/proc/self/fd") != nb_fds)
		return 3;
	plx_eal_fini();
	lcore_conf(&conf, 3);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	if (plx_eal_init(&conf) != 0)
		return 4;
	if (plx_lcore_launch(2, return_seven, NULL) != 0 || plx_lcore_wait(2, &ret) != 0 ||
	    ret != 7)
		return 5;
	if (plx_ctl_post(nothing, NULL) != 0 || plx_ctl_sync() != 0)
		return 6;
	plx_eal_fini();
	return nb_entries("/proc/self/fd") == nb_fds ? 0 : 7;
}

static int status_of_child(unsigned nb_fds)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		_exit(start_anew(nb_fds));
	}
	cr_assert_geq(pid, 0, "fork: %s", strerror(errno));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_good(int status, int child)
{
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		  "child %d: status %#x (14: it hung), step %d", child, status,
		  WEXITSTATUS(status));
}

Test(fork, a_child_starts_anew)
{
	unsigned nb_fds = nb_entries("/proc/self/fd");
	cpu_set_t before, after;
	pthread_t threads[NB_BUSY];
	int pipe_fds[2], ret;

#ifdef SANITIZED
	cr_skip_test(
		"needs a build without sanitizers: the lock of their allocator, held by another "
		"thread at the fork, is never released in the child");
#endif
	plx_log_set_sink(swallow, NULL);
	sched_getaffinity(0, sizeof(before), &before);
	start_lcores(3);
	for (int i = 0; i < NB_BUSY; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, keep_busy, NULL), 0);
	for (int i = 0; i < CHILDREN; i++)
		expect_good(status_of_child(nb_fds), i);
	plx_store_relaxed(&enough, true);
	for (int i = 0; i < NB_BUSY; i++)
		pthread_join(threads[i], NULL);

	/* The parent is as it was: its lcores run, its control thread watches. */
	cr_assert_eq(plx_lcore_launch(1, return_seven, NULL), 0);
	cr_assert_eq(plx_lcore_wait(1, &ret), 0);
	cr_assert_eq(ret, 7, "%d", ret);
	cr_assert_eq(pipe(pipe_fds), 0);
	cr_assert_eq(plx_ctl_fd_add(pipe_fds[0], EPOLLIN, on_fd, NULL), 0);
	cr_assert_eq(plx_ctl_sync(), 0);
	plx_eal_fini();
	sched_getaffinity(0, sizeof(after), &after);
	cr_assert(CPU_EQUAL(&before, &after));
}

static int fork_there(void *arg)
{
	*(int *)arg = status_of_child(nb_entries("/proc/self/fd") - 3);
	return 0;
}

Test(fork, a_child_of_a_worker)
{
	int status = -1;

	plx_log_set_sink(swallow, NULL);
	start_lcores(2);
	cr_assert_eq(plx_lcore_launch(1, fork_there, &status), 0);
	cr_assert_eq(plx_lcore_wait(1, NULL), 0);
	plx_eal_fini();
	expect_good(status, 0);
}
