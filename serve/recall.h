/*
 * recall.h: the correlator's own view of incidents that are stored, for explanations.
 *
 * A small engine of nothing but these incidents. What holds them together is asked of it, so that
 * an explanation is made by the code that decides. Identifiers that only alerts of other incidents
 * show to be one person or device are two here. Pure.
 */
#ifndef WEIR_RECALL_H
#define WEIR_RECALL_H
#include "normalize/incident.h"
#include "store/alerts.h"
#include "store/incidents.h"

/*
 * recall_engine - the incidents with these alerts; nothing is linked anew.
 *
 * incidents  live ones; alerts: theirs
 * out        freed with the arena
 *
 * Errors:  ERR_RETRY "recall.memory", "incident.memory"; ERR_REJECT "normalize.state": an alert
 *          whose keys cannot be read; ERR_STOP "recall.source": of a source that is not known.
 */
MUST_CHECK struct err recall_engine(const struct incidents_row *incidents, size_t n,
                                    const struct alerts_full *alerts, size_t n_alerts,
                                    const struct params *p, struct arena *a,
                                    struct incident_engine **out);

#endif
