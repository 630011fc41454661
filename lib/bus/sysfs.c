/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Small files of the kernel.
 */
#include "bus_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct plx_log_module plx_log_bus = PLX_LOG_MODULE("bus");

const char *plx_bus_sys = "/sys";
const char *plx_bus_dev = "/dev";
const char *plx_bus_proc = "/proc";

ssize_t plx_bus_read_text(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	got = read(fd, text, room - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	if (got < 0)
		return got;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return (ssize_t)strlen(text);
}

int plx_bus_read_u64(const char *path, uint64_t *value)
{
	char text[32], *end;
	ssize_t got = plx_bus_read_text(path, text, sizeof(text));
	unsigned long long number;

	if (got <= 0)
		return got < 0 ? (int)got : -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno || end == text || *end || strchr(text, '-'))
		return -EINVAL;
	*value = number;
	return 0;
}

int plx_bus_read_link(const char *path, char *name, size_t room)
{
	char target[BUS_PATH_MAX];
	ssize_t got = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	name[0] = '\0';
	if (got < 0)
		return -errno;
	target[got] = '\0';
	slash = strrchr(target, '/');
	snprintf(name, room, "%s", slash ? slash + 1 : target);
	return 0;
}
