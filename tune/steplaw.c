#include "tune/steplaw.h"

#include <math.h>

double steplaw_rate(double params, double tokens)
{
    return 1.79 * pow(params, -0.713) * pow(tokens, 0.307);
}

double steplaw_batch(double params, double tokens)
{
    return 0.58 * pow(tokens, 0.571);
}
