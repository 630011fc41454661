/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver's parent process has must not be kept by its child, nor be changed by it. */
#ifndef TEST_FORK_ENV_H
#define TEST_FORK_ENV_H

#include <criterion/criterion.h>
#include <pollux/eal.h>
#include <pollux/port_driver.h>
#include <signal.h>
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

static inline void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
