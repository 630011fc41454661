/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of lib/eal share. plx_eal_init() calls the steps in this order, plx_eal_fini()
 * their counterparts in the reverse one:
 *
 *   plx_clock_init    first stamp
 *   plx_lcore_init    topology, refusal of CPUs that can't be had; no thread is made
 *   (eal.c)           the caller is pinned and becomes the main lcore
 *   plx_mem_init      -m, --socket-mem; plx_lcore_self is the main lcore
 *   plx_ctl_init      the control thread, on plx_eal_start_cpus() less the lcores' CPUs
 *   plx_lcore_start   worker threads, which start with conf->rt_prio
 *   (eal.c)           conf->rt_prio for the main lcore; so that no thread inherits it
 *   plx_clock_calibrate  last stamp
 *
 * A step that fails has logged its one line and left nothing behind: its own fini is not called.
 * `conf` is the kept copy, valid until the fini; nb_lcores > 0 and main_lcore < PLX_LCORE_MAX.
 */
#ifndef EAL_PRIVATE_H
#define EAL_PRIVATE_H

#include <pollux/eal.h>
#include <pollux/log.h>
#include <sched.h>

extern struct plx_log_module plx_log_eal;

#define LOG_ERR(...) plx_log(&plx_log_eal, PLX_LOG_ERR, __VA_ARGS__)
#define LOG_WARN(...) plx_log(&plx_log_eal, PLX_LOG_WARN, __VA_ARGS__)
#define LOG_NOTICE(...) plx_log(&plx_log_eal, PLX_LOG_NOTICE, __VA_ARGS__)
#define LOG_INFO(...) plx_log(&plx_log_eal, PLX_LOG_INFO, __VA_ARGS__)
#define LOG_DEBUG(...) plx_log(&plx_log_eal, PLX_LOG_DEBUG, __VA_ARGS__)

/* eal.c: the CPUs that the process could use before the main lcore was pinned. */
const cpu_set_t *plx_eal_start_cpus(void);

/*
 * conf.c. check refuses settings that contradict each other (-EINVAL, one line); resolve turns
 * "one lcore a CPU" and "the lowest is the main one" into a full table.
 */
int plx_eal_conf_check(const struct plx_eal_conf *conf);
int plx_eal_conf_resolve(struct plx_eal_conf *conf);

/* clock.c */
int plx_clock_init(void);
void plx_clock_calibrate(void);
void plx_clock_fini(void);

/*
 * lcore.c. init fills the tables (enabled, cpus, node, main) and makes no thread; start makes the
 * workers and leaves none behind when it fails; stop waits for what was launched, then joins them;
 * fini drops the watches and empties the tables. plx_lcore_self of the main lcore is set and reset
 * by eal.c, in that thread.
 */
int plx_lcore_init(const struct plx_eal_conf *conf);
int plx_lcore_start(const struct plx_eal_conf *conf);
void plx_lcore_stop(void);
void plx_lcore_fini(void);

/* mem*.c */
int plx_mem_init(const struct plx_eal_conf *conf);
void plx_mem_fini(void);

/* ctl.c */
int plx_ctl_init(const struct plx_eal_conf *conf);
void plx_ctl_fini(void);

/*
 * Instead of the finis in a child of fork(): no thread of the EAL's is there, any lock may be held
 * by one, and descriptors are shared with the parent: they are closed, never changed. What a thread
 * was amid changing is leaked. plx_mem_fini() does so by itself.
 */
void plx_sigbus_forked(void);
void plx_clock_forked(void);
void plx_lcore_forked(void);
void plx_ctl_forked(void);

#endif
