/* SPDX-License-Identifier: BSD-3-Clause */
/* The stop flag, and the signals that set it: children that are sent them. */
#include "eal_run.h"

#include <errno.h>
#include <pollux/lcore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

Test(stop, request_and_reset)
{
	cr_assert(!plx_stop_requested());
	plx_stop_request();
	cr_assert(plx_stop_requested());
	plx_stop_request();
	plx_stop_reset();
	cr_assert(!plx_stop_requested());
}

static void mine(int sig)
{
	(void)sig;
}

static void *handler_of(int sig)
{
	struct sigaction sa;

	sigaction(sig, NULL, &sa);
	return (void *)(uintptr_t)sa.sa_handler;
}

Test(stop, handlers_are_opt_in_and_come_back)
{
	void *const own = (void *)(uintptr_t)mine;

	signal(SIGINT, mine);
	signal(SIGTERM, SIG_IGN);
	start_lcores(2);
	cr_assert_eq(handler_of(SIGINT), own, "init touched SIGINT");
	cr_assert_eq(plx_stop_on_signals(), 0);
	cr_assert_eq(plx_stop_on_signals(), 0, "twice is legal");
	cr_assert_neq(handler_of(SIGINT), own);
	plx_stop_off_signals();
	cr_assert_eq(handler_of(SIGINT), own);
	cr_assert_eq(handler_of(SIGTERM), (void *)(uintptr_t)SIG_IGN);
	plx_stop_off_signals();
	cr_assert_eq(handler_of(SIGINT), own, "off when off");

	cr_assert_eq(plx_stop_on_signals(), 0);
	plx_eal_fini();
	cr_assert_eq(handler_of(SIGINT), own, "fini puts it back");
	cr_assert_eq(handler_of(SIGTERM), (void *)(uintptr_t)SIG_IGN);
}

Test(stop, a_failed_start_leaves_the_handlers)
{
	static struct plx_eal_conf conf;
	void *ours;

	cr_assert_eq(plx_stop_on_signals(), 0);
	ours = handler_of(SIGINT);
	lcore_conf(&conf, 2);
	conf.no_huge = false;
	conf.mem_mb = 16 << 20; /* more hugepages than any machine has */
	cr_assert_lt(plx_eal_init(&conf), 0);
	cr_assert_eq(handler_of(SIGINT), ours);
	start_lcores(2);
	cr_assert_eq(handler_of(SIGINT), ours);
	plx_eal_fini();
	cr_assert_neq(handler_of(SIGINT), ours);
}

static int request_late(void *arg)
{
	(void)arg;
	while (!plx_stop_requested())
		usleep(500);
	plx_stop_request();
	return 0;
}

Test(stop, fini_takes_only_its_own_request_back)
{
	start_lcores(2);
	cr_assert_eq(plx_lcore_launch(1, request_late, NULL), 0);
	plx_eal_fini();
	cr_assert(plx_stop_requested(), "the application's own request is gone");
}

static int poll_stop(void *arg)
{
	(void)arg;
	while (!plx_stop_requested())
		usleep(500);
	return 1;
}

/* Ends as it should with 42. */
static void obedient(int ready)
{
	if (plx_stop_on_signals() != 0 || plx_lcore_launch_all(poll_stop, NULL, false) != 0 ||
	    write(ready, "", 1) != 1)
		_exit(1);
	poll_stop(NULL);
	if (plx_lcore_wait_all() != 1)
		_exit(2);
	plx_eal_fini();
	_exit(plx_stop_requested() ? 42 : 3);
}

/* Sleeps in one system call: the signal must end it. */
static void sleeper(int ready)
{
	if (plx_stop_on_signals() != 0 || write(ready, "", 1) != 1)
		_exit(1);
	if (pause() != -1 || errno != EINTR || !plx_stop_requested())
		_exit(2);
	_exit(42);
}

static void stubborn(int ready)
{
	if (plx_stop_on_signals() != 0 || write(ready, "", 1) != 1)
		_exit(1);
	while (!plx_stop_requested())
		usleep(500);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* The count of signals starts anew with plx_stop_reset(). */
static void forgiving(int ready)
{
	if (plx_stop_on_signals() != 0)
		_exit(1);
	raise(SIGINT);
	plx_stop_reset();
	raise(SIGINT);
	plx_stop_reset();
	plx_stop_request();
	raise(SIGTERM);
	if (write(ready, "", 1) != 1)
		_exit(1);
	_exit(plx_stop_requested() ? 42 : 2);
}

static pid_t child(void (*fn)(int), int *ready)
{
	int fds[2];
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		start_lcores(3);
		fn(fds[1]);
	}
	close(fds[1]);
	*ready = fds[0];
	return pid;
}

static void await(int ready)
{
	char byte;

	cr_assert_eq(read(ready, &byte, 1), 1, "the child ended too early");
}

static int status_of(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

Test(stop, a_signal_ends_all_loops)
{
	static void (*const fns[])(int) = {obedient, sleeper};
	static const int sigs[] = {SIGINT, SIGTERM};
	int ready, status;
	pid_t pid;

	for (int f = 0; f < 2; f++) {
		for (int s = 0; s < 2; s++) {
			pid = child(fns[f], &ready);
			await(ready);
			if (fns[f] == sleeper) /* until it is in pause() */
				usleep(50000);
			kill(pid, sigs[s]);
			status = status_of(pid);
			cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42,
				  "%d, signal %d: status %#x", f, sigs[s], status);
		}
	}
}

Test(stop, a_second_signal_kills)
{
	static const int sigs[][2] = {{SIGINT, SIGINT}, {SIGTERM, SIGTERM}, {SIGINT, SIGTERM}};
	int ready, status;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		pid = child(stubborn, &ready);
		await(ready);
		kill(pid, sigs[i][0]);
		await(ready);
		kill(pid, sigs[i][1]);
		status = status_of(pid);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == sigs[i][1],
			  "signals %d, %d: status %#x", sigs[i][0], sigs[i][1], status);
	}
}

Test(stop, reset_forgives_a_signal)
{
	int ready, status;
	pid_t pid = child(forgiving, &ready);

	status = status_of(pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "status %#x", status);
}
