/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver's parent process has must not be kept by its child, nor be changed by it. */
#ifndef TEST_FORK_ENV_H
#define TEST_FORK_ENV_H

#include <criterion/criterion.h>
#include <pollux/eal.h>
#include <pollux/port_driver.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child of fork() that has ended its EAL, and lives on. */
static inline pid_t ended_child(void)
{
	int ready[2];
	pid_t pid;
	char c;

	cr_assert_eq(pipe(ready), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(60);
		plx_port_fini();
		plx_eal_fini();
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &c, 1), 1, "the child did not come up");
	close(ready[0]);
	return pid;
}

/* One that ends as main() does: what libc has open is put in order. */
static inline void child_that_exits(void)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		plx_port_fini();
		plx_eal_fini();
		exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "%#x", status);
}

static inline void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
