"""python -m sweep make|compare|report …: the steps of scripts/sweep, each in the environment that it needs."""

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="sweep", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    make = steps.add_parser("make", help="make the models and the references (hf environment)")
    make.add_argument("work", type=Path)
    make.add_argument("--full", action="store_true")
    make.add_argument("names", nargs="*", help="model types, or TYPE.CONFIGURATION")
    compare = steps.add_parser("compare", help="compare an engine with the references (its environment)")
    compare.add_argument("work", type=Path)
    compare.add_argument("engine", choices=("mlx", "hf"))
    report = steps.add_parser("report", help="print the table; exits with 1 where something is wrong")
    report.add_argument("work", type=Path)
    report.add_argument("--page", type=Path, help="the page whose table is replaced")
    args = parser.parse_args()
    if args.step == "make":
        from sweep import cases, making

        making.main(cases.chosen(args.names, args.full), args.work)
    elif args.step == "compare":
        from sweep import comparing

        comparing.main(args.engine, args.work)
    else:
        from sweep import reporting

        reporting.main(args.work, args.page)


if __name__ == "__main__":
    main()
