/* SPDX-License-Identifier: BSD-3-Clause */
#include "topology.h"

#include "eal_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *plx_topo_sysfs = "/sys";

/* 1,024 CPUs as "0,2,4,...": 2,560 bytes at most. */
enum { LIST_FILE_MAX_BYTES = 4096, NODES_SCANNED_MAX = 1024 };

static bool read_text(const char *file, char *buf, size_t len)
{
	char path[512];
	ssize_t got;
	int fd;

	if (snprintf(path, sizeof(path), "%s/devices/system/%s", plx_topo_sysfs, file) >=
	    (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, buf, len - 1);
	close(fd);
	if (got < 0)
		return false;
	buf[got] = '\0';
	return true;
}

static bool read_list(const char *file, cpu_set_t *cpus)
{
	char text[LIST_FILE_MAX_BYTES];

	return read_text(file, text, sizeof(text)) && plx_cpulist_parse(text, cpus);
}

static const char *parse_number(const char *at, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)*at))
		return NULL;
	errno = 0;
	*value = strtoul(at, &end, 10);
	return errno == 0 ? end : NULL;
}

bool plx_cpulist_parse(const char *text, cpu_set_t *cpus)
{
	const char *at = text;

	CPU_ZERO(cpus);
	while (isspace((unsigned char)*at))
		at++;
	while (*at != '\0') {
		unsigned long first, last;

		at = parse_number(at, &first);
		if (at == NULL)
			return false;
		last = first;
		if (*at == '-') {
			at = parse_number(at + 1, &last);
			if (at == NULL || last < first)
				return false;
		}
		for (; first <= last && first < CPU_SETSIZE; first++)
			CPU_SET(first, cpus);
		while (isspace((unsigned char)*at))
			at++;
		if (*at == ',')
			at++;
		else if (*at != '\0')
			return false;
	}
	return true;
}

char *plx_cpulist_format(const cpu_set_t *cpus, char *buf, size_t len)
{
	unsigned first, last;
	size_t used = 0;

	snprintf(buf, len, "none");
	for (first = 0; first < CPU_SETSIZE; first = last + 1) {
		char item[32];
		int bytes;

		last = first;
		if (!CPU_ISSET(first, cpus))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, cpus))
			last++;
		if (first == last)
			bytes = snprintf(item, sizeof(item), "%s%u", used ? "," : "", first);
		else
			bytes = snprintf(item, sizeof(item), "%s%u-%u", used ? "," : "", first,
					 last);
		if (used + (size_t)bytes + sizeof("...") > len) {
			snprintf(buf + used, len - used, "...");
			break;
		}
		memcpy(buf + used, item, (size_t)bytes + 1);
		used += (size_t)bytes;
	}
	return buf;
}

static void read_nodes(struct plx_topo *topo)
{
	cpu_set_t nodes, cpus;
	unsigned node, cpu;
	char file[64];

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		topo->node[cpu] = -1;
	if (!read_list("node/online", &nodes)) {
		memset(topo->node, 0, sizeof(topo->node));
		return;
	}
	for (node = 0; node < NODES_SCANNED_MAX; node++) {
		if (!CPU_ISSET(node, &nodes))
			continue;
		snprintf(file, sizeof(file), "node/node%u/cpulist", node);
		if (!read_list(file, &cpus))
			continue;
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &cpus))
				topo->node[cpu] = (short)node;
	}
}

void plx_topo_read(struct plx_topo *topo)
{
	topo->online_known = read_list("cpu/online", &topo->online);
	if (!topo->online_known)
		CPU_ZERO(&topo->online);
	if (!read_list("cpu/isolated", &topo->isolated))
		CPU_ZERO(&topo->isolated);
	read_nodes(topo);
}

int plx_topo_allowed(cpu_set_t *cpus)
{
	int err;

	if (sched_getaffinity(0, sizeof(*cpus), cpus) == 0)
		return 0;
	err = errno;
	if (err == EINVAL) /* the kernel's own mask is longer than a cpu_set_t */
		LOG_ERR("can't ask which CPUs this process may use: this kernel knows of more than "
			"%d, the most that this library can name (kernel command line: "
			"nr_cpus=%d)",
			CPU_SETSIZE, CPU_SETSIZE);
	else
		LOG_ERR("can't ask which CPUs this process may use: %s", strerror(err));
	return -err;
}

int plx_topo_cpu_value(unsigned cpu, const char *file)
{
	unsigned long value;
	char path[128], text[32];

	snprintf(path, sizeof(path), "cpu/cpu%u/%s", cpu, file);
	if (!read_text(path, text, sizeof(text)) || parse_number(text, &value) == NULL ||
	    value > 0x7fffffff)
		return -1;
	return (int)value;
}

int plx_topo_node_of(const struct plx_topo *topo, const cpu_set_t *cpus)
{
	int node = -1;
	unsigned cpu;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, cpus))
			continue;
		if (topo->node[cpu] < 0 || (node >= 0 && topo->node[cpu] != node))
			return -1;
		node = topo->node[cpu];
	}
	return node;
}
