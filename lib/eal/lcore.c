/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcores and what is launched on them.
 *
 * The futex word `state` is all that a launch needs. It goes WAIT -> CLAIMED (a launcher writes fn
 * and arg) -> RUNNING -> FINISHED -> TAKING (a waiter reads ret) -> WAIT, and from WAIT or FINISHED
 * to QUIT. Each step that hands fields over is a release, read with acquire by the next owner. Only
 * the steps to RUNNING, FINISHED and QUIT wake sleepers: nobody sleeps for the others.
 */
#include "lcore_private.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	STATE_WAIT,
	STATE_CLAIMED,
	STATE_RUNNING,
	STATE_FINISHED,
	STATE_TAKING,
	STATE_QUIT,
};

/* The model again: gcc takes that of the definition, in this file. */
__thread unsigned plx_lcore_self __attribute__((tls_model("initial-exec"))) = PLX_LCORE_NONE;

struct lcore plx_lcores[PLX_LCORE_MAX];
struct plx_topo plx_lcore_topo;
static unsigned nb_lcores;
static unsigned main_lcore = PLX_LCORE_NONE;
static cpu_set_t allowed; /* plx_eal_start_cpus() and those isolated ones that lcores are on */

extern inline unsigned plx_lcore_id(void);

/* Returns when woken, after @timeout, for a signal, or when *word is not @seen: look again. */
static void futex_wait(uint32_t *word, uint32_t seen, const struct timespec *timeout)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, timeout, NULL, 0);
}

static void set_and_wake(struct lcore *lc, uint32_t state)
{
	plx_store_release(&lc->state, state);
	syscall(SYS_futex, &lc->state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static bool move_state(struct lcore *lc, uint32_t from, uint32_t to)
{
	return plx_cas_acquire(&lc->state, &from, to);
}

static bool is_enabled(unsigned id)
{
	int role = lcore_role(id);

	return role == ROLE_MAIN || role == ROLE_WORKER;
}

static bool worker_step(struct lcore *lc)
{
	uint32_t state = plx_load_acquire(&lc->state); /* with launch's release of RUNNING */

	if (state == STATE_QUIT)
		return false;
	if (state == STATE_RUNNING) {
		lc->ret = lc->fn(lc->arg);
		plx_busy_note(false);
		set_and_wake(lc, STATE_FINISHED);
	} else {
		futex_wait(&lc->state, state, NULL);
	}
	return true;
}

static void *worker_main(void *arg)
{
	struct lcore *lc = arg;

	plx_lcore_self = lc->id;
	while (worker_step(lc))
		;
	return NULL;
}

/* ---- start and stop ---- */

static int node_of(unsigned id, const cpu_set_t *cpus)
{
	int node = plx_topo_node_of(&plx_lcore_topo, cpus);

	if (node >= PLX_NODE_MAX) {
		LOG_WARN("lcore %u: its NUMA node %d is beyond the %d that this library was built "
			 "for (-DPLX_NODE_MAX): it counts as on no node",
			 id, node, PLX_NODE_MAX);
		node = -1;
	}
	return node;
}

int plx_lcore_init(const struct plx_eal_conf *conf)
{
	unsigned id;
	int err;

	plx_topo_read(&plx_lcore_topo);
	allowed = *plx_eal_start_cpus();
	plx_lcore_add_isolated(conf, &plx_lcore_topo, &allowed);
	err = plx_lcore_check_cpus(conf, &plx_lcore_topo, &allowed);
	if (err != 0)
		return err;
	if (conf->main_lcore >= PLX_LCORE_MAX || !conf->lcores[conf->main_lcore].enabled) {
		LOG_ERR("main lcore %u is not one of the lcores", conf->main_lcore);
		return -EINVAL;
	}
	nb_lcores = 0;
	main_lcore = conf->main_lcore;
	for (id = 0; id < PLX_LCORE_MAX; id++) {
		struct lcore *lc = &plx_lcores[id];

		memset(lc, 0, sizeof(*lc));
		lc->id = id;
		lc->node = -1;
		plx_busy_reset(id);
		if (!conf->lcores[id].enabled)
			continue;
		lc->cpus = conf->lcores[id].cpus;
		lc->node = node_of(id, &lc->cpus);
		plx_store_release(&lc->role, id == main_lcore ? ROLE_MAIN : ROLE_WORKER);
		nb_lcores++;
	}
	return 0;
}

/* Another thread is between two states, in the middle of a launch or a wait: no wake-up will
 * come. */
static const struct timespec short_while = {.tv_nsec = 100000};

/* What is asked for once while several workers are waited for, and taken back after that. */
struct stopping {
	struct plx_wait wait;
	bool asked;
};

static void stopping_begin(struct stopping *stopping)
{
	plx_wait_begin(&stopping->wait);
	stopping->asked = false;
}

static void stopping_end(const struct stopping *stopping)
{
	if (stopping->asked)
		plx_stop_retract();
}

/* A worker is in @state: sleep until it may be in another, tell every second whom we wait for. */
static void await(struct lcore *lc, uint32_t state, struct stopping *stopping)
{
	static const struct timespec second = {.tv_sec = 1};
	char whom[80];

	if (!stopping->asked && !plx_stop_requested()) {
		plx_stop_demand();
		stopping->asked = true;
	}
	futex_wait(&lc->state, state, state == STATE_RUNNING ? &second : &short_while);
	if (state != plx_load_relaxed(&lc->state))
		return;
	snprintf(whom, sizeof(whom),
		 "lcore %u: its function has not returned after a stop was requested", lc->id);
	plx_wait_tell(&stopping->wait, whom);
}

static void retire(struct lcore *lc, struct stopping *stopping)
{
	while (!move_state(lc, STATE_WAIT, STATE_QUIT) &&
	       !move_state(lc, STATE_FINISHED, STATE_QUIT))
		await(lc, plx_load_acquire(&lc->state), stopping);
	set_and_wake(lc, STATE_QUIT);
	pthread_join(lc->thread, NULL);
}

static void retire_below(unsigned end)
{
	struct stopping stopping;
	unsigned id;

	stopping_begin(&stopping);
	for (id = 0; id < end; id++)
		if (lcore_role(id) == ROLE_WORKER)
			retire(&plx_lcores[id], &stopping);
	stopping_end(&stopping);
}

int plx_lcore_start(const struct plx_eal_conf *conf)
{
	char name[16];
	unsigned id;
	int err;

	err = plx_register_open();
	if (err != 0)
		return err;
	for (id = 0; id < PLX_LCORE_MAX; id++) {
		struct lcore *lc = &plx_lcores[id];

		if (lcore_role(id) != ROLE_WORKER)
			continue;
		snprintf(name, sizeof(name), "plx-lcore-%u", id);
		err = plx_thread_start(&lc->thread, name, &lc->cpus, conf->rt_prio, worker_main,
				       lc);
		if (err != 0)
			goto retire_started;
	}
	return 0;

retire_started:
	retire_below(id);
	plx_register_close();
	return err;
}

void plx_lcore_stop(void)
{
	retire_below(PLX_LCORE_MAX);
	plx_register_close();
}

void plx_lcore_fini(void)
{
	unsigned id;

	for (id = 0; id < PLX_LCORE_MAX; id++)
		plx_store_release(&plx_lcores[id].role, ROLE_OFF);
	nb_lcores = 0;
	main_lcore = PLX_LCORE_NONE;
}

/* The workers' threads are not in the child; plx_lcore_init() makes the rest of it anew. */
void plx_lcore_forked(void)
{
	plx_register_forked();
	plx_lcore_fini();
	plx_stop_retract();
}

/* ---- launch and wait ---- */

static void begin(struct lcore *lc, plx_lcore_fn fn, void *arg)
{
	lc->fn = fn;
	lc->arg = arg;
	set_and_wake(lc, STATE_RUNNING);
}

int plx_lcore_launch(unsigned id, plx_lcore_fn fn, void *arg)
{
	if (id >= PLX_LCORE_MAX || fn == NULL)
		return -EINVAL;
	if (!is_enabled(id))
		return -ENODEV;
	if (id == main_lcore || id == plx_lcore_self)
		return -EINVAL;
	if (!move_state(&plx_lcores[id], STATE_WAIT, STATE_CLAIMED))
		return -EBUSY;
	begin(&plx_lcores[id], fn, arg);
	return 0;
}

/* Nothing was written to those that were claimed, nobody sleeps for the step back. */
static void unclaim_below(unsigned end, bool with_main)
{
	unsigned id;

	for (id = 0; id < end; id++)
		if (is_enabled(id) && (with_main || id != main_lcore))
			plx_store_release(&plx_lcores[id].state, STATE_WAIT);
}

int plx_lcore_launch_all(plx_lcore_fn fn, void *arg, bool on_main)
{
	struct lcore *lc;
	unsigned id;

	if (main_lcore == PLX_LCORE_NONE)
		return -ENODEV;
	if (fn == NULL || (on_main && plx_lcore_self != main_lcore))
		return -EINVAL;
	for (id = 0; id < PLX_LCORE_MAX; id++) {
		if (!is_enabled(id) || (id == main_lcore && !on_main))
			continue;
		if (!move_state(&plx_lcores[id], STATE_WAIT, STATE_CLAIMED)) {
			unclaim_below(id, on_main);
			return -EBUSY;
		}
	}
	PLX_LCORE_FOREACH_WORKER(id)
		begin(&plx_lcores[id], fn, arg);
	if (on_main) {
		lc = &plx_lcores[main_lcore];
		begin(lc, fn, arg);
		lc->ret = fn(arg);
		plx_busy_note(false);
		set_and_wake(lc, STATE_FINISHED);
	}
	return 0;
}

int plx_lcore_wait(unsigned id, int *ret)
{
	struct lcore *lc;
	uint32_t state;
	int result = 0;

	if (id >= PLX_LCORE_MAX)
		return -EINVAL;
	if (!is_enabled(id))
		return -ENODEV;
	lc = &plx_lcores[id];
	for (;;) {
		state = plx_load_acquire(&lc->state);
		if (state == STATE_CLAIMED || state == STATE_RUNNING) {
			if (id == plx_lcore_self)
				return -EDEADLK;
			futex_wait(&lc->state, state, state == STATE_RUNNING ? NULL : &short_while);
		} else if (state != STATE_FINISHED) {
			break;
		} else if (move_state(lc, STATE_FINISHED, STATE_TAKING)) {
			result = lc->ret;
			plx_store_release(&lc->state, STATE_WAIT); /* with a launcher's claim */
			break;
		}
	}
	if (ret != NULL)
		*ret = result;
	return 0;
}

int plx_lcore_wait_all(void)
{
	unsigned id;
	int ret, first = 0;

	PLX_LCORE_FOREACH(id) {
		if (id == plx_lcore_self && plx_lcore_state(id) != PLX_LCORE_FINISHED)
			continue;
		if (id == main_lcore && plx_lcore_state(id) == PLX_LCORE_RUNNING)
			continue;
		if (plx_lcore_wait(id, &ret) == 0 && first == 0)
			first = ret;
	}
	return first;
}

int plx_lcore_quiesce(void)
{
	struct stopping stopping;
	unsigned id;

	if (main_lcore == PLX_LCORE_NONE)
		return -ENODEV;
	if (lcore_role(plx_lcore_self) == ROLE_WORKER)
		return -EDEADLK;
	stopping_begin(&stopping);
	PLX_LCORE_FOREACH_WORKER(id) {
		struct lcore *lc = &plx_lcores[id];
		uint32_t state;

		while ((state = plx_load_acquire(&lc->state)) == STATE_CLAIMED ||
		       state == STATE_RUNNING)
			await(lc, state, &stopping);
	}
	stopping_end(&stopping);
	return 0;
}

enum plx_lcore_state plx_lcore_state(unsigned id)
{
	if (!is_enabled(id))
		return PLX_LCORE_WAIT;
	switch (plx_load_acquire(&plx_lcores[id].state)) {
	case STATE_CLAIMED:
	case STATE_RUNNING:
		return PLX_LCORE_RUNNING;
	case STATE_FINISHED:
	case STATE_TAKING:
		return PLX_LCORE_FINISHED;
	default:
		return PLX_LCORE_WAIT;
	}
}

/* ---- what there is ---- */

unsigned plx_lcore_count(void)
{
	return nb_lcores;
}

unsigned plx_lcore_main(void)
{
	return main_lcore;
}

bool plx_lcore_is_enabled(unsigned id)
{
	return is_enabled(id);
}

bool plx_lcore_is_registered(unsigned id)
{
	return lcore_role(id) == ROLE_FOREIGN;
}

unsigned plx_lcore_next(unsigned id, bool skip_main)
{
	while (++id < PLX_LCORE_MAX)
		if (is_enabled(id) && !(skip_main && id == main_lcore))
			return id;
	return PLX_LCORE_NONE;
}

/* No look at the role: a watcher asks for a thread that is no lcore yet or no more. */
int plx_lcore_node(unsigned id)
{
	return id < PLX_LCORE_MAX && main_lcore != PLX_LCORE_NONE ? plx_lcores[id].node : -1;
}

int plx_lcore_cpuset(unsigned id, cpu_set_t *cpus)
{
	if (id >= PLX_LCORE_MAX || cpus == NULL)
		return -EINVAL;
	if (lcore_role(id) == ROLE_OFF)
		return -ENODEV;
	*cpus = plx_lcores[id].cpus;
	return 0;
}

int plx_cpu_info(unsigned cpu, struct plx_cpu_info *info)
{
	if (cpu >= CPU_SETSIZE || info == NULL)
		return -EINVAL;
	if (main_lcore == PLX_LCORE_NONE)
		return -ENODEV;
	info->allowed = CPU_ISSET(cpu, &allowed);
	info->online = plx_lcore_topo.online_known ? CPU_ISSET(cpu, &plx_lcore_topo.online)
						   : info->allowed;
	info->node = plx_lcore_topo.node[cpu];
	info->package = plx_topo_cpu_value(cpu, "topology/physical_package_id");
	info->core = plx_topo_cpu_value(cpu, "topology/core_id");
	return 0;
}
