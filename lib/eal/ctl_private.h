/* SPDX-License-Identifier: BSD-3-Clause */
/* ctl.c is the control thread with its file descriptors and events, timer.c the timers. */
#ifndef EAL_CTL_PRIVATE_H
#define EAL_CTL_PRIVATE_H

#include "lcore_private.h"

#include <pollux/ctl.h>

/* Makes the timerfd that wakes the control thread. Returns it, or -errno. */
int plx_timers_open(void);

/* Drop all timers, wait for a callback that runs in another thread, close the timerfd. */
void plx_timers_close(void);

/* plx_timers_close() in a child of fork(). */
void plx_timers_forked(void);

/* The control thread's turn after its timerfd became readable. */
void plx_timers_expired(void);

#endif
