/* Mail alerts made up for a scenario. Ref: sources.md 3.6. */
#include "tests/simulator/sim.h"

struct err
generate_mail(struct generator *g)
{
    (void)g;
    return err_make(ERR_STOP, "generate.mail", "mail is not made up yet; use steps");
}
