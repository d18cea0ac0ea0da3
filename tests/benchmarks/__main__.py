"""`make bench`: speed as numbers, each beside its goal; a missed goal is printed like a met one."""

from tests.benchmarks import (
    bench_drive,
    bench_evaluate,
    bench_ofrep,
    bench_reaction,
    bench_replay,
    bench_report,
    bench_serve,
    bench_tick,
)


def main() -> None:
    """Print all tables."""
    for bench in (
        bench_evaluate,
        bench_tick,
        bench_drive,
        bench_reaction,
        bench_report,
        bench_serve,
        bench_ofrep,
        bench_replay,
    ):
        bench.main()
        print()


if __name__ == "__main__":
    main()
