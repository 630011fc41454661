/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lab_ping ADDRESS FIRST LAST STEP: pings of the kernel whose frames have all those lengths, some
 * under way at a time, none fragmented. Every answer has to come, byte for byte; for ping of
 * iputils each length is another process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADERS = ETHER_HDR_LEN + sizeof(struct iphdr),
	FRAME_MAX = 9728,
	WINDOW_BYTES = 24000, /* under way: of more the kernel drops answers */
	WINDOW_FRAMES = 128,  /* and an emulated card what its ring has no room for */
	PATIENCE_S = 10,
	ID = 0x4c41,
};

static int fd;

static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The ICMP message of a frame of @frame bytes; @frame is its number, too. */
static size_t make(uint8_t *out, size_t frame, uint8_t type)
{
	size_t len = frame - HEADERS;
	struct icmphdr header = {.type = type};
	uint32_t random = (uint32_t)frame * 2654435761u + 1;

	header.un.echo.id = htons(ID);
	header.un.echo.sequence = htons((uint16_t)frame);
	memcpy(out, &header, sizeof(header));
	for (size_t i = sizeof(header); i < len; i++) {
		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		out[i] = (uint8_t)random;
	}
	header.checksum = checksum(out, len);
	memcpy(out, &header, sizeof(header));
	return len;
}

static bool send_one(size_t frame)
{
	uint8_t message[FRAME_MAX];
	size_t len = make(message, frame, ICMP_ECHO);

	if (send(fd, message, len, 0) == (ssize_t)len)
		return true;
	printf("a frame of %zu bytes: %s\n", frame, strerror(errno));
	return false;
}

/* The length of the frame whose answer came, 0 after a line. */
static size_t receive_one(void)
{
	uint8_t packet[FRAME_MAX], expected[FRAME_MAX];

	for (;;) {
		const uint8_t *message = packet + sizeof(struct iphdr);
		ssize_t len = recv(fd, packet, sizeof(packet), 0);
		struct icmphdr header;
		size_t frame;

		if (len < 0) {
			printf("%s\n", strerror(errno));
			return 0;
		}
		memcpy(&header, message, sizeof(header));
		if (header.type != ICMP_ECHOREPLY || header.un.echo.id != htons(ID))
			continue;
		frame = ntohs(header.un.echo.sequence);
		if (frame < HEADERS + sizeof(header) || frame > FRAME_MAX ||
		    make(expected, frame, ICMP_ECHOREPLY) + sizeof(struct iphdr) != (size_t)len ||
		    memcmp(message, expected, frame - HEADERS) != 0) {
			printf("the answer to %zu bytes is not what was sent, %zd bytes\n", frame,
			       len);
			return 0;
		}
		return frame;
	}
}

static bool open_socket(const char *to)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	const int probe = IP_PMTUDISC_PROBE, room = 4 << 20;
	struct sockaddr_in address = {.sin_family = AF_INET};

	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	return fd >= 0 && inet_pton(AF_INET, to, &address.sin_addr) == 1 &&
	       setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	       connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

int main(int argc, char **argv)
{
	static bool answered[FRAME_MAX + 1];
	size_t first, last, step, next, nb_sent = 0, nb_answers = 0;

	if (argc != 5 || !open_socket(argv[1])) {
		printf("lab_ping: %s\n", argc == 5 ? strerror(errno) : "ADDRESS FIRST LAST STEP");
		return 2;
	}
	first = strtoul(argv[2], NULL, 10);
	last = strtoul(argv[3], NULL, 10);
	step = strtoul(argv[4], NULL, 10);
	for (next = first; next <= last || nb_answers < nb_sent;) {
		size_t frame;

		/* The first alone: it has to find the neighbour. */
		while (next <= last && nb_sent - nb_answers < WINDOW_FRAMES &&
		       (nb_sent - nb_answers) * next < (nb_answers ? WINDOW_BYTES : next)) {
			if (!send_one(next))
				return 1;
			next += step;
			nb_sent++;
		}
		frame = receive_one();
		if (frame == 0 || answered[frame]) {
			printf("%zu sent, %zu answered%s; without an answer:", nb_sent, nb_answers,
			       frame ? ", one twice" : "");
			for (frame = first; frame < next; frame += step)
				if (!answered[frame])
					printf(" %zu", frame);
			puts(" bytes");
			return 1;
		}
		answered[frame] = true;
		nb_answers++;
	}
	printf("%zu lengths from %zu to %zu bytes\n", nb_answers, first, last);
	return 0;
}
