/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Beside lab_igb_life, without the library:
 *
 *	lab_igb_guard feed IFACE [PAUSE_US]  send frames by an interface of the kernel, as fast as
 *				     it takes them or with a pause after each 32, until killed;
 *				     SIGUSR1: without the pause, SIGUSR2: with it again
 *	lab_igb_guard canaries N     hold N hugepages and as many bytes of ordinary memory full of a
 *				     pattern. For each line of stdin: check them; then take all
 *				     hugepages that are free, so also those that a dead process had,
 *				     fill them, and check them while the wire goes on for a while.
 *				     Says "sound COUNT" with the pages taken, or which byte is not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 2 << 20,
	PAGES_MAX = 1024,
	WATCH_MS = 60,
	ETHER_TYPE = 0x88b5, /* IEEE 802: for local experiments */
	FRAMES = 32,
};

static void pause_ms(unsigned ms)
{
	const struct timespec time = {.tv_nsec = ms * 1000000L};

	nanosleep(&time, NULL);
}

/* ---- feed ---- */

static volatile sig_atomic_t is_full_speed;

static void on_speed(int signal)
{
	is_full_speed = signal == SIGUSR1;
}

static int feed(const char *name, unsigned pause_us)
{
	static uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
				    0,	  0,	0,    0,    7,	  0x88, 0xb5};
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(ETHER_TYPE),
				      .sll_ifindex = (int)if_nametoindex(name)};
	struct iovec iov = {.iov_base = frame, .iov_len = sizeof(frame)};
	struct mmsghdr msgs[FRAMES] = {0};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		perror(name);
		return 1;
	}
	for (unsigned i = 0; i < FRAMES; i++)
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
	signal(SIGUSR1, on_speed);
	signal(SIGUSR2, on_speed);
	for (;;) {
		/* An interface without a carrier refuses them, one that is full makes us wait. */
		if (sendmmsg(fd, msgs, FRAMES, 0) < 0)
			pause_ms(10);
		if (pause_us > 0 && !is_full_speed)
			usleep(pause_us);
	}
}

/* ---- canaries ---- */

static uint64_t pattern(uint64_t index)
{
	return (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void fill(uint64_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*at); i++)
		at[i] = pattern(i);
}

static bool is_sound(const uint64_t *at, size_t bytes, const char *what)
{
	for (size_t i = 0; i < bytes / sizeof(*at); i++) {
		if (at[i] == pattern(i))
			continue;
		printf("%s: offset %#zx is %#llx, was %#llx\n", what, i * sizeof(*at),
		       (unsigned long long)at[i], (unsigned long long)pattern(i));
		return false;
	}
	return true;
}

static void *huge_page(void)
{
	void *at = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* Returns how many pages were free, or -1 when one did not keep what was written. */
static int check_free_pages(void)
{
	static uint64_t *pages[PAGES_MAX];
	bool sound = true;
	int nb = 0;

	while (nb < PAGES_MAX && (pages[nb] = huge_page()) != NULL)
		fill(pages[nb++], PAGE_BYTES);
	pause_ms(WATCH_MS);
	for (int i = 0; i < nb; i++) {
		sound = is_sound(pages[i], PAGE_BYTES, "a page that was free") && sound;
		munmap(pages[i], PAGE_BYTES);
	}
	return sound ? nb : -1;
}

static int canaries(unsigned nb)
{
	size_t bytes = (size_t)nb * PAGE_BYTES;
	uint64_t *plain = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t *huge[PAGES_MAX];
	char line[64];

	if (nb > PAGES_MAX || plain == MAP_FAILED)
		return 2;
	fill(plain, bytes);
	for (unsigned i = 0; i < nb; i++) {
		huge[i] = huge_page();
		if (!huge[i]) {
			printf("no hugepage: %s\n", strerror(errno));
			return 2;
		}
		fill(huge[i], PAGE_BYTES);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		bool sound = is_sound(plain, bytes, "ordinary memory");
		int nb_free;

		for (unsigned i = 0; i < nb; i++)
			sound = is_sound(huge[i], PAGE_BYTES, "a hugepage") && sound;
		nb_free = check_free_pages();
		if (!sound || nb_free < 0)
			return 1;
		printf("sound %d\n", nb_free);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "feed") == 0)
		return feed(argv[2], argc > 3 ? (unsigned)atoi(argv[3]) : 0);
	if (argc == 3 && strcmp(argv[1], "canaries") == 0)
		return canaries((unsigned)atoi(argv[2]));
	fputs("usage: lab_igb_guard feed IFACE [PAUSE_US] | canaries PAGES\n", stderr);
	return 2;
}
