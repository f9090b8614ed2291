"""python -m sentence_parity make|compare …: the steps of scripts/embedding-parity, each in its own environment."""

import argparse
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="sentence_parity", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    make = steps.add_parser("make", help="make the models and the references (hf environment, sentence-transformers)")
    make.add_argument("work", type=Path)
    make.add_argument("names", nargs="*", help="names of cases")
    compare = steps.add_parser("compare", help="compare an engine with the references (its environment)")
    compare.add_argument("work", type=Path)
    compare.add_argument("engine", choices=("mlx", "hf"))
    args = parser.parse_args()
    if args.step == "make":
        from sentence_parity import making

        making.main(args.names, args.work)
    else:
        from sentence_parity import comparing

        sys.exit(comparing.main(args.engine, args.work) > 0)


if __name__ == "__main__":
    main()
