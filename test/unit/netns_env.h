/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network namespace for one test: it dies with the test's process, and all interfaces in it. Made
 * before any thread is started.
 */
#ifndef TEST_NETNS_ENV_H
#define TEST_NETNS_ENV_H

#include <criterion/criterion.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that does nothing in a network namespace of its own, which ends with it. */
static inline pid_t netns_other(void)
{
	int ready[2];
	pid_t pid;
	char c;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &c, 1), 1, "no other namespace");
	close(ready[0]);
	return pid;
}

static inline void netns_other_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Run a command, which has to succeed: sh_ok("ip link set dev %s up", name). */
#define sh_ok(...) sh_ok_(__LINE__, __VA_ARGS__)

__attribute__((format(printf, 2, 3))) static inline void sh_ok_(int at, const char *fmt, ...)
{
	char command[512];
	va_list args;
	int ret;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	ret = system(command);
	cr_assert_eq(ret, 0, "line %d: '%s' ended with %d", at, command, ret);
}

/* Interfaces that are made in it say nothing on their own. */
static inline void netns_start(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "unshare: %m");
	sh_ok("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1");
}

/* Wait until the kernel has brought an interface into use: frames vanish before. */
static inline void wait_running(const char *name)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	for (unsigned ms = 0; ms < 5000; ms++) {
		cr_assert_eq(ioctl(fd, SIOCGIFFLAGS, &ifr), 0, "%s: %m", name);
		if ((ifr.ifr_flags & IFF_RUNNING) != 0)
			break;
		usleep(1000);
	}
	close(fd);
	cr_assert_neq(ifr.ifr_flags & IFF_RUNNING, 0, "%s does not run", name);
}

/* A veth pair "a", "b", both up. */
static inline void veth_up(const char *a, const char *b)
{
	sh_ok("ip link add name %s type veth peer name %s", a, b);
	sh_ok("ip link set dev %s up && ip link set dev %s up", a, b);
	wait_running(a);
	wait_running(b);
}

#endif
