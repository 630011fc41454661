/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread: an epoll set with an eventfd (posted events, the end), the timerfd and the
 * file descriptors of the users.
 *
 * Each watch has a serial number, which is what epoll hands back: an event of a watch that was
 * deleted meanwhile, even if its fd number is taken again, finds nobody. Callbacks run without the
 * lock; `running` names the watch whose callback runs, so that plx_ctl_fd_del() can wait for it.
 */
#include "ctl_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	SERIAL_WAKE,
	SERIAL_TIMERS,
	SERIAL_FIRST,
	EVENTS_A_TURN = 16,
};

static const uint32_t events_allowed = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP;

struct watch {
	struct watch *next;
	uint64_t serial;
	int fd;
	plx_ctl_fd_fn fn;
	plx_ctl_fn intr_fn; /* of an interrupt, whose fn is NULL */
	size_t count_bytes;
	void *arg;
};

struct post {
	plx_ctl_fn fn;
	void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER; /* `running` or `ended` */
static bool is_open;
static bool ended;
static pthread_t thread;
static __thread bool is_self;
static int epoll_fd = -1, wake_fd = -1;

static struct watch *watches;
static uint64_t serials;
static uint64_t running;

static struct post posts[PLX_CTL_POSTS_MAX];
static unsigned post_head, nb_posts; /* [post_head, post_head + nb_posts) wait */

static void wake(void)
{
	uint64_t one = 1;

	/* Fails only when the counter is full, and then the thread is awake. */
	if (write(wake_fd, &one, sizeof(one)) < 0)
		LOG_DEBUG("control thread: eventfd: %s", strerror(errno));
}

/* ---- the thread ---- */

/* Those that wait now, not those that they post. Lock held; released around the calls. */
static void run_posts(void)
{
	unsigned budget = nb_posts;
	struct post post;

	while (budget-- > 0) {
		post = posts[post_head];
		post_head = (post_head + 1) % PLX_CTL_POSTS_MAX;
		nb_posts--;
		pthread_mutex_unlock(&lock);
		post.fn(post.arg);
		pthread_mutex_lock(&lock);
	}
}

static void on_wake(void)
{
	uint64_t count;

	if (read(wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		LOG_DEBUG("control thread: eventfd: %s", strerror(errno));
	pthread_mutex_lock(&lock);
	run_posts();
	if (nb_posts > 0)
		wake();
	pthread_mutex_unlock(&lock);
}

/* True when there is an interrupt to tell. What fails is polled no more: it would be ready for
 * ever. */
static bool take_count(const struct watch *watch, uint32_t events)
{
	uint64_t count;
	ssize_t got;

	if ((events & EPOLLIN) != 0) {
		got = read(watch->fd, &count, watch->count_bytes);
		if (got == (ssize_t)watch->count_bytes)
			return true;
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
	} else {
		errno = EIO;
	}
	LOG_ERR("interrupt on fd %d: %s; it is not watched any more", watch->fd, strerror(errno));
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	return false;
}

static void on_watch(uint64_t serial, uint32_t events)
{
	struct watch *at, watch;

	pthread_mutex_lock(&lock);
	for (at = watches; at != NULL && at->serial != serial; at = at->next)
		;
	if (at == NULL) {
		pthread_mutex_unlock(&lock);
		return;
	}
	watch = *at;
	running = serial;
	pthread_mutex_unlock(&lock);

	if (watch.fn != NULL)
		watch.fn(watch.fd, events, watch.arg);
	else if (take_count(&watch, events))
		watch.intr_fn(watch.arg);

	pthread_mutex_lock(&lock);
	running = 0;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static bool still_open(void)
{
	bool open;

	pthread_mutex_lock(&lock);
	open = is_open;
	pthread_mutex_unlock(&lock);
	return open;
}

/* The application closed or replaced our descriptor: without it there is nothing to wait for. */
static void give_up(int err)
{
	LOG_ERR("control thread: epoll_wait: %s; it ends: no interrupt, timer or event is told any "
		"more",
		strerror(err));
	pthread_mutex_lock(&lock);
	is_open = false;
	pthread_mutex_unlock(&lock);
}

static void *ctl_main(void *arg)
{
	struct epoll_event events[EVENTS_A_TURN];
	int i, nb;

	(void)arg;
	is_self = true;
	while (still_open()) {
		nb = epoll_wait(epoll_fd, events, EVENTS_A_TURN, -1);
		if (nb < 0 && errno != EINTR)
			give_up(errno);
		for (i = 0; i < nb && still_open(); i++) {
			if (events[i].data.u64 == SERIAL_WAKE)
				on_wake();
			else if (events[i].data.u64 == SERIAL_TIMERS)
				plx_timers_expired();
			else
				on_watch(events[i].data.u64, events[i].events);
		}
	}
	pthread_mutex_lock(&lock);
	run_posts();
	ended = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return NULL;
}

bool plx_ctl_is_self(void)
{
	return is_self;
}

/* ---- file descriptors and interrupts ---- */

static int add_watch(const struct watch *want, uint32_t events)
{
	struct epoll_event event = {.events = events};
	struct watch *watch;
	int err;

	watch = malloc(sizeof(*watch));
	if (watch == NULL)
		return -ENOMEM;
	*watch = *want;
	pthread_mutex_lock(&lock);
	if (!is_open) {
		err = -ENODEV;
		goto free_watch;
	}
	watch->serial = SERIAL_FIRST + serials++;
	event.data.u64 = watch->serial;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) != 0) {
		err = -errno;
		goto free_watch;
	}
	watch->next = watches;
	watches = watch;
	pthread_mutex_unlock(&lock);
	return 0;

free_watch:
	pthread_mutex_unlock(&lock);
	free(watch);
	return err;
}

int plx_ctl_fd_add(int fd, uint32_t events, plx_ctl_fd_fn fn, void *arg)
{
	struct watch watch = {.fd = fd, .fn = fn, .arg = arg};

	if (fn == NULL || (events & ~events_allowed) != 0)
		return -EINVAL;
	return add_watch(&watch, events);
}

int plx_ctl_intr_add(int fd, size_t count_bytes, plx_ctl_fn fn, void *arg)
{
	struct watch watch = {.fd = fd, .intr_fn = fn, .count_bytes = count_bytes, .arg = arg};

	if (fn == NULL || (count_bytes != 4 && count_bytes != 8))
		return -EINVAL;
	return add_watch(&watch, EPOLLIN);
}

int plx_ctl_fd_del(int fd)
{
	struct watch *watch, **at = &watches;
	int err = 0;

	pthread_mutex_lock(&lock);
	while (*at != NULL && (*at)->fd != fd)
		at = &(*at)->next;
	watch = *at;
	if (watch == NULL) {
		err = is_open ? -ENOENT : -ENODEV;
	} else {
		/* Fails when take_count() or a close did it before. */
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		*at = watch->next;
		while (running == watch->serial && !is_self)
			pthread_cond_wait(&changed, &lock);
		free(watch);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

/* ---- events ---- */

int plx_ctl_post(plx_ctl_fn fn, void *arg)
{
	int err = 0;

	if (fn == NULL)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	if (!is_open) {
		err = -ENODEV;
	} else if (nb_posts == PLX_CTL_POSTS_MAX) {
		err = -EAGAIN;
	} else {
		posts[(post_head + nb_posts) % PLX_CTL_POSTS_MAX] = (struct post){fn, arg};
		if (nb_posts++ == 0)
			wake();
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static void set_synced(void *arg)
{
	bool *synced = arg;

	pthread_mutex_lock(&lock);
	*synced = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

int plx_ctl_sync(void)
{
	bool synced = false;
	int err;

	if (is_self)
		return -EDEADLK;
	err = plx_ctl_post(set_synced, &synced);
	if (err != 0)
		return err;
	pthread_mutex_lock(&lock);
	while (!synced)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return 0;
}

/* ---- start and stop ---- */

static void choose_cpus(const struct plx_eal_conf *conf, cpu_set_t *cpus)
{
	cpu_set_t lcores;
	char list[PLX_CPULIST_MAX_BYTES];
	unsigned id;

	CPU_ZERO(&lcores);
	for (id = 0; id < PLX_LCORE_MAX; id++)
		if (conf->lcores[id].enabled)
			CPU_OR(&lcores, &lcores, &conf->lcores[id].cpus);
	CPU_AND(&lcores, &lcores, plx_eal_start_cpus());
	CPU_XOR(cpus, &lcores, plx_eal_start_cpus());
	if (CPU_COUNT(cpus) > 0)
		return;
	*cpus = *plx_eal_start_cpus();
	if (conf->rt_prio > 0)
		LOG_WARN("the control thread has no CPU of its own: SCHED_FIFO lcores on CPU %s "
			 "let it run only while they sleep",
			 plx_cpulist_format(cpus, list, sizeof(list)));
}

static int watch_own(int fd, uint64_t serial)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = serial}};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int open_fds(void)
{
	int timer_fd, err;

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return -errno;
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0) {
		err = -errno;
		goto close_epoll;
	}
	timer_fd = plx_timers_open();
	if (timer_fd < 0) {
		err = timer_fd;
		goto close_wake;
	}
	err = watch_own(wake_fd, SERIAL_WAKE);
	if (err == 0)
		err = watch_own(timer_fd, SERIAL_TIMERS);
	if (err != 0)
		goto close_timers;
	return 0;

close_timers:
	plx_timers_close();
close_wake:
	close(wake_fd);
	wake_fd = -1;
close_epoll:
	close(epoll_fd);
	epoll_fd = -1;
	return err;
}

static void close_fds(void)
{
	plx_timers_close();
	close(wake_fd);
	close(epoll_fd);
	wake_fd = -1;
	epoll_fd = -1;
}

/* It must not hold up, nor be held up by, what a real-time caller runs. Not known: as the
 * caller. */
static int own_scheduling(void)
{
	int policy = sched_getscheduler(0);

	return policy == SCHED_FIFO || policy == SCHED_RR ? PLX_THREAD_OTHER : PLX_THREAD_INHERIT;
}

int plx_ctl_init(const struct plx_eal_conf *conf)
{
	cpu_set_t cpus;
	int err;

	err = open_fds();
	if (err != 0) {
		LOG_ERR("control thread: can't make its file descriptors: %s%s", strerror(-err),
			err == -EMFILE	 ? " (raise the limit with ulimit -n)"
			: err == -ENFILE ? " (raise it with sysctl fs.file-max)"
					 : "");
		return err;
	}
	pthread_mutex_lock(&lock);
	is_open = true;
	ended = false;
	post_head = 0;
	nb_posts = 0;
	pthread_mutex_unlock(&lock);
	choose_cpus(conf, &cpus);
	err = plx_thread_start(&thread, "plx-ctl", &cpus, own_scheduling(), ctl_main, NULL);
	if (err != 0)
		goto close_all;
	return 0;

close_all:
	pthread_mutex_lock(&lock);
	is_open = false;
	pthread_mutex_unlock(&lock);
	close_fds();
	return err;
}

/* Lock held. */
static void free_watches(void)
{
	struct watch *next;

	for (; watches != NULL; watches = next) {
		next = watches->next;
		free(watches);
	}
}

void plx_ctl_fini(void)
{
	struct plx_wait wait;

	plx_wait_begin(&wait);
	pthread_mutex_lock(&lock);
	is_open = false;
	wake();
	while (!ended)
		plx_wait_cond(&wait, &changed, &lock,
			      "the control thread: a callback has not returned");
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	close_fds();
	pthread_mutex_lock(&lock);
	free_watches();
	pthread_mutex_unlock(&lock);
}

void plx_ctl_forked(void)
{
	/* Held by a thread that is gone: it was amid a change, and the list leaks. */
	if (pthread_mutex_trylock(&lock) == 0)
		free_watches();
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	is_open = false;
	is_self = false;
	watches = NULL;
	running = 0;
	nb_posts = 0;
	plx_timers_forked();
	if (wake_fd >= 0)
		close(wake_fd);
	if (epoll_fd >= 0)
		close(epoll_fd);
	wake_fd = -1;
	epoll_fd = -1;
}
