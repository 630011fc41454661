/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One flag that asks all loops of the process to end. Loops poll it; SIGINT and SIGTERM set it only
 * after plx_stop_on_signals(). Usable before plx_eal_init() and after plx_eal_fini().
 */
#ifndef POLLUX_STOP_H
#define POLLUX_STOP_H

#include <pollux/atomic.h>
#include <pollux/compiler.h>
#include <stdbool.h>

PLX_BEGIN_DECLS

/* Read it by plx_stop_requested(); written by stop.c only. */
extern PLX_API int plx_stop_flag;

/**
 * True once a stop was requested: `while (!plx_stop_requested())` around the main loop. One relaxed
 * load; orders nothing. Any thread.
 */
PLX_INLINE bool plx_stop_requested(void)
{
	return plx_load_relaxed(&plx_stop_flag) != 0;
}

/** Ask all loops to end. Wakes nobody that sleeps. Any thread, signal handlers included. */
PLX_API void plx_stop_request(void);

/** Forget the request and the signals counted, so that loops can run again. Any thread. */
PLX_API void plx_stop_reset(void);

/**
 * Let SIGINT and SIGTERM request a stop. The first one sets the flag; a second one, of either kind,
 * kills the process as if there was no handler: a loop that hangs can still be ended by ^C ^C.
 * What was installed before comes back by plx_stop_off_signals() or plx_eal_fini(). System calls
 * that sleep are interrupted (no SA_RESTART), so that a sleeping main loop sees the flag at once.
 *
 * Returns 0, also when it is on already; or -errno of sigaction(2).
 * Thread  any, but not two at a time with plx_stop_off_signals().
 */
PLX_API int plx_stop_on_signals(void);

/** Put the handlers back that plx_stop_on_signals() replaced. Does nothing when it is off. */
PLX_API void plx_stop_off_signals(void);

PLX_END_DECLS

#endif
