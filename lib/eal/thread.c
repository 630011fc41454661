/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore_private.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

enum { STACK_BYTES = PLX_LCORE_STACK_BYTES };

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

/* Nothing of scheduling is asked for that need not be: a container may refuse such calls. */
static int thread_attr(pthread_attr_t *attr, const cpu_set_t *cpus, int rt_prio)
{
	struct sched_param param = {.sched_priority = rt_prio > 0 ? rt_prio : 0};
	int err;

	err = pthread_attr_setaffinity_np(attr, sizeof(*cpus), cpus);
	if (err == 0)
		err = pthread_attr_setstacksize(attr, STACK_BYTES);
	if (err != 0 || rt_prio == PLX_THREAD_INHERIT)
		return err;
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
		LOG_ERR("%s: can't start a thread on CPU %s: %s%s", name,
			plx_cpulist_format(cpus, list, sizeof(list)), strerror(err),
			err == EPERM ? PLX_HINT_AFFINITY : "");
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

void plx_wait_begin(struct plx_wait *wait)
{
	clock_gettime(CLOCK_MONOTONIC, &wait->until);
	wait->until.tv_sec++;
	wait->nb_seconds = 0;
}

void plx_wait_tell(struct plx_wait *wait, const char *whom)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < wait->until.tv_sec ||
	    (now.tv_sec == wait->until.tv_sec && now.tv_nsec < wait->until.tv_nsec))
		return;
	wait->until.tv_sec++;
	LOG_WARN("waiting for %s for %u s", whom, ++wait->nb_seconds);
}

void plx_wait_cond(struct plx_wait *wait, pthread_cond_t *cond, pthread_mutex_t *lock,
		   const char *whom)
{
	if (pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &wait->until) == ETIMEDOUT)
		plx_wait_tell(wait, whom);
}
