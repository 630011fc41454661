/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx_init(): DPDK's habits, help and version, devices that can't be had.
 */
#include "eal_log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pollux/pollux.h>
#include <stdlib.h>
#include <string.h>

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

static char *exit_text(int ret, int *status)
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

	cr_assert_eq(ret, -ENODEV, "%d, %s", ret, caught.error);
	cr_assert_eq(caught.nb_lines, 1, "%u lines", caught.nb_lines);
	cr_assert_str_eq(caught.error, "--vdev 'net_nosuch0': this build has no drivers");
	cr_assert_null(plx_eal_conf(), "it was stopped again");
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", "-a", "0000:99:00.0", NULL});
	cr_assert_eq(ret, -ENODEV, "%d", ret);
	cr_assert_str_eq(caught.error, "-a '0000:99:00.0': this build has no drivers");
	ret = init((const char *[]){"--lcores=0@0", "--no-huge", "-b", "0000:99:00.0", NULL});
	cr_assert_eq(ret, 4, "what is blocked need not be there: %d, %s", ret, caught.error);
}

Test(pollux_init, a_wrong_option_starts_nothing)
{
	int ret = init((const char *[]){"--lcores=0@0", "--no-huge", "--nonsense", NULL});

	cr_assert_eq(ret, -EINVAL, "%d", ret);
	cr_assert_eq(caught.nb_lines, 1, "%u", caught.nb_lines);
	cr_assert_null(plx_eal_conf());
}
