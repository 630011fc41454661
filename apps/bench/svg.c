/* SPDX-License-Identifier: BSD-3-Clause */
/* One chart: axes, then whiskers, lines and points of each series, then the legend. */
#include "svg.h"

#include <math.h>
#include <string.h>

#include "report_doc.h"

/* In the units of the view box. */
enum {
	WIDTH = 560,
	LEFT = 58,
	RIGHT = 16,
	PLOT_WIDTH = WIDTH - LEFT - RIGHT,
	PLOT_HEIGHT = 240,
	HEAD = 34, /* of a file of its own, for the title */
	LEGEND_LINE = 22,
	LEGEND_SWATCH = 30,
	LEGEND_GAP = 18,
	FOOT = 50,
	Y_TICKS_MAX = 40,
};

static const double CHAR_WIDTH = 7.6; /* of a letter in the legend, rather too wide */

const char svg_style[] =
	"svg.chart{--paper:#fff;--ink:#1b1f24;--soft:#59636e;--grid:#dfe3e8;"
	"--c0:#1f5fbf;--c1:#b3500b;--c2:#0c7a66;--c3:#8a3ab0;--c4:#a3254b;--c5:#5f6b00;--c6:#"
	"6a737d;"
	"font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica "
	"Neue\",Arial,sans-serif;"
	"font-size:14px}\n"
	"@media (prefers-color-scheme:dark){svg.chart{--paper:#14181d;--ink:#e6eaef;--soft:#9ba6b2;"
	"--grid:#2d343c;--c0:#78aaff;--c1:#ffa45c;--c2:#4fd1b5;--c3:#d59bf5;--c4:#ff8fab;"
	"--c5:#c9d45a;--c6:#9ba6b2}}\n"
	"@media print{svg.chart{--paper:#fff;--ink:#000;--soft:#444;--grid:#ccc;--c0:#1f5fbf;"
	"--c1:#b3500b;--c2:#0c7a66;--c3:#8a3ab0;--c4:#a3254b;--c5:#5f6b00;--c6:#555}}\n"
	".chart text{fill:var(--soft)}.chart .ink{fill:var(--ink)}"
	".chart .title{fill:var(--ink);font-size:17px;font-weight:600}"
	".chart .paper{fill:var(--paper)}.chart .grid{stroke:var(--grid);stroke-width:1}"
	".chart .axis{stroke:var(--soft);stroke-width:1}"
	".chart .line{fill:none;stroke-width:2;stroke-linejoin:round}"
	".chart .dashed{stroke-dasharray:6 4}.chart .whisker{stroke-width:1.4;opacity:.75}"
	".chart .mark{stroke:var(--paper);stroke-width:1.2}\n"
	".chart .s0{stroke:var(--c0)}.chart .f0{fill:var(--c0)}"
	".chart .s1{stroke:var(--c1)}.chart .f1{fill:var(--c1)}"
	".chart .s2{stroke:var(--c2)}.chart .f2{fill:var(--c2)}"
	".chart .s3{stroke:var(--c3)}.chart .f3{fill:var(--c3)}"
	".chart .s4{stroke:var(--c4)}.chart .f4{fill:var(--c4)}"
	".chart .s5{stroke:var(--c5)}.chart .f5{fill:var(--c5)}"
	".chart .s6{stroke:var(--c6)}.chart .f6{fill:var(--c6)}\n";

void xml_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			/* other control characters are not allowed in XML at all */
			if ((unsigned char)*text >= ' ' || *text == '\n' || *text == '\t')
				fputc(*text, out);
			else
				fputs("\xef\xbf\xbd", out);
		}
	}
}

struct svg_series *svg_add_series(struct svg_chart *chart, unsigned color, bool dashed)
{
	struct svg_series *series;

	if (chart->nb_series == SVG_SERIES_MAX)
		return NULL;
	series = &chart->series[chart->nb_series++];
	*series = (struct svg_series){
		.color = color == SVG_BESIDE ? SVG_BESIDE : color % SVG_COLORS,
		.dashed = dashed,
	};
	return series;
}

void svg_add_point(struct svg_series *series, double x, double y, double low, double high)
{
	if (series->nb == SVG_POINTS_MAX || !isfinite(y))
		return;
	series->points[series->nb++] = (struct svg_point){
		.x = x,
		.y = y,
		.low = isfinite(low) ? low : y,
		.high = isfinite(high) ? high : y,
	};
}

void svg_add_tick(struct svg_chart *chart, double x, const char *label)
{
	if (chart->nb_ticks == SVG_TICKS_MAX)
		return;
	chart->ticks[chart->nb_ticks].x = x;
	snprintf(chart->ticks[chart->nb_ticks].label, sizeof(chart->ticks[0].label), "%s", label);
	chart->nb_ticks++;
}

/* ---- The scale upwards ---- */

struct scale {
	bool log;
	double low, high; /* logarithms if log */
	double top;	  /* of the plot, in the view box */
	size_t nb;
	double ticks[Y_TICKS_MAX];
};

static double above(const struct scale *scale, double y)
{
	double value = scale->log ? log10(fmax(y, 1e-12)) : y;
	double share = (value - scale->low) / (scale->high - scale->low);

	return scale->top + PLOT_HEIGHT * (1 - fmin(fmax(share, 0), 1));
}

static void scale_linear(struct scale *scale, double most)
{
	static const double steps[] = {1, 2, 2.5, 5, 10};
	double power = pow(10, floor(log10(most / 5))), step = 10 * power;

	for (unsigned i = 0; i < PLX_ARRAY_SIZE(steps); i++) {
		if (most / (steps[i] * power) <= 5.5) {
			step = steps[i] * power;
			break;
		}
	}
	scale->low = 0;
	scale->high = step * ceil(most / step);
	for (double y = 0; y <= scale->high * 1.0001 && scale->nb < Y_TICKS_MAX; y += step)
		scale->ticks[scale->nb++] = y;
}

static void scale_log(struct scale *scale, double least, double most)
{
	static const double parts[] = {1, 2, 5};
	int first = (int)floor(log10(least)), last;
	unsigned nb_parts;

	scale->low = log10(least) - 0.15;
	scale->high = log10(most) + 0.08;
	if (scale->high - scale->low < 0.5) {
		scale->low -= 0.25;
		scale->high += 0.25;
	}
	last = (int)ceil(scale->high);
	nb_parts = scale->high - scale->low < 2.3 ? 3 : 1;
	for (int decade = first - 1; decade <= last; decade++) {
		for (unsigned i = 0; i < nb_parts; i++) {
			double y = pow(10, decade) * parts[i];

			if (log10(y) >= scale->low && log10(y) <= scale->high &&
			    scale->nb < Y_TICKS_MAX)
				scale->ticks[scale->nb++] = y;
		}
	}
}

static struct scale scale_of(const struct svg_chart *chart, double top)
{
	struct scale scale = {.log = chart->log_y, .top = top};
	double least = INFINITY, most = 0;

	for (size_t s = 0; s < chart->nb_series; s++) {
		for (size_t i = 0; i < chart->series[s].nb; i++) {
			const struct svg_point *point = &chart->series[s].points[i];

			if (point->low > 0)
				least = fmin(least, point->low);
			most = fmax(most, point->high);
		}
	}
	if (!(most > 0))
		least = most = 1;
	if (scale.log)
		scale_log(&scale, fmin(least, most), most);
	else
		scale_linear(&scale, most);
	return scale;
}

/* ---- Drawing ---- */

static double across(double x)
{
	return LEFT + PLOT_WIDTH * x;
}

static void put_tick_number(double value, FILE *out)
{
	if (value >= 999999.5)
		fprintf(out, "%gM", value / 1e6);
	else if (value >= 9999.5)
		fprintf(out, "%gk", value / 1e3);
	else
		fprintf(out, "%g", value);
}

static void draw_axes(const struct svg_chart *chart, const struct scale *scale, FILE *out)
{
	double bottom = scale->top + PLOT_HEIGHT;

	for (size_t i = 0; i < scale->nb; i++) {
		double y = above(scale, scale->ticks[i]);

		fprintf(out,
			"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
			LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4.5);
		put_tick_number(scale->ticks[i], out);
		fputs("</text>\n", out);
	}
	fprintf(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", LEFT,
		WIDTH - RIGHT, bottom, bottom);
	for (size_t i = 0; i < chart->nb_ticks; i++) {
		double x = across(chart->ticks[i].x);

		fprintf(out,
			"<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
			x, x, bottom, bottom + 4, x, bottom + 20);
		xml_text(chart->ticks[i].label, out);
		fputs("</text>\n", out);
	}
	fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", WIDTH - RIGHT, bottom + 42);
	xml_text(chart->x_label, out);
	fprintf(out, "</text>\n<text x=\"%d\" y=\"%.1f\">", 4, scale->top - 12);
	xml_text(chart->y_label, out);
	fputs(chart->log_y ? ", logarithmic</text>\n" : "</text>\n", out);
}

/* Circle, square, triangle, diamond, in turn: not by colour alone. */
static void draw_mark(unsigned color, double x, double y, FILE *out)
{
	fprintf(out, "<path class=\"mark f%u\" d=\"M", color);
	switch (color % 4) {
	case 1:
		fprintf(out, "%.1f %.1fh9v9h-9z", x - 4.5, y - 4.5);
		break;
	case 2:
		fprintf(out, "%.1f %.1fl5.5 9.5h-11z", x, y - 6);
		break;
	case 3:
		fprintf(out, "%.1f %.1fl6 6-6 6-6-6z", x, y - 6);
		break;
	default:
		fprintf(out, "%.1f %.1fa5 5 0 1 0 10 0a5 5 0 1 0-10 0z", x - 5, y);
	}
	fputs("\">", out);
}

static void draw_line(const struct svg_series *series, const struct scale *scale, FILE *out)
{
	fprintf(out, "<path class=\"line s%u%s\" d=\"", series->color,
		series->dashed ? " dashed" : "");
	for (size_t i = 0; i < series->nb; i++)
		fprintf(out, "%c%.1f %.1f", i && !series->points[i].apart ? 'L' : 'M',
			across(series->points[i].x), above(scale, series->points[i].y));
	fputs("\"/>\n", out);
}

static void draw_series(const struct svg_chart *chart, const struct svg_series *series,
			const struct scale *scale, FILE *out)
{
	if (!series->no_line && series->nb > 1)
		draw_line(series, scale, out);
	for (size_t i = 0; i < series->nb; i++) {
		const struct svg_point *point = &series->points[i];
		double x = across(point->x);
		struct report_spread spread = {point->y, point->low, point->high, 1};
		char text[96];

		if (point->low < point->high)
			fprintf(out,
				"<line class=\"whisker s%u\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" "
				"y2=\"%.1f\"/>",
				series->color, x, x, above(scale, point->low),
				above(scale, point->high));
		if (series->no_points && point->apart)
			fprintf(out,
				"<line class=\"line s%u dashed\" x1=\"%.1f\" x2=\"%.1f\" "
				"y1=\"%.1f\" "
				"y2=\"%.1f\"/>\n",
				series->color, x - 16, x + 16, above(scale, point->y),
				above(scale, point->y));
		if (series->no_points && series->nb > 1)
			continue;
		draw_mark(series->color, x, above(scale, point->y), out);
		fputs("<title>", out);
		xml_text(series->name, out);
		fprintf(out, ": %s ", format_spread(text, &spread, 1));
		xml_text(chart->y_label, out);
		fputs("</title></path>\n", out);
	}
}

static double legend_width(const struct svg_series *series)
{
	return LEGEND_SWATCH + CHAR_WIDTH * (double)strlen(series->name) + LEGEND_GAP;
}

/* Draws it, or with @out NULL only tells how many lines it takes. */
static unsigned legend(const struct svg_chart *chart, FILE *out)
{
	double x = 4;
	unsigned line = 0;

	for (size_t s = 0; s < chart->nb_series; s++) {
		const struct svg_series *series = &chart->series[s];
		double y;

		if (x > 4 && x + legend_width(series) - LEGEND_GAP > WIDTH) {
			x = 4;
			line++;
		}
		y = 12 + LEGEND_LINE * line;
		if (out) {
			if (!series->no_line)
				fprintf(out,
					"<line class=\"line s%u%s\" x1=\"%.1f\" x2=\"%.1f\" "
					"y1=\"%.1f\" y2=\"%.1f\"/>",
					series->color, series->dashed ? " dashed" : "", x, x + 24,
					y, y);
			if (!series->no_points) {
				draw_mark(series->color, x + 12, y, out);
				fputs("</path>", out);
			}
			fprintf(out, "<text class=\"ink\" x=\"%.1f\" y=\"%.1f\">",
				x + LEGEND_SWATCH, y + 5);
			xml_text(series->name, out);
			fputs("</text>\n", out);
		}
		x += legend_width(series);
	}
	return line + 1;
}

void svg_draw(const struct svg_chart *chart, bool alone, FILE *out)
{
	double top = LEGEND_LINE * legend(chart, NULL) + 34;
	double height = top + PLOT_HEIGHT + FOOT;
	struct scale scale = scale_of(chart, top);

	fprintf(out,
		"<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 %d %d "
		"%.0f\" "
		"role=\"img\" aria-labelledby=\"%s-title %s-desc\"",
		alone ? -HEAD : 0, WIDTH, height + (alone ? HEAD : 0), chart->id, chart->id);
	if (alone)
		fprintf(out, " width=\"%d\" height=\"%.0f\"", WIDTH, height + HEAD);
	fprintf(out, ">\n<title id=\"%s-title\">", chart->id);
	xml_text(chart->title, out);
	fprintf(out, "</title>\n<desc id=\"%s-desc\">", chart->id);
	xml_text(chart->desc, out);
	fputs("</desc>\n", out);
	if (alone) {
		fprintf(out,
			"<style>\n%s</style>\n<rect class=\"paper\" x=\"0\" y=\"%d\" width=\"%d\" "
			"height=\"%.0f\"/>\n<text class=\"title\" x=\"4\" y=\"-12\">",
			svg_style, -HEAD, WIDTH, height + HEAD);
		xml_text(chart->title, out);
		fputs("</text>\n", out);
	}
	draw_axes(chart, &scale, out);
	for (size_t s = chart->nb_series; s-- > 0;)
		draw_series(chart, &chart->series[s], &scale, out);
	legend(chart, out);
	fputs("</svg>\n", out);
}
