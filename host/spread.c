/* spread.c -- mean and deviation in two passes, which keeps what differs little from one another apart. */
#include <math.h>
#include "spread.h"

spread spread_of(const double *x, int n)
{
    spread s = { n, NAN, INFINITY, -INFINITY, 0 };
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        sum += x[i];
        if (x[i] < s.least) s.least = x[i];
        if (x[i] > s.most) s.most = x[i];
    }
    if (n > 0) s.mean = sum / n;
    for (int i = 0; i < n; i++) squares += (x[i] - s.mean) * (x[i] - s.mean);
    if (n > 1) s.deviation = sqrt(squares / (n - 1));
    return s;
}
