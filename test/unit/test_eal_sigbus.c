/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIGBUS guard, with files that are cut short under a mapping. */
#include "eal_run.h"

#include <errno.h>
#include <pollux/lcore.h>
#include <pollux/sigbus.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page_bytes;
static int nb_asked;
static void *asked_addr;

static void prepare(void)
{
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
}

#define SIGBUS_TEST(name) Test(sigbus, name, .init = prepare, .fini = plx_sigbus_guard_off)

/* Pages of a file that ends before them. */
static char *map_lost(size_t nb_pages)
{
	char path[] = "/tmp/plx-test-XXXXXX";
	int fd = mkstemp(path);
	char *addr;

	cr_assert_geq(fd, 0);
	unlink(path);
	cr_assert_eq(ftruncate(fd, (off_t)(nb_pages * page_bytes)), 0);
	addr = mmap(NULL, nb_pages * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(addr, MAP_FAILED);
	addr[0] = 1;
	cr_assert_eq(ftruncate(fd, 0), 0);
	close(fd);
	return addr;
}

/* Puts ordinary zeroed memory where the lost page was. */
static bool remap(void *addr, void *arg)
{
	char *page = (char *)((uintptr_t)addr & ~(page_bytes - 1));

	nb_asked++;
	asked_addr = addr;
	*(int *)arg += 1;
	return mmap(page, page_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
}

static bool decline(void *addr, void *arg)
{
	(void)addr;
	(void)arg;
	nb_asked++;
	return false;
}

SIGBUS_TEST(a_lost_page_is_mapped_anew)
{
	char *addr = map_lost(2);
	int nb = 0;

	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(plx_sigbus_range_add(addr, 2 * page_bytes, remap, &nb), 0);
	cr_assert_eq(*(volatile char *)(addr + 5), 0);
	cr_assert(nb == 1 && asked_addr == addr + 5, "%d, %p", nb, asked_addr);
	*(volatile char *)(addr + page_bytes) = 7;
	cr_assert_eq(*(volatile char *)(addr + page_bytes), 7);
	cr_assert_eq(nb, 2, "%d", nb);
	cr_assert_eq(plx_sigbus_range_del(addr), 0);
}

static int touch(void *arg)
{
	return ((volatile char *)arg)[1];
}

SIGBUS_TEST(workers_are_guarded_too)
{
	char *addr = map_lost(1);
	int nb = 0, ret = -1;

	start_lcores(2);
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(plx_sigbus_range_add(addr, page_bytes, remap, &nb), 0);
	cr_assert_eq(plx_lcore_launch(1, touch, addr), 0);
	cr_assert_eq(plx_lcore_wait(1, &ret), 0);
	cr_assert(ret == 0 && nb == 1, "%d, %d", ret, nb);
	plx_eal_fini();
}

SIGBUS_TEST(refusals)
{
	static char room[PLX_SIGBUS_RANGES_MAX + 1][64];
	int err;

	cr_assert_eq(plx_sigbus_range_add(NULL, 1, decline, NULL), -EINVAL);
	cr_assert_eq(plx_sigbus_range_add(room, 0, decline, NULL), -EINVAL);
	cr_assert_eq(plx_sigbus_range_add(room, 64, NULL, NULL), -EINVAL);
	cr_assert_eq(plx_sigbus_range_add(room, SIZE_MAX, decline, NULL), -EINVAL);
	cr_assert_eq(plx_sigbus_range_del(room), -ENOENT);
	for (int i = 0; i < PLX_SIGBUS_RANGES_MAX; i++) {
		err = plx_sigbus_range_add(room[i], 64, decline, NULL);
		cr_assert_eq(err, 0, "range %d: %d", i, err);
	}
	cr_assert_eq(plx_sigbus_range_add(room[PLX_SIGBUS_RANGES_MAX], 64, decline, NULL), -ENOSPC);
	cr_assert_eq(plx_sigbus_range_add(room[2] + 63, 1, decline, NULL), -EEXIST);
	cr_assert_eq(plx_sigbus_range_add(room[2] + 1, 1, decline, NULL), -EEXIST);
	cr_assert_eq(plx_sigbus_range_del(room[2] + 1), -ENOENT, "only by its start");
	for (int i = 0; i < PLX_SIGBUS_RANGES_MAX; i++)
		cr_assert_eq(plx_sigbus_range_del(room[i]), 0);
	cr_assert_eq(plx_sigbus_range_del(room[0]), -ENOENT);
	cr_assert_eq(plx_sigbus_range_add(room[0], 64, decline, NULL), 0);
}

static sigjmp_buf out;

static void previous(int sig)
{
	siglongjmp(out, sig);
}

static void previous_info(int sig, siginfo_t *info, void *context)
{
	(void)context;
	asked_addr = info->si_addr;
	siglongjmp(out, sig);
}

SIGBUS_TEST(others_go_to_the_previous_handler)
{
	struct sigaction sa = {.sa_sigaction = previous_info, .sa_flags = SA_SIGINFO}, now;
	char *strange = map_lost(1), *declined = map_lost(2);

	signal(SIGBUS, previous);
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(plx_sigbus_range_add(declined, page_bytes, decline, NULL), 0);
	if (sigsetjmp(out, 1) == 0) {
		touch(strange);
		cr_assert(false, "not reached");
	}
	cr_assert_eq(nb_asked, 0, "%d", nb_asked);
	if (sigsetjmp(out, 1) == 0) {
		touch(declined);
		cr_assert(false, "not reached");
	}
	cr_assert_eq(nb_asked, 1, "%d", nb_asked);
	if (sigsetjmp(out, 1) == 0) {
		touch(declined + page_bytes - 1);
		cr_assert(false, "not reached");
	}
	cr_assert_eq(nb_asked, 1, "the range's end is not within it: %d", nb_asked);
	plx_sigbus_guard_off();
	sigaction(SIGBUS, NULL, &now);
	cr_assert_eq(now.sa_handler, previous);

	sigaction(SIGBUS, &sa, NULL);
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	if (sigsetjmp(out, 1) == 0) {
		touch(strange);
		cr_assert(false, "not reached");
	}
	cr_assert_eq(asked_addr, strange + 1, "%p", asked_addr);
	if (sigsetjmp(out, 1) == 0) {
		raise(SIGBUS);
		cr_assert(false, "not reached");
	}
}

/* Where a fault has its address a signal that was sent has its sender's ids. */
SIGBUS_TEST(a_signal_that_was_sent_is_no_fault)
{
	uintptr_t ids = (uintptr_t)getpid() | (uintptr_t)getuid() << 32;

	signal(SIGBUS, previous);
	cr_assert_eq(plx_sigbus_guard_on(), 0);
	cr_assert_eq(plx_sigbus_range_add((void *)ids, 1, decline, NULL), 0);
	if (sigsetjmp(out, 1) == 0) {
		raise(SIGBUS);
		cr_assert(false, "not reached");
	}
	cr_assert_eq(nb_asked, 0, "%d", nb_asked);
}

static int status_of(void (*fn)(char *), char *addr)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		alarm(10);
		signal(SIGBUS, SIG_DFL);
		fn(addr);
		_exit(1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void live_on(char *addr)
{
	(void)addr;
	signal(SIGBUS, SIG_IGN);
	plx_sigbus_guard_on();
	raise(SIGBUS);
	raise(SIGBUS);
	_exit(42);
}

SIGBUS_TEST(who_ignored_the_signal_goes_on_ignoring_it)
{
	int status = status_of(live_on, NULL);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "%#x", status);
}

static void die_by_access(char *addr)
{
	plx_sigbus_guard_on();
	plx_sigbus_range_add(addr, 1, decline, NULL);
	touch(addr);
}

static void die_by_kill(char *addr)
{
	plx_sigbus_guard_on();
	plx_sigbus_range_add(addr, page_bytes, decline, NULL);
	raise(SIGBUS);
}

static void die_unguarded(char *addr)
{
	plx_sigbus_guard_on();
	plx_sigbus_range_add(addr, page_bytes, remap, NULL);
	plx_sigbus_guard_off();
	touch(addr);
}

SIGBUS_TEST(what_nobody_takes_kills)
{
	static void (*const fns[])(char *) = {die_by_access, die_by_kill, die_unguarded};
	char *addr = map_lost(1);
	int status;

	for (int i = 0; i < 3; i++) {
		status = status_of(fns[i], addr);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "case %d: %#x", i,
			  status);
	}
}
