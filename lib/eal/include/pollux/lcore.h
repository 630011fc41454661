/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcores: the threads that do the work, one pinned thread for each id. The thread that called
 * plx_eal_init() is the main lcore, all others are workers that sleep until a function is launched
 * on them. A thread of the application's own can register itself and get an id of its own too.
 *
 * A worker is WAIT -> (launch) RUNNING -> (function returned) FINISHED -> (wait) WAIT. Who sleeps,
 * sleeps in the kernel: neither an idle worker nor a waiting thread uses its CPU.
 */
#ifndef POLLUX_LCORE_H
#define POLLUX_LCORE_H

#include <pollux/compiler.h>
#include <pollux/stop.h>
#include <sched.h>
#include <stdbool.h>

PLX_BEGIN_DECLS

enum {
	PLX_LCORE_STACK_BYTES = 1 << 20, /* of a worker and the control thread */
};

/* What plx_lcore_id() says in a thread that is no lcore. */
#define PLX_LCORE_NONE ((unsigned)PLX_LCORE_MAX)

enum plx_lcore_state {
	PLX_LCORE_WAIT,	    /* nothing launched; for an id that is not enabled too */
	PLX_LCORE_RUNNING,  /* in the launched function */
	PLX_LCORE_FINISHED, /* the function returned; plx_lcore_wait() takes its result */
};

typedef int (*plx_lcore_fn)(void *arg);

/* This thread's id. Read it by plx_lcore_id(); written by the EAL only. */
extern PLX_API __thread unsigned plx_lcore_self __attribute__((tls_model("initial-exec")));

/**
 * The calling thread's lcore id: one load from thread-local storage.
 *
 * Returns [0, PLX_LCORE_MAX) in an lcore or a registered thread, else PLX_LCORE_NONE.
 * Thread  any, at any time.
 */
PLX_INLINE unsigned plx_lcore_id(void)
{
	return plx_lcore_self;
}

/** Enabled lcores, main included, registered threads not; 0 when the EAL does not run. */
PLX_API unsigned plx_lcore_count(void);

/** The main lcore's id; PLX_LCORE_NONE when the EAL does not run. */
PLX_API unsigned plx_lcore_main(void);

/** True for the main lcore and the workers; false for registered threads and for any other @id. */
PLX_API bool plx_lcore_is_enabled(unsigned id);

/** True when @id belongs to a thread that called plx_lcore_register(). May change at any time. */
PLX_API bool plx_lcore_is_registered(unsigned id);

/**
 * The next enabled lcore after @id; see PLX_LCORE_FOREACH().
 *
 * @id         any id; UINT_MAX to get the first
 * @skip_main  leave the main lcore out
 *
 * Returns an id, PLX_LCORE_NONE after the last one.
 */
PLX_API unsigned plx_lcore_next(unsigned id, bool skip_main);

/* Loops over the enabled lcores, ascending; `id` is an unsigned of the caller. */
#define PLX_LCORE_FOREACH(id)                                                                      \
	for ((id) = plx_lcore_next(~0u, false); (id) < PLX_LCORE_NONE;                             \
	     (id) = plx_lcore_next((id), false))
#define PLX_LCORE_FOREACH_WORKER(id)                                                               \
	for ((id) = plx_lcore_next(~0u, true); (id) < PLX_LCORE_NONE;                              \
	     (id) = plx_lcore_next((id), true))

/**
 * The NUMA node of the lcore's CPUs.
 *
 * @id     an enabled lcore or a registered thread
 *
 * Returns [0, PLX_NODE_MAX); -1 (PLX_NODE_ANY) when its CPUs belong to several nodes, to none that
 *         the kernel names, or @id is neither.
 */
PLX_API int plx_lcore_node(unsigned id);

/**
 * The CPUs that an lcore may run on; of a registered thread, what they were when it registered.
 *
 * @id     an enabled lcore or a registered thread
 * @cpus   out
 *
 * Returns 0, -EINVAL (no id, or @cpus is NULL), -ENODEV (neither enabled nor registered).
 */
PLX_API int plx_lcore_cpuset(unsigned id, cpu_set_t *cpus);

/**
 * Run @fn(@arg) on a worker. Returns at once; the worker was asleep in the kernel, so the function
 * starts after one wake-up (some microseconds; what was measured is in doc/).
 *
 * @id     a worker's id
 * @fn     not NULL; its return value is for plx_lcore_wait()
 *
 * Returns 0.
 * Errors  -EINVAL (@id out of range, the main lcore or the calling lcore; @fn is NULL), -ENODEV
 *         (@id is no enabled lcore), -EBUSY (it runs a function, or the result of the last one has
 *         not been taken by plx_lcore_wait()).
 * Order   what the caller wrote before is seen by @fn.
 * Thread  any.
 */
PLX_API int plx_lcore_launch(unsigned id, plx_lcore_fn fn, void *arg);

/**
 * Run @fn(@arg) on all workers, and with @on_main in the calling main lcore too, whose result is
 * then kept for plx_lcore_wait() as well. All or nothing: when one of them is busy none starts.
 *
 * Returns 0, with @on_main after the main lcore's @fn has returned.
 * Errors  -EINVAL (@fn is NULL; @on_main from a thread that is not the main lcore), -EBUSY (as
 *         plx_lcore_launch(), any of the lcores), -ENODEV (the EAL does not run).
 * Thread  any; with @on_main only the main lcore.
 */
PLX_API int plx_lcore_launch_all(plx_lcore_fn fn, void *arg, bool on_main);

/**
 * Sleep until the function launched on an lcore has returned, take its result and make the lcore
 * ready for the next launch. Nothing was launched: returns at once with 0 in *@ret.
 *
 * @id     an enabled lcore
 * @ret    out: what the function returned; may be NULL
 *
 * Returns 0.
 * Errors  -EINVAL (@id out of range), -ENODEV (not enabled), -EDEADLK (@id is the calling lcore and
 *         it is in the function).
 * Order   what the function wrote is seen by the caller.
 * Thread  any. Of several that wait for one lcore one gets the result, the others 0.
 */
PLX_API int plx_lcore_wait(unsigned id, int *ret);

/**
 * plx_lcore_wait() for all lcores but the calling one, unless that is the main lcore holding the
 * result of plx_lcore_launch_all(.., true).
 *
 * Returns 0 when all functions returned 0, else the first other value, by ascending id.
 * Thread  any.
 */
PLX_API int plx_lcore_wait_all(void);

/**
 * Sleep until all workers have returned from what was launched on them. A stop is requested for it,
 * unless one is already, and that request is taken back at the end. Results stay where they are,
 * for plx_lcore_wait(). plx_fini() does this before it closes the ports.
 *
 * Returns 0, -EDEADLK (called by a worker), -ENODEV (the EAL does not run).
 * Thread  any but a worker; nobody launches meanwhile.
 */
PLX_API int plx_lcore_quiesce(void);

/** What an lcore does now; PLX_LCORE_WAIT for any @id that is not enabled. Any thread. */
PLX_API enum plx_lcore_state plx_lcore_state(unsigned id);

/**
 * Give the calling thread, one that the application made, an lcore id of its own: it then has
 * caches in the pools like a worker. Nothing can be launched on it. Its affinity stays as it is.
 * A thread that ends without plx_lcore_unregister() is unregistered then; plx_eal_fini()
 * unregisters those left over, with a warning, and they must not use the EAL any more.
 *
 * Returns the id: the lowest one that is free.
 * Errors  -EALREADY (it is an lcore), -ENODEV (the EAL does not run), -ENOSPC (no id is free),
 *         -ENOMEM, or what a watcher's attach returned.
 * Thread  any that is no lcore. Takes a lock.
 */
PLX_API int plx_lcore_register(void);

/**
 * Give the id back: watchers detach, then the calling thread is no lcore any more.
 *
 * Returns 0, -EINVAL (the calling thread is not a registered one).
 * Thread  a registered one. Takes a lock.
 */
PLX_API int plx_lcore_unregister(void);

/*
 * A watcher is told of threads that register and unregister; pools make and flush their caches so.
 * Both calls run in that thread, which is no lcore yet or no more (plx_lcore_id() says
 * PLX_LCORE_NONE), one at a time over all threads. The exception: for a thread that did not
 * unregister plx_eal_fini() calls detach, in the main lcore, while that thread may still run; its
 * plx_lcore_id() says PLX_LCORE_NONE already. They must not call plx_lcore_register(),
 * plx_lcore_unregister(), plx_lcore_watch_add() or plx_lcore_watch_del().
 */
struct plx_lcore_watch {
	/* Anything but 0 refuses the registration: a negative one is what register returns,
	 * a positive one is turned into -ECANCELED. NULL: not interested. */
	int (*attach)(unsigned id, void *arg);
	/* Also for each watcher that had attached when a later one refuses. NULL: not
	 * interested. */
	void (*detach)(unsigned id, void *arg);
	void *arg;
	struct plx_lcore_watch *next; /* the EAL's */
};

/**
 * Add a watcher, which is told of threads that register from now on. Of those registered before it
 * learns by plx_lcore_is_registered(), asked after this call, so that none falls in between.
 *
 * @watch  the caller's; stays in use until plx_lcore_watch_del() or plx_eal_fini()
 *
 * Returns 0, -EINVAL (NULL), -EEXIST (it is added), -ENODEV (the EAL does not run).
 * Thread  any. Takes a lock.
 */
PLX_API int plx_lcore_watch_add(struct plx_lcore_watch *watch);

/**
 * Remove a watcher without telling it anything. Once this returned it is not called any more.
 *
 * Returns 0, -ENOENT (it is not there: never added, or dropped by plx_eal_fini()).
 * Thread  any. Takes a lock.
 */
PLX_API int plx_lcore_watch_del(struct plx_lcore_watch *watch);

/* One CPU as the kernel describes it. -1: the kernel does not say. */
struct plx_cpu_info {
	int node;    /* NUMA node; may be beyond PLX_NODE_MAX */
	int package; /* socket */
	int core;    /* unique within its package; SMT siblings share it */
	bool online;
	bool allowed; /* this process could use it when the EAL was started */
};

/**
 * Describe a CPU; reads sysfs, so it is not for the data path.
 *
 * @cpu    [0, CPU_SETSIZE)
 *
 * Returns 0, -EINVAL, -ENODEV (the EAL does not run).
 * Thread  any.
 */
PLX_API int plx_cpu_info(unsigned cpu, struct plx_cpu_info *info);

PLX_END_DECLS

#endif
