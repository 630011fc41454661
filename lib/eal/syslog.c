/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that needs <syslog.h>. From its inclusion on, LOG_ERR and the like are its numbers and no
 * longer the module's shorthands.
 */
#include "args.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{"auth", LOG_AUTH},	{"cron", LOG_CRON},	{"daemon", LOG_DAEMON},
	{"ftp", LOG_FTP},	{"kern", LOG_KERN},	{"lpr", LOG_LPR},
	{"mail", LOG_MAIL},	{"news", LOG_NEWS},	{"syslog", LOG_SYSLOG},
	{"user", LOG_USER},	{"uucp", LOG_UUCP},	{"local0", LOG_LOCAL0},
	{"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
	{"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},
	{"local7", LOG_LOCAL7},
};

int plx_syslog_facility(const char *name)
{
	for (size_t i = 0; i < PLX_ARRAY_SIZE(facilities); i++)
		if (strcmp(name, facilities[i].name) == 0)
			return facilities[i].facility;
	return -ENOENT;
}
