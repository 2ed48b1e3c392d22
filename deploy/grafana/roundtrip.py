"""Parses each dashboard with the types of Grafana's Foundation SDK and serialises it again. Fields that Grafana does
not know are lost on the way. Fails if anything is lost or changed.

Usage: pip install --require-hashes -r requirements.txt, then python roundtrip.py [DASHBOARD.json ...]
"""

import json
import pathlib
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(ours, theirs, path="$"):
    """Returns every value of our file that is missing or different in Grafana's. Values that Grafana adds are defaults."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key not in theirs and value is not None:
                yield f"{path}.{key} is lost"
            elif key in theirs:
                yield from differences(value, theirs[key], f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs)):
            yield from differences(one, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path} is {ours!r}, and {theirs!r} afterwards"


def main(paths):
    register_default_plugins()
    here = pathlib.Path(__file__).parent
    paths = [pathlib.Path(path) for path in paths] or sorted(here.glob("dashboards/*.json"))
    if not paths:
        sys.exit("no dashboards")
    failed = False
    for path in paths:
        ours = json.loads(path.read_text())
        theirs = json.loads(JSONEncoder().encode(Dashboard.from_json(ours)))
        found = list(differences(ours, theirs))
        failed |= bool(found)
        print(f"{path.name}: {len(ours['panels'])} panels, {len(found)} differences", *found, sep="\n  ")
    sys.exit(failed)


if __name__ == "__main__":
    main(sys.argv[1:])
