/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of the application's own that take an lcore id, and the watchers that are told of them.
 * One lock covers all of it, watchers' calls included: registering is rare, and so a watcher never
 * sees two threads at a time.
 */
#include "lcore_private.h"

#include <errno.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_open;
static pthread_key_t exit_key; /* set in registered threads: its destructor runs at their end */
static struct plx_lcore_watch *watches;

static void detach_first(unsigned nb, unsigned id)
{
	struct plx_lcore_watch *watch;
	unsigned i;

	while (nb-- > 0) {
		watch = watches;
		for (i = 0; i < nb; i++)
			watch = watch->next;
		if (watch->detach != NULL)
			watch->detach(id, watch->arg);
	}
}

static void detach_all(unsigned id)
{
	struct plx_lcore_watch *watch;
	unsigned nb = 0;

	for (watch = watches; watch != NULL; watch = watch->next)
		nb++;
	detach_first(nb, id);
}

static int attach_all(unsigned id)
{
	struct plx_lcore_watch *watch;
	unsigned nb = 0;
	int ret;

	for (watch = watches; watch != NULL; watch = watch->next, nb++) {
		ret = watch->attach != NULL ? watch->attach(id, watch->arg) : 0;
		if (ret != 0) {
			detach_first(nb, id);
			return ret < 0 ? ret : -ECANCELED;
		}
	}
	return 0;
}

static unsigned free_id(void)
{
	unsigned id;

	for (id = 0; id < PLX_LCORE_MAX; id++)
		if (lcore_role(id) == ROLE_OFF)
			break;
	return id;
}

static int register_locked(void)
{
	struct lcore *lc;
	unsigned id;
	int err;

	if (!is_open)
		return -ENODEV;
	id = free_id();
	if (id == PLX_LCORE_MAX)
		return -ENOSPC;
	lc = &plx_lcores[id];
	if (pthread_getaffinity_np(pthread_self(), sizeof(lc->cpus), &lc->cpus) != 0)
		CPU_ZERO(&lc->cpus);
	lc->node = plx_topo_node_of(&plx_lcore_topo, &lc->cpus);
	if (lc->node >= PLX_NODE_MAX)
		lc->node = -1;
	lc->self = &plx_lcore_self;
	err = -pthread_setspecific(exit_key, lc);
	if (err != 0)
		goto reset_node;
	err = attach_all(id);
	if (err != 0)
		goto reset_key;
	plx_busy_reset(id);
	plx_store_release(&lc->role, ROLE_FOREIGN);
	plx_lcore_self = id;
	return (int)id;

reset_key:
	pthread_setspecific(exit_key, NULL);
reset_node:
	lc->node = -1;
	return err;
}

static void unregister_locked(struct lcore *lc)
{
	/* Another thread's own variable when the EAL ends before that thread gave its id back. */
	plx_store_relaxed(lc->self, PLX_LCORE_NONE);
	detach_all(lc->id);
	plx_busy_reset(lc->id);
	lc->self = NULL;
	lc->node = -1;
	plx_store_release(&lc->role, ROLE_OFF);
}

static int unregister_self(void)
{
	unsigned id;
	int err = -EINVAL;

	pthread_mutex_lock(&lock);
	id = plx_lcore_self;
	if (is_open && lcore_role(id) == ROLE_FOREIGN) {
		pthread_setspecific(exit_key, NULL);
		unregister_locked(&plx_lcores[id]);
		err = 0;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static void at_thread_exit(void *arg)
{
	(void)arg;
	unregister_self();
}

int plx_lcore_register(void)
{
	int ret;

	if (plx_lcore_self != PLX_LCORE_NONE)
		return -EALREADY;
	pthread_mutex_lock(&lock);
	ret = register_locked();
	pthread_mutex_unlock(&lock);
	if (ret == -ENOSPC)
		LOG_ERR("can't register a thread: all %d lcore ids are taken (-DPLX_LCORE_MAX)",
			PLX_LCORE_MAX);
	return ret;
}

int plx_lcore_unregister(void)
{
	return unregister_self();
}

int plx_lcore_watch_add(struct plx_lcore_watch *watch)
{
	struct plx_lcore_watch **at = &watches;
	int err = 0;

	if (watch == NULL)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	while (*at != NULL && *at != watch)
		at = &(*at)->next;
	if (!is_open) {
		err = -ENODEV;
	} else if (*at != NULL) {
		err = -EEXIST;
	} else {
		watch->next = NULL;
		*at = watch;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

int plx_lcore_watch_del(struct plx_lcore_watch *watch)
{
	struct plx_lcore_watch **at = &watches;
	int err = -ENOENT;

	pthread_mutex_lock(&lock);
	while (*at != NULL && *at != watch)
		at = &(*at)->next;
	if (*at != NULL) {
		*at = watch->next;
		watch->next = NULL;
		err = 0;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

int plx_register_open(void)
{
	int err;

	err = pthread_key_create(&exit_key, at_thread_exit);
	if (err != 0) {
		LOG_ERR("can't make a pthread key: %s", strerror(err));
		return -err;
	}
	pthread_mutex_lock(&lock);
	is_open = true;
	pthread_mutex_unlock(&lock);
	return 0;
}

void plx_register_close(void)
{
	struct plx_lcore_watch *next;
	unsigned id;

	pthread_mutex_lock(&lock);
	for (id = 0; id < PLX_LCORE_MAX; id++) {
		if (lcore_role(id) != ROLE_FOREIGN)
			continue;
		LOG_WARN("lcore %u: a registered thread did not call plx_lcore_unregister(); it "
			 "must not use the EAL any more",
			 id);
		unregister_locked(&plx_lcores[id]);
	}
	for (; watches != NULL; watches = next) {
		next = watches->next;
		watches->next = NULL;
	}
	is_open = false;
	pthread_mutex_unlock(&lock);
	pthread_key_delete(exit_key);
}

void plx_register_forked(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	if (is_open)
		pthread_key_delete(exit_key);
	is_open = false;
	watches = NULL;
}
