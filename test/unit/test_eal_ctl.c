/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread: file descriptors, interrupts, posted events, its own life. */
#include "eal_log.h"
#include "eal_run.h"

#include <errno.h>
#include <fcntl.h>
#include <pollux/ctl.h>
#include <pollux/lcore.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

static sem_t called, leave;
static int nb_calls;
static int fds[2];

static void prepare(void)
{
	sem_init(&called, 0, 0);
	sem_init(&leave, 0, 0);
	start_lcores(2);
}

#define CTL_TEST(name) Test(ctl, name, .init = prepare, .fini = plx_eal_fini)

static void nothing(void *arg)
{
	(void)arg;
}

static void nothing_fd(int fd, uint32_t events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
}

Test(ctl, nothing_runs_before_init)
{
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, nothing_fd, NULL), -ENODEV);
	cr_assert_eq(plx_ctl_intr_add(fds[0], 8, nothing, NULL), -ENODEV);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), -ENODEV);
	cr_assert_eq(plx_ctl_post(nothing, NULL), -ENODEV);
	cr_assert_eq(plx_ctl_sync(), -ENODEV);
	cr_assert(!plx_ctl_is_self());
}

struct view {
	unsigned lcore;
	bool self;
	char name[16];
	cpu_set_t cpus;
	int sync;
};

static void look(void *arg)
{
	struct view *view = arg;

	view->lcore = plx_lcore_id();
	view->self = plx_ctl_is_self();
	pthread_getname_np(pthread_self(), view->name, sizeof(view->name));
	sched_getaffinity(0, sizeof(view->cpus), &view->cpus);
	view->sync = plx_ctl_sync();
	sem_post(&called);
}

Test(ctl, the_thread_is_no_lcore_and_on_no_lcores_cpu, .fini = plx_eal_fini)
{
	cpu_set_t allowed, lcore, both;
	struct view view;

	sem_init(&called, 0, 0);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	start_lcores(1);
	cr_assert_eq(plx_ctl_post(look, &view), 0);
	sem_wait(&called);
	cr_assert_eq(view.lcore, PLX_LCORE_NONE, "%u", view.lcore);
	cr_assert(view.self && !plx_ctl_is_self());
	cr_assert_str_eq(view.name, "plx-ctl", "%s", view.name);
	cr_assert_eq(view.sync, -EDEADLK, "%d", view.sync);
	if (CPU_COUNT(&allowed) < 2)
		cr_skip_test("needs two CPUs");
	plx_lcore_cpuset(0, &lcore);
	CPU_AND(&both, &lcore, &view.cpus);
	cr_assert_eq(CPU_COUNT(&both), 0, "it shares a CPU with the main lcore");
	CPU_OR(&both, &lcore, &view.cpus);
	cr_assert(CPU_EQUAL(&both, &allowed), "it leaves CPUs out that are free");
}

/* ---- posted events ---- */

static int order[4096];
static int nb_order;

static void note(void *arg)
{
	order[nb_order] = (int)(intptr_t)arg;
	plx_store_release(&nb_order, nb_order + 1);
}

CTL_TEST(posts_run_in_order)
{
	for (int i = 0; i < 500; i++)
		cr_assert_eq(plx_ctl_post(note, (void *)(intptr_t)i), 0);
	cr_assert_eq(plx_ctl_sync(), 0);
	cr_assert_eq(nb_order, 500, "%d", nb_order);
	for (int i = 0; i < 500; i++)
		cr_assert_eq(order[i], i, "%d at %d", order[i], i);
	cr_assert_eq(plx_ctl_post(NULL, NULL), -EINVAL);
}

static void block(void *arg)
{
	(void)arg;
	sem_post(&called);
	sem_wait(&leave);
}

CTL_TEST(posts_are_bounded)
{
	int err;

	cr_assert_eq(plx_ctl_post(block, NULL), 0);
	sem_wait(&called);
	for (int i = 0; i < PLX_CTL_POSTS_MAX; i++) {
		err = plx_ctl_post(note, (void *)(intptr_t)i);
		cr_assert_eq(err, 0, "post %d: %d", i, err);
	}
	cr_assert_eq(plx_ctl_post(note, NULL), -EAGAIN);
	cr_assert_eq(plx_ctl_sync(), -EAGAIN);
	sem_post(&leave);
	while (plx_ctl_sync() == -EAGAIN)
		usleep(100);
	cr_assert_eq(nb_order, PLX_CTL_POSTS_MAX, "%d", nb_order);
}

static void post_again(void *arg)
{
	int left = (int)(intptr_t)arg;

	if (left > 0 && plx_ctl_post(post_again, (void *)(intptr_t)(left - 1)) != 0)
		abort();
	if (left == 0)
		sem_post(&called);
}

CTL_TEST(a_post_may_post)
{
	cr_assert_eq(plx_ctl_post(post_again, (void *)(intptr_t)5000), 0);
	sem_wait(&called);
}

static void post_one(void *arg)
{
	if (plx_ctl_post(note, arg) != 0)
		abort();
}

/* The queue is not empty when the callback posts, and the event comes after the turn's last one. */
CTL_TEST(a_post_among_others_may_post)
{
	cr_assert_eq(plx_ctl_post(block, NULL), 0);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_post(post_one, (void *)(intptr_t)2), 0);
	cr_assert_eq(plx_ctl_post(note, (void *)(intptr_t)1), 0);
	sem_post(&leave);
	for (int tries = 0; tries < 5000 && plx_load_acquire(&nb_order) < 2; tries++)
		usleep(1000);
	cr_assert(nb_order == 2 && order[0] == 1 && order[1] == 2, "%d: %d, %d", nb_order, order[0],
		  order[1]);
}

/* ---- file descriptors ---- */

static void read_byte(int fd, uint32_t events, void *arg)
{
	char byte;

	nb_calls++;
	*(uint32_t *)arg = events;
	if (read(fd, &byte, 1) != 1)
		abort();
	sem_post(&called);
}

CTL_TEST(a_descriptor_is_called_while_ready)
{
	uint32_t events = 0;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, read_byte, &events), 0);
	cr_assert_eq(write(fds[1], "abc", 3), 3);
	for (int i = 0; i < 3; i++)
		sem_wait(&called);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), 0);
	cr_assert(nb_calls == 3 && events == EPOLLIN, "%d calls, events %#x", nb_calls, events);
	cr_assert_eq(write(fds[1], "d", 1), 1);
	cr_assert_eq(plx_ctl_sync(), 0);
	cr_assert_eq(nb_calls, 3, "%d calls, one after del", nb_calls);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, read_byte, &events), 0, "and back again");
	sem_wait(&called);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), 0);
}

static void read_its_own(int fd, uint32_t events, void *arg)
{
	char byte;

	(void)events;
	if (read(fd, &byte, 1) != 1 || byte != (char)(intptr_t)arg)
		abort();
	sem_post(&called);
}

CTL_TEST(each_descriptor_has_its_callback)
{
	int pipes[8][2];
	char byte;

	for (intptr_t i = 0; i < 8; i++) {
		cr_assert_eq(pipe(pipes[i]), 0);
		cr_assert_eq(plx_ctl_fd_add(pipes[i][0], EPOLLIN, read_its_own, (void *)i), 0);
	}
	for (int i = 0; i < 8; i++) {
		byte = (char)i;
		cr_assert_eq(write(pipes[i][1], &byte, 1), 1);
		sem_wait(&called);
	}
	for (int i = 0; i < 8; i++)
		cr_assert_eq(plx_ctl_fd_del(pipes[i][0]), 0);
}

CTL_TEST(descriptor_refusals)
{
	int file = open("/proc/self/exe", O_RDONLY);

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, NULL, NULL), -EINVAL);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN | EPOLLET, nothing_fd, NULL), -EINVAL);
	cr_assert_eq(plx_ctl_fd_add(-1, EPOLLIN, nothing_fd, NULL), -EBADF);
	cr_assert_eq(plx_ctl_fd_add(file, EPOLLIN, nothing_fd, NULL), -EPERM);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), -ENOENT);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, nothing_fd, NULL), 0);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, nothing_fd, NULL), -EEXIST);
	cr_assert_eq(plx_ctl_intr_add(fds[0], 8, nothing, NULL), -EEXIST);
	cr_assert_eq(plx_ctl_intr_add(fds[0], 8, NULL, NULL), -EINVAL);
	cr_assert_eq(plx_ctl_intr_add(fds[0], 2, nothing, NULL), -EINVAL);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), 0);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), -ENOENT);
	close(file);
}

CTL_TEST(a_closed_descriptor_can_be_deleted)
{
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, nothing_fd, NULL), 0);
	close(fds[0]);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), 0);
}

static void delete_self(int fd, uint32_t events, void *arg)
{
	(void)events;
	nb_calls++;
	*(int *)arg = plx_ctl_fd_del(fd);
	sem_post(&called);
}

CTL_TEST(a_callback_deletes_itself)
{
	int err = 1;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, delete_self, &err), 0);
	cr_assert_eq(write(fds[1], "a", 1), 1);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_sync(), 0);
	cr_assert(err == 0 && nb_calls == 1, "%d, %d calls", err, nb_calls);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), -ENOENT);
}

static void linger(int fd, uint32_t events, void *arg)
{
	(void)events;
	(void)fd;
	sem_post(&called);
	usleep(30000);
	plx_store_release((bool *)arg, true);
}

CTL_TEST(del_waits_for_the_callback)
{
	bool done = false;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, linger, &done), 0);
	cr_assert_eq(write(fds[1], "a", 1), 1);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), 0);
	cr_assert(plx_load_acquire(&done), "del returned while the callback ran");
}

/* Both are ready in one turn; whoever is first deletes the other. */
static int twins[2][2];

static void delete_twin(int fd, uint32_t events, void *arg)
{
	int other = fd == twins[0][0] ? twins[1][0] : twins[0][0];

	(void)events;
	(void)arg;
	nb_calls++;
	if (plx_ctl_fd_del(other) != 0 || plx_ctl_fd_del(fd) != 0)
		abort();
	sem_post(&called);
}

CTL_TEST(a_deleted_watch_gets_no_event_of_the_same_turn)
{
	for (int round = 0; round < 50; round++) {
		nb_calls = 0;
		cr_assert_eq(plx_ctl_post(block, NULL), 0);
		sem_wait(&called);
		for (int i = 0; i < 2; i++) {
			cr_assert_eq(pipe(twins[i]), 0);
			cr_assert_eq(write(twins[i][1], "a", 1), 1);
			cr_assert_eq(plx_ctl_fd_add(twins[i][0], EPOLLIN, delete_twin, NULL), 0);
		}
		sem_post(&leave);
		sem_wait(&called);
		cr_assert_eq(plx_ctl_sync(), 0);
		cr_assert_eq(nb_calls, 1, "%d", nb_calls);
		for (int i = 0; i < 2; i++) {
			close(twins[i][0]);
			close(twins[i][1]);
		}
	}
}

/* ---- interrupts ---- */

static void on_interrupt(void *arg)
{
	nb_calls++;
	(*(int *)arg)++;
	sem_post(&called);
}

CTL_TEST(an_interrupt_is_counted_off)
{
	int fd = eventfd(0, EFD_CLOEXEC), nb = 0;
	uint64_t one = 1;

	cr_assert_eq(plx_ctl_intr_add(fd, 8, on_interrupt, &nb), 0);
	cr_assert_eq(write(fd, &one, 8), 8);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_sync(), 0);
	cr_assert_eq(nb, 1, "%d", nb);

	cr_assert_eq(plx_ctl_post(block, NULL), 0);
	sem_wait(&called);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(write(fd, &one, 8), 8);
	sem_post(&leave);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_sync(), 0);
	cr_assert_eq(nb, 2, "five at once are one call: %d", nb);
	cr_assert_eq(plx_ctl_fd_del(fd), 0);
	close(fd);
}

/* UIO's counter has four bytes and is not read in another size; a pipe shows what was read. */
CTL_TEST(an_interrupt_of_four_bytes)
{
	int nb = 0;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_intr_add(fds[0], 4, on_interrupt, &nb), 0);
	cr_assert_eq(write(fds[1], "\1\0\0\0\2\0\0\0", 8), 8);
	sem_wait(&called);
	sem_wait(&called);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), 0);
	cr_assert_eq(nb, 2, "%d", nb);
}

CTL_TEST(a_failing_interrupt_is_told_once)
{
	int nb = 0;

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(plx_ctl_intr_add(fds[0], 8, on_interrupt, &nb), 0);
	catch_log();
	close(fds[1]);
	for (int i = 0; i < 20; i++) {
		usleep(1000);
		cr_assert_eq(plx_ctl_sync(), 0);
	}
	cr_assert_eq(caught.nb_errors, 1, "%u", caught.nb_errors);
	cr_assert(strstr(caught.error, "it is not watched any more") != NULL, "'%s'", caught.error);
	cr_assert_eq(nb, 0, "%d", nb);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), 0);
	cr_assert_eq(plx_ctl_fd_del(fds[0]), -ENOENT);
}

/* ---- the end ---- */

static void count(void *arg)
{
	(void)arg;
	nb_calls++;
}

static void block_then_post(void *arg)
{
	block(arg);
	*(int *)arg = plx_ctl_post(count, NULL);
}

static void *let_go(void *arg)
{
	usleep(20000);
	sem_post(&leave);
	return arg;
}

CTL_TEST(fini_runs_what_was_posted)
{
	pthread_t thread;
	int late = 1;

	cr_assert_eq(plx_ctl_post(block_then_post, &late), 0);
	sem_wait(&called);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(plx_ctl_post(count, NULL), 0);
	pthread_create(&thread, NULL, let_go, NULL);
	plx_eal_fini();
	pthread_join(thread, NULL);
	cr_assert_eq(nb_calls, 100, "%d", nb_calls);
	cr_assert_eq(late, -ENODEV, "%d", late);
}

static void sleep_long(void *arg)
{
	(void)arg;
	sem_post(&called);
	usleep(1300000);
}

CTL_TEST(fini_tells_that_a_callback_holds_it_up)
{
	cr_assert_eq(plx_ctl_post(sleep_long, NULL), 0);
	sem_wait(&called);
	catch_log();
	plx_eal_fini();
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert_str_eq(caught.last,
			 "waiting for the control thread: a callback has not returned for 1 s",
			 "'%s'", caught.last);
}

CTL_TEST(fini_drops_descriptors_and_begins_anew)
{
	unsigned nb_fds, now;
	uint32_t events;

	plx_eal_fini();
	cr_assert_eq(pipe(fds), 0);
	nb_fds = nb_entries("/proc/self/fd");
	for (int i = 0; i < 20; i++) {
		start_lcores(2);
		now = nb_entries("/proc/self/fd");
		cr_assert_leq(now, nb_fds + 3, "%u descriptors more than before", now - nb_fds);
		cr_assert_eq(plx_ctl_fd_add(fds[0], EPOLLIN, read_byte, &events), 0);
		cr_assert_eq(write(fds[1], "a", 1), 1);
		sem_wait(&called);
		cr_assert_eq(plx_ctl_timer_add(3600000000000u, 0, nothing, NULL, NULL), 0);
		plx_eal_fini();
		cr_assert_eq(plx_ctl_fd_del(fds[0]), -ENODEV);
		now = nb_entries("/proc/self/fd");
		cr_assert_eq(now, nb_fds, "%u descriptors, were %u", now, nb_fds);
	}
}

/* An epoll set that is none of @others. */
static int find_epoll(int *others, int nb_others)
{
	char path[64], target[64];
	ssize_t len;
	int fd;

	for (fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		for (int i = 0; i < nb_others; i++)
			if (others[i] == fd)
				target[0] = '\0';
		if (strcmp(target, "anon_inode:[eventpoll]") == 0)
			return fd;
	}
	return -1;
}

CTL_TEST(a_lost_epoll_descriptor_is_told_once)
{
	int others[8], nb = 0, err = 0, fd;

	plx_eal_fini();
	while (nb < 8 && (others[nb] = find_epoll(others, nb)) >= 0)
		nb++;
	start_lcores(2);
	fd = find_epoll(others, nb);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pipe(fds), 0);
	catch_log();
	cr_assert_eq(dup2(fds[0], fd), fd);
	for (int i = 0; i < 5000 && err != -ENODEV; i++) {
		err = plx_ctl_post(count, NULL); /* wakes it: the next wait has no epoll set */
		usleep(1000);
	}
	cr_assert_eq(err, -ENODEV, "%d", err);
	plx_eal_fini();
	cr_assert_eq(caught.nb_lines, 1, "%u lines, the last: %s", caught.nb_lines, caught.last);
	cr_assert(strstr(caught.error, "control thread: epoll_wait: Invalid argument; it ends") ==
			  caught.error,
		  "'%s'", caught.error);
}

CTL_TEST(no_descriptor_left)
{
	static struct plx_eal_conf conf;
	struct rlimit before, limit;
	int ret;

	plx_eal_fini();
	lcore_conf(&conf, 1);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	catch_log();
	for (rlim_t nb = 3; nb < 64; nb++) {
		limit.rlim_cur = nb;
		cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		ret = plx_eal_init(&conf);
		if (ret == 0)
			break;
		if (strncmp(caught.error, "control thread:", 15) == 0)
			break;
	}
	setrlimit(RLIMIT_NOFILE, &before); /* who reports leaks at the end opens files */
	cr_assert_str_eq(caught.error,
			 "control thread: can't make its file descriptors: Too many open files "
			 "(raise the limit with ulimit -n)",
			 "'%s'", caught.error);
}
