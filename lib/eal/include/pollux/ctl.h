/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread: one thread of the EAL, never on an lcore's CPU as long as the process has
 * another one, that runs callbacks for file descriptors, interrupts, timers and posted events, one
 * at a time. Callbacks may sleep, allocate and make system calls; while one does, the others wait.
 * In them plx_lcore_id() is PLX_LCORE_NONE.
 *
 * Timers alone may be taken over by another thread, say the main or the stats lcore: see
 * plx_ctl_timers_detach().
 *
 * All calls are for any thread and from within callbacks, take a lock and may make a system call.
 * -ENODEV from any of them: the EAL does not run, or is about to end. plx_eal_fini() runs the
 * events that were posted before it, then drops file descriptors and timers.
 *
 * Whoever deletes must not hold a lock that the callback takes: deleting waits for it.
 */
#ifndef POLLUX_CTL_H
#define POLLUX_CTL_H

#include <pollux/compiler.h>
#include <stdbool.h>

PLX_BEGIN_DECLS

typedef void (*plx_ctl_fn)(void *arg);

/* @events: EPOLLIN, EPOLLOUT, ... of <sys/epoll.h>; EPOLLERR and EPOLLHUP come unasked. */
typedef void (*plx_ctl_fd_fn)(int fd, uint32_t events, void *arg);

enum {
	PLX_CTL_POSTS_MAX = 1024,     /* events that can wait at a time */
	PLX_CTL_PERIOD_MIN_NS = 1000, /* of a periodic timer */
};

/**
 * Call @fn whenever a file descriptor is ready: level-triggered, so again and again until @fn has
 * read or written what there was, or deleted it.
 *
 * @fd      any that epoll(7) takes; the caller's, to be closed after plx_ctl_fd_del()
 * @events  what to wait for: EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, any of them together
 * @fn      not NULL
 *
 * Returns 0.
 * Errors  -EINVAL (@fn is NULL; @events has other bits), -EEXIST (@fd is added), -ENOMEM, -ENOSPC
 *         (fs.epoll.max_user_watches), -EBADF, -EPERM (a regular file), -ENODEV.
 */
PLX_API int plx_ctl_fd_add(int fd, uint32_t events, plx_ctl_fd_fn fn, void *arg);

/**
 * Call @fn for each interrupt. The counter that @fd holds is read before each call, so that @fn
 * finds it clear. Interrupts that came meanwhile are one call. When @fd fails (its device is gone)
 * one line is logged and @fn is not called any more; plx_ctl_fd_del() is still due.
 *
 * @fd           an eventfd (VFIO), a timerfd or /dev/uioN; nobody else reads it
 * @count_bytes  size of the counter: 8, or 4 for UIO
 *
 * Returns 0, or as plx_ctl_fd_add(); -EINVAL also for another @count_bytes.
 */
PLX_API int plx_ctl_intr_add(int fd, size_t count_bytes, plx_ctl_fn fn, void *arg);

/**
 * Take a file descriptor or interrupt back. When this returns its callback does not run and will
 * not run; called from the callback itself it is the last run.
 *
 * Returns 0, -ENOENT (@fd is not added), -ENODEV.
 */
PLX_API int plx_ctl_fd_del(int fd);

/**
 * Call @fn(@arg) once after @delay_ns, and with a @period_ns again each @period_ns after that. A
 * timer that is late, because another callback took its time, is called once and leaves out the
 * periods it missed. Timers that are due together are called in the order of their times, those of
 * one time in the order they were added.
 *
 * @delay_ns   by CLOCK_MONOTONIC, from now; 0 is legal. Never early.
 * @period_ns  0 (once), or [PLX_CTL_PERIOD_MIN_NS, ..)
 * @fn         not NULL
 * @id         out: names the timer until it was deleted or, run once, has run; never 0. May be
 *             NULL. Written before @fn can be called.
 *
 * Returns 0, -EINVAL, -ENOMEM, -ENODEV.
 */
PLX_API int plx_ctl_timer_add(uint64_t delay_ns, uint64_t period_ns, plx_ctl_fn fn, void *arg,
			      uint64_t *id);

/**
 * Take a timer back. When this returns its callback does not run and will not run; called from the
 * callback itself it is the last run.
 *
 * Returns 0, -ENOENT (no such timer: it was deleted, or it was to run once and has), -ENODEV.
 */
PLX_API int plx_ctl_timer_del(uint64_t id);

/**
 * Call @fn(@arg) in the control thread, after what was posted before. An event that a callback
 * posts runs after all other kinds of callbacks had their turn.
 *
 * Returns 0, -EINVAL (@fn is NULL), -EAGAIN (PLX_CTL_POSTS_MAX are waiting), -ENODEV.
 */
PLX_API int plx_ctl_post(plx_ctl_fn fn, void *arg);

/**
 * Wait until all that was posted before has run.
 *
 * Returns 0, -EAGAIN (as plx_ctl_post()), -EDEADLK (called in the control thread), -ENODEV.
 */
PLX_API int plx_ctl_sync(void);

/** True in the control thread, so in callbacks, unless it is a timer's that another thread runs. */
PLX_API bool plx_ctl_is_self(void);

/**
 * The control thread runs no timers from now on; whoever calls plx_ctl_run_timers() does. When this
 * returns no timer's callback runs in the control thread, unless it is called from one.
 *
 * Returns 0, -EALREADY (they are detached), -ENODEV.
 */
PLX_API int plx_ctl_timers_detach(void);

/** Give the timers back to the control thread. Returns 0, -EALREADY (it has them), -ENODEV. */
PLX_API int plx_ctl_timers_attach(void);

/**
 * Run the callbacks of the timers that are due, in the calling thread. When none is due this is a
 * look at the clock, without lock or system call: cheap enough for each round of a main loop.
 *
 * Returns the number of callbacks run, -EPERM (the timers are not detached), -EBUSY (another thread
 *         is in this call, or this one is already), -ENODEV.
 */
PLX_API int plx_ctl_run_timers(void);

/** How long until the next timer is due: 0 when one is, UINT64_MAX when there is none. */
PLX_API uint64_t plx_ctl_timers_wait_ns(void);

PLX_END_DECLS

#endif
