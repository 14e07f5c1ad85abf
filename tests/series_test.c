/* series_test.c PLUGINS FOLDER -- windows over a series, scales that are learned from the training rows, and forecasts that
 * repeat the past: against brute force over files that are written here, and, where TENON_DATA names them, the real ones. */
#include <math.h>
#include "open_data.h"

static int skipped;
enum { ROWS = 60 };
typedef struct { int past, horizon, every, lead, stride, train, validation, test; } shape;

/* Column a of row r, uneven on purpose; b falls; k never changes. */
static double a_of(int r) { return sin(r * 0.7) * 10 + r; }
static double b_of(int r) { return 1000 - 2.5 * r * (r % 3); }

static void write_series(int rows)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/series.csv", folder);
    FILE *f = fopen(path, "w");
    if (!f) return;
    fprintf(f, "day,a,b,k,gaps,empty\n");
    for (int r = 0; r < rows; r++) {
        fprintf(f, "\"d,%d\",%.9g,%.9g,5,", r, a_of(r), b_of(r));
        if (r == 0 || r == 20 || r == 21) fprintf(f, "NA,NA\n");
        else fprintf(f, "%d,\n", r);
    }
    fclose(f);
}

static const char model[] =
    "[[layer]]\ntype = 'lstm'\ninputs = 'past'\nunits = 3\n[[layer]]\nname = 'forecast'\ntype = 'dense'\ninputs = 'lstm.state'\n"
    "units = 'future'\n[[loss]]\ntype = 'mse'\ntarget = 'future'\n[optimizer]\ntype = 'adam'\n[training]\nbatch_size = 4\n";

static void write_middle(char *to, size_t size, const shape *s, const char *options, const char *past, const char *future)
{
    snprintf(to, size, "[dataset]\ntype = 'windows'\nfile = 'series.csv'\npast = %d\nhorizon = %d\nevery = %d\nlead = %d\n"
             "stride = %d\nrows = { train = %d, validation = %d, test = %d }\n%s\n"
             "[[field]]\nname = 'past'\nkind = 'numbers'\n%s\n"
             "[[field]]\nname = 'future'\nkind = 'numbers'\nwindow = 'horizon'\nshape = 'row'\n%s\n",
             s->past, s->horizon, s->every, s->lead, s->stride, s->train, s->validation, s->test, options, past, future);
}

static int near(double x, double y) { return fabs(x - y) <= 1e-5 * (1 + fabs(y)); }

/* Every window of every split, without any scale. */
static void check_windows_of(const shape *s)
{
    char middle[2000], what[200];
    const int size[] = { s->train ? s->train : ROWS - s->validation - s->test, s->validation, s->test };
    write_middle(middle, sizeof middle, s, "", "columns = ['b', 'a']", "columns = ['a', 'k']");
    snprintf(what, sizeof what, "past %d every %d, %d ahead at %d, stride %d", s->past, s->every, s->horizon, s->lead, s->stride);
    experiment *e = open_data(middle, model, folder);
    if (!e) return;
    const field *past = data_field(e->data, "past"), *future = data_field(e->data, "future");
    expect(past->width == 2 && past->depth == 1 && future->depth == 0 && future->width == (uint32_t)(2 * s->horizon),
           "%s: fields are %u and %u wide", what, past->width, future->width);
    for (int split = 0, from = 0; split < SPLITS; from += size[split], split++) {
        int64_t n = 0, wrong = 0;
        int reach = s->lead + (s->past - 1) * s->every;
        for (int start = from < reach ? reach : from; size[split] && start + s->horizon <= from + size[split];
             start += s->stride, n++) {
            if (n >= e->data->count[split]) continue;
            const float *x = past->split[split].real + n * s->past * 2, *y = future->split[split].real + n * s->horizon * 2;
            for (int t = 0; t < s->past; t++) {
                int row = start - s->lead - (s->past - 1 - t) * s->every;
                wrong += !near((double)x[2 * t], b_of(row)) || !near((double)x[2 * t + 1], a_of(row));
            }
            for (int h = 0; h < s->horizon; h++) wrong += !near((double)y[2 * h], a_of(start + h)) || !near((double)y[2 * h + 1], 5);
            char place[1200], line[40];
            data_place(e->data, split, n, place, sizeof place);
            sprintf(line, "series.csv:%d", start + 2);
            wrong += !strstr(place, line) || strlen(strstr(place, line)) != strlen(line);
        }
        expect((size[split] ? n : -1) == e->data->count[split], "%s: %lld windows of %s, expected %lld", what,
               (long long)e->data->count[split], split_names[split], (long long)n);
        expect(!wrong, "%s: %lld numbers of %s differ", what, (long long)wrong, split_names[split]);
    }
    experiment_free(e);
}

/* ---- scales ---------------------------------------------------------------------------------------------------------- */
/* Mean and deviation, or least number and range, of rows 0 .. n - 1: in two passes. */
static void stats(double (*of)(int), int n, int standard, double *shift, double *factor)
{
    double sum = 0, squares = 0, least = of(0), most = of(0);
    for (int r = 0; r < n; r++) sum += of(r), least = fmin(least, of(r)), most = fmax(most, of(r));
    for (int r = 0; r < n; r++) squares += (of(r) - sum / n) * (of(r) - sum / n);
    *shift = standard ? sum / n : least;
    *factor = standard ? sqrt(squares / n) : most - least;
}

static void check_scale(const char *scale, int standard, int rows_seen, double low, double high)
{
    const shape s = { 5, 3, 1, 1, 1, 40, 10, 10 };
    char middle[2000], past[300], future[300];
    double shift[2], factor[2], worst = 0, back = 0;
    snprintf(past, sizeof past, "columns = ['a', 'b', 'k']\nscale = %s", scale);
    snprintf(future, sizeof future, "columns = ['a']\nscale = %s", scale);
    write_middle(middle, sizeof middle, &s, "", past, future);
    experiment *e = open_data(middle, model, folder);
    if (!e) return;
    stats(a_of, rows_seen, standard, &shift[0], &factor[0]);
    stats(b_of, rows_seen, standard, &shift[1], &factor[1]);
    field *f = data_field(e->data, "past"), *g = data_field(e->data, "future");
    for (int64_t i = 0; i < e->data->count[SPLIT_TEST]; i++)
        for (int t = 0; t < 5; t++) {
            int row = (int)(50 + i - 5 + t);
            const float *x = f->split[SPLIT_TEST].real + (i * 5 + t) * 3;
            worst = fmax(worst, fabs((double)x[0] - (low + (a_of(row) - shift[0]) / factor[0] * (high - low))));
            worst = fmax(worst, fabs((double)x[1] - (low + (b_of(row) - shift[1]) / factor[1] * (high - low))));
            worst = fmax(worst, fabs((double)x[2] - low)); /* a constant column */
        }
    expect(worst < 1e-5, "%s: numbers of the test split are off by %g", scale, worst);
    float y[3];
    memcpy(y, g->split[SPLIT_TEST].real, sizeof y);
    expect(!data_undo(e->data, g, 1, y), "%s: %s", scale, e->host.error);
    for (int h = 0; h < 3; h++) back = fmax(back, fabs((double)y[h] - a_of(50 + h)));
    expect(back < 1e-4, "%s: undone, the numbers are off by %g", scale, back);
    expect(!data_redo(e->data, g, 1, y) && !memcmp(y, g->split[SPLIT_TEST].real, 4), "%s: done again, they differ", scale);
    experiment_free(e);
}

/* A number beside a text: the scale reads the cell. */
static void check_scale_of_table(void)
{
    write_file("table.csv", "x,label\n1,A\n5,B\n3,A\n");
    experiment *e = open_data("[dataset]\ntype = 'csv'\ntrain = 'table.csv'\n[[field]]\nname = 'x'\nkind = 'numbers'\n"
                              "scale = 'min_max'\n[[field]]\nname = 'label'\nkind = 'category'\n",
                              "[[layer]]\ntype = 'dense'\ninputs = 'x'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\n"
                              "target = 'label'\n[optimizer]\ntype = 'sgd'\n", folder);
    if (!e) return;
    const float *x = data_field(e->data, "x")->split[0].real;
    expect(x[0] == 0 && x[1] == 1 && x[2] == 0.5f, "min_max of 1, 5, 3: %g %g %g", (double)x[0], (double)x[1], (double)x[2]);
    experiment_free(e);
    refuse("[dataset]\ntype = 'csv'\ntrain = 'table.csv'\n[[field]]\nname = 'x'\nkind = 'numbers'\ncolumn = 'label'\n"
           "scale = 'standard'\n[[field]]\nname = 'label'\nkind = 'category'\n",
           "[[layer]]\ntype = 'dense'\ninputs = 'x'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n"
           "[optimizer]\ntype = 'sgd'\n", folder, "table.csv:2: field 'x': 'A' is not a number");
}

/* What strtod takes for a number and a network cannot use, in a cell of its own and beside others, with and without a scale. */
static void check_not_finite(void)
{
    static const char *const cells[] = { "nan", "inf", "-infinity", "1e999", "-1e39" };
    static const char *const forms[] = { "column = 'x'", "column = 'x'\nscale = 'standard'", "columns = ['w', 'x']" };
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 3; k++) {
            char text[100], middle[400], says[100];
            snprintf(text, sizeof text, "w,x,label\n1,1,A\n2,%s,B\n3,2,A\n", cells[i]);
            write_file("table.csv", text);
            snprintf(middle, sizeof middle, "[dataset]\ntype = 'csv'\ntrain = 'table.csv'\n[[field]]\nname = 'in'\nkind = 'numbers'\n"
                     "%s\n[[field]]\nname = 'label'\nkind = 'category'\n", forms[k]);
            snprintf(says, sizeof says, "table.csv:3: field 'in': '%s'%s is not a number", cells[i], k == 2 ? " of column 'x'" : "");
            refuse(middle, "[[layer]]\ntype = 'dense'\ninputs = 'in'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\n"
                   "target = 'label'\n[optimizer]\ntype = 'sgd'\n", folder, says);
        }
}

/* ---- missing numbers ------------------------------------------------------------------------------------------------- */
static int64_t whole_windows(void)
{
    int64_t n = 0;
    for (int start = 4; start + 2 <= ROWS; start++) {
        int gap = 0;
        for (int r = start - 4; r < start + 2; r++) gap |= r == 0 || r == 20 || r == 21;
        n += !gap;
    }
    return n;
}

static void check_missing(void)
{
    const shape s = { 4, 2, 1, 1, 1, 0, 0, 0 };
    char middle[2000];
    write_middle(middle, sizeof middle, &s, "missing = 'skip'\ncolumns = ['gaps', 'a']", "columns = ['gaps']\nscale = 'min_max'",
                 "columns = ['a']");
    experiment *e = open_data(middle, model, folder);
    if (e) {
        field *f = data_field(e->data, "past");
        expect(e->data->count[0] == whole_windows(), "skip: %lld windows, expected %lld", (long long)e->data->count[0],
               (long long)whole_windows());
        expect(near((double)f->split[0].real[0], 0), "skip: the least number, 1, became %g: missing ones were counted",
               (double)f->split[0].real[0]);
        experiment_free(e);
    }
    write_middle(middle, sizeof middle, &s, "missing = 'previous'", "columns = ['gaps']", "columns = ['gaps']");
    e = open_data(middle, model, folder);
    if (e) {
        const float *x = data_field(e->data, "past")->split[0].real;
        expect(x[0] == 1 && x[1] == 1 && x[2] == 2, "previous: begins with %g %g %g", (double)x[0], (double)x[1], (double)x[2]);
        expect(x[4 * 18 + 2] == 19 && x[4 * 18 + 3] == 19 && x[4 * 18 + 1] == 19, "previous: rows 20 and 21 are %g and %g",
               (double)x[4 * 18 + 2], (double)x[4 * 18 + 3]);
        experiment_free(e);
    }
    write_middle(middle, sizeof middle, &s, "missing = 'zero'", "columns = ['gaps']", "columns = ['gaps']");
    e = open_data(middle, model, folder);
    if (e) {
        expect(data_field(e->data, "past")->split[0].real[4 * 18 + 2] == 0, "zero: row 20 is another number");
        experiment_free(e);
    }
    write_middle(middle, sizeof middle, &s, "", "columns = ['gaps']", "columns = ['a']");
    refuse(middle, model, folder, "series.csv:2: column 'gaps' has no number here");
    write_middle(middle, sizeof middle, &s, "missing = 'previous'", "columns = ['empty']", "columns = ['a']");
    refuse(middle, model, folder, "series.csv: column 'empty' has no number in any row");
    write_middle(middle, sizeof middle, &s, "missing = 'previous'", "columns = ['a']", "columns = ['empty']");
    refuse(middle, model, folder, "series.csv: column 'empty' has no number in any row");
}

static void check_mistakes(void)
{
    const shape s = { 4, 2, 1, 1, 1, 0, 0, 0 }, large = { 40, 30, 1, 1, 1, 0, 0, 0 }, more = { 4, 2, 1, 1, 1, 50, 20, 0 };
    char middle[2000];
    write_middle(middle, sizeof middle, &s, "", "columns = ['day']", "columns = ['a']");
    refuse(middle, model, folder, "series.csv:2: column 'day': 'd,0' is not a number");
    write_middle(middle, sizeof middle, &s, "", "columns = ['A']", "columns = ['a']");
    refuse(middle, model, folder, "the data has no column 'A'; did you mean 'a'?");
    write_middle(middle, sizeof middle, &large, "", "columns = ['a']", "columns = ['a']");
    refuse(middle, model, folder, "the train split has 60 rows; no window of 40 rows past and 30 rows ahead fits into it");
    write_middle(middle, sizeof middle, &more, "", "columns = ['a']", "columns = ['a']");
    refuse(middle, model, folder, "rows: the splits take 70 rows, the file");
    write_middle(middle, sizeof middle, &s, "share = { test = 0.99 }\nmissing = 'skip'\ncolumns = ['gaps', 'a']",
                 "columns = ['a']", "columns = ['a']");
    refuse(middle, model, folder, "the train split has 1 rows; no window");
    write_middle(middle, sizeof middle, &s, "", "columns = ['a']\ntransforms = [{ type = 'words', fit = 'all' }]", "columns = ['a']");
    refuse(middle, model, folder, "fit: transform 'words' learns nothing from the data");
    write_middle(middle, sizeof middle, &s, "", "columns = ['a']\nscale = { type = 'standard', fit = 'test' }", "columns = ['a']");
    refuse(middle, model, folder, "fit: 'test' is neither train nor all");
    write_middle(middle, sizeof middle, &s, "", "columns = ['a']\nshape = 'column'", "columns = ['a']");
    refuse(middle, model, folder, "shape: 'column' is neither steps nor row");
    write_middle(middle, sizeof middle, &s, "", "columns = ['a']", "columns = ['a']\nscale = { type = 'min_max', low = 1, high = 1 }");
    refuse(middle, model, folder, "low = 1 must be less than high = 1");
    write_file("series.csv", "a,b\n1,2\n3\n");
    write_middle(middle, sizeof middle, &s, "", "columns = ['a']", "columns = ['a']");
    refuse(middle, model, folder, "series.csv:3: 1 cells, the header has 2 columns");
    write_file("series.csv", "a,b\n");
    refuse(middle, model, folder, "the file has a header and no rows");
    write_file("series.csv", "a,a\n1,2\n");
    refuse(middle, model, folder, "two columns are called 'a'");
}

/* ---- forecasts that repeat the past ------------------------------------------------------------------------------------ */
static void check_baseline(const char *baseline, const char *scale, int period)
{
    const shape s = { 8, 5, 1, 1, 1, 40, 0, 20 };
    char middle[2000], end[2000], past[300], future[300];
    snprintf(past, sizeof past, "columns = ['b', 'a']\n%s", scale);
    snprintf(future, sizeof future, "columns = ['a', 'b']\n%s", scale);
    write_middle(middle, sizeof middle, &s, "", past, future);
    snprintf(end, sizeof end, "%s[[baseline]]\n%s\n", model, baseline);
    experiment *e = open_data(middle, end, folder);
    if (!e) return;
    expect(e->n_baselines == 1, "%s: there are %d baselines", baseline, e->n_baselines);
    int64_t example[] = { 0, 7, 3 };
    batch *b = memory_new(sizeof *b);
    if (experiment_start(e, 1, 0) || batch_build(e->graph, b, SPLIT_TEST, example, 3) || graph_bind(e->graph, b))
        expect(0, "%s: %s", baseline, e->host.error);
    else if (e->n_baselines) {
        baseline_use *u = &e->baseline[0];
        tn_tensor in[2] = { u->in[0]->value, u->in[1]->value }, out = in[1], *at_in[2] = { &in[0], &in[1] }, *at_out[1] = { &out };
        field *f[2] = { data_field(e->data, "past"), data_field(e->data, "future") };
        float y[30];
        double worst = 0;
        for (int i = 0; i < 2; i++) { /* as they were, which is how a baseline gets them */
            size_t bytes = 4 * (size_t)(in[i].rows * in[i].width);
            in[i].data = memcpy(memory_new(bytes), in[i].data, bytes);
            data_undo(e->data, f[i], in[i].rows, in[i].data);
        }
        out.data = y;
        tn_call call;
        memset(&call, 0, sizeof call);
        call.size = sizeof call, call.api = e->context.api, call.host = &e->host, call.in = at_in, call.out = at_out;
        expect(!u->table->predict(u->part->self, &call), "%s: %s", baseline, e->host.error);
        for (int i = 0; i < 3; i++)
            for (int h = 0; h < 5; h++) {
                int row = 40 + (int)example[i] - period + h % period;
                worst = fmax(worst, fabs((double)y[i * 10 + 2 * h] - a_of(row)));
                worst = fmax(worst, fabs((double)y[i * 10 + 2 * h + 1] - b_of(row)));
            }
        expect(worst < 1e-3, "%s (%s): off by %g", baseline, scale, worst);
        memory_free(in[0].data);
        memory_free(in[1].data);
    }
    scratch_free(&b->memory);
    memory_free(b);
    experiment_free(e);
}

static void check_baseline_mistakes(void)
{
    const shape s = { 4, 2, 1, 1, 1, 0, 0, 0 };
    char middle[2000], end[2000];
    write_middle(middle, sizeof middle, &s, "", "columns = ['b', 'k']", "columns = ['a']");
    snprintf(end, sizeof end, "%s[[baseline]]\ntype = 'persistence'\n", model);
    refuse(middle, end, folder, "the past has no column 'a'");
    snprintf(end, sizeof end, "%s[[baseline]]\ntype = 'seasonal_naive'\ncolumn = 'b'\n", model);
    refuse(middle, end, folder, "period is missing");
}

/* ---- the real files -------------------------------------------------------------------------------------------------- */
static void check_real(const char *dir)
{
    static const char ett[] =
        "[dataset]\ntype = 'windows'\nfile = 'ett/ETTh1.csv'\nrows = { train = 8640, validation = 2880, test = 2880 }\n"
        "past = 96\nhorizon = 24\n[[field]]\nname = 'past'\nkind = 'numbers'\ncolumns = ['HUFL', 'OT']\nscale = 'standard'\n"
        "[[field]]\nname = 'future'\nkind = 'numbers'\ncolumns = ['OT']\nwindow = 'horizon'\nshape = 'row'\nscale = 'standard'\n";
    experiment *e = open_data(ett, model, dir);
    char path[1200], line[2000];
    if (e) { /* 8640 - 96 - 24 + 1 and 2880 - 24 + 1 windows, as everybody counts who publishes on these data */
        expect(e->data->count[0] == 8521 && e->data->count[1] == 2857 && e->data->count[2] == 2857, "ETTh1: %lld, %lld, %lld windows",
               (long long)e->data->count[0], (long long)e->data->count[1], (long long)e->data->count[2]);
        snprintf(path, sizeof path, "%s/ett/ETTh1.csv", dir);
        static double ot[20000];
        FILE *f = fopen(path, "r");
        int n = 0;
        for (; f && n < 20000 && fgets(line, sizeof line, f); n++) ot[n] = n ? atof(strrchr(line, ',') + 1) : 0;
        if (f) fclose(f);
        double sum = 0, squares = 0, worst = 0;
        for (int r = 1; r <= 8640; r++) sum += ot[r];
        for (int r = 1; r <= 8640; r++) squares += (ot[r] - sum / 8640) * (ot[r] - sum / 8640);
        for (int h = 0; h < 24; h++)
            worst = fmax(worst, fabs((double)data_field(e->data, "future")->split[2].real[h]
                                     - (ot[8640 + 2880 + 1 + h] - sum / 8640) / sqrt(squares / 8640)));
        expect(n == 17421 && worst < 1e-5, "ETTh1: %d lines; the first forecast of the test split is off by %g", n, worst);
        experiment_free(e);
    }
    static const char air[] = "[dataset]\ntype = 'windows'\nfile = 'series/pollution.csv'\npast = 24\n%s\n"
        "columns = ['pm2.5']\nshare = { test = 0.2 }\n[[field]]\nname = 'past'\nkind = 'numbers'\ncolumns = ['pm2.5']\n"
        "[[field]]\nname = 'future'\nkind = 'numbers'\ncolumns = ['pm2.5']\nwindow = 'horizon'\nshape = 'row'\n";
    char middle[1000];
    snprintf(middle, sizeof middle, air, "");
    refuse(middle, model, dir, "pollution.csv:2: column 'pm2.5' has no number here");
    snprintf(middle, sizeof middle, air, "missing = 'skip'");
    if (!(e = open_data(middle, model, dir))) return;
    snprintf(path, sizeof path, "%s/series/pollution.csv", dir);
    FILE *f = fopen(path, "r");
    int run = 0, row = -1, train = 0, test = 0, border = 43824 - (int)(0.2 * 43824 + 0.5);
    for (; f && fgets(line, sizeof line, f); row++) {
        if (row < 0) continue;
        char *cell = line;
        for (int k = 0; k < 5; k++) cell = strchr(cell, ',') + 1;
        run = strncmp(cell, "NA,", 3) ? run + 1 : 0; /* rows without a gap up to here */
        if (run >= 25) *(row < border ? &train : &test) += 1;
    }
    if (f) fclose(f);
    expect(row == 43824 && e->data->count[0] == train && e->data->count[2] == test, "pollution: %lld and %lld windows, expected %d, %d",
           (long long)e->data->count[0], (long long)e->data->count[2], train, test);
    experiment_free(e);
}

int main(int argc, char **argv)
{
    static const shape shapes[] = { { 5, 3, 1, 1, 1, 40, 10, 10 }, { 1, 1, 1, 1, 1, 0, 0, 20 }, { 4, 2, 3, 2, 1, 30, 15, 15 },
                                    { 10, 10, 1, 1, 7, 40, 20, 0 }, { 2, 1, 1, 12, 1, 0, 0, 0 } };
    plugins = argc > 1 ? argv[1] : "build/plugins", folder = argc > 2 ? argv[2] : ".";
    write_series(ROWS);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_windows_of(&shapes[i]);
    check_scale("'standard'", 1, 40, 0, 1);
    check_scale("{ type = 'standard', fit = 'all' }", 1, ROWS, 0, 1);
    check_scale("'min_max'", 0, 40, 0, 1);
    check_scale("{ type = 'min_max', low = -1, high = 3, fit = 'train' }", 0, 40, -1, 3);
    check_scale_of_table();
    check_not_finite();
    check_missing();
    check_baseline("type = 'persistence'", "", 1);
    check_baseline("type = 'persistence'", "scale = 'standard'", 1);
    check_baseline("type = 'seasonal_naive'\nperiod = 4", "scale = 'min_max'", 4);
    check_baseline("type = 'seasonal_naive'\nperiod = 8", "", 8);
    check_baseline_mistakes();
    check_mistakes();
    const char *dir = getenv("TENON_DATA");
    if (dir && *dir) check_real(dir);
    else skipped = 1, printf("skipped: the real files, since TENON_DATA names no folder of them\n");
    printf("series: %d passed, %d failed, %d skipped\n", expect_passed, expect_failed, skipped);
    return expect_failed != 0;
}
