/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rx_pcap=: frames out of a capture file, read by libpcap, which knows pcap and pcapng, both byte
 * orders, micro- and nanoseconds. Only regular files: a burst must not wait for a pipe.
 *
 * What is wrong with a file that can be seen at its beginning refuses the device. What is wrong
 * later is told in one line and ends the file there; the packets before it have come in.
 *
 * With infinite_rx the whole file is read into memory when the device is made, and comes again
 * and again.
 */
#include "pcap_private.h"

#include <fcntl.h>
#include <pollux/clock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024, NS_PER_S = 1000000000 };

/* A recorded pause that is longer is a stamp that is wrong, and not waited for. What comes again
 * and again waits for no more than a minute, since it would each time. */
static const int64_t pause_max_ns = INT64_C(86400) * NS_PER_S;
static const int64_t replay_pause_max_ns = INT64_C(60) * NS_PER_S;

/* Packets may be recorded a little out of order; farther back is a clock that was set. */
static const int64_t step_back_max_ns = NS_PER_S;

static uint64_t stamp_ns(const struct pcap_pkthdr *header)
{
	return (uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec;
}

/* ---- Open ---- */

static int refuse(struct pcap_port *pp, const char *path, const char *why)
{
	plx_port_log(pp->port, PLX_LOG_ERR, "rx_pcap=%s: %s", path, why);
	return -EINVAL;
}

/* The file may be read by other ports too, and be written by none. */
static int open_fd(struct pcap_port *pp, const char *path, struct pcap_file_id *id)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		int err = errno;

		plx_port_log(pp->port, PLX_LOG_ERR, "rx_pcap=%s: can't open the file: %s", path,
			     strerror(err));
		return -err;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return refuse(pp, path, "not a regular file; a burst must not wait for a pipe");
	}
	if (flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK) {
		close(fd);
		plx_port_log(pp->port, PLX_LOG_ERR, "rx_pcap=%s: a port writes into this file",
			     path);
		return -EBUSY;
	}
	*id = (struct pcap_file_id){st.st_dev, st.st_ino};
	return fd;
}

/* A duplicate for libpcap, which closes what it is given. */
static FILE *open_stream(struct pcap_in *in)
{
	int fd = fcntl(in->fd, F_DUPFD_CLOEXEC, 0);
	FILE *stream;

	if (fd < 0)
		return NULL;
	if (lseek(fd, 0, SEEK_SET) < 0 || !(stream = fdopen(fd, "r"))) {
		close(fd);
		return NULL;
	}
	setvbuf(stream, in->buffer, _IOFBF, BUFFER_BYTES);
	return stream;
}

static int check_link_type(const struct pcap_in *in, pcap_t *reader)
{
	int type = pcap_datalink(reader);
	const char *name = pcap_datalink_val_to_name(type);
	const char *text = pcap_datalink_val_to_description(type);

	if (type == DLT_EN10MB)
		return 0;
	plx_port_log(in->owner->port, PLX_LOG_ERR,
		     "rx_pcap=%s: its link type is %s (%s, number %d), want EN10MB (Ethernet)",
		     in->path, name ? name : "unknown", text ? text : "no description", type);
	return -EINVAL;
}

static int reader_open(struct pcap_in *in)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	FILE *stream = open_stream(in);
	pcap_t *reader;
	int ret;

	if (!stream)
		return refuse(in->owner, in->path, strerror(errno));
	reader = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!reader) {
		fclose(stream);
		plx_port_log(in->owner->port, PLX_LOG_ERR,
			     "rx_pcap=%s: not a capture file: %s; want pcap or pcapng", in->path,
			     why);
		return -EINVAL;
	}
	ret = check_link_type(in, reader);
	if (ret == 0)
		ret = plx_pcap_filter(in->owner, reader, in->path);
	if (ret) {
		pcap_close(reader);
		return ret;
	}
	in->reader = reader;
	in->nb_read = 0;
	return 0;
}

/* ---- Read ---- */

/* The file has ended early. */
static PLX_COLD void tell_damage(const struct pcap_in *in)
{
	plx_port_log(in->owner->port, PLX_LOG_ERR,
		     "rx_pcap=%s: packet %llu: %s; the file ends here, the packets before it are "
		     "kept",
		     in->path, (unsigned long long)in->nb_read + 1, pcap_geterr(in->reader));
}

/* The next packet of the file into in->header. Returns 1, 0 at the end, -1 where it is damaged. */
static int read_packet(struct pcap_in *in)
{
	struct pcap_pkthdr *header;
	int ret = pcap_next_ex(in->reader, &header, &in->data);

	if (plx_likely(ret == 1)) {
		in->header = header;
		in->nb_read++;
		return 1;
	}
	if (ret == PCAP_ERROR_BREAK)
		return 0;
	tell_damage(in);
	return -1;
}

static int replay_record(struct pcap_in *in)
{
	const struct pcap_record *record = &in->records[in->next_record];

	in->header = &record->header;
	in->data = in->bytes + record->offset;
	return 1;
}

/* Have a packet at in->header. False: there are no more. */
static bool peek(struct pcap_rxq *q, struct pcap_in *in)
{
	int ret;

	if (in->header)
		return true;
	ret = in->records ? replay_record(in) : read_packet(in);
	if (plx_likely(ret == 1))
		return true;
	in->eof = true;
	plx_count(&q->eof, 1);
	if (ret < 0) {
		plx_count(&q->damaged, 1);
		plx_count(&q->base.stats.errors, 1);
	}
	plx_pcap_link_eof(in->owner);
	return false;
}

static void step(struct pcap_in *in)
{
	in->header = NULL;
	in->is_timed = false;
	in->nb_replayed++;
	if (in->records && ++in->next_record == in->nb_records)
		in->next_record = 0;
}

/* ---- Pace ---- */

/* How many packets of @nb are due by now at rate_pps. */
static uint32_t due_by_rate(struct pcap_in *in, uint32_t nb)
{
	uint64_t now_ns = plx_clock_now_ns();
	uint64_t due;

	if (in->base_ns == 0)
		in->base_ns = now_ns;
	due = (uint64_t)((plx_clock_u128)(now_ns - in->base_ns) * in->owner->conf.rate_pps /
			 NS_PER_S) +
	      1;
	if (due <= in->nb_replayed)
		return 0;
	return (uint32_t)plx_min_u64(due - in->nb_replayed, nb);
}

static int64_t longest_pause_ns(const struct pcap_in *in)
{
	return in->records ? replay_pause_max_ns : pause_max_ns;
}

static bool is_jump(const struct pcap_in *in, int64_t pause_ns)
{
	return pause_ns > longest_pause_ns(in) || pause_ns < -step_back_max_ns;
}

static PLX_COLD void tell_jump(struct pcap_in *in, int64_t pause_ns)
{
	bool *told = pause_ns < 0 ? &in->told_back : &in->told_ahead;
	const char *how_far = "day after";

	if (*told)
		return;
	*told = true;
	if (pause_ns < 0)
		how_far = "second before";
	else if (in->records)
		how_far = "minute after";
	plx_port_log(in->owner->port, PLX_LOG_WARN,
		     "rx_pcap=%s: a packet is recorded more than a %s the one that came before; it "
		     "comes at once, as do others like it",
		     in->path, how_far);
}

/* Say when the packet at in->header is due: as long after the one before it as it was recorded. A
 * jump of the stamps takes no time, whichever way, so that the pauses behind it stay. */
static void time_packet(struct pcap_in *in, uint64_t now_ns)
{
	uint64_t stamp = stamp_ns(in->header);
	int64_t pause_ns = (int64_t)(stamp - in->stamp_ns);

	if (in->base_ns == 0) {
		in->base_ns = now_ns;
		pause_ns = 0;
	} else if (in->records && in->next_record == 0) {
		pause_ns = in->pass_pause_ns;
	} else if (plx_unlikely(is_jump(in, pause_ns))) {
		tell_jump(in, pause_ns);
		pause_ns = 0;
	}
	in->at_ns += pause_ns;
	in->stamp_ns = stamp;
	in->is_timed = true;
}

static bool is_due(struct pcap_in *in, uint64_t now_ns)
{
	if (!in->is_timed)
		time_packet(in, now_ns);
	return in->at_ns <= (int64_t)(now_ns - in->base_ns);
}

/* ---- The burst ---- */

/* A packet that is due waits, and finds no mbuf. */
static PLX_COLD void starve(struct pcap_rxq *q, struct pcap_in *in, uint64_t now_ns)
{
	bool paced = in->owner->conf.replay == PCAP_REPLAY_RECORDED;

	if (peek(q, in) && (!paced || is_due(in, now_ns)))
		plx_count(&q->base.stats.nombuf, 1);
}

uint32_t plx_pcap_in_burst(void *queue, struct plx_mbuf **pkts, uint32_t nb)
{
	struct pcap_rxq *q = queue;
	struct pcap_in *in = q->in;
	enum pcap_replay replay = in->owner->conf.replay;
	uint64_t now_ns = 0;
	uint64_t nb_starved = q->base.stats.nombuf;

	if (plx_unlikely(in->eof))
		return 0;
	if (replay == PCAP_REPLAY_RATE)
		nb = due_by_rate(in, nb);
	else if (replay == PCAP_REPLAY_RECORDED)
		now_ns = plx_clock_now_ns();
	if (nb == 0)
		return 0;
	plx_pcap_reserve(q, pkts, nb);
	for (uint32_t i = 0; i < q->nb_reserved; i++) {
		if (!peek(q, in))
			break;
		if (replay == PCAP_REPLAY_RECORDED && !is_due(in, now_ns))
			break;
		if (plx_unlikely(!plx_pcap_take(q, in->header, in->data))) {
			plx_count(&q->base.stats.nombuf, 1);
			break;
		}
		step(in);
	}
	if (plx_unlikely(q->nb_out == q->nb_reserved && q->nb_out < nb) &&
	    q->base.stats.nombuf == nb_starved)
		starve(q, in, now_ns);
	return plx_pcap_settle(q);
}

/* ---- infinite_rx ---- */

static int keep(struct pcap_in *in, uint64_t *room_records, uint64_t *room_bytes)
{
	uint64_t caplen = in->header->caplen;

	if (in->nb_records == *room_records) {
		uint64_t room = *room_records ? 2 * *room_records : 1024;
		void *records = realloc(in->records, room * sizeof(*in->records));

		if (!records)
			return -ENOMEM;
		in->records = records;
		*room_records = room;
	}
	while (*room_bytes - in->nb_bytes < caplen) {
		uint64_t room = *room_bytes ? 2 * *room_bytes : 1 << 20;
		void *bytes = realloc(in->bytes, room);

		if (!bytes)
			return -ENOMEM;
		in->bytes = bytes;
		*room_bytes = room;
	}
	in->records[in->nb_records++] = (struct pcap_record){in->nb_bytes, *in->header};
	memcpy(in->bytes + in->nb_bytes, in->data, caplen);
	in->nb_bytes += caplen;
	return 0;
}

/* After the last packet comes the first one, as far away as packets are on the average, jumps of
 * the clock left out; where that can't be said it is a second. */
static void measure_pass(struct pcap_in *in)
{
	const struct pcap_record *records = in->records;
	int64_t nb_pauses = 0, sum_ns = 0;

	for (uint64_t i = 1; i < in->nb_records; i++) {
		int64_t pause_ns =
			(int64_t)(stamp_ns(&records[i].header) - stamp_ns(&records[i - 1].header));

		if (is_jump(in, pause_ns))
			continue;
		sum_ns += pause_ns;
		nb_pauses++;
	}
	in->pass_pause_ns = sum_ns > 0 ? sum_ns / nb_pauses : NS_PER_S;
}

static int load(struct pcap_in *in)
{
	uint64_t room_records = 0, room_bytes = 0;
	int ret = 0;

	while (ret == 0 && read_packet(in) == 1)
		ret = keep(in, &room_records, &room_bytes);
	pcap_close(in->reader);
	in->reader = NULL;
	in->header = NULL;
	if (ret)
		return ret;
	if (in->nb_records == 0)
		return refuse(in->owner, in->path, "infinite_rx: there are no packets in it");
	measure_pass(in);
	return 0;
}

/* ---- Life ---- */

int plx_pcap_in_open(struct pcap_port *pp, const char *path, struct pcap_in **out)
{
	struct pcap_in *in = calloc(1, sizeof(*in));
	int ret;

	if (!in)
		return -ENOMEM;
	in->owner = pp;
	in->path = path;
	in->fd = open_fd(pp, path, &in->id);
	if (in->fd < 0) {
		ret = in->fd;
		goto free_in;
	}
	ret = -ENOMEM;
	in->buffer = malloc(BUFFER_BYTES);
	if (!in->buffer)
		goto close_fd;
	ret = reader_open(in);
	if (ret)
		goto free_buffer;
	if (pp->conf.infinite_rx) {
		ret = load(in);
		if (ret)
			goto free_records;
	}
	*out = in;
	return 0;

free_records:
	free(in->records);
	free(in->bytes);
free_buffer:
	free(in->buffer);
close_fd:
	close(in->fd);
free_in:
	free(in);
	return ret;
}

void plx_pcap_in_close(struct pcap_in *in)
{
	if (!in)
		return;
	if (in->reader)
		pcap_close(in->reader);
	free(in->records);
	free(in->bytes);
	free(in->buffer);
	close(in->fd);
	free(in);
}

int plx_pcap_in_start(struct pcap_in *in)
{
	bool fresh = in->nb_read == 0 && !in->eof && !in->header;
	pcap_t *reader;

	in->header = NULL;
	in->eof = false;
	in->base_ns = 0;
	in->nb_replayed = 0;
	in->is_timed = false;
	in->at_ns = 0;
	in->next_record = 0;
	if (in->records || (in->reader && fresh))
		return 0;
	/* None after a start that failed. */
	reader = in->reader;
	in->reader = NULL;
	if (reader)
		pcap_close(reader);
	return reader_open(in);
}
