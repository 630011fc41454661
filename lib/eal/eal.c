/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The EAL's life. plx_eal_init() is the table of contents: the steps in order, undone in reverse
 * by plx_eal_fini() or, from where it failed, by the ladder.
 *
 * There is one EAL in a process, in `eal`. Its fields are written by the thread that starts and
 * stops it; `state` alone is read by others, and guards what plx_eal_conf() hands out.
 */
#include "eal_private.h"

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/lcore.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum state { STOPPED, CHANGING, RUNNING };

static struct {
	int state; /* enum state */
	struct plx_eal_conf conf;
	uint64_t init_ns;
	/* What the main lcore's thread was before. */
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

	for (unsigned i = 0; i < conf->nb_log_levels && !ret; i++)
		ret = plx_log_set_level(conf->log_levels[i]);
	if (ret) {
		plx_log_reset();
		return ret;
	}
	if (conf->syslog)
		plx_log_use_syslog(true, conf->syslog_facility);
	return 0;
}

static void log_fini(const struct plx_eal_conf *conf)
{
	if (conf->syslog)
		plx_log_use_syslog(false, 0);
	if (conf->nb_log_levels)
		plx_log_reset();
}

/* Pin the caller and make it the main lcore. */
static int main_lcore_init(const struct plx_eal_conf *conf)
{
	pthread_t self = pthread_self();
	int err;

	err = pthread_setaffinity_np(self, sizeof(cpu_set_t), &conf->lcores[conf->main_lcore].cpus);
	if (err) {
		LOG_ERR("main lcore %u: can't be pinned to its CPU: %s", conf->main_lcore,
			strerror(err));
		return -err;
	}
	plx_lcore_self = conf->main_lcore;
	return 0;
}

static void main_lcore_fini(void)
{
	int err;

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
	return -err;
}

static void main_lcore_rt_fini(const struct plx_eal_conf *conf)
{
	int err;

	if (!conf->rt_prio)
		return;
	err = pthread_setschedparam(pthread_self(), eal.start_policy, &eal.start_param);
	if (err)
		LOG_WARN("main lcore: can't get the scheduling back that it had before: %s",
			 strerror(err));
}

static int lock_memory(const struct plx_eal_conf *conf)
{
	struct rlimit limit = {0};
	int ret;

	if (!conf->lock_memory || mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
		return 0;
	ret = -errno;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	LOG_ERR("--lock-memory: %s; RLIMIT_MEMLOCK is %ju KB: run as root, or raise it with "
		"ulimit -l unlimited",
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
static int remember_caller(void)
{
	int err = pthread_getaffinity_np(pthread_self(), sizeof(eal.start_cpus), &eal.start_cpus);

	if (!err)
		err = pthread_getschedparam(pthread_self(), &eal.start_policy, &eal.start_param);
	if (err)
		LOG_ERR("can't ask for the calling thread's CPUs and scheduling: %s",
			strerror(err));
	return -err;
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
	ret = remember_caller();
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
		goto fini_rt;
	plx_clock_calibrate();
	return 0;

fini_rt:
	main_lcore_rt_fini(conf);
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
		LOG_ERR("plx_eal_init: the EAL runs already; call plx_eal_fini() first");
		return -EALREADY;
	}
	ret = plx_eal_conf_copy(&eal.conf, conf);
	if (ret) {
		LOG_ERR("keeping the settings: out of memory");
		goto set_stopped;
	}
	ret = init_steps(&eal.conf);
	if (ret)
		goto free_settings;
	eal.init_ns = now_ns() - start_ns;
	/* Partner: the load in plx_eal_conf(). */
	plx_store_release(&eal.state, RUNNING);
	LOG_INFO("started in %ju us: %u lcores, main lcore %u", (uintmax_t)eal.init_ns / 1000,
		 eal.conf.nb_lcores, eal.conf.main_lcore);
	return 0;

free_settings:
	plx_eal_conf_fini(&eal.conf);
set_stopped:
	plx_store_release(&eal.state, STOPPED);
	return ret;
}

void plx_eal_fini(void)
{
	if (plx_load_acquire(&eal.state) != RUNNING)
		return;
	if (plx_lcore_self != eal.conf.main_lcore) {
		LOG_ERR("plx_eal_fini: only the main lcore may call this");
		return;
	}
	plx_store_release(&eal.state, CHANGING);
	unlock_memory(&eal.conf);
	main_lcore_rt_fini(&eal.conf);
	plx_lcore_stop();
	plx_ctl_fini();
	plx_mem_fini();
	main_lcore_fini();
	plx_lcore_fini();
	plx_clock_fini();
	LOG_DEBUG("stopped");
	log_fini(&eal.conf);
	plx_eal_conf_fini(&eal.conf);
	plx_store_release(&eal.state, STOPPED);
}

const struct plx_eal_conf *plx_eal_conf(void)
{
	return plx_load_acquire(&eal.state) == RUNNING ? &eal.conf : NULL;
}

uint64_t plx_eal_init_ns(void)
{
	return plx_load_acquire(&eal.state) == RUNNING ? eal.init_ns : 0;
}
