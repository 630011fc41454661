/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Line charts as SVG, inside a page that has svg_style or as a file of its own. Colours are CSS
 * variables with a value for light and one for dark; each series also has a shape of its own.
 */
#ifndef BENCH_SVG_H
#define BENCH_SVG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	SVG_SERIES_MAX = 20,
	SVG_POINTS_MAX = 40,
	SVG_TICKS_MAX = 40,
	SVG_COLORS = 6, /* of series; one more is for what stands beside them */
	SVG_BESIDE = SVG_COLORS,
};

struct svg_point {
	double x;	     /* [0, 1], from left to right */
	double y, low, high; /* low and high are y where there is no spread */
	bool apart;	     /* no line leads here */
};

struct svg_series {
	char name[64];
	unsigned color; /* [0, SVG_COLORS] */
	bool dashed;
	bool no_line;	/* only its points */
	bool no_points; /* only its line */
	size_t nb;
	struct svg_point points[SVG_POINTS_MAX];
};

struct svg_chart {
	const char *id; /* of the file and in the page */
	const char *title;
	char desc[400];
	const char *x_label, *y_label;
	bool log_y;
	size_t nb_ticks;
	struct {
		double x;
		char label[24];
	} ticks[SVG_TICKS_MAX];
	size_t nb_series;
	struct svg_series series[SVG_SERIES_MAX];
};

/** The style of charts, without the element around it. */
extern const char svg_style[];

/** @alone: a file of its own, with title and style. */
void svg_draw(const struct svg_chart *chart, bool alone, FILE *out);

/** Text of whatever origin, for XML and HTML, also between quotes. */
void xml_text(const char *text, FILE *out);

/** NULL when there is no room. */
struct svg_series *svg_add_series(struct svg_chart *chart, unsigned color, bool dashed);
void svg_add_point(struct svg_series *series, double x, double y, double low, double high);
void svg_add_tick(struct svg_chart *chart, double x, const char *label);

/* ---- svg_figures.c: which charts a report has ---- */

struct svg_figure {
	const char *id;
	/** False when the report has nothing of that; @chart comes cleared, with its id. */
	bool (*make)(struct svg_chart *chart, const json_t *report);
};
extern const struct svg_figure svg_figures[];
extern const size_t nb_svg_figures;

#endif
