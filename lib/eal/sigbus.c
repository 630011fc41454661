/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handler takes no lock: it announces itself in `in_handler` and then reads the slots. A slot
 * is valid when its `end` is not 0, which is stored last and cleared first. plx_sigbus_range_del()
 * clears it and then waits until no handler is inside, so one that read the slot before is done.
 * That handshake is sequentially consistent on both sides: each stores its own word and then loads
 * the other's.
 */
#include <pollux/sigbus.h>

#include "lcore_private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

struct range {
	uintptr_t start;
	uintptr_t end; /* 0: the slot is free */
	plx_sigbus_fn fn;
	void *arg;
};

static struct range ranges[PLX_SIGBUS_RANGES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int in_handler;
static bool is_on;
static struct sigaction saved;

static bool ask_ranges(uintptr_t addr)
{
	bool repeat = false;
	size_t i;

	__atomic_add_fetch(&in_handler, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < PLX_SIGBUS_RANGES_MAX && !repeat; i++) {
		struct range *range = &ranges[i];
		uintptr_t end = __atomic_load_n(&range->end, __ATOMIC_SEQ_CST);

		if (addr >= plx_load_relaxed(&range->start) && addr < end)
			repeat = range->fn((void *)addr, range->arg);
	}
	__atomic_sub_fetch(&in_handler, 1, __ATOMIC_RELEASE);
	return repeat;
}

/* The way it went before the guard: when that was the default, the repeated access then kills. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	bool sent = info->si_code <= 0; /* by somebody: there is no access to repeat */

	if (saved.sa_handler == SIG_IGN && sent)
		return;
	if (saved.sa_handler == SIG_DFL || saved.sa_handler == SIG_IGN) {
		sigaction(sig, &dfl, NULL);
		if (sent)
			raise(sig);
	} else if ((saved.sa_flags & SA_SIGINFO) != 0) {
		saved.sa_sigaction(sig, info, context);
	} else {
		saved.sa_handler(sig);
	}
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	int saved_errno = errno;

	if (info->si_code <= 0 || !ask_ranges((uintptr_t)info->si_addr))
		pass_on(sig, info, context);
	errno = saved_errno;
}

int plx_sigbus_guard_on(void)
{
	/* On the alternate stack where there is one: the fault may be the stack's own. */
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	int err;

	if (is_on)
		return 0;
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, NULL, &saved) != 0 || sigaction(SIGBUS, &sa, NULL) != 0) {
		err = errno;
		LOG_ERR("can't install a handler for SIGBUS: %s", strerror(err));
		return -err;
	}
	is_on = true;
	return 0;
}

void plx_sigbus_guard_off(void)
{
	if (!is_on)
		return;
	sigaction(SIGBUS, &saved, NULL);
	is_on = false;
}

static int add_locked(uintptr_t start, uintptr_t end, plx_sigbus_fn fn, void *arg)
{
	struct range *slot = NULL;
	size_t i;

	for (i = 0; i < PLX_SIGBUS_RANGES_MAX; i++) {
		if (ranges[i].end == 0)
			slot = slot != NULL ? slot : &ranges[i];
		else if (start < ranges[i].end && ranges[i].start < end)
			return -EEXIST;
	}
	if (slot == NULL)
		return -ENOSPC;
	plx_store_relaxed(&slot->start, start);
	slot->fn = fn;
	slot->arg = arg;
	__atomic_store_n(&slot->end, end, __ATOMIC_SEQ_CST);
	return 0;
}

int plx_sigbus_range_add(void *addr, size_t len_bytes, plx_sigbus_fn fn, void *arg)
{
	uintptr_t start = (uintptr_t)addr;
	int err;

	if (addr == NULL || len_bytes == 0 || fn == NULL || start + len_bytes < start)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	err = add_locked(start, start + len_bytes, fn, arg);
	pthread_mutex_unlock(&lock);
	return err;
}

int plx_sigbus_range_del(void *addr)
{
	static const struct timespec short_while = {.tv_nsec = 50000};
	struct plx_wait wait;
	int err = -ENOENT;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < PLX_SIGBUS_RANGES_MAX; i++) {
		if (ranges[i].end == 0 || ranges[i].start != (uintptr_t)addr)
			continue;
		__atomic_store_n(&ranges[i].end, 0, __ATOMIC_SEQ_CST);
		plx_wait_begin(&wait);
		while (__atomic_load_n(&in_handler, __ATOMIC_SEQ_CST) != 0) {
			nanosleep(&short_while, NULL);
			plx_wait_tell(&wait, "a SIGBUS handler: it has not returned");
		}
		err = 0;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void plx_sigbus_forked(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	__atomic_store_n(&in_handler, 0, __ATOMIC_SEQ_CST);
}
