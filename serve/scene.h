/*
 * scene.h: the correlator's own view of incidents that are stored, for explanations.
 *
 * A small engine of nothing but these incidents. What holds them together is asked of it, so that
 * an explanation is made by the code that decides. How ordinary a value was is in the weights that
 * are stored with the alerts; on how many days it was seen is not known here. Pure.
 */
#ifndef WEIR_SCENE_H
#define WEIR_SCENE_H
#include "normalize/incident.h"
#include "store/alerts.h"
#include "store/incidents.h"
#include "store/pins.h"

struct scene {
    const struct incidents_row *incidents; /* live ones */
    size_t n;
    const struct alerts_full *alerts; /* theirs */
    size_t n_alerts;
    const struct pins_row *pins;
    size_t n_pins;
    const struct incident_alias *aliases; /* of the tenant */
    size_t n_aliases;
    const struct params *params;
};

/*
 * scene_engine - the incidents with these alerts; nothing is linked anew.
 *
 * out        freed with the arena
 *
 * Errors:  ERR_RETRY "scene.memory", "incident.memory"; ERR_REJECT "normalize.state": an alert
 *          whose keys cannot be read; ERR_STOP "scene.source": of a source that is not known.
 */
MUST_CHECK struct err scene_engine(const struct scene *r, struct arena *a,
                                   struct incident_engine **out);

#endif
