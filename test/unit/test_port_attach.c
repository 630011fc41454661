/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which ports there are: attach and detach, names, ids, drivers, owners, and what is left behind.
 */
#include "port_fake.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(attach, .init = start_ports, .fini = end_ports);

Test(attach, ids_are_the_lowest_free_ones)
{
	unsigned port, nb = 0;

	cr_assert_eq(plx_port_count(), 0);
	cr_assert_eq(attach("net_fake0"), 0);
	cr_assert_eq(attach("net_fake7"), 1);
	cr_assert_eq(attach("net_plain0"), 2);
	cr_assert_eq(plx_port_count(), 3);
	assert_done(plx_port_detach(1));
	cr_assert_not(plx_port_is_valid(1));
	cr_assert(plx_port_is_valid(2));
	PLX_PORT_FOREACH(port)
		nb += 10 + port;
	cr_assert_eq(nb, 22, "%u", nb);
	cr_assert_eq(attach("net_fake9"), 1);
	cr_assert_eq(plx_port_next(PLX_PORT_NONE, "net_plain", NULL), 2);
	cr_assert_eq(plx_port_next(2, "net_plain", NULL), PLX_PORT_NONE);
	cr_assert_eq(plx_port_next(1000, NULL, NULL), PLX_PORT_NONE);
}

Test(attach, by_name)
{
	unsigned port = 77;

	attach("net_fake0,size=3,many=1,many=2");
	cr_assert_eq(attach("net_fake10"), 1);
	cr_assert_eq(plx_port_by_name("net_fake10", &port), 0);
	cr_assert_eq(port, 1, "%u", port);
	cr_assert_eq(plx_port_by_name("net_fake1", &port), -ENODEV);
	cr_assert_eq(plx_port_by_name(NULL, &port), -ENODEV);
	cr_assert_eq(plx_port_by_name("net_fake0", NULL), -ENODEV);
	assert_no_line();
}

Test(attach, refusals)
{
	char name[PLX_PORT_NAME_MAX + 10] = "net_fake";
	unsigned port = 77;

	assert_refused(plx_port_attach("", &port), -EINVAL, "NAME");
	assert_refused(plx_port_attach(NULL, &port), -EINVAL, "NAME");
	assert_refused(plx_port_attach("net_nosuch0", &port), -EINVAL, "net_fake0, net_plain0");
	assert_refused(plx_port_attach("net_fake", &port), -EINVAL, "net_fake: no such device");
	assert_refused(plx_port_attach("net_fak0", &port), -EINVAL, "net_fak0");
	assert_refused(plx_port_attach("net_fakes0", &port), -EINVAL, "net_fakes0");
	assert_refused(plx_port_attach("0", &port), -EINVAL, "0: no such");
	assert_refused(plx_port_attach("net_fake0,sice=1", &port), -EINVAL, "'sice'");
	assert_refused(plx_port_attach("net_plain0,size=1", &port), -EINVAL, "known: none");
	assert_refused(plx_port_attach("net_fake0,size=1,size=2", &port), -EINVAL, "size");
	memset(name + 8, '1', PLX_PORT_NAME_MAX - 8);
	assert_refused(plx_port_attach(name, &port), -EINVAL, "63 bytes");
	name[PLX_PORT_NAME_MAX - 1] = '\0';
	assert_done(plx_port_attach(name, NULL));
	assert_refused(plx_port_attach(name, &port), -EEXIST, "net_fake111");
	cr_assert_eq(fake.calls[FAKE_PROBE], 1, "%u", fake.calls[FAKE_PROBE]);
	fake.fail = FAKE_PROBE;
	assert_failed(plx_port_attach("net_fake0", &port));
	cr_assert_eq(port, 77);
	cr_assert_eq(plx_port_count(), 1);
}

Test(attach, no_more_than_there_is_room_for)
{
	char name[32];

	for (unsigned i = 0; i < PLX_PORT_MAX; i++) {
		snprintf(name, sizeof(name), "net_fake%u", i);
		cr_assert_eq(attach(name), i);
	}
	assert_refused(plx_port_attach("net_fake99", NULL), -ENOSPC, "all 32 ports");
	assert_done(plx_port_detach(PLX_PORT_MAX - 1));
	cr_assert_eq(attach("net_fake99"), PLX_PORT_MAX - 1);
	cr_assert_eq(plx_port_next(PLX_PORT_MAX - 1, NULL, NULL), PLX_PORT_NONE);
}

Test(attach, detach_wants_a_port_that_is_stopped)
{
	unsigned port = started("net_fake0", 2);

	assert_refused(plx_port_detach(port), -EBUSY, "stop it");
	cr_assert_eq(state_of(port), PLX_PORT_STARTED);
	assert_done(plx_port_stop(port));
	assert_done(plx_port_detach(port));
	cr_assert_eq(fake.nb_ports, 0);
	assert_refused(plx_port_detach(port), -ENODEV, "no port 0");
	assert_refused(plx_port_detach(PLX_PORT_NONE), -ENODEV, "no port");
}

Test(attach, a_thousand_times_leaves_nothing)
{
	struct plx_mem_stats before = mem_stats();
	struct plx_mbuf *pkt;
	unsigned fds = 0;

	for (int i = 0; i < 1000; i++) {
		unsigned port = started("net_fake0", 2);

		rxq_of(1)->to_give = 1;
		cr_assert_eq(plx_port_rx_burst(port, 1, &pkt, 1), 1);
		cr_assert_eq(plx_port_tx_burst(port, 0, &pkt, 1), 1);
		cr_assert_eq(plx_port_stop(port), 0);
		cr_assert_eq(plx_port_detach(port), 0);
		if (i == 0)
			fds = nb_entries("/proc/self/fd");
	}
	cr_assert_eq(nb_entries("/proc/self/fd"), fds);
	assert_no_leak(before);
	assert_no_line();
}

Test(attach, fini_closes_what_is_open_and_all_works_again)
{
	unsigned fds = nb_entries("/proc/self/fd");

	started("net_fake0", 1);
	setup("net_fake1", 1);
	plx_port_fini();
	cr_assert_eq(plx_port_count(), 0);
	cr_assert_eq(fake.nb_ports + fake.nb_started + fake.nb_rxqs, 0);
	cr_assert_eq(nb_entries("/proc/self/fd"), fds);
	started("net_fake0", 1);
	plx_port_fini();
	plx_port_fini();
}

Test(attach, another_eal_in_the_same_process)
{
	plx_port_fini();
	plx_mbuf_pool_destroy(fake_pool);
	plx_eal_fini();
	assert_refused(plx_port_attach("net_fake0", NULL), -ENODEV, "EAL does not run");
	start_pools();
	fake_pool = packets_new("fake", 512, 0, 0);
	started("net_fake0", 1);
}

/* Counters would be written beyond the end of a queue's struct. */
Test(attach, drivers_whose_queues_are_too_small)
{
	enum { RX = sizeof(struct plx_port_rxq), TX = sizeof(struct plx_port_txq) };
	static struct plx_port_counter counters[] = {{"rx_odd", 0, true}, {NULL, 0, false}};
	static struct plx_port_driver driver;
	static const struct plx_port_driver *const list[] = {&plain_driver, &driver, NULL};

	driver = plain_driver;
	driver.rxq_bytes = RX - 1;
	assert_refused(plx_port_drivers_set(list), -EINVAL, "rxq_bytes");
	driver.rxq_bytes = 0;
	driver.txq_bytes = TX - 1;
	assert_refused(plx_port_drivers_set(list), -EINVAL, "txq_bytes");
	driver.txq_bytes = TX + 8;
	driver.txq_counters = counters;
	counters[0].offset = TX + 1;
	assert_refused(plx_port_drivers_set(list), -EINVAL, "rx_odd");
	counters[0].offset = TX;
	assert_done(plx_port_drivers_set(list));
	driver.txq_counters = NULL;
	driver.rxq_counters = counters;
	counters[0].offset = RX;
	assert_refused(plx_port_drivers_set(list), -EINVAL, "rx_odd");
	cr_assert_eq(plx_port_drivers(), list);
	assert_done(plx_port_drivers_set(NULL));
}

Test(attach, drivers_stay_while_their_ports_do)
{
	static const struct plx_port_driver *const other[] = {&plain_driver, NULL};
	unsigned port = attach("net_fake0");

	cr_assert_eq(plx_port_drivers(), fake_drivers);
	assert_refused(plx_port_drivers_set(other), -EBUSY, "detach");
	cr_assert_eq(plx_port_drivers(), fake_drivers);
	assert_done(plx_port_detach(port));
	assert_done(plx_port_drivers_set(other));
	assert_refused(plx_port_attach("net_fake0", NULL), -EINVAL, "as net_plain0");
	assert_done(plx_port_drivers_set(NULL));
	cr_assert_not_null(plx_port_drivers());
	cr_assert_null(plx_port_drivers()[0]);
	assert_refused(plx_port_attach("net_plain0", NULL), -EINVAL, "no drivers");
}

Test(attach, owners)
{
	char name[PLX_PORT_NAME_MAX + 1];
	unsigned a = attach("net_fake0"), b = attach("net_fake1"), c = attach("net_plain2");

	assert_done(plx_port_own(b, "bond0"));
	assert_refused(plx_port_own(b, "other"), -EBUSY, "'bond0'");
	assert_refused(plx_port_own(9, "other"), -ENODEV, "no port 9");
	assert_refused(plx_port_own(a, ""), -EINVAL, "1 to 63");
	assert_refused(plx_port_own(a, NULL), -EINVAL, "1 to 63");
	memset(name, 'x', sizeof(name));
	name[PLX_PORT_NAME_MAX] = '\0';
	assert_refused(plx_port_own(a, name), -EINVAL, "1 to 63");
	cr_assert_eq(plx_port_next(PLX_PORT_NONE, NULL, "bond0"), b);
	cr_assert_eq(plx_port_next(b, NULL, "bond0"), PLX_PORT_NONE);
	cr_assert_eq(plx_port_next(PLX_PORT_NONE, NULL, ""), a);
	cr_assert_eq(plx_port_next(a, NULL, ""), c);
	cr_assert_eq(plx_port_next(a, "net_fake", ""), PLX_PORT_NONE);
	assert_refused(plx_port_disown(b, "other"), -EBUSY, "'bond0'");
	assert_refused(plx_port_disown(b, NULL), -EINVAL, "1 to 63");
	assert_refused(plx_port_disown(9, "bond0"), -ENODEV, "no port");
	assert_done(plx_port_disown(b, "bond0"));
	cr_assert_eq(plx_port_next(a, NULL, ""), b);
	assert_refused(plx_port_disown(b, "bond0"), -EBUSY, "''");
	assert_done(plx_port_own(b, "next"));
	assert_done(plx_port_detach(b));
	cr_assert_eq(attach("net_fake1"), b);
	assert_done(plx_port_own(b, "an owner does not outlive the port"));
}

Test(attach, information)
{
	struct plx_port_info info;
	unsigned port = attach("net_fake0"), plain = attach("net_plain0");

	assert_refused(plx_port_info(port, NULL), -EINVAL, "NULL");
	assert_refused(plx_port_info(7, &info), -ENODEV, "no port 7");
	assert_done(plx_port_info(port, &info));
	cr_assert_str_eq(info.name, "net_fake0");
	cr_assert_str_eq(info.driver, "net_fake");
	cr_assert_eq(info.state, PLX_PORT_ATTACHED);
	cr_assert_eq(info.rx_ring_default, 256);
	cr_assert_eq(info.tx_ring_default, 512);
	cr_assert_eq(info.max_tx_queues, PLX_PORT_QUEUES_MAX, "more than there is room for");
	cr_assert_eq(info.max_frame_bytes, 1518, "with a tag: %u", info.max_frame_bytes);
	cr_assert_eq(info.can, fake.can, "%#x", info.can);
	cr_assert_eq(plx_port_node(port), PLX_NODE_ANY);
	cr_assert_eq(plx_port_node(99), PLX_NODE_ANY);
	assert_done(plx_port_info(plain, &info));
	cr_assert_eq(info.can, 0, "%#x", info.can);
	cr_assert_eq(info.max_rx_queues, 1);
	cr_assert_eq(info.rx_ring.max, 32768);
	cr_assert_eq(info.max_mtu, 1500);
	cr_assert_eq(plx_port_setup(port, 2, 3, fake_pool), 0);
	assert_done(plx_port_info(port, &info));
	cr_assert_eq(info.state, PLX_PORT_CONFIGURED);
	cr_assert_eq(info.nb_rx_queues, 2);
	cr_assert_eq(info.nb_tx_queues, 3);
}

static void ignore(unsigned port, enum plx_port_event event, void *arg)
{
	(void)port;
	(void)event;
	(void)arg;
}

static char *dump_of(unsigned port, int *ret)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	*ret = plx_port_dump(port, out);
	fclose(out);
	return text;
}

Test(attach, dump)
{
	static const char *const words[] = {
		"port 0: net_fake0, driver net_fake, started, owner me",
		"link: up",
		"02:00:00:00:00:00",
		"02:00:00:00:00:77 (4 at most)",
		"mtu: 1500 of [68, 9000]",
		"VLANs let in: 5 4095\n",
		"rx queue 1: 256 descriptors, pool fake",
		"rx_packets: 0",
		"tx_q1_dropped: 0",
		"rx_q0_truncated",
		"fake: yes",
		"1 callbacks",
	};
	const struct ether_addr mac = {{2, 0, 0, 0, 0, 0x77}};
	unsigned port;
	char *text;
	int ret;

	fake.can = 0x7f;
	port = started("net_fake0", 2);
	assert_done(plx_port_own(port, "me"));
	assert_done(plx_port_mac_add(port, &mac));
	assert_done(plx_port_vlan_filter(port, 5, true));
	assert_done(plx_port_vlan_filter(port, 4095, true));
	assert_done(plx_port_event_add(port, ignore, NULL));
	text = dump_of(port, &ret);
	cr_assert_eq(ret, 0, "%d", ret);
	for (size_t i = 0; i < PLX_ARRAY_SIZE(words); i++)
		cr_expect(strstr(text, words[i]), "no '%s' in:\n%s", words[i], text);
	free(text);
	assert_done(plx_port_event_del(port, ignore, NULL));
	assert_refused(plx_port_dump(9, stdout), -ENODEV, "no port 9");
	assert_refused(plx_port_dump(port, NULL), -EINVAL, "plx_port_dump");
}

static int is_there; /* atomic: the one who looks has its answer */

static void *look_at_port(void *arg)
{
	struct plx_port_stats stats;

	if (plx_port_stats(*(unsigned *)arg, &stats) == 0)
		plx_store_release(&is_there, 1);
	return NULL;
}

static void *dump_to(void *arg)
{
	plx_port_dump(0, arg);
	return NULL;
}

/* A pager that reads no further must not stop what else the program does. */
Test(attach, a_dump_that_nobody_reads_holds_up_nobody)
{
	unsigned port = started("net_fake0", 2);
	pthread_t dumper, looker;
	char page[4096] = {0};
	int fds[2];
	FILE *out;

	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	while (write(fds[1], page, sizeof(page)) > 0)
		;
	cr_assert_eq(fcntl(fds[1], F_SETFL, 0), 0);
	out = fdopen(fds[1], "w");
	setvbuf(out, NULL, _IONBF, 0);
	pthread_create(&dumper, NULL, dump_to, out);
	usleep(20000);
	pthread_create(&looker, NULL, look_at_port, &port);
	for (int i = 0; !plx_load_acquire(&is_there) && i < 20000; i++)
		usleep(100);
	cr_assert(plx_load_acquire(&is_there), "the dump keeps the lock");
	close(fds[0]); /* the write fails then */
	pthread_join(dumper, NULL);
	pthread_join(looker, NULL);
	fclose(out);
}

/* The child must not close, stop or free what the parent goes on with. */
Test(attach, a_child_of_fork_leaves_its_parents_ports_alone)
{
	unsigned port = started("net_fake0", 1);
	int status = -1;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		bool untouched;

		plx_port_fini();
		untouched = fake.nb_started == 1 && fake.nb_rxqs == 1 && fake.nb_ports == 1;
		untouched = untouched && fake.nb_forked == 1;
		plx_eal_fini();
		_exit(untouched && plx_port_count() == 0 && !plx_port_is_valid(port) ? 0 : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x", status);
	cr_assert_eq(state_of(port), PLX_PORT_STARTED);
	assert_done(plx_port_stop(port));
	cr_assert_eq(fake.nb_forked, 0);
}

/* Runs in a child of fork() with a port of its parent: 0, or what is wrong. */
static int begin_anew(void)
{
	struct plx_port_stats stats;
	unsigned port;

	log_lines_start();
	if (plx_port_attach("net_fake1", &port) != -ENODEV || log_lines.nb != 1)
		return 1;
	plx_port_fini();
	plx_eal_fini();
	start_pools();
	if (plx_port_attach("net_fake0", &port) || plx_port_stats(port, &stats) ||
	    stats.rx.packets != 0 || fake.nb_rxqs != 1)
		return 2;
	if (plx_port_setup(port, 0, 1, NULL) || fake.nb_rxqs != 1 || fake.nb_txqs != 2)
		return 3;
	plx_port_fini();
	return fake.nb_started == 1 && fake.nb_rxqs == 1 && fake.nb_txqs == 1 ? 0 : 4;
}

/* Its own ports begin with nothing of the parent's: queues, counters. */
Test(attach, a_child_of_fork_begins_anew)
{
	unsigned port = started("net_fake0", 1);
	struct plx_mbuf *pkt;
	int status = -1;
	pid_t pid;

	rxq_of(0)->to_give = 1;
	cr_assert_eq(plx_port_rx_burst(port, 0, &pkt, 1), 1);
	plx_mbuf_free(pkt);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(begin_anew());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x", status);
	cr_assert_eq(state_of(port), PLX_PORT_STARTED);
}

static struct plx_port_driver slow_driver;
static int entered[2], let_go[2];
static bool is_slow; /* in the thread that has the lock */

static void slow_info(struct plx_port *port, struct plx_port_info *info)
{
	char c;

	(void)port;
	(void)info;
	if (is_slow && write(entered[1], "", 1) == 1 && read(let_go[0], &c, 1) != 1)
		abort();
}

static void slow_forked(struct plx_port *port)
{
	(void)port;
	fake.nb_forked++;
}

static void *ask_slowly(void *arg)
{
	struct plx_port_info info;

	return plx_port_info(*(unsigned *)arg, &info) == 0 ? arg : NULL;
}

/* Runs in a child whose parent had the lock taken by another thread. */
static int meet_the_lock(unsigned port, const struct plx_port_driver *const *list)
{
	unsigned found = 77;

	is_slow = false;
	log_lines_start();
	if (plx_port_stop(port) != -ENODEV || log_lines.nb != 1)
		return 1;
	if (plx_port_attach("net_plain7", NULL) != -ENODEV || log_lines.nb != 2)
		return 2;
	if (plx_port_by_name("net_plain0", &found) != -ENODEV || found != 77)
		return 3;
	if (plx_port_next(PLX_PORT_NONE, "net_plain", NULL) != PLX_PORT_NONE)
		return 4;
	/* As if that thread were in the middle of a detach. */
	fake.last->priv = NULL;
	if (plx_port_drivers_set(list) != 0 || plx_port_count() != 0)
		return 5;
	return fake.nb_forked == 1 ? 0 : 6;
}

Test(attach, a_child_of_fork_does_not_wait_for_a_thread_it_has_not)
{
	static struct plx_port_ops slow_ops;
	static const struct plx_port_driver *const list[] = {&slow_driver, &fake_driver, NULL};
	unsigned port;
	pthread_t thread;
	void *ret = NULL;
	int status = -1;
	pid_t pid;
	char c;

	slow_ops = plain_ops;
	slow_ops.info = slow_info;
	slow_driver = plain_driver;
	slow_driver.ops = &slow_ops;
	slow_driver.forked = slow_forked;
	assert_done(plx_port_drivers_set(list));
	cr_assert_eq(pipe(entered), 0);
	cr_assert_eq(pipe(let_go), 0);
	port = attach("net_plain0");
	attach("net_plain1");
	is_slow = true;
	cr_assert_eq(pthread_create(&thread, NULL, ask_slowly, &port), 0);
	cr_assert_eq(read(entered[0], &c, 1), 1);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		_exit(meet_the_lock(port, list));
	}
	cr_assert_geq(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(write(let_go[1], "", 1), 1);
	cr_assert_eq(pthread_join(thread, &ret), 0);
	cr_assert_eq(status, 0, "%#x", status);
	cr_assert_eq(ret, &port);
	is_slow = false;
	for (unsigned i = 0; i < 2; i++) {
		close(entered[i]);
		close(let_go[i]);
	}
}
