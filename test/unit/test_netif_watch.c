/* SPDX-License-Identifier: BSD-3-Clause */
/* Watches of interfaces: what they tell, when they end, and that a delete is quiet. */
#include "eal_run.h"
#include "netns_env.h"

#include <errno.h>
#include <pollux/atomic.h>
#include <pollux/ctl.h>
#include <pollux/netif.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOON_MS = 5000 };

/* What a watch was told. Written by the control thread. */
struct heard {
	unsigned nb;
	unsigned nb_gone;
	unsigned nb_begun;
	struct plx_netif_info last;
	void (*then)(struct heard *heard);
	struct plx_netif_watch *watch, *other;
	unsigned wait_us;
	bool in_callback;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void hear(const struct plx_netif_info *info, void *arg)
{
	struct heard *heard = arg;

	plx_store_release(&heard->in_callback, true);
	plx_fetch_add_acq_rel(&heard->nb_begun, 1);
	if (heard->wait_us > 0)
		usleep(heard->wait_us);
	pthread_mutex_lock(&lock);
	heard->nb++;
	if (info)
		heard->last = *info;
	else
		heard->nb_gone++;
	pthread_mutex_unlock(&lock);
	if (heard->then)
		heard->then(heard);
	plx_store_release(&heard->in_callback, false);
}

static struct heard look(struct heard *heard)
{
	struct heard now;

	pthread_mutex_lock(&lock);
	now = *heard;
	pthread_mutex_unlock(&lock);
	return now;
}

/* Wait until a condition on `now`, what was heard, holds. */
#define assert_soon(of, condition)                                                                 \
	do {                                                                                       \
		struct heard now = look(of);                                                       \
		for (unsigned ms = 0; !(condition) && ms < SOON_MS; ms++) {                        \
			usleep(1000);                                                              \
			now = look(of);                                                            \
		}                                                                                  \
		cr_assert(condition, "%s: %u told, %u gone, mtu %u, carrier %d", #condition,       \
			  now.nb, now.nb_gone, now.last.mtu, now.last.carrier);                    \
	} while (0)

static void watch(struct heard *heard, const char *name)
{
	int ret = plx_netif_watch_add(if_nametoindex(name), hear, heard, &heard->watch);

	cr_assert_eq(ret, 0, "watch %s: %d", name, ret);
}

/* Its callback was begun more than @nb times; it may have ended meanwhile. */
static void wait_begun(struct heard *heard, unsigned nb)
{
	for (unsigned us = 0; plx_load_acquire(&heard->nb_begun) <= nb; us += 50) {
		cr_assert_lt(us, SOON_MS * 1000, "it was not called");
		usleep(50);
	}
}

/* All that the kernel has said so far was told: a watch added now is told after it. */
static void settle(const char *name)
{
	struct heard mark = {0};

	watch(&mark, name);
	assert_soon(&mark, now.nb > 0);
	plx_netif_watch_del(mark.watch);
}

static void start(void)
{
	netns_start();
	start_lcores(1);
	veth_up("a", "b");
}

Test(netif_watch, tells_the_state_and_each_change, .init = start)
{
	static const struct ether_addr mac = {{0x02, 9, 9, 9, 9, 9}};
	struct heard heard = {0};

	watch(&heard, "a");
	assert_soon(&heard, now.nb == 1);
	cr_assert_str_eq(heard.last.name, "a");
	cr_assert(heard.last.carrier);
	cr_assert_eq(heard.last.speed_mbps, 10000, "speed %u", heard.last.speed_mbps);
	sh_ok("ip link set dev b down");
	assert_soon(&heard, !now.last.carrier);
	sh_ok("ip link set dev b up");
	assert_soon(&heard, now.last.carrier);
	cr_assert_eq(plx_netif_set_mtu(heard.last.index, 1234), 0);
	assert_soon(&heard, now.last.mtu == 1234);
	cr_assert_eq(plx_netif_set_mac(heard.last.index, &mac), 0);
	assert_soon(&heard, memcmp(&now.last.mac, &mac, sizeof(mac)) == 0);
	sh_ok("ip link set dev a down && ip link set dev a name c && ip link set dev c up");
	assert_soon(&heard, strcmp(now.last.name, "c") == 0 && now.last.carrier);
	cr_assert_eq(look(&heard).nb_gone, 0);
	plx_netif_watch_del(heard.watch);
	plx_eal_fini();
}

Test(netif_watch, tells_nothing_twice_nor_of_others, .init = start)
{
	struct heard heard = {0};
	unsigned nb;

	watch(&heard, "a");
	assert_soon(&heard, now.nb == 1);
	sh_ok("ip link set dev b mtu 1300; ip link add name x type veth peer name y; ip link del "
	      "dev x");
	/* Messages about it, with nothing new in them. */
	sh_ok("for i in 1 2 3; do ip link set dev a alias n$i; done");
	nb = look(&heard).nb;
	settle("a");
	settle("b");
	cr_assert_eq(look(&heard).nb, nb, "told %u times, was %u", look(&heard).nb, nb);
	cr_assert_eq(nb, 1, "told %u times", nb);
	plx_netif_watch_del(heard.watch);
	plx_eal_fini();
}

Test(netif_watch, a_bridge_port_that_leaves_is_not_gone, .init = start)
{
	struct heard heard = {0};

	watch(&heard, "a");
	sh_ok("ip link add name br type bridge && ip link set dev a master br && ip link set dev a "
	      "nomaster");
	settle("a");
	sh_ok("ip link set dev a mtu 1111");
	assert_soon(&heard, now.last.mtu == 1111);
	cr_assert_eq(look(&heard).nb_gone, 0);
	plx_netif_watch_del(heard.watch);
	plx_eal_fini();
}

Test(netif_watch, deleted_is_gone_for_good, .init = start)
{
	struct heard heard = {0}, later = {0};
	unsigned index = if_nametoindex("a"), nb;

	watch(&heard, "a");
	sh_ok("ip link del dev b");
	assert_soon(&heard, now.nb_gone == 1);
	nb = look(&heard).nb;
	cr_assert_eq(plx_netif_watch_add(index, hear, &later, &later.watch), -ENODEV);
	/* Another one of its index: for a new watch only. */
	sh_ok("ip link add name a index %u type veth peer name b && ip link set dev a up && ip "
	      "link set dev b "
	      "up",
	      index);
	watch(&later, "a");
	assert_soon(&later, now.nb > 0 && now.last.carrier);
	sh_ok("ip link set dev a mtu 1200");
	assert_soon(&later, now.last.mtu == 1200);
	sh_ok("ip link del dev a");
	assert_soon(&later, now.nb_gone == 1);
	cr_assert_eq(look(&heard).nb, nb, "told %u times after the end", look(&heard).nb - nb);
	plx_netif_watch_del(heard.watch);
	plx_netif_watch_del(later.watch);
	plx_eal_fini();
}

static void busy_wait(struct heard *heard)
{
	(void)heard;
	usleep(100000);
}

/* The end of an index's first owner lies unread in the socket when its second one is watched. */
Test(netif_watch, an_earlier_owner_of_the_index_is_not_mistaken, .init = start)
{
	struct heard slow = {.then = busy_wait}, late = {0};
	unsigned index = if_nametoindex("a");

	sh_ok("ip link add name x type veth peer name y");
	watch(&slow, "x");
	wait_begun(&slow, 0);
	sh_ok("ip link del dev a && ip link add name a index %u type veth peer name b", index);
	watch(&late, "a");
	assert_soon(&late, now.nb > 0);
	settle("a");
	cr_assert_eq(look(&late).nb_gone, 0, "told of its predecessor's end");
	plx_netif_watch_del(slow.watch);
	plx_netif_watch_del(late.watch);
	plx_eal_fini();
}

Test(netif_watch, moved_to_another_namespace_is_gone, .init = start)
{
	struct heard heard = {0}, peer = {0};
	pid_t other;

	watch(&heard, "a");
	watch(&peer, "b");
	assert_soon(&peer, now.nb > 0);
	other = netns_other();
	sh_ok("ip link set dev a netns %d", other);
	assert_soon(&heard, now.nb_gone == 1);
	cr_assert_eq(look(&peer).nb_gone, 0);
	/* The namespace ends and takes it along, and so its other half. */
	netns_other_end(other);
	assert_soon(&peer, now.nb_gone == 1);
	plx_netif_watch_del(heard.watch);
	plx_netif_watch_del(peer.watch);
	plx_eal_fini();
}

static void delete_self(struct heard *heard)
{
	plx_netif_watch_del(heard->watch);
	heard->watch = NULL;
}

static void delete_other(struct heard *heard)
{
	plx_netif_watch_del(heard->other);
	heard->other = NULL;
}

/* Leave a new hub at work where the old one was freed. */
static void renew(struct heard *heard)
{
	unsigned index = heard->last.index;

	plx_netif_watch_del(heard->watch);
	heard->then = NULL;
	plx_netif_watch_add(index, hear, heard, &heard->watch);
}

Test(netif_watch, deletes_from_a_callback, .init = start)
{
	unsigned fds = nb_entries("/proc/self/fd");

	for (unsigned i = 0; i < 20; i++) {
		struct heard self = {.then = delete_self}, killer = {.then = delete_other};
		struct heard victim = {0}, anew = {.then = renew};

		watch(&self, "a");
		assert_soon(&self, now.nb == 1 && now.watch == NULL);
		sh_ok("ip link set dev a mtu %u", 1000 + i);

		killer.then = NULL;
		watch(&killer, "a");
		watch(&victim, "a");
		assert_soon(&victim, now.nb > 0);
		assert_soon(&killer, now.nb > 0);
		killer.other = victim.watch;
		killer.then = delete_other;
		sh_ok("ip link set dev a mtu %u", 1100 + i);
		assert_soon(&killer, now.other == NULL && now.last.mtu == 1100 + i);
		cr_assert_neq(look(&victim).last.mtu, 1100 + i, "told after its delete");
		plx_netif_watch_del(killer.watch);

		watch(&anew, "a");
		assert_soon(&anew, now.nb >= 2);
		plx_netif_watch_del(anew.watch);
		cr_assert_eq(look(&self).nb, 1, "told after its delete");
	}
	cr_assert_eq(nb_entries("/proc/self/fd"), fds);
	plx_eal_fini();
}

Test(netif_watch, a_delete_waits_for_the_callback, .init = start)
{
	struct heard bystander = {0};

	watch(&bystander, "b");
	for (unsigned i = 0; i < 20; i++) {
		struct heard heard = {.wait_us = 5000};
		unsigned nb;

		watch(&heard, "a");
		wait_begun(&heard, 0);
		plx_netif_watch_del(heard.watch);
		cr_assert_not(plx_load_acquire(&heard.in_callback), "it still runs");
		nb = look(&heard).nb;
		sh_ok("ip link set dev a mtu %u", 1000 + i);
		cr_assert_eq(look(&heard).nb, nb);
	}
	plx_netif_watch_del(bystander.watch);
	plx_eal_fini();
}

/* In the child nobody runs the callback that was running. */
Test(netif_watch, deleted_in_a_child_of_fork, .init = start)
{
	struct heard heard = {.wait_us = 300000};
	int status = 0;
	pid_t pid;

	watch(&heard, "a");
	wait_begun(&heard, 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(10);
		plx_netif_watch_del(heard.watch);
		_exit(0);
	}
	cr_assert_geq(pid, 0, "fork: %s", strerror(errno));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x (14: it hung)", (unsigned)status);
	plx_netif_watch_del(heard.watch);
	plx_eal_fini();
}

/* Two threads give up two watches of one hub while a callback of the first runs. */
static void *delete_thread(void *arg)
{
	plx_netif_watch_del(((struct heard *)arg)->watch);
	return NULL;
}

Test(netif_watch, deletes_from_two_threads, .init = start)
{
	for (unsigned i = 0; i < 50; i++) {
		struct heard slow = {.wait_us = 3000}, other = {0};
		pthread_t threads[2];

		watch(&slow, "a");
		watch(&other, "b");
		wait_begun(&slow, 0);
		pthread_create(&threads[0], NULL, delete_thread, &slow);
		pthread_create(&threads[1], NULL, delete_thread, &other);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
	}
	plx_eal_fini();
}

Test(netif_watch, an_overrun_loses_no_end_state, .init = start)
{
	struct heard a = {.wait_us = 500000}, b = {0};
	unsigned index = if_nametoindex("a"), nb;

	watch(&a, "a");
	watch(&b, "b");
	assert_soon(&b, now.nb == 1);
	nb = plx_load_acquire(&a.nb_begun);
	sh_ok("ip link set dev a mtu 999");
	wait_begun(&a, nb);
	/* Far more than a socket's buffer holds, and the ends of both last. */
	for (unsigned i = 0; i < 2000; i++)
		cr_assert_eq(plx_netif_set_mtu(index, 1000 + i % 2), 0);
	sh_ok("ip link set dev b mtu 1357");
	a.wait_us = 0;
	assert_soon(&b, now.last.mtu == 1357);
	assert_soon(&a, now.last.mtu == 1001);
	cr_assert_lt(look(&a).nb, 1900, "%u told: there was no overrun", look(&a).nb);

	a.wait_us = 300000;
	nb = plx_load_acquire(&a.nb_begun);
	sh_ok("ip link set dev a mtu 998");
	wait_begun(&a, nb);
	for (unsigned i = 0; i < 2000; i++)
		cr_assert_eq(plx_netif_set_mtu(index, 1000 + i % 2), 0);
	sh_ok("ip link del dev a");
	a.wait_us = 0;
	assert_soon(&a, now.nb_gone == 1);
	assert_soon(&b, now.nb_gone == 1);
	plx_netif_watch_del(a.watch);
	plx_netif_watch_del(b.watch);
	plx_eal_fini();
}

Test(netif_watch, outlives_the_eal, .init = start)
{
	struct heard old = {0}, new = {0};
	unsigned fds;

	watch(&old, "a");
	assert_soon(&old, now.nb == 1);
	plx_eal_fini();
	cr_assert_eq(plx_netif_watch_add(if_nametoindex("a"), hear, &new, &new.watch), -ENODEV);
	sh_ok("ip link set dev a mtu 1010");
	start_lcores(1);
	watch(&new, "b");
	assert_soon(&old, now.last.mtu == 1010);
	assert_soon(&new, now.nb == 1);
	plx_netif_watch_del(new.watch);
	plx_eal_fini();
	plx_netif_watch_del(old.watch);

	fds = nb_entries("/proc/self/fd");
	for (unsigned i = 0; i < 3; i++) {
		struct heard heard = {0};

		start_lcores(1);
		watch(&heard, "a");
		assert_soon(&heard, now.nb == 1);
		plx_netif_watch_del(heard.watch);
		plx_eal_fini();
	}
	cr_assert_eq(nb_entries("/proc/self/fd"), fds);
}

Test(netif_watch, wrong_arguments, .init = netns_start)
{
	struct plx_netif_watch *none = NULL;
	unsigned fds = nb_entries("/proc/self/fd");
	struct heard heard = {0};

	none = (struct plx_netif_watch *)&heard;
	cr_assert_eq(plx_netif_watch_add(1, hear, &heard, &none), -ENODEV, "no EAL");
	cr_assert_null(none, "what is left can be given to a delete");
	start_lcores(1);
	cr_assert_eq(plx_netif_watch_add(1, NULL, &heard, &none), -EINVAL);
	cr_assert_eq(plx_netif_watch_add(1, hear, &heard, NULL), -EINVAL);
	cr_assert_eq(plx_netif_watch_add(77777, hear, &heard, &none), -ENODEV);
	cr_assert_eq(plx_netif_watch_add(0, hear, &heard, &none), -ENODEV);
	cr_assert_null(none);
	plx_netif_watch_del(NULL);
	plx_eal_fini();
	cr_assert_eq(nb_entries("/proc/self/fd"), fds);
}

static void *elsewhere(void *arg)
{
	struct heard *heard = arg;

	netns_start();
	sh_ok("ip link add name p type veth peer name q; ip link set dev lo "
	      "mtu 3333");
	watch(heard, "lo");
	assert_soon(heard, now.last.mtu == 3333);
	sh_ok("ip link set dev lo mtu 4444");
	assert_soon(heard, now.last.mtu == 4444);
	return NULL;
}

/* lo has index 1 in each namespace: the thread that adds a watch says which is meant. */
Test(netif_watch, stays_in_its_namespace, .init = start)
{
	struct heard here = {0}, there = {0};
	pthread_t thread;

	watch(&here, "lo");
	pthread_create(&thread, NULL, elsewhere, &there);
	pthread_join(thread, NULL);
	sh_ok("ip link set dev lo mtu 5555");
	assert_soon(&here, now.last.mtu == 5555);
	cr_assert_eq(look(&there).last.mtu, 4444, "mtu %u", look(&there).last.mtu);
	plx_netif_watch_del(here.watch);
	plx_netif_watch_del(there.watch);
	plx_eal_fini();
}
