/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tx_pcap=: frames into a capture file with stamps in nanoseconds.
 *
 * A burst is put together in memory and written by one write(2), so that the file always ends with
 * a whole packet; but for kill -9 in the middle of that call, which may cut the burst, at a page's
 * end: all packets before can be read. When writing fails the file is cut back to the last whole
 * burst and the burst counts as tx_errors.
 *
 * Stamps are the packets' own where they have any (what a pcap port received has), so that a file
 * that goes in and out keeps them; tx_stamp=now writes the present time instead.
 */
#include "pcap_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	NS_PER_S = 1000000000,
	MAGIC_NS = (int)0xa1b23c4d, /* stamps in nanoseconds, this machine's byte order */
	STAGE_BYTES = 1 << 20,
};

/* A packet's header as the file has it. */
struct record_header {
	uint32_t s, ns, caplen, len;
};

_Static_assert(STAGE_BYTES >= PCAP_FRAME_MAX + sizeof(struct record_header),
	       "the largest packet fits");

/* ---- The burst ---- */

static int write_all(int fd, const char *bytes, size_t nb)
{
	while (nb > 0) {
		ssize_t ret = write(fd, bytes, nb);

		if (ret < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (ret == 0)
			return -EIO;
		bytes += ret;
		nb -= (size_t)ret;
	}
	return 0;
}

/* Take back what was written by half. */
static PLX_COLD int mend(struct pcap_out *out)
{
	out->is_torn = out->is_regular && (ftruncate(out->fd, out->end) != 0 ||
					   lseek(out->fd, out->end, SEEK_SET) != out->end);
	return out->is_torn ? -EIO : 0;
}

/* Tell it once, until writing succeeds again. */
static PLX_COLD void cut_back(struct pcap_out *out, int error)
{
	mend(out);
	if (out->told)
		return;
	out->told = true;
	plx_port_log(out->owner->port, PLX_LOG_ERR, "tx_pcap=%s: can't write: %s%s", out->path,
		     strerror(-error), out->is_torn ? "; its last packet is not whole" : "");
}

/* Write what is staged. */
static void flush(struct pcap_txq *q, uint32_t nb_packets, uint64_t bytes)
{
	struct pcap_out *out = q->out;
	int ret = 0;

	if (nb_packets == 0)
		return;
	/* Nothing can be read that is after half a packet. */
	if (plx_unlikely(out->is_torn))
		ret = mend(out);
	if (plx_likely(ret == 0))
		ret = write_all(out->fd, out->staged, out->nb_staged);
	if (plx_unlikely(ret)) {
		cut_back(out, ret);
		plx_count(&q->write_failed, nb_packets);
		plx_count(&q->base.stats.errors, nb_packets);
	} else {
		out->end += (off_t)out->nb_staged;
		out->told = false;
		plx_count(&q->base.stats.packets, nb_packets);
		plx_count(&q->base.stats.bytes, bytes);
	}
	out->nb_staged = 0;
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void stage(struct pcap_out *out, const struct plx_mbuf *m, uint64_t stamp_ns)
{
	const struct record_header header = {
		.s = (uint32_t)(stamp_ns / NS_PER_S),
		.ns = (uint32_t)(stamp_ns % NS_PER_S),
		.caplen = m->pkt_len,
		.len = m->pkt_len,
	};
	char *to = out->staged + out->nb_staged;

	memcpy(to, &header, sizeof(header));
	to += sizeof(header);
	do {
		memcpy(to, plx_mbuf_data(m), m->data_len);
		to += m->data_len;
		m = m->next;
	} while (plx_unlikely(m != NULL));
	out->nb_staged = (size_t)(to - out->staged);
}

static PLX_COLD void refuse_packet(struct pcap_txq *q, const struct plx_mbuf *m)
{
	plx_count(m->pkt_len > PCAP_FRAME_MAX ? &q->too_long : &q->refused, 1);
	plx_count(&q->base.stats.errors, 1);
}

uint32_t plx_pcap_out_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct pcap_txq *q = queue;
	struct pcap_out *out = q->out;
	bool stamp_now = out->owner->conf.stamp_now;
	uint64_t now_ns = 0, bytes = 0;
	uint32_t nb_staged = 0;

	for (uint32_t i = 0; i < nb; i++) {
		const struct plx_mbuf *m = pkts[i];
		uint64_t stamp_ns = m->timestamp;

		if (plx_unlikely(m->pkt_len > PCAP_FRAME_MAX ||
				 (m->nb_segs > 1 && !q->multi_segs))) {
			refuse_packet(q, m);
			continue;
		}
		if (STAGE_BYTES - out->nb_staged < m->pkt_len + sizeof(struct record_header)) {
			flush(q, nb_staged, bytes);
			nb_staged = 0;
			bytes = 0;
		}
		if (stamp_now || !(m->flags & PLX_MBUF_F_RX_TIMESTAMP)) {
			if (now_ns == 0)
				now_ns = wall_ns();
			stamp_ns = now_ns;
		}
		stage(out, m, stamp_ns);
		nb_staged++;
		bytes += m->pkt_len;
	}
	flush(q, nb_staged, bytes);
	plx_mbuf_free_bulk(pkts, nb);
	return nb;
}

/* ---- Life ---- */

static int refuse(struct pcap_port *pp, const char *path, const char *why, int error)
{
	plx_port_log(pp->port, PLX_LOG_ERR, "tx_pcap=%s: %s", path, why);
	return error;
}

/* Seen without flock(), which not all file systems have. */
static bool is_own(const struct pcap_port *pp, const struct stat *st)
{
	struct stat other;

	for (unsigned i = 0; i < PCAP_STREAMS_MAX; i++) {
		const struct pcap_in *in = pp->rx[i].in;
		const struct pcap_out *out = pp->tx[i].out;

		if (in && fstat(in->fd, &other) == 0 && other.st_dev == st->st_dev &&
		    other.st_ino == st->st_ino)
			return true;
		if (out && fstat(out->fd, &other) == 0 && other.st_dev == st->st_dev &&
		    other.st_ino == st->st_ino)
			return true;
	}
	return false;
}

/* The file is emptied only once it is sure that no other port has it. */
static int open_fd(struct pcap_port *pp, const char *path, struct pcap_out *out)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

	if (fd < 0) {
		int err = errno;

		/* ENXIO: a FIFO that nobody reads. */
		plx_port_log(pp->port, PLX_LOG_ERR, "tx_pcap=%s: can't open the file: %s", path,
			     strerror(err));
		return -err;
	}
	if (fstat(fd, &st) || isatty(fd) || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))) {
		close(fd);
		return refuse(pp, path, "not a regular file; a burst must not wait for a pipe",
			      -EINVAL);
	}
	out->id = (struct pcap_file_id){st.st_dev, st.st_ino};
	out->is_regular = S_ISREG(st.st_mode);
	if (out->is_regular && is_own(pp, &st)) {
		close(fd);
		return refuse(pp, path, "this port reads or writes this very file already", -EBUSY);
	}
	if (out->is_regular && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		close(fd);
		return refuse(pp, path, "a port reads or writes this file already", -EBUSY);
	}
	if (out->is_regular && ftruncate(fd, 0)) {
		int err = errno;

		close(fd);
		return refuse(pp, path, strerror(err), -err);
	}
	return fd;
}

int plx_pcap_out_open(struct pcap_port *pp, const char *path, struct pcap_out **out)
{
	const struct pcap_file_header header = {
		.magic = (bpf_u_int32)MAGIC_NS,
		.version_major = PCAP_VERSION_MAJOR,
		.version_minor = PCAP_VERSION_MINOR,
		.snaplen = PCAP_FRAME_MAX,
		.linktype = DLT_EN10MB,
	};
	struct pcap_out *file = calloc(1, sizeof(*file));
	int ret = -ENOMEM;

	if (!file)
		return -ENOMEM;
	file->owner = pp;
	file->path = path;
	file->staged = malloc(STAGE_BYTES);
	if (!file->staged)
		goto free_out;
	file->fd = open_fd(pp, path, file);
	if (file->fd < 0) {
		ret = file->fd;
		goto free_staged;
	}
	ret = write_all(file->fd, (const char *)&header, sizeof(header));
	if (ret) {
		refuse(pp, path, strerror(-ret), ret);
		goto close_fd;
	}
	file->end = sizeof(header);
	*out = file;
	return 0;

close_fd:
	close(file->fd);
free_staged:
	free(file->staged);
free_out:
	free(file);
	return ret;
}

void plx_pcap_out_close(struct pcap_out *out)
{
	if (!out)
		return;
	close(out->fd);
	free(out->staged);
	free(out);
}
