// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four panels: latency and throughput, spinning and blocking.  Sizes run to the
 * right, values upwards on a logarithmic scale; a line per mechanism, dashed
 * for batches of 32, named at its right end.
 */
#include "svg.h"
#include "plan.h"
#include "result.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH		1120
#define PANEL_W		560
#define PANEL_H		430
#define TOP		64
#define PLOT_X		70		/* in its panel */
#define PLOT_Y		44
#define PLOT_W		310
#define PLOT_H		330
#define SERIES_MAX	20
#define POINTS_MAX	4
#define LABEL_H		15

struct series {
	char name[40];
	const char *colour;
	int batch;
	int n;
	double x[POINTS_MAX];
	double value[POINTS_MAX];
	double label;			/* y of its name */
};

struct panel {
	const char *title;
	const char *unit;
	const char *metric;
	int wait;
	int column, row;
	struct series series[SERIES_MAX];
	int n;
	int low, high;			/* powers of ten */
};

/* In the order of mechs[]. */
static const char *const colours[] = {
	"#e07b00", "#c1121f", "#1d3557", "#2a9d8f", "#6a994e", "#7b5ea7",
	"#4c8eda", "#777777",
};

static int sizes(void)
{
	int n = 0;

	while (plan_sizes()[n])
		n++;
	return n;
}

static void collect(struct panel *p, int m, int batch)
{
	struct series *s = &p->series[p->n];
	int i;

	s->n = 0;
	for (i = 0; plan_sizes()[i] && i < POINTS_MAX; i++) {
		double v = result_value(mechs[m]->name, plan_wait_name((enum wait_mode)p->wait),
					p->metric, plan_sizes()[i], (uint32_t)batch);

		if (v <= 0)
			continue;
		s->x[s->n] = sizes() < 2 ? 0.5 : (double)i / (sizes() - 1);
		s->value[s->n++] = v;
	}
	if (!s->n || p->n == SERIES_MAX - 1)
		return;
	snprintf(s->name, sizeof(s->name), "%s%s", mechs[m]->name,
		 batch > 1 ? ", batch of 32" : "");
	s->colour = colours[m % 8];
	s->batch = batch;
	p->n++;
}

static void scale_of(struct panel *p)
{
	double low = 1e30, high = 0;
	int i, k;

	for (i = 0; i < p->n; i++)
		for (k = 0; k < p->series[i].n; k++) {
			low = fmin(low, p->series[i].value[k]);
			high = fmax(high, p->series[i].value[k]);
		}
	p->low = (int)floor(log10(low));
	p->high = (int)ceil(log10(high));
	if (p->high == p->low)
		p->high++;
}

static double y_of(const struct panel *p, double v)
{
	return PLOT_Y + PLOT_H *
	       (1 - (log10(v) - p->low) / (double)(p->high - p->low));
}

static double x_of(double x)
{
	return PLOT_X + 12 + x * (PLOT_W - 24);
}

static int by_end(const void *a, const void *b)
{
	const struct series *s = a, *t = b;

	return (s->label > t->label) - (s->label < t->label);
}

/* Names stand beside the last points, moved apart where they would touch. */
static void place_labels(struct panel *p)
{
	double bottom = PLOT_Y + PLOT_H;
	int i;

	for (i = 0; i < p->n; i++)
		p->series[i].label = y_of(p, p->series[i].value[p->series[i].n - 1]);
	qsort(p->series, (size_t)p->n, sizeof(p->series[0]), by_end);
	for (i = 1; i < p->n; i++)
		if (p->series[i].label < p->series[i - 1].label + LABEL_H)
			p->series[i].label = p->series[i - 1].label + LABEL_H;
	if (p->n && p->series[p->n - 1].label > bottom)
		p->series[p->n - 1].label = bottom;
	for (i = p->n - 2; i >= 0; i--)
		if (p->series[i].label > p->series[i + 1].label - LABEL_H)
			p->series[i].label = p->series[i + 1].label - LABEL_H;
}

static const char *power(int ten, const char *unit, char text[32])
{
	static const char *const thousand[] = { "", "k", "M", "G", "T" };
	static const char *const time[] = { " ns", " \xc2\xb5s", " ms", " s", "" };
	int i = ten / 3 < 0 ? 0 : ten / 3 > 4 ? 4 : ten / 3;
	int ones = (int)pow(10, ten - 3 * i);

	snprintf(text, 32, "%d%s", ones, *unit == 'n' ? time[i] : thousand[i]);
	return text;
}

static void axes(FILE *f, const struct panel *p)
{
	char text[32];
	int ten, k, i;

	fprintf(f, "<text x=\"%d\" y=\"20\" class=\"t\">%s</text>\n", PLOT_X, p->title);
	fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"f\"/>\n",
		PLOT_X, PLOT_Y, PLOT_W, PLOT_H);
	for (ten = p->low; ten <= p->high; ten++) {
		double y = y_of(p, pow(10, ten));

		fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"g\"/>\n",
			PLOT_X, PLOT_X + PLOT_W, y, y);
		fprintf(f, "<text x=\"%d\" y=\"%.1f\" class=\"n\" text-anchor=\"end\">%s</text>\n",
			PLOT_X - 6, y + 4, power(ten, p->unit, text));
		for (k = 2; k < 10 && ten < p->high; k++) {
			y = y_of(p, k * pow(10, ten));
			fprintf(f, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" class=\"h\"/>\n",
				PLOT_X, PLOT_X + PLOT_W, y, y);
		}
	}
	for (i = 0; plan_sizes()[i]; i++) {
		uint32_t size = plan_sizes()[i];
		int shift = size >= 1u << 20 ? 20 : size >= 1024 ? 10 : 0;

		fprintf(f, "<text x=\"%.1f\" y=\"%d\" class=\"n\" text-anchor=\"middle\">%u %s</text>\n",
			x_of(sizes() < 2 ? 0.5 : (double)i / (sizes() - 1)),
			PLOT_Y + PLOT_H + 18, size >> shift,
			shift == 20 ? "MiB" : shift ? "KiB" : "B");
	}
}

static void draw_series(FILE *f, const struct panel *p, const struct series *s)
{
	double x = x_of(s->x[s->n - 1]), y = y_of(p, s->value[s->n - 1]);
	int i;

	fprintf(f, "<polyline points=\"");
	for (i = 0; i < s->n; i++)
		fprintf(f, "%s%.1f,%.1f", i ? " " : "", x_of(s->x[i]), y_of(p, s->value[i]));
	fprintf(f, "\" stroke=\"%s\" class=\"l\"%s/>\n", s->colour,
		s->batch > 1 ? " stroke-dasharray=\"5 3\"" : "");
	for (i = 0; i < s->n; i++)
		fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
			x_of(s->x[i]), y_of(p, s->value[i]), s->colour);
	fprintf(f, "<polyline points=\"%.1f,%.1f %d,%.1f\" stroke=\"%s\" class=\"c\"/>\n",
		x, y, PLOT_X + PLOT_W + 8, s->label, s->colour);
	fprintf(f, "<text x=\"%d\" y=\"%.1f\" class=\"n\" fill=\"%s\">%s</text>\n",
		PLOT_X + PLOT_W + 11, s->label + 4, s->colour, s->name);
}

static void draw(FILE *f, struct panel *p)
{
	int m, i;

	for (m = 0; mechs[m]; m++) {
		collect(p, m, 1);
		collect(p, m, 32);
	}
	fprintf(f, "<g transform=\"translate(%d,%d)\">\n", p->column * PANEL_W,
		TOP + p->row * PANEL_H);
	if (p->n) {
		scale_of(p);
		place_labels(p);
		axes(f, p);
		for (i = 0; i < p->n; i++)
			draw_series(f, p, &p->series[i]);
	}
	fprintf(f, "</g>\n");
}

static const char head[] =
"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n"
"<title>mqk against other ways to hand messages between two processes</title>\n"
"<style>text{font-family:sans-serif;font-size:12px}.t{font-size:15px;font-weight:bold}"
".T{font-size:18px;font-weight:bold}.f{fill:none;stroke:#444}.g{stroke:#bbb}"
".h{stroke:#eee}.l{fill:none;stroke-width:2}"
".c{fill:none;stroke-width:.6;stroke-dasharray:2 2}</style>\n"
"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
"<text x=\"%d\" y=\"28\" class=\"T\">mqk against other ways to hand messages between two processes</text>\n"
"<text x=\"%d\" y=\"48\">Message size to the right, logarithmic scales; every message checked for content "
"and order; medians of interleaved rounds.</text>\n";

int svg_write(const char *path)
{
	static struct panel panels[] = {
		{ .title = "One-way latency (p50), spinning: lower is better",
		  .unit = "ns", .metric = "latency_p50_ns", .wait = WAIT_SPIN },
		{ .title = "One-way latency (p50), blocking: lower is better",
		  .unit = "ns", .metric = "latency_p50_ns", .wait = WAIT_BLOCK,
		  .column = 1 },
		{ .title = "Messages a second, spinning: higher is better",
		  .unit = "", .metric = "throughput_msgs_s", .wait = WAIT_SPIN,
		  .row = 1 },
		{ .title = "Messages a second, blocking: higher is better",
		  .unit = "", .metric = "throughput_msgs_s", .wait = WAIT_BLOCK,
		  .column = 1, .row = 1 },
	};
	int height = TOP + 2 * PANEL_H, err;
	FILE *f = fopen(path, "w");
	size_t i;

	if (!f)
		return -errno;
	fprintf(f, head, WIDTH, height, WIDTH, height, PLOT_X, PLOT_X);
	for (i = 0; i < sizeof(panels) / sizeof(panels[0]); i++)
		draw(f, &panels[i]);
	fprintf(f, "</svg>\n");
	err = ferror(f) ? -EIO : 0;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}
