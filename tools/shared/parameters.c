/* parameters.c -- see parameters.h. The number is that of the network with the data that the file names: where the source counted
 * other words, it belongs into a comment. Words and classes follow from the data, so it can be compared once they are read. */
#include "../../host/command_line.h"
#include "parameters.h"

int published_parameters(experiment *e)
{
    const config_value *v = config_get(config_get(e->root, "published"), "parameters");
    if (!v || v->integer == e->graph->values) return EXIT_DONE;
    diag_error(e->messages, v->at, "published parameters = %lld, but the network has %lld", (long long)v->integer,
               (long long)e->graph->values);
    return failed(e);
}
