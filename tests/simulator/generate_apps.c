/* Alerts of Cloud App Security made up for a scenario. Ref: sources.md 4.5. */
#include "tests/simulator/sim.h"

struct err
generate_apps(struct generator *g)
{
    (void)g;
    return err_make(ERR_STOP, "generate.apps", "apps is not made up yet; use steps");
}
