/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The EAL's life. plx_eal_init() is the table of contents: the steps in order, undone in reverse
 * by plx_eal_fini() or, from where it failed, by the ladder.
 *
 * There is one EAL in a process, in `eal`. Its fields are written by the thread that starts and
 * stops it; `state` alone is read by others, and guards what plx_eal_conf() hands out.
 */
#include "lcore_private.h"

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/lcore.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum state { STOPPED, CHANGING, RUNNING };

static struct {
	int state;   /* enum state */
	pid_t owner; /* who started it: a child of fork() has this struct, but no threads */
	struct plx_eal_conf conf;
	uint64_t init_ns;
	struct plx_log_levels start_levels; /* with conf.nb_log_levels only */
	/* What the main lcore's thread was before; scheduling when `is_rt` only. */
	bool is_rt;
	cpu_set_t start_cpus;
	int start_policy;
	struct sched_param start_param;
} eal;

struct plx_log_module plx_log_eal = PLX_LOG_MODULE("eal");

const cpu_set_t *plx_eal_start_cpus(void)
{
	return &eal.start_cpus;
}

static int log_init(const struct plx_eal_conf *conf)
{
	int ret = 0;

	if (conf->nb_log_levels)
		plx_log_levels_save(&eal.start_levels);
	for (unsigned i = 0; i < conf->nb_log_levels && !ret; i++)
		ret = plx_log_set_level(conf->log_levels[i]);
	if (ret) {
		plx_log_levels_restore(&eal.start_levels);
		return ret;
	}
	return 0;
}

static void log_fini(const struct plx_eal_conf *conf)
{
	if (conf->syslog)
		plx_log_use_syslog(false, 0);
	if (conf->nb_log_levels)
		plx_log_levels_restore(&eal.start_levels);
}

/* Pin the caller and make it the main lcore. */
static int main_lcore_init(const struct plx_eal_conf *conf)
{
	pthread_t self = pthread_self();
	int err;

	err = pthread_setaffinity_np(self, sizeof(cpu_set_t), &conf->lcores[conf->main_lcore].cpus);
	if (err) {
		LOG_ERR("main lcore %u: can't be pinned to its CPU: %s%s", conf->main_lcore,
			strerror(err), err == EPERM ? PLX_HINT_AFFINITY : "");
		return -err;
	}
	plx_lcore_self = conf->main_lcore;
	return 0;
}

/* The scheduling last: workers of the same priority have ended, and nothing starves this thread. */
static void main_lcore_fini(void)
{
	int err;

	if (eal.is_rt) {
		err = pthread_setschedparam(pthread_self(), eal.start_policy, &eal.start_param);
		if (err)
			LOG_WARN("main lcore: can't get the scheduling back that it had before: %s",
				 strerror(err));
	}
	eal.is_rt = false;
	plx_lcore_self = PLX_LCORE_NONE;
	err = pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t), &eal.start_cpus);
	if (err)
		LOG_WARN("main lcore: can't get the CPUs back that it had before: %s",
			 strerror(err));
}

static int main_lcore_rt_init(const struct plx_eal_conf *conf)
{
	struct sched_param param = {.sched_priority = conf->rt_prio};
	int err;

	if (!conf->rt_prio)
		return 0;
	err = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	if (err)
		LOG_ERR("--rt-prio %d: the main lcore can't run under SCHED_FIFO: %s; run as root, "
			"or raise the limit with ulimit -r %d",
			conf->rt_prio, strerror(err), conf->rt_prio);
	eal.is_rt = !err;
	return -err;
}

static void warn_rt_throttling(void)
{
	char text[32] = "";
	long runtime_us;
	FILE *file;

	file = fopen("/proc/sys/kernel/sched_rt_runtime_us", "re");
	if (file == NULL)
		return;
	if (fgets(text, sizeof(text), file) != NULL) {
		runtime_us = strtol(text, NULL, 10);
		if (runtime_us >= 0 && runtime_us < 1000000)
			LOG_WARN("SCHED_FIFO lcores that never sleep are stopped for %ld ms in "
				 "each second: sysctl kernel.sched_rt_runtime_us=-1 ends that",
				 (1000000 - runtime_us) / 1000);
	}
	fclose(file);
}

static int lock_memory(const struct plx_eal_conf *conf)
{
	struct rlimit limit = {0};
	int ret;

	if (!conf->lock_memory || mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
		return 0;
	ret = -errno;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	LOG_ERR("--lock-memory: %s; RLIMIT_MEMLOCK is %ju KB, and all address space counts: run as "
		"root, or raise it with ulimit -l unlimited",
		strerror(-ret), (uintmax_t)limit.rlim_cur / 1024);
	munlockall();
	return ret;
}

static void unlock_memory(const struct plx_eal_conf *conf)
{
	if (conf->lock_memory)
		munlockall();
}

/* What the calling thread is now, to be given back at the end. */
static int remember_caller(const struct plx_eal_conf *conf)
{
	int ret = plx_topo_allowed(&eal.start_cpus);

	if (ret || !conf->rt_prio)
		return ret;
	ret = -pthread_getschedparam(pthread_self(), &eal.start_policy, &eal.start_param);
	if (ret)
		LOG_ERR("--rt-prio %d: can't ask for the calling thread's scheduling: %s",
			conf->rt_prio, strerror(-ret));
	return ret;
}

static int init_steps(struct plx_eal_conf *conf)
{
	int ret;

	ret = log_init(conf);
	if (ret)
		return ret;
	ret = plx_eal_conf_check(conf);
	if (ret)
		goto fini_log;
	ret = plx_eal_conf_resolve(conf);
	if (ret)
		goto fini_log;
	ret = remember_caller(conf);
	if (ret)
		goto fini_log;
	ret = plx_clock_init();
	if (ret)
		goto fini_log;
	ret = plx_lcore_init(conf);
	if (ret)
		goto fini_clock;
	ret = main_lcore_init(conf);
	if (ret)
		goto fini_lcore;
	ret = plx_mem_init(conf);
	if (ret)
		goto fini_main_lcore;
	ret = plx_ctl_init(conf);
	if (ret)
		goto fini_mem;
	ret = plx_lcore_start(conf);
	if (ret)
		goto fini_ctl;
	ret = main_lcore_rt_init(conf);
	if (ret)
		goto stop_lcores;
	ret = lock_memory(conf);
	if (ret)
		goto stop_lcores;
	if (conf->rt_prio)
		warn_rt_throttling();
	plx_clock_calibrate();
	return 0;

stop_lcores:
	plx_lcore_stop();
fini_ctl:
	plx_ctl_fini();
fini_mem:
	plx_mem_fini();
fini_main_lcore:
	main_lcore_fini();
fini_lcore:
	plx_lcore_fini();
fini_clock:
	plx_clock_fini();
fini_log:
	log_fini(conf);
	return ret;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void set_stopped(void)
{
	plx_store_relaxed(&eal.owner, 0);
	plx_store_release(&eal.state, STOPPED);
}

static bool is_forked(void)
{
	pid_t owner = plx_load_relaxed(&eal.owner);

	return owner && owner != getpid();
}

int plx_eal_init(const struct plx_eal_conf *conf)
{
	uint64_t start_ns = now_ns();
	int expected = STOPPED;
	int ret;

	if (!conf) {
		LOG_ERR("plx_eal_init: no settings given, want a struct plx_eal_conf");
		return -EINVAL;
	}
	if (!plx_cas_acquire(&eal.state, &expected, CHANGING)) {
		LOG_ERR("plx_eal_init: %s; call plx_eal_fini() first",
			is_forked() ? "this child of fork() has what is left of its parent's EAL"
				    : "the EAL runs already");
		return -EALREADY;
	}
	plx_store_relaxed(&eal.owner, getpid());
	ret = plx_eal_conf_copy(&eal.conf, conf);
	if (ret) {
		LOG_ERR("keeping the settings: out of memory");
		goto set_stopped;
	}
	ret = init_steps(&eal.conf);
	if (ret)
		goto free_settings;
	eal.init_ns = now_ns() - start_ns;
	/* Only now: who starts it by hand sees on stderr why it does not start. */
	if (eal.conf.syslog)
		plx_log_use_syslog(true, eal.conf.syslog_facility);
	/* Partner: the load in plx_eal_conf(). */
	plx_store_release(&eal.state, RUNNING);
	LOG_INFO("started in %ju us: %u lcores, main lcore %u", (uintmax_t)eal.init_ns / 1000,
		 eal.conf.nb_lcores, eal.conf.main_lcore);
	return 0;

free_settings:
	plx_eal_conf_fini(&eal.conf);
set_stopped:
	set_stopped();
	return ret;
}

/* In a child of fork(): forget all that is the parent's. */
static void drop_parents(void)
{
	bool was_lcore = plx_lcore_is_enabled(plx_lcore_self);

	plx_sigbus_forked();
	plx_stop_off_signals();
	plx_lcore_forked();
	plx_ctl_forked();
	plx_mem_fini();
	if (was_lcore)
		main_lcore_fini();
	plx_lcore_self = PLX_LCORE_NONE;
	plx_clock_forked();
	log_fini(&eal.conf);
	plx_eal_conf_fini(&eal.conf);
	set_stopped();
}

void plx_eal_fini(void)
{
	if (plx_load_acquire(&eal.state) != RUNNING)
		return;
	if (is_forked()) {
		drop_parents();
		return;
	}
	if (plx_lcore_self != eal.conf.main_lcore) {
		LOG_ERR("plx_eal_fini: only the main lcore may call this");
		return;
	}
	plx_store_release(&eal.state, CHANGING);
	unlock_memory(&eal.conf);
	plx_lcore_stop();
	plx_stop_off_signals();
	plx_ctl_fini();
	plx_mem_fini();
	main_lcore_fini();
	plx_lcore_fini();
	plx_clock_fini();
	LOG_DEBUG("stopped");
	log_fini(&eal.conf);
	plx_eal_conf_fini(&eal.conf);
	set_stopped();
}

const struct plx_eal_conf *plx_eal_conf(void)
{
	return plx_load_acquire(&eal.state) == RUNNING ? &eal.conf : NULL;
}

uint64_t plx_eal_init_ns(void)
{
	return plx_load_acquire(&eal.state) == RUNNING ? eal.init_ns : 0;
}
