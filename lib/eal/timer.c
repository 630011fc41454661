/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers: a binary heap by (deadline, order of adding) over slots that have a generation, so that
 * an id of the past is told from the slot's new owner. One timerfd stands at the top's deadline
 * while the control thread runs the timers.
 *
 * One thread at a time is the runner. Callbacks run without the lock; the running timer keeps its
 * slot, so that plx_ctl_timer_del() in another thread finds it and waits for `idle`.
 */
#include "ctl_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	SLOTS_MIN = 64,
	SLOTS_MAX = 1 << 24,
	NO_SLOT = -1,
};

struct timer {
	uint64_t deadline_ns;
	uint64_t period_ns;
	uint64_t order;
	plx_ctl_fn fn;
	void *arg;
	uint32_t generation;
	int heap_at;   /* NO_SLOT: running, or free */
	int next_free; /* of a free one */
	bool used;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static bool is_open;
static unsigned epoch; /* counts opens: a runner whose callback ended the EAL must not go on */
static int timer_fd = -1;

static struct timer *slots;
static int *heap; /* slot numbers; room for nb_slots */
static int nb_slots, nb_heap;
static int first_free = NO_SLOT;
static uint64_t orders;

static bool detached;
static bool busy; /* there is a runner */
static pthread_t runner;
static uint64_t running_id;
static uint64_t next_ns = UINT64_MAX; /* the top's deadline; read without the lock */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool i_am_runner(void)
{
	return busy && pthread_equal(runner, pthread_self());
}

/* ---- the heap; lock held ---- */

static bool earlier(int a, int b)
{
	const struct timer *x = &slots[heap[a]], *y = &slots[heap[b]];

	if (x->deadline_ns != y->deadline_ns)
		return x->deadline_ns < y->deadline_ns;
	return x->order < y->order;
}

static void swap(int a, int b)
{
	int slot = heap[a];

	heap[a] = heap[b];
	heap[b] = slot;
	slots[heap[a]].heap_at = a;
	slots[heap[b]].heap_at = b;
}

static void sift(int at)
{
	int child;

	for (; at > 0 && earlier(at, (at - 1) / 2); at = (at - 1) / 2)
		swap(at, (at - 1) / 2);
	for (;;) {
		child = 2 * at + 1;
		if (child >= nb_heap)
			return;
		if (child + 1 < nb_heap && earlier(child + 1, child))
			child++;
		if (!earlier(child, at))
			return;
		swap(at, child);
		at = child;
	}
}

static void heap_push(int slot)
{
	slots[slot].order = orders++;
	slots[slot].heap_at = nb_heap;
	heap[nb_heap++] = slot;
	sift(nb_heap - 1);
}

static void heap_remove(int at)
{
	int slot = heap[at];

	swap(at, --nb_heap);
	if (at < nb_heap)
		sift(at);
	slots[slot].heap_at = NO_SLOT;
}

/* Tell the readers of next_ns, and the kernel when a control thread waits for it. */
static void set_alarm(void)
{
	uint64_t top = nb_heap > 0 ? slots[heap[0]].deadline_ns : UINT64_MAX;
	struct itimerspec at = {{0, 0}, {0, 0}};

	if (top == next_ns)
		return;
	plx_store_relaxed(&next_ns, top);
	if (detached)
		return;
	if (top != UINT64_MAX) {
		at.it_value.tv_sec = (time_t)(top / 1000000000u);
		at.it_value.tv_nsec = (long)(top % 1000000000u);
	}
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* ---- slots; lock held ---- */

static int grow(void)
{
	int want = nb_slots > 0 ? nb_slots * 2 : SLOTS_MIN;
	struct timer *more;
	int *more_heap, slot;

	if (want > SLOTS_MAX)
		return -ENOMEM;
	more_heap = reallocarray(heap, (size_t)want, sizeof(*heap));
	if (more_heap == NULL)
		return -ENOMEM;
	heap = more_heap;
	more = reallocarray(slots, (size_t)want, sizeof(*slots));
	if (more == NULL)
		return -ENOMEM;
	slots = more;
	for (slot = want - 1; slot >= nb_slots; slot--) {
		slots[slot] = (struct timer){.heap_at = NO_SLOT, .next_free = first_free};
		first_free = slot;
	}
	nb_slots = want;
	return 0;
}

static uint64_t id_of(int slot)
{
	return (uint64_t)slots[slot].generation << 32 | ((uint64_t)slot + 1);
}

static int slot_of(uint64_t id)
{
	int64_t slot = (int64_t)(id & UINT32_MAX) - 1;

	if (slot < 0 || slot >= nb_slots || !slots[slot].used || id_of((int)slot) != id)
		return NO_SLOT;
	return (int)slot;
}

static void free_slot(int slot)
{
	slots[slot].used = false;
	slots[slot].generation++;
	slots[slot].next_free = first_free;
	first_free = slot;
}

/* ---- running ---- */

static void run_one(int slot)
{
	plx_ctl_fn fn = slots[slot].fn;
	void *arg = slots[slot].arg;

	running_id = id_of(slot);
	pthread_mutex_unlock(&lock);
	fn(arg);
	pthread_mutex_lock(&lock);
}

/* Lock held. plx_ctl_timer_del() sets the period of a running timer to 0. */
static void rearm_or_free(int slot)
{
	struct timer *timer = &slots[slot];
	uint64_t now;

	if (timer->period_ns == 0) {
		free_slot(slot);
		return;
	}
	now = now_ns();
	timer->deadline_ns += timer->period_ns;
	if (timer->deadline_ns <= now)
		timer->deadline_ns +=
			((now - timer->deadline_ns) / timer->period_ns + 1) * timer->period_ns;
	heap_push(slot);
}

/* Run what is due now; what callbacks add meanwhile waits for the next call. Lock held, no
 * runner. */
static int run_due(bool as_control_thread)
{
	const unsigned began = epoch;
	uint64_t now = now_ns();
	int slot, nb = 0, budget = nb_heap;

	busy = true;
	runner = pthread_self();
	while (budget-- > 0 && nb_heap > 0 && slots[heap[0]].deadline_ns <= now &&
	       detached != as_control_thread) {
		slot = heap[0];
		heap_remove(0);
		run_one(slot);
		nb++;
		if (epoch != began)
			return nb;
		rearm_or_free(slot);
		running_id = 0;
		pthread_cond_broadcast(&idle);
	}
	busy = false;
	pthread_cond_broadcast(&idle);
	set_alarm();
	return nb;
}

void plx_timers_expired(void)
{
	uint64_t count;

	pthread_mutex_lock(&lock);
	if (read(timer_fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		plx_store_relaxed(&next_ns, 0); /* the alarm is spent: have it set again */
	if (!detached && !busy)
		run_due(true);
	pthread_mutex_unlock(&lock);
}

int plx_ctl_run_timers(void)
{
	int ret;

	if (now_ns() < plx_load_relaxed(&next_ns) && plx_load_relaxed(&detached))
		return 0;
	pthread_mutex_lock(&lock);
	if (!is_open)
		ret = -ENODEV;
	else if (!detached)
		ret = -EPERM;
	else if (busy)
		ret = -EBUSY;
	else
		ret = run_due(false);
	pthread_mutex_unlock(&lock);
	return ret;
}

uint64_t plx_ctl_timers_wait_ns(void)
{
	uint64_t now, next;

	pthread_mutex_lock(&lock);
	next = nb_heap > 0 ? slots[heap[0]].deadline_ns : UINT64_MAX;
	pthread_mutex_unlock(&lock);
	if (next == UINT64_MAX)
		return next;
	now = now_ns();
	return next > now ? next - now : 0;
}

static const char their_callback[] = "a timer's callback in another thread: it has not returned";

static int move_timers(bool away)
{
	struct plx_wait wait;
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!is_open) {
		err = -ENODEV;
	} else if (detached == away) {
		err = -EALREADY;
	} else {
		plx_store_relaxed(&detached, away);
		plx_wait_begin(&wait);
		while (is_open && busy && !i_am_runner())
			plx_wait_cond(&wait, &idle, &lock, their_callback);
		plx_store_relaxed(&next_ns, 0);
		set_alarm();
	}
	pthread_mutex_unlock(&lock);
	return err;
}

int plx_ctl_timers_detach(void)
{
	return move_timers(true);
}

int plx_ctl_timers_attach(void)
{
	return move_timers(false);
}

/* ---- add and delete ---- */

static int add_locked(const struct timer *timer, uint64_t *id)
{
	int slot, err;

	if (!is_open)
		return -ENODEV;
	if (first_free == NO_SLOT) {
		err = grow();
		if (err != 0)
			return err;
	}
	slot = first_free;
	first_free = slots[slot].next_free;
	slots[slot].deadline_ns = timer->deadline_ns;
	slots[slot].period_ns = timer->period_ns;
	slots[slot].fn = timer->fn;
	slots[slot].arg = timer->arg;
	slots[slot].used = true;
	if (id != NULL)
		*id = id_of(slot);
	heap_push(slot);
	set_alarm();
	return 0;
}

int plx_ctl_timer_add(uint64_t delay_ns, uint64_t period_ns, plx_ctl_fn fn, void *arg, uint64_t *id)
{
	struct timer timer = {.period_ns = period_ns, .fn = fn, .arg = arg};
	uint64_t now = now_ns();
	int err;

	if (fn == NULL || (period_ns != 0 && period_ns < PLX_CTL_PERIOD_MIN_NS))
		return -EINVAL;
	/* INT64_MAX: 292 years, and what the kernel can hold. */
	timer.deadline_ns = delay_ns > INT64_MAX - now ? INT64_MAX : now + delay_ns;
	if (period_ns > INT64_MAX)
		timer.period_ns = INT64_MAX;
	pthread_mutex_lock(&lock);
	err = add_locked(&timer, id);
	pthread_mutex_unlock(&lock);
	return err;
}

static int del_locked(uint64_t id)
{
	int slot = slot_of(id);

	if (!is_open)
		return -ENODEV;
	if (slot == NO_SLOT)
		return -ENOENT;
	if (running_id == id) {
		slots[slot].period_ns = 0;
		while (running_id == id && !i_am_runner())
			pthread_cond_wait(&idle, &lock);
		return 0;
	}
	heap_remove(slots[slot].heap_at);
	free_slot(slot);
	set_alarm();
	return 0;
}

int plx_ctl_timer_del(uint64_t id)
{
	int err;

	pthread_mutex_lock(&lock);
	err = del_locked(id);
	pthread_mutex_unlock(&lock);
	return err;
}

/* ---- open and close ---- */

int plx_timers_open(void)
{
	int fd;

	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	pthread_mutex_lock(&lock);
	timer_fd = fd;
	is_open = true;
	epoch++;
	pthread_mutex_unlock(&lock);
	return fd;
}

/* Lock held. */
static void forget_all(void)
{
	is_open = false;
	epoch++;
	busy = false;
	running_id = 0;
	slots = NULL;
	heap = NULL;
	nb_slots = 0;
	nb_heap = 0;
	first_free = NO_SLOT;
	plx_store_relaxed(&next_ns, UINT64_MAX);
	plx_store_relaxed(&detached, false);
	if (timer_fd >= 0)
		close(timer_fd);
	timer_fd = -1;
}

void plx_timers_close(void)
{
	struct plx_wait wait;

	plx_wait_begin(&wait);
	pthread_mutex_lock(&lock);
	is_open = false;
	while (busy && !i_am_runner())
		plx_wait_cond(&wait, &idle, &lock, their_callback);
	free(slots);
	free(heap);
	forget_all();
	pthread_cond_broadcast(&idle);
	pthread_mutex_unlock(&lock);
}

void plx_timers_forked(void)
{
	/* Held by a thread that is gone: it was amid a change, and what it may have freed leaks. */
	if (pthread_mutex_trylock(&lock) == 0) {
		free(slots);
		free(heap);
	}
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	idle = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	forget_all();
}
