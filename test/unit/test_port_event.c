/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Link state and events: what callbacks are told, when they are not told any more, and who waits
 * for whom.
 */
#include "port_fake.h"

#include <pollux/ctl.h>
#include <pollux/stop.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(event, .init = start_ports, .fini = end_ports, .timeout = 60);

static const struct plx_port_link up = {.up = true, .speed_mbps = 10000, .full_duplex = true};
static const struct plx_port_link down = {.full_duplex = true};

static unsigned nb_calls[3]; /* atomic; by event */
static int is_up;	     /* atomic; of the last call */
static int hold;	     /* atomic; the callback stays while it is 1 */
static int entered, left;    /* atomic */

static void count(unsigned port, enum plx_port_event event, void *arg)
{
	struct plx_port_link link = {0};

	(void)arg;
	if (plx_port_link(port, &link) == 0)
		plx_store_relaxed(&is_up, link.up);
	cr_assert(plx_ctl_is_self());
	plx_fetch_add_acq_rel(&nb_calls[event], 1);
}

static void stay(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)event;
	(void)arg;
	plx_store_release(&entered, 1);
	while (plx_load_acquire(&hold))
		usleep(100);
	plx_store_release(&left, 1);
}

static void wait_for(const unsigned *word, unsigned value)
{
	for (int i = 0; plx_load_acquire(word) < value && i < 50000; i++)
		usleep(100);
	cr_assert_geq(plx_load_acquire(word), value, "%u, want %u", plx_load_relaxed(word), value);
}

/* All that was raised is told: an event of this port came after it. */
static void drain(void)
{
	unsigned before = plx_load_acquire(&nb_calls[PLX_PORT_EVENT_ERROR]);

	plx_port_event_raise(fake.last, PLX_PORT_EVENT_ERROR);
	wait_for(&nb_calls[PLX_PORT_EVENT_ERROR], before + 1);
}

Test(event, refusals)
{
	struct plx_port_link link;
	unsigned port = attach("net_fake0");

	assert_refused(plx_port_link(5, &link), -ENODEV, "no port 5");
	assert_refused(plx_port_link(port, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_link_wait(5, 0, &link), -ENODEV, "no port 5");
	assert_refused(plx_port_link_wait(port, 0, &link), -EBUSY, "not started");
	assert_refused(plx_port_event_add(5, count, NULL), -ENODEV, "no port 5");
	assert_refused(plx_port_event_del(5, count, NULL), -ENODEV, "no port 5");
	assert_refused(plx_port_event_add(port, NULL, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_event_del(port, count, NULL), -ENOENT, "no such");
	assert_done(plx_port_event_add(port, count, NULL));
	assert_refused(plx_port_event_add(port, count, NULL), -EEXIST, "is there");
	assert_done(plx_port_event_add(port, count, &hold));
	assert_refused(plx_port_event_del(port, count, &left), -ENOENT, "no such");
	assert_done(plx_port_event_del(port, count, NULL));
	assert_done(plx_port_event_add(port, count, NULL));
}

Test(event, the_link_is_what_the_driver_told)
{
	struct plx_port_link link;
	unsigned port = started("net_fake0", 1);

	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert_not(link.up, "the driver tells, and has not yet");
	assert_done(plx_port_event_add(port, count, NULL));
	plx_port_link_set(fake.last, &up);
	wait_for(&nb_calls[PLX_PORT_EVENT_LINK], 1);
	cr_assert_eq(is_up, 1);
	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert(link.up && link.full_duplex && !link.autoneg);
	cr_assert_eq(link.speed_mbps, 10000, "%u", link.speed_mbps);
	plx_port_link_set(fake.last, &up);
	drain();
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_LINK], 1, "no change, no event");
	plx_port_link_set(fake.last, &down);
	drain();
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_LINK], 2);
	cr_assert_eq(is_up, 0);
	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert(!link.up && link.speed_mbps == 0);
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_REMOVED);
	wait_for(&nb_calls[PLX_PORT_EVENT_REMOVED], 1);
}

Test(event, a_port_whose_device_is_gone_does_not_start_again)
{
	unsigned port = setup("net_fake0", 1);

	assert_done(plx_port_start(port));
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_REMOVED);
	assert_done(plx_port_stop(port));
	cr_assert_eq(plx_port_start(port), -ENODEV);
	assert_done(plx_port_detach(port));
	port = setup("net_fake0", 1);
	assert_done(plx_port_start(port));
}

Test(event, the_link_of_a_driver_that_does_not_tell_is_up_while_started)
{
	struct plx_port_link link;
	unsigned port;

	fake.can = 0xff & ~PLX_PORT_CAN_LINK;
	port = setup("net_fake0", 1);
	assert_done(plx_port_event_add(port, count, NULL));
	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert_not(link.up);
	assert_done(plx_port_start(port));
	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert(link.up);
	assert_done(plx_port_link_wait(port, 0, NULL));
	wait_for(&nb_calls[PLX_PORT_EVENT_LINK], 1);
	assert_done(plx_port_stop(port));
	cr_assert_eq(plx_port_link(port, &link), 0);
	cr_assert_not(link.up);
	wait_for(&nb_calls[PLX_PORT_EVENT_LINK], 2);
}

static void *set_up_later(void *arg)
{
	usleep(20000);
	plx_port_link_set(arg, &up);
	return NULL;
}

static void *detach_later(void *arg)
{
	unsigned port = *(unsigned *)arg;

	usleep(20000);
	plx_port_stop(port);
	plx_port_detach(port);
	return NULL;
}

static void *request_stop_later(void *arg)
{
	(void)arg;
	usleep(20000);
	plx_stop_request();
	return NULL;
}

Test(event, waiting_for_the_link)
{
	struct plx_port_link link = up;
	unsigned port = started("net_fake0", 1);
	pthread_t thread;
	int ret;

	cr_assert_eq(plx_port_link_wait(port, 0, &link), -ETIMEDOUT);
	cr_assert_not(link.up);
	cr_assert_eq(plx_port_link_wait(port, 30, NULL), -ETIMEDOUT);
	pthread_create(&thread, NULL, set_up_later, fake.last);
	assert_done(plx_port_link_wait(port, 20000, &link));
	cr_assert(link.up);
	pthread_join(thread, NULL);
	plx_port_link_set(fake.last, &down);
	pthread_create(&thread, NULL, request_stop_later, NULL);
	cr_assert_eq(plx_port_link_wait(port, 20000, &link), -EINTR);
	pthread_join(thread, NULL);
	cr_assert_eq(plx_port_link_wait(port, 20000, &link), -EINTR);
	plx_stop_reset();
	pthread_create(&thread, NULL, detach_later, &port);
	ret = plx_port_link_wait(port, 20000, &link);
	cr_assert(ret == -ENODEV || ret == -EBUSY, "stopped, then detached: %d", ret);
	pthread_join(thread, NULL);
}

/* More than there is room for in any queue, while the control thread does not come to it. */
Test(event, a_flood_loses_nothing)
{
	unsigned port = started("net_fake0", 1);

	assert_done(plx_port_event_add(port, count, NULL));
	assert_done(plx_port_event_add(port, stay, NULL));
	hold = 1;
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_REMOVED);
	while (!plx_load_acquire(&entered))
		usleep(100);
	for (int i = 0; i < 2 * PLX_CTL_POSTS_MAX + 1; i++)
		plx_port_link_set(fake.last, i % 2 ? &down : &up);
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_ERROR);
	plx_store_release(&hold, 0);
	wait_for(&nb_calls[PLX_PORT_EVENT_ERROR], 1);
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_LINK], 1, "%u", nb_calls[PLX_PORT_EVENT_LINK]);
	cr_assert_eq(is_up, 1, "the newest");
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_REMOVED], 1);
}

/* Even where nobody could post another thing to the control thread. */
static void nothing(void *arg)
{
	(void)arg;
}

Test(event, an_event_needs_no_room_among_the_posts)
{
	unsigned port = started("net_fake0", 1);

	assert_done(plx_port_event_add(port, stay, NULL));
	assert_done(plx_port_event_add(port, count, NULL));
	hold = 1;
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_REMOVED);
	while (!plx_load_acquire(&entered))
		usleep(100);
	while (plx_ctl_post(nothing, NULL) == 0)
		;
	cr_assert_eq(plx_ctl_post(nothing, NULL), -EAGAIN);
	plx_port_link_set(fake.last, &up);
	plx_store_release(&hold, 0);
	wait_for(&nb_calls[PLX_PORT_EVENT_LINK], 1);
}

static void *del_stay(void *arg)
{
	int ret = plx_port_event_del(*(unsigned *)arg, stay, NULL);

	return (void *)(intptr_t)(ret == 0 && plx_load_acquire(&left) ? 0 : 1);
}

/* @end, in a thread of its own, waits for a callback that runs, and does not hold the lock. */
static void check_waits(void *(*end)(void *), enum plx_port_state meanwhile)
{
	unsigned port = started("net_fake0", 1);
	pthread_t thread;
	void *failed = NULL;

	assert_done(plx_port_event_add(port, stay, NULL));
	hold = 1;
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_LINK);
	while (!plx_load_acquire(&entered))
		usleep(100);
	pthread_create(&thread, NULL, end, &port);
	usleep(20000);
	if (meanwhile != PLX_PORT_ATTACHED)
		cr_assert_eq(state_of(port), meanwhile, "the lock is free meanwhile");
	plx_store_release(&hold, 0);
	pthread_join(thread, &failed);
	cr_assert_null(failed, "it returned before the callback did");
}

Test(event, del_waits_for_a_callback_that_runs)
{
	check_waits(del_stay, PLX_PORT_STARTED);
}

static void *stop_and_detach(void *arg)
{
	unsigned port = *(unsigned *)arg;
	int ret = plx_port_stop(port) || plx_port_detach(port);

	return (void *)(intptr_t)(ret == 0 && plx_load_acquire(&left) ? 0 : 1);
}

Test(event, detach_waits_for_a_callback_that_runs)
{
	check_waits(stop_and_detach, PLX_PORT_ATTACHED);
}

static int results[4];	     /* atomic */
static unsigned nb_detached; /* atomic */

static void detach_here(unsigned port, enum plx_port_event event, void *arg)
{
	(void)event;
	(void)arg;
	plx_store_relaxed(&results[0], plx_port_stop(port));
	plx_store_relaxed(&results[1], plx_port_detach(port));
	plx_store_relaxed(&results[2], plx_port_attach("net_fake1", NULL));
	plx_store_relaxed(&results[3], plx_port_event_add(port, count, NULL));
	plx_fetch_add_acq_rel(&nb_detached, 1);
}

Test(event, detach_from_within_a_callback)
{
	unsigned other = attach("net_plain0");
	struct plx_port *first = fake.last;
	unsigned port = started("net_fake0", 1);

	assert_done(plx_port_event_add(other, stay, NULL));
	assert_done(plx_port_event_add(port, detach_here, NULL));
	assert_done(plx_port_event_add(port, count, &hold));
	hold = 1;
	plx_port_event_raise(first, PLX_PORT_EVENT_LINK);
	while (!plx_load_acquire(&entered))
		usleep(100);
	/* Both wait when the control thread comes to this port. */
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_ERROR);
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_REMOVED);
	plx_store_release(&hold, 0);
	wait_for(&nb_detached, 1);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(results[i], 0, "%d: %d", i, results[i]);
	cr_assert_eq(plx_port_count(), 2);
	drain();
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_ERROR], 1, "of the new port alone");
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_REMOVED], 0, "it was the port's before");
}

static void del_both(unsigned port, enum plx_port_event event, void *arg)
{
	(void)event;
	plx_store_relaxed(&results[0], plx_port_event_del(port, del_both, arg));
	plx_store_relaxed(&results[1], plx_port_event_del(port, count, NULL));
	plx_store_relaxed(&results[2], plx_port_event_add(port, del_both, arg));
	plx_store_relaxed(&results[3], plx_port_event_add(port, count, NULL));
	plx_fetch_add_acq_rel(&entered, 1);
}

Test(event, callbacks_change_while_they_are_told)
{
	unsigned port = started("net_fake0", 1);

	assert_done(plx_port_event_add(port, del_both, &hold));
	assert_done(plx_port_event_add(port, count, NULL));
	assert_done(plx_port_event_add(port, count, &left));
	plx_port_event_raise(fake.last, PLX_PORT_EVENT_LINK);
	wait_for(&nb_calls[PLX_PORT_EVENT_LINK], 1);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(results[i], 0, "%d: %d", i, results[i]);
	cr_assert_eq(plx_port_event_del(port, count, &left), 0);
	cr_assert_eq(entered, 1, "added anew, not told again: %d", entered);
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_LINK], 1, "%u", nb_calls[PLX_PORT_EVENT_LINK]);
}

/* The event is raised, the control thread is elsewhere, the port goes and another takes its id. */
Test(event, a_port_does_not_get_what_was_its_predecessors)
{
	unsigned other = attach("net_plain0");
	struct plx_port *first = fake.last, *old;
	unsigned port = started("net_fake0", 1);

	old = fake.last;

	assert_done(plx_port_event_add(other, stay, NULL));
	assert_done(plx_port_event_add(port, count, NULL));
	hold = 1;
	plx_port_event_raise(first, PLX_PORT_EVENT_LINK);
	while (!plx_load_acquire(&entered))
		usleep(100);
	plx_port_event_raise(old, PLX_PORT_EVENT_REMOVED);
	assert_done(plx_port_stop(port));
	assert_done(plx_port_detach(port));
	cr_assert_eq(attach("net_fake0"), port);
	assert_done(plx_port_event_add(port, count, NULL));
	plx_store_release(&hold, 0);
	drain();
	cr_assert_eq(nb_calls[PLX_PORT_EVENT_REMOVED], 0);
}

Test(event, an_eal_that_ended_and_began_again)
{
	unsigned port = attach("net_fake0");

	cr_assert_eq(plx_port_detach(port), 0);
	plx_mbuf_pool_destroy(fake_pool);
	plx_eal_fini();
	start_pools();
	fake_pool = packets_new("fake", 512, 0, 0);
	port = attach("net_fake0");
	assert_done(plx_port_event_add(port, count, NULL));
	drain();
}

/* What the child forgets its parent goes on watching: they share one epoll set. */
Test(event, a_child_of_fork_takes_no_events_from_its_parent)
{
	int status = -1, gate[2];
	unsigned port;
	char byte;
	pid_t pid;

	fake.fail = FAKE_PROBE;
	assert_failed(plx_port_attach("net_fake0", &port));
	cr_assert_eq(pipe(gate), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) != 0)
			_exit(1);
		plx_port_fini();
		_exit(0);
	}
	port = attach("net_fake0");
	assert_done(plx_port_event_add(port, count, NULL));
	close(gate[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x", status);
	close(gate[0]);
	drain();
}
