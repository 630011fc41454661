/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * plx-perf-wire: the other end of the cable in benchmarks of ports. The kernel's own sockets and
 * frames, neither library's code, so that both forwarders meet the same traffic.
 *
 *	blast IFACE SECONDS BYTES      send as fast as one CPU can; prints nothing. The kernel makes
 *	                               the frames (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18): a
 *	                               socket costs more than the forwarders do. The other end of
 *	                               the veth has to have NAPI: an XDP program, or GRO on
 *	probe IFACE COUNT BYTES        one packet at a time, there and back; prints ns of each
 *	first IFACE SECONDS COMMAND... start a forwarder; prints ns from exec to its first packet
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	BLAST_RUN = 1024 * BATCH, /* frames between two looks at the clock */
	PROBE_TIMEOUT_NS = 100000000,
	PROBE_GAP_NS = 20000,
	FIRST_GAP_NS = 100000,
	ETHERTYPE_PROBE = 0x88b5, /* IEEE 802: local experimental */
};

struct probe {
	struct ether_header eth;
	uint64_t magic, number;
	char rest[ETH_DATA_LEN - 16];
} __attribute__((packed));

static const uint64_t magic = 0x706f6c6c75783031;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int die(const char *what)
{
	fprintf(stderr, "plx-perf-wire: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_wire(const char *iface, bool receives)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
				   .sll_protocol = receives ? htons(ETHERTYPE_PROBE) : 0,
				   .sll_ifindex = (int)if_nametoindex(iface)};
	struct packet_mreq mreq = {.mr_ifindex = addr.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, addr.sll_protocol);
	int one = 1;

	if (fd < 0 || addr.sll_ifindex == 0 || bind(fd, (void *)&addr, sizeof(addr)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) != 0)
		die(iface);
	return fd;
}

static void fill(struct probe *p, uint64_t number)
{
	static const uint8_t to[] = {2, 0, 0, 0, 1, 1}, from[] = {2, 0, 0, 0, 1, 2};

	memset(p, 0, sizeof(*p));
	memcpy(p->eth.ether_dhost, to, sizeof(to));
	memcpy(p->eth.ether_shost, from, sizeof(from));
	p->eth.ether_type = htons(ETHERTYPE_PROBE);
	p->magic = magic;
	p->number = number;
}

static size_t bytes_of(const char *text)
{
	unsigned long bytes = strtoul(text, NULL, 10); /* with FCS, as frame sizes are named */

	if (bytes < 64 || bytes > ETH_FRAME_LEN + 4) {
		fprintf(stderr, "plx-perf-wire: %s: want a frame of 64 to 1518 bytes\n", text);
		exit(2);
	}
	return bytes - 4;
}

/* An XDP program that sends each frame back by the interface it came from. */
static int load_reflector(void)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_TX},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "plx_perf_wire", "BSD", insns,
			       sizeof(insns) / sizeof(insns[0]), NULL);

	if (fd < 0)
		die("load an XDP program");
	return fd;
}

/* Frames that the kernel takes as received by @iface, and so sends by it. */
static int blast(const char *iface, double seconds, size_t bytes)
{
	static struct probe packet;
	struct xdp_md context = {.data_end = (uint32_t)bytes,
				 .ingress_ifindex = if_nametoindex(iface)};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .data_size_in = (uint32_t)bytes,
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = BLAST_RUN,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
	int fd = load_reflector();

	if (context.ingress_ifindex == 0)
		die(iface);
	fill(&packet, 0);
	while (now_ns() < end)
		if (bpf_prog_test_run_opts(fd, &opts) != 0 && errno != EAGAIN && errno != EINTR)
			die("run an XDP program on live frames");
	return 0;
}

static void send_probe(int fd, struct probe *p, uint64_t number, size_t bytes)
{
	p->number = number;
	if (send(fd, p, bytes, 0) < 0 && errno != ENOBUFS && errno != ENETDOWN)
		die("send");
}

/* The number of the probe that came back; UINT64_MAX: none is there. */
static uint64_t take_probe(int fd)
{
	struct probe p;
	ssize_t n = recv(fd, &p, sizeof(p), MSG_DONTWAIT);

	if (n < (ssize_t)(sizeof(p.eth) + 16) || p.magic != magic)
		return UINT64_MAX;
	return p.number;
}

static int probe(const char *iface, unsigned long count, size_t bytes)
{
	int fd = open_wire(iface, true);
	struct probe p;

	fill(&p, 0);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t start = now_ns(), now = start;
		bool back = false;

		send_probe(fd, &p, i, bytes);
		while (!back && now - start < PROBE_TIMEOUT_NS) {
			back = take_probe(fd) == i;
			now = now_ns();
		}
		if (back)
			printf("%" PRIu64 "\n", now - start);
		else
			printf("lost\n");
		while (now_ns() - now < PROBE_GAP_NS)
			;
	}
	return 0;
}

static int first(const char *iface, double seconds, char **command)
{
	int fd = open_wire(iface, true);
	posix_spawn_file_actions_t actions;
	uint64_t start, now, sent = 0;
	bool back = false;
	struct probe p;
	pid_t pid;

	fill(&p, 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	start = now = now_ns();
	errno = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
	if (errno != 0)
		die(command[0]);
	while (!back && now - start < (uint64_t)(seconds * 1e9)) {
		if (now - start >= sent * FIRST_GAP_NS)
			send_probe(fd, &p, sent++, 60);
		back = take_probe(fd) != UINT64_MAX;
		now = now_ns();
	}
	kill(pid, SIGTERM);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!back) {
		fprintf(stderr, "plx-perf-wire: %s forwarded nothing in %.1f s\n", command[0],
			seconds);
		return 1;
	}
	printf("%" PRIu64 "\n", now - start);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "blast") == 0)
		return blast(argv[2], strtod(argv[3], NULL), bytes_of(argv[4]));
	if (argc == 5 && strcmp(argv[1], "probe") == 0)
		return probe(argv[2], strtoul(argv[3], NULL, 10), bytes_of(argv[4]));
	if (argc >= 5 && strcmp(argv[1], "first") == 0)
		return first(argv[2], strtod(argv[3], NULL), argv + 4);
	fprintf(stderr, "usage: plx-perf-wire blast IFACE SECONDS BYTES | probe IFACE COUNT BYTES |"
			" first IFACE SECONDS COMMAND...\n");
	return 2;
}
