"""What an engine is compared with: the reference and the simple rules, on one set.

They take most of the time and never change while the kit and the sets do not, so they are kept
under the digest of all that they depend on.
"""

import glob
import hashlib
import json
import os

import kit
import churn
from baselines import resolve


def digest(lines):
    """Of the input, the kit and the measures."""
    whole = hashlib.sha256("".join(lines).encode())
    own = [os.path.join(kit.HERE, name + ".py") for name in ("churn", "compare", "kit", "quality")]
    for path in sorted(glob.glob(os.path.join(kit.KIT, "*.py"))) + own:
        with open(path, "rb") as file:
            whole.update(file.read())
    return whole.hexdigest()[:32]


def work_out(chosen, datasets, measure):
    rows, expected = {"reference": []}, {}
    rows.update({name: [] for name in chosen.baselines})
    for dataset in datasets:
        engine = churn.correlate(dataset.alerts, dataset.domains, chosen.params)
        found = engine.membership()
        expected[dataset.tenant] = found
        rows["reference"].append(dict(measure(chosen, dataset, found), **engine.churn()))
        resolved = resolve(dataset.alerts)
        for name, rule in chosen.baselines.items():
            rows[name].append(measure(chosen, dataset, rule(resolved)))
    return {"rows": rows, "expected": expected}


def compared(chosen, datasets, lines, measure, folder):
    """Rows of measures by method, and the reference's grouping by tenant."""
    path = os.path.join(folder, digest(lines) + ".json")
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        pass
    result = work_out(chosen, datasets, measure)
    os.makedirs(folder, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.replace(path + ".new", path)   # whole or not at all
    return result
