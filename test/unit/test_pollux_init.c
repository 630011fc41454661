/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx_init(): DPDK's habits, help and version, devices that can't be had.
 */
#include "drivers.h"
#include "eal_log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pollux/pollux.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGV_MAX = 12 };

static char store[ARGV_MAX][64];
static char *argv[ARGV_MAX + 1];
static int argc;

/* NULL-ended arguments behind the program's name. */
static int init(const char *const *args)
{
	strcpy(store[0], "prog");
	argv[0] = store[0];
	for (argc = 1; args[argc - 1]; argc++)
		argv[argc] = strcpy(store[argc], args[argc - 1]);
	argv[argc] = NULL;
	catch_log();
	return plx_init(argc, argv);
}

TestSuite(pollux_init, .fini = plx_fini);

Test(pollux_init, arguments_are_counted_as_dpdk_counts_them)
{
	int ret = init(
		(const char *[]){"--lcores=0@0", "--no-huge", "--no-pci", "--", "-p", "3", NULL});

	cr_assert_eq(ret, 4, "%d, %s", ret, caught.error);
	argc -= ret;
	argv[ret + argc] = NULL;
	cr_assert_eq(argc, 3, "%d", argc);
	cr_assert_str_eq(argv[ret], "prog");
	cr_assert_str_eq(argv[ret + 1], "-p");
	cr_assert_str_eq(argv[ret + 2], "3");
	cr_assert_eq(plx_lcore_id(), 0, "%u", plx_lcore_id());
	plx_fini();
	cr_assert_eq(plx_lcore_id(), PLX_LCORE_NONE, "%u", plx_lcore_id());

	ret = init((const char *[]){"--lcores=0@0", "--no-huge", NULL});
	cr_assert_eq(ret, 2, "again, without --: %d, %s", ret, caught.error);
	cr_assert_str_eq(argv[ret], "prog");
	ret = init((const char *[]){NULL});
	cr_assert_eq(ret, -EALREADY, "%d", ret);
}

/* Not inlined: gcc 12 takes what it returns for its own variable then. */
static PLX_NOINLINE char *exit_text(int ret, int *status)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	*status = plx_init_exit_status(ret, "usage: prog\n", out);
	fclose(out);
	return text;
}

Test(pollux_init, help_and_version)
{
	int status;
	char *text;
	int ret = init((const char *[]){"-l", "0", "--help", NULL});

	cr_assert_eq(ret, -ECANCELED, "%d", ret);
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
	cr_assert_null(plx_eal_conf());
	text = exit_text(ret, &status);
	cr_assert_eq(status, 0, "%d", status);
	cr_assert_eq(strncmp(text, "usage: prog\n", 12), 0, "%s", text);
	cr_assert(strstr(text, "--lcores MAP"), "%s", text);
	free(text);

	ret = init((const char *[]){"-v", NULL});
	cr_assert_eq(ret, -ECANCELED, "%d", ret);
	text = exit_text(ret, &status);
	cr_assert_eq(status, 0, "%d", status);
	cr_assert_str_eq(text, "pollux " PLX_VERSION "\n");
	free(text);
}

Test(pollux_init, exit_statuses)
{
	static const struct {
		int ret;
		int status;
	} cases[] = {{-EINVAL, 2}, {-ENODEV, 1}, {-ENOMEM, 1}, {-EALREADY, 1}};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(cases); i++) {
		int status;
		char *text = exit_text(cases[i].ret, &status);

		cr_expect_eq(status, cases[i].status, "%d: %d", cases[i].ret, status);
		cr_expect_str_eq(text, "", "%d: %s", cases[i].ret, text);
		free(text);
	}
}

Test(pollux_init, devices_without_a_driver_are_refused)
{
	int ret = init((const char *[]){"--lcores=0@0", "--no-huge", "--vdev=net_nosuch0", NULL});

	cr_assert_eq(ret, -EINVAL, "%d, %s", ret, caught.error);
	cr_assert_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	cr_assert_eq(strncmp(caught.error, "net_nosuch0: no such device", 27), 0, "%s",
		     caught.error);
	cr_assert_null(plx_eal_conf(), "it was stopped again");
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", "-a", "0000:99:00.0", NULL});
	cr_assert_eq(ret, -ENODEV, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	cr_assert(strstr(caught.error, "0000:99:00.0: there is no PCI device"), "%s", caught.error);
	cr_assert_null(plx_eal_conf(), "it was stopped again");
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", "-a", "eth0", NULL});
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	cr_assert(strstr(caught.error, "-a 'eth0': want a PCI address"), "%s", caught.error);
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", "-b", "0000:99:00.0", NULL});
	cr_assert_eq(ret, 4, "what is blocked need not be there: %d, %s", ret, caught.error);
}

static const struct plx_port_driver *driver_of(const char *name)
{
	for (unsigned i = 0; plx_drivers[i]; i++)
		if (strcmp(plx_drivers[i]->name, name) == 0)
			return plx_drivers[i];
	cr_skip_test("needs the driver %s: -DPLX_DRIVERS", name);
	return NULL;
}

Test(pollux_init, devices_are_ports_in_their_order)
{
	unsigned port;
	int ret;

	driver_of("net_null");
	for (int i = 0; i < 2; i++) {
		ret = init((const char *[]){"--lcores=0@0", "--no-huge", "--vdev=net_null5",
					    "--vdev", "net_null2", NULL});
		cr_assert_eq(ret, 5, "%d, %s", ret, caught.error);
		cr_assert_eq(plx_port_count(), 2);
		cr_assert_eq(plx_port_by_name("net_null5", &port), 0);
		cr_assert_eq(port, 0, "%u", port);
		plx_fini();
		cr_assert_eq(plx_port_count(), 0);
		cr_assert_null(plx_eal_conf());
	}
	cr_assert_eq(caught.nb_lines, 0, "%s", caught.last);
}

Test(pollux_init, one_bad_device_undoes_all)
{
	int ret;

	driver_of("net_null");
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", "--vdev=net_null0",
				    "--vdev=net_null1,nonsense=1", NULL});
	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u: %s", caught.nb_lines, caught.last);
	cr_assert(strstr(caught.error, "net_null1: unknown key 'nonsense'"), "%s", caught.error);
	cr_assert_eq(plx_port_count(), 0);
	cr_assert_null(plx_eal_conf());
}

Test(pollux_init, help_lists_each_driver_and_its_keys)
{
	int status;
	char *text = exit_text(-ECANCELED, &status);
	const char *devices = strstr(text, "\nDevices for --vdev");

	cr_assert_eq(status, 0, "%d", status);
	cr_assert_not_null(devices, "%s", text);
	for (unsigned i = 0; plx_drivers[i]; i++) {
		const struct plx_devargs_key *key = plx_drivers[i]->keys;
		char word[80];

		snprintf(word, sizeof(word), "\n  %s\n", plx_drivers[i]->name);
		cr_expect(strstr(devices, word), "no %s", plx_drivers[i]->name);
		for (; key && key->name; key++) {
			snprintf(word, sizeof(word), "\n    %s", key->name);
			cr_expect(strstr(devices, word), "no %s of %s", key->name,
				  plx_drivers[i]->name);
			cr_expect_not_null(key->help, "%s of %s", key->name, plx_drivers[i]->name);
		}
	}
	free(text);
}

static struct plx_mempool *pool;
static unsigned nb_polls; /* atomic */
static bool was_there;	  /* atomic: the port, when the lcore returned */

static int poll_until_stop(void *arg)
{
	struct plx_mbuf *pkts[32];

	(void)arg;
	while (!plx_stop_requested()) {
		plx_port_tx_or_drop(0, 0, pkts, plx_port_rx_burst(0, 0, pkts, 32));
		plx_fetch_add_relaxed(&nb_polls, 1);
	}
	usleep(10000);
	plx_store_release(&was_there, plx_port_is_valid(0));
	return 0;
}

static void *fini_from_elsewhere(void *arg)
{
	(void)arg;
	plx_fini();
	return NULL;
}

/* The ports go after those that poll them, and never because of a thread that may not end it. */
Test(pollux_init, fini_waits_for_lcores_that_forward)
{
	const struct plx_mbuf_pool_conf conf = {.name = "p", .nb_mbufs = 256, .cache_size = 32};
	pthread_t thread;
	int ret;

	driver_of("net_null");
	ret = init((const char *[]){"--lcores=0@0,1@0", "--no-huge", "--vdev=net_null0", NULL});
	cr_assert_eq(ret, 3, "%d, %s", ret, caught.error);
	cr_assert_eq(plx_mbuf_pool_create(&conf, &pool), 0);
	cr_assert_eq(plx_port_setup(0, 1, 1, pool), 0);
	cr_assert_eq(plx_port_start(0), 0);
	cr_assert_eq(plx_lcore_launch(1, poll_until_stop, NULL), 0);
	while (plx_load_relaxed(&nb_polls) == 0)
		usleep(100);
	pthread_create(&thread, NULL, fini_from_elsewhere, NULL);
	pthread_join(thread, NULL);
	cr_assert_eq(caught.nb_lines, 1, "%u: %s", caught.nb_lines, caught.last);
	cr_assert_eq(plx_port_count(), 1, "only the main lcore ends it");
	cr_assert_eq(plx_lcore_state(1), PLX_LCORE_RUNNING);
	plx_fini();
	cr_assert(plx_load_acquire(&was_there), "its port went before it");
	cr_assert_eq(plx_port_count(), 0);
	cr_assert_null(plx_eal_conf());
	cr_assert_eq(caught.nb_lines, 1, "%s", caught.last);
}

Test(pollux_init, a_child_of_fork_may_end_and_begin_anew)
{
	int ret, status = -1;
	pid_t pid;

	driver_of("net_null");
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", "--vdev=net_null0", NULL});
	cr_assert_eq(ret, 3, "%d, %s", ret, caught.error);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		plx_fini();
		if (plx_port_count() != 0 || plx_eal_conf())
			_exit(1);
		ret = init((const char *[]){"--lcores=0@0", "--no-huge", "--vdev=net_null0", NULL});
		if (ret != 3 || plx_port_count() != 1)
			_exit(2);
		plx_fini();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x", status);
	cr_assert_eq(plx_port_count(), 1);
}

/* In a child whose parent had used plx_init() and ended it: the EAL is the child's own. */
static int end_own_eal(void)
{
	const struct plx_mbuf_pool_conf conf = {.name = "p", .nb_mbufs = 256, .cache_size = 32};
	char *args[] = {"test", "--lcores=0@0,1@0", "--no-huge", NULL};
	struct plx_eal_conf eal;
	int ret;

	plx_eal_conf_init(&eal);
	ret = plx_eal_parse(&eal, 3, args);
	if (ret < 0 || plx_eal_init(&eal) || plx_port_attach("net_null0", NULL) ||
	    plx_mbuf_pool_create(&conf, &pool) || plx_port_setup(0, 1, 1, pool) ||
	    plx_port_start(0) || plx_lcore_launch(1, poll_until_stop, NULL))
		return 1;
	plx_eal_conf_fini(&eal);
	while (plx_load_relaxed(&nb_polls) == 0)
		usleep(100);
	plx_fini();
	return plx_load_acquire(&was_there) ? 0 : 2;
}

Test(pollux_init, fini_waits_for_lcores_of_a_child_too)
{
	int ret, status = -1;
	pid_t pid;

	driver_of("net_null");
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", NULL});
	cr_assert_eq(ret, 2, "%d, %s", ret, caught.error);
	plx_fini();
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(end_own_eal());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x", status);
}

Test(pollux_init, a_wrong_option_starts_nothing)
{
	int ret = init((const char *[]){"--lcores=0@0", "--no-huge", "--nonsense", NULL});

	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert_null(plx_eal_conf());
}
