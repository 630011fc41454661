/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore_private.h"

#include <errno.h>
#include <signal.h>

/* A fault raises these in the thread itself; blocked, the kernel would kill the process instead of
 * calling the handler. */
static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

static void blocked_signals(sigset_t *set)
{
	size_t i;

	sigfillset(set);
	for (i = 0; i < PLX_ARRAY_SIZE(fault_signals); i++)
		sigdelset(set, fault_signals[i]);
}

static int thread_attr(pthread_attr_t *attr, const cpu_set_t *cpus, int rt_prio)
{
	struct sched_param param = {.sched_priority = rt_prio};
	int err;

	err = pthread_attr_setaffinity_np(attr, sizeof(*cpus), cpus);
	if (err == 0) /* explicit: the caller may be SCHED_FIFO already */
		err = pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	if (err == 0)
		err = pthread_attr_setschedpolicy(attr, rt_prio > 0 ? SCHED_FIFO : SCHED_OTHER);
	if (err == 0)
		err = pthread_attr_setschedparam(attr, &param);
	return err;
}

static void explain(const char *name, const cpu_set_t *cpus, int rt_prio, int err)
{
	char list[PLX_CPULIST_MAX_BYTES];

	if (err == EPERM && rt_prio > 0)
		LOG_ERR("%s: SCHED_FIFO priority %d is not permitted: needs CAP_SYS_NICE or "
			"RLIMIT_RTPRIO of at least that (ulimit -r %d)",
			name, rt_prio, rt_prio);
	else if (err == EAGAIN)
		LOG_ERR("%s: can't start a thread: the limit on threads is reached (ulimit -u, "
			"pids.max of the cgroup, kernel.threads-max)",
			name);
	else
		LOG_ERR("%s: can't start a thread on CPU %s: %s", name,
			plx_cpulist_format(cpus, list, sizeof(list)), strerror(err));
}

int plx_thread_start(pthread_t *thread, const char *name, const cpu_set_t *cpus, int rt_prio,
		     void *(*fn)(void *), void *arg)
{
	sigset_t blocked, before;
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err != 0)
		goto failed;
	err = thread_attr(&attr, cpus, rt_prio);
	if (err != 0)
		goto destroy_attr;
	/* The thread inherits the mask, so that no signal finds it before it could block them. */
	blocked_signals(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	err = pthread_create(thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err != 0)
		goto destroy_attr;
	pthread_setname_np(*thread, name);
	pthread_attr_destroy(&attr);
	return 0;

destroy_attr:
	pthread_attr_destroy(&attr);
failed:
	explain(name, cpus, rt_prio, err);
	return -err;
}
