/*
 * apps_category.h: what an alert of Cloud App Security is a sign of.
 *
 * Category, tactics and techniques, for the API's object and for the agent's line alike.
 * Ref: sources.md 4.10 and 7.4.
 */
#ifndef WEIR_APPS_CATEGORY_H
#define WEIR_APPS_CATEGORY_H
#include "common/json.h"
#include "schemas/alert.h"

enum {
    APPS_RISKY_SIGN_IN = 15795457, /* idValue: Azure AD Identity Protection */
    APPS_FILE_POLICY = 15728642,
};

/*
 * apps_say_category - fills category, tactics and techniques of an alert that has its title,
 * description and service already.
 *
 * intents  the alert's list `intent`; absent: none is given (2019)
 * kind     idValue; -1: none
 * type     "ALERT_ANUBIS_DETECTION_VELOCITY", with or without "MCAS_"; NONE: not given
 *
 * The first that says something counts: intent; for a detection of Azure ATP its title in the
 * table of its types; kind; type; a word of the title.
 */
void apps_say_category(struct json intents, int64_t kind, struct slice type, struct alert *out);

#endif
