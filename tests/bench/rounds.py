"""What the comparisons of tests/bench share: rounds of eon, medians, and a table."""
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Measured:
    """Seconds a step over all rounds, and the peak of memory."""

    def __init__(self, name):
        self.name, self.seconds, self.peak_bytes = name, [], 0

    def add(self, seconds, peak_bytes):
        self.seconds.append(seconds)
        self.peak_bytes = max(self.peak_bytes, peak_bytes)

    def median(self):
        return statistics.median(self.seconds)

    def spread(self):
        """Half the distance between the quartiles, as a share of the median."""
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return 0.5 * (high - low) / self.median()


def add_arguments(parser):
    parser.add_argument("--eon", default=os.path.join(ROOT, "build/eon"), help="the program")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="each runs all that is compared")
    parser.add_argument("--steps", type=int, default=3, help="of each in a round")


def eon_round(given, batch, seq_len, precision, threads=None, options=()):
    """One `eon bench step`: what it tells with --json."""
    command = [given.eon, "bench", "step", "--json", f"--repeats={given.steps}",
               f"--batch={batch}", f"--seq_len={seq_len}", f"--precision={precision}",
               f"--threads={threads or given.threads}", *options]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if run.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {run.returncode}")
    return json.loads(run.stdout)


def print_rows(rows, tokens, against):
    """A line for each that ran, with how many times faster `against` is, and its memory's share."""
    for row in rows:
        if not row.seconds:
            continue
        line = (f"  {row.name:<28} {row.median():8.3f} s +- {100 * row.spread():4.1f} %"
                f" {tokens / row.median():9.1f} tok/s {row.peak_bytes / 2**20:8.0f} MiB")
        if row is not against:
            line += (f"   eon: {row.median() / against.median():5.2f} x the speed,"
                     f" {100 * against.peak_bytes / row.peak_bytes:5.1f} % of the memory")
        print(line, flush=True)
