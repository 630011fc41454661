/* SPDX-License-Identifier: BSD-3-Clause */
/* What lcore.c, register.c, stop.c and ctl.c share. */
#ifndef EAL_LCORE_PRIVATE_H
#define EAL_LCORE_PRIVATE_H

#include "eal_private.h"
#include "topology.h"

#include <pollux/busy.h>
#include <pollux/lcore.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum lcore_role {
	ROLE_OFF,
	ROLE_MAIN,
	ROLE_WORKER,
	ROLE_FOREIGN, /* a thread of the application's, registered */
};

/*
 * state is the futex word: see lcore.c. role is written under register.c's lock once the workers
 * run, and read without it. self, of a foreign thread, is its plx_lcore_self, so that the EAL can
 * take the id away from a thread that did not give it back.
 */
struct lcore {
	uint32_t state;
	int role; /* enum lcore_role */
	unsigned id;
	int node;
	plx_lcore_fn fn;
	void *arg;
	int ret;
	pthread_t thread;
	unsigned *self;
	cpu_set_t cpus;
} PLX_CACHE_ALIGNED;

extern struct lcore plx_lcores[PLX_LCORE_MAX];
extern struct plx_topo plx_lcore_topo;

static inline int lcore_role(unsigned id)
{
	return id < PLX_LCORE_MAX ? plx_load_acquire(&plx_lcores[id].role) : ROLE_OFF;
}

/*
 * lcore_cpus.c. check: 0, or -EINVAL after one line that names the lcore, the CPU and what there
 * is. add_isolated: add to @allowed the isolated CPUs that lcores want and the calling thread can
 * go to; its affinity is @allowed before and after.
 */
int plx_lcore_check_cpus(const struct plx_eal_conf *conf, const struct plx_topo *topo,
			 const cpu_set_t *allowed);
void plx_lcore_add_isolated(const struct plx_eal_conf *conf, const struct plx_topo *topo,
			    cpu_set_t *allowed);

/* How a thread is scheduled, where it is not SCHED_FIFO of a priority [1, 99]. */
enum {
	PLX_THREAD_INHERIT = 0, /* as the thread that starts it */
	PLX_THREAD_OTHER = -1,	/* SCHED_OTHER */
};

#define PLX_HINT_AFFINITY                                                                          \
	" (sched_setaffinity is refused, as by a container's seccomp profile: allow it there)"

/*
 * Start a thread of the EAL: named, on @cpus, scheduled by @rt_prio, all signals blocked but those
 * that a fault of its own raises (a SIGBUS guard must get those).
 * Returns 0, or -errno after one line.
 */
int plx_thread_start(pthread_t *thread, const char *name, const cpu_set_t *cpus, int rt_prio,
		     void *(*fn)(void *), void *arg);

/*
 * thread.c: a wait for what the application should end, told once a second:
 * "waiting for @whom for N s". wait_cond: one wait on @cond, which may also end for nothing.
 */
struct plx_wait {
	struct timespec until; /* CLOCK_MONOTONIC: when the next line is due */
	unsigned nb_seconds;
};

void plx_wait_begin(struct plx_wait *wait);
void plx_wait_tell(struct plx_wait *wait, const char *whom);
void plx_wait_cond(struct plx_wait *wait, pthread_cond_t *cond, pthread_mutex_t *lock,
		   const char *whom);

/* register.c; open lets threads register, close unregisters those left and drops the watchers. */
int plx_register_open(void);
void plx_register_close(void);
void plx_register_forked(void);

/* busy.c: an lcore begins, or ends; no thread is in one of its polls. */
void plx_busy_reset(unsigned id);

/* stop.c: the EAL's own request, taken back alone: neither the application's nor a signal. */
void plx_stop_demand(void);
void plx_stop_retract(void);

#endif
