"""What an evaluation says in the end: a table or an object, how two runs differ, a page."""

import argparse
import json
import sys
from collections.abc import Sequence

from tools.datasets.records import Dataset
from tools.evaluate import against, shown
from tools.evaluate.published_predictions import Scored


def present(args: argparse.Namespace, truth: Dataset, scored: Sequence[Scored]) -> None:
    """Prints table or JSON, how two runs differ, and writes the report."""
    difference = against.difference(*scored) if len(scored) == 2 else None
    for each in scored:
        print(f"{each.label}: {each.read_as()}", file=sys.stderr)
    if args.json:
        printed = scored[0].as_json()
        if difference is not None:
            printed["against"] = {**scored[1].as_json(), "difference": difference.as_json()}
        print(json.dumps(printed))
    else:
        console = shown.console()
        console.print(shown.table(scored))
        if difference is not None:
            console.print(f"{scored[0].label} - {scored[1].label}: {difference}", highlight=False)
    if args.report is not None:
        from tools.evaluate import score_page

        page = score_page.write(args.report, truth, scored, args.images)
        print(f"report: {page}", file=sys.stderr)
