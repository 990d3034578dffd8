#include "normalize/params.h"

enum { HOUR_S = 3600 };

/* w, half-life h, furthest gap h: the table of correlation.md 5. The order is that of enum
 * key_type. */
#define RULE(name_, label_, w, half_life_h, window_h, class_, content_, fan0_, exempt_)            \
    {                                                                                              \
        .name = (name_), .label = (label_), .weight = (w), .half_life_s = (half_life_h)*HOUR_S,    \
        .window_s = (window_h)*HOUR_S, .class = (class_), .content = (content_), .fan0 = (fan0_),  \
        .novel_exempt = (exempt_)                                                                  \
    }

const struct params params_default = {
    .version = 1,
    .profile = "default",
    .threshold = 1000,
    .related = 700,
    .strong = 550,
    .min_key_weight = 120,
    .time_step_s = 60,
    .term_stage = 150,
    .term_product = 80,
    .term_twin = 350,
    .twin_min = 700,
    .term_base = 300,
    .severity = {-150, -150, -50, 100},
    .history_days = 14,
    .lag_days = 2,
    .novel = 1150,
    .days0 = 20,
    .counterparts = 8,
    .counterparts_day = 32,
    .watermark_alerts = 1000,
    .fold_gap_s = 3600,
    .scan_max = 256,
    .soft_alerts = 150,
    .soft_users = 25,
    .idle_s = 168 * HOUR_S,
    .cap_alerts = 1000,
    .cap_users = 150,
    .cap_devices = 150,
    .rules =
        {
            RULE("user", "user", 800, 18, 72, CLASS_USER, false, 3, true),
            RULE("device", "device", 930, 3, 48, CLASS_DEVICE, false, 6, true),
            RULE("nb", "device name", 500, 12, 24, CLASS_DEVICE, false, 0, true),
            RULE("nmid", "message", 1200, 96, 168, CLASS_MESSAGE, false, 0, false),
            RULE("imid", "message", 1200, 96, 168, CLASS_MESSAGE, false, 0, false),
            RULE("mcl", "campaign", 1500, 48, 96, CLASS_MESSAGE, true, 0, false),
            RULE("sender", "sender", 500, 24, 48, CLASS_MESSAGE, false, 15, false),
            RULE("url", "url", 1250, 24, 96, CLASS_NETWORK, true, 8, false),
            RULE("dom", "domain", 350, 40, 96, CLASS_NETWORK, false, 8, false),
            RULE("ip", "address", 800, 32, 72, CLASS_NETWORK, false, 2, false),
            RULE("ipint", "address", 350, 4, 12, CLASS_NETWORK, false, 3, false),
            RULE("sha", "file", 800, 72, 168, CLASS_FILE, true, 8, false),
            RULE("cmd", "command", 450, 8, 48, CLASS_FILE, true, 5, false),
            RULE("proc", "process", 1300, 48, 96, CLASS_FILE, false, 0, false),
            RULE("sess", "session", 1200, 24, 48, CLASS_APP, false, 0, false),
            RULE("oauth", "application", 1150, 64, 168, CLASS_APP, true, 8, false),
            RULE("app", "cloud application", 100, 4, 24, CLASS_APP, false, 2, true),
            RULE("res", "resource", 750, 24, 48, CLASS_APP, false, 4, false),
        },
};
